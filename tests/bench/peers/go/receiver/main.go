// Peer of keystrand-receiver: what a good Go engineer would run instead. net/http and franz-go, the signature checked,
// 200 once every in-sync replica has the record.
//
// Environment: PORT, BROKERS (comma separated), TOPIC, SECRET (a signing secret), LINGER (a duration; default 0).
// SIGTERM: serves what is under way, then exits with 0.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const stopDeadline = 20 * time.Second

func main() {
	producer, err := newProducer()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	server := newServer(&receiver{producer: producer, secret: []byte(os.Getenv("SECRET"))})
	stopped := stopOnSignal(server)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-stopped
	flush(producer)
}

// newProducer returns a client that has reached the broker. franz-go is idempotent unless told otherwise, and then
// keeps up to five requests per broker under way. It places keys by murmur2, as Java clients do.
func newProducer() (*kgo.Client, error) {
	linger, err := time.ParseDuration(envOr("LINGER", "0s"))
	if err != nil {
		return nil, err
	}
	producer, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(os.Getenv("BROKERS"), ",")...),
		kgo.DefaultProduceTopic(os.Getenv("TOPIC")),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(linger), // its default of 10 ms is for batches, not for someone who waits
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordDeliveryTimeout(60*time.Second),
	)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return producer, producer.Ping(ctx)
}

// flush waits for records whose requests were answered 503 meanwhile: some may still be written.
func flush(producer *kgo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), stopDeadline)
	defer cancel()
	if err := producer.Flush(ctx); err != nil {
		log.Print(err)
	}
	producer.Close()
}

// newServer has the timeouts that keystrand-receiver has: a peer without them would be faster than it may be.
func newServer(handler *receiver) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("POST /webhook", handler)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       30 * time.Second,
	}
}

// stopOnSignal lets the server finish what is under way after SIGTERM; the channel is closed once it has.
func stopOnSignal(server *http.Server) <-chan struct{} {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-signals
		ctx, cancel := context.WithTimeout(context.Background(), stopDeadline)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			log.Print(err)
		}
	}()
	return stopped
}

func envOr(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
