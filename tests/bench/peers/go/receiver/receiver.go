package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	bodyBytesMax = 1 << 20
	ackTimeout   = 5 * time.Second
)

type receiver struct {
	producer *kgo.Client
	secret   []byte
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := readBody(w, request)
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	if !verify(request.Header.Get("Stripe-Signature"), body, r.secret, time.Now()) {
		http.Error(w, "signature", http.StatusBadRequest)
		return
	}
	if err := r.produce(request.Context(), &kgo.Record{Key: []byte(customerOf(body)), Value: body}); err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "queue", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"received":true}`)
}

// readBody reads a body of known length in one piece: io.ReadAll would grow and copy it several times.
func readBody(w http.ResponseWriter, request *http.Request) ([]byte, error) {
	limited := http.MaxBytesReader(w, request.Body, bodyBytesMax)
	if request.ContentLength < 0 || request.ContentLength > bodyBytesMax {
		return io.ReadAll(limited)
	}
	body := make([]byte, request.ContentLength)
	_, err := io.ReadFull(limited, body)
	return body, err
}

// produce waits for the delivery report, at most ackTimeout. A record that is late by then may still be written: the
// answer 503 makes the sender repeat it.
func (r *receiver) produce(ctx context.Context, record *kgo.Record) error {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	done := make(chan error, 1)
	r.producer.Produce(context.Background(), record, func(_ *kgo.Record, err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// customerOf returns what orders the event: its customer, expanded or not, else its object. The signature was right, so
// the body is Stripe's and well formed: only the way to these members is read, not the whole.
func customerOf(body []byte) string {
	customer := gjson.GetBytes(body, "data.object.customer")
	if customer.IsObject() {
		customer = customer.Get("id")
	}
	if id := customer.String(); id != "" {
		return id
	}
	return gjson.GetBytes(body, "data.object.id").String()
}
