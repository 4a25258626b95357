'use strict';

const { Producer } = require('@confluentinc/kafka-javascript');

const CONNECT_TIMEOUT_MS = 10_000;
const FLUSH_TIMEOUT_MS = 20_000;
const ANY_PARTITION = -1; // the partitioner's choice

// Connects an idempotent acks=all producer. It uses the client's own interface rather than the KafkaJS-like one, whose
// send() wraps each record in a batch of promises, and has delivery reports polled by a thread of librdkafka.
//
// Resolves to { produce(key, value): Promise of the delivery report, close() }.
async function connectProducer({ brokers, topic, lingerMs }) {
  const client = new Producer({
    'bootstrap.servers': brokers,
    'enable.idempotence': true, // implies acks=all and at most five requests under way
    acks: -1,
    partitioner: 'murmur2_random', // as Java clients place keys
    'linger.ms': lingerMs,
    'delivery.timeout.ms': 60_000,
    dr_cb: true,
  });
  client.on('delivery-report', (error, report) => report.opaque(error));
  await connected(client);
  client.setPollInBackground(true);
  return { produce: (key, value) => produce(client, topic, key, value), close: () => flush(client) };
}

function produce(client, topic, key, value) {
  return new Promise((resolve, reject) => {
    const onReport = (error) => (error ? reject(error) : resolve());
    client.produce(topic, ANY_PARTITION, value, key, null, onReport); // throws when the queue is full
  });
}

function connected(client) {
  return new Promise((resolve, reject) => {
    client.connect({ timeout: CONNECT_TIMEOUT_MS }, (error) => (error ? reject(error) : resolve()));
  });
}

function flush(client) {
  return new Promise((resolve) => {
    client.flush(FLUSH_TIMEOUT_MS, () => client.disconnect(() => resolve()));
  });
}

module.exports = { connectProducer };
