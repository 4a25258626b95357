package main

import (
	"context"
	"log"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

const fetchesAhead = 4 // of one partition, before polling waits for it

// consumers has a goroutine for each partition that the group has given us.
type consumers struct {
	settler *settler
	mutex   sync.Mutex
	running map[int32]*consumer
}

func newConsumers(settler *settler) *consumers {
	return &consumers{settler: settler, running: map[int32]*consumer{}}
}

// consumer settles the records of one partition in their order.
type consumer struct {
	client  *kgo.Client
	settler *settler
	records chan []*kgo.Record
	stop    chan struct{}
	stopped chan struct{}
}

func (c *consumers) poll(ctx context.Context, client *kgo.Client) {
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachError(func(topic string, partition int32, err error) {
			if ctx.Err() == nil {
				log.Fatalf("%s/%d: %v", topic, partition, err)
			}
		})
		fetches.EachPartition(func(fetched kgo.FetchTopicPartition) {
			c.mutex.Lock()
			consumer, found := c.running[fetched.Partition]
			c.mutex.Unlock()
			if !found || len(fetched.Records) == 0 { // the placeholder of a poll that was ended; news of a partition only
				return
			}
			select {
			case consumer.records <- fetched.Records:
			case <-ctx.Done():
			}
		})
		client.AllowRebalance()
	}
}

func (c *consumers) assigned(_ context.Context, client *kgo.Client, added map[string][]int32) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, partitions := range added {
		for _, partition := range partitions {
			consumer := &consumer{client: client, settler: c.settler, records: make(chan []*kgo.Record, fetchesAhead),
				stop: make(chan struct{}), stopped: make(chan struct{})}
			c.running[partition] = consumer
			go consumer.run()
		}
	}
}

// revoked is also called when the client leaves the group: what is settled is committed before another takes over.
func (c *consumers) revoked(ctx context.Context, client *kgo.Client, removed map[string][]int32) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, partitions := range removed {
		for _, partition := range partitions {
			close(c.running[partition].stop)
			<-c.running[partition].stopped
			delete(c.running, partition)
		}
	}
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		log.Print(err)
	}
}

// run settles what is there, 200 at once at most; it does not wait for a batch to fill.
func (c *consumer) run() {
	defer close(c.stopped)
	var waiting []*kgo.Record
	for {
		if len(waiting) == 0 {
			select {
			case waiting = <-c.records:
			case <-c.stop:
				return
			}
		}
		for more := true; more && len(waiting) < batchMax; {
			select {
			case fetched := <-c.records:
				waiting = append(waiting, fetched...)
			default:
				more = false
			}
		}
		select {
		case <-c.stop:
			return
		default:
		}
		batch := waiting[:min(batchMax, len(waiting))]
		if err := c.settler.settle(context.Background(), batch); err != nil {
			log.Fatal(err)
		}
		c.client.MarkCommitRecords(batch[len(batch)-1])
		waiting = waiting[len(batch):]
	}
}
