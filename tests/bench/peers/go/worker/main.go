// Peer of keystrand-worker: what a good Go engineer would run instead. franz-go and pgx; a goroutine per partition
// settles batches of up to 200 events in one statement each, and offsets follow the database.
//
// Environment: BROKERS (comma separated), TOPIC, GROUP, DATABASE_URL, CONNECTIONS (to the database), SQL (settle.sql),
// PROGRESS_PORT (answers GET / with the number of records settled).
// SIGTERM: commits the offsets of what is settled, then exits with 0.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	pool, err := newPool(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	statement, err := os.ReadFile(os.Getenv("SQL"))
	if err != nil {
		log.Fatal(err)
	}
	settler := &settler{pool: pool, statement: string(statement), topic: os.Getenv("TOPIC")}
	consumers := newConsumers(settler)
	client, err := newClient(consumers)
	if err != nil {
		log.Fatal(err)
	}
	go serveProgress(&settler.settled)
	consumers.poll(ctx, client)
	client.Close()
}

func newPool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	connections, err := strconv.ParseInt(os.Getenv("CONNECTIONS"), 10, 32)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(connections)
	return pgxpool.NewWithConfig(ctx, config)
}

// newClient commits what was marked, every second: a mark follows the database's commit.
func newClient(consumers *consumers) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(strings.Split(os.Getenv("BROKERS"), ",")...),
		kgo.ConsumerGroup(os.Getenv("GROUP")),
		kgo.ConsumeTopics(os.Getenv("TOPIC")),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(time.Second),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(consumers.assigned),
		kgo.OnPartitionsRevoked(consumers.revoked),
		kgo.OnPartitionsLost(consumers.revoked),
	)
}

func serveProgress(settled *atomic.Int64) {
	handler := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, settled.Load()) }
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PROGRESS_PORT"), http.HandlerFunc(handler)))
}
