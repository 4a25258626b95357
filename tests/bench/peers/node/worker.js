// Peer of keystrand-worker: what a good Node engineer would run instead. KafkaJS and pg: batches of up to 200 events,
// several partitions at once, each batch in one statement, and offsets that follow the database.
//
// Environment: BROKERS, TOPIC, GROUP, DATABASE_URL, CONNECTIONS (to the database), SQL (settle.sql), PROGRESS_PORT
// (answers GET / with the number of records settled).
// SIGTERM: commits the offsets of what is settled, then exits with 0.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const { Kafka, logLevel } = require('kafkajs');
const { Pool } = require('pg');
const { newSettler } = require('./settler');

const { BROKERS, TOPIC, GROUP, DATABASE_URL, CONNECTIONS, SQL, PROGRESS_PORT } = process.env;
const BATCH_MAX = 200;

async function main() {
  const pool = new Pool({ connectionString: DATABASE_URL, max: Number(CONNECTIONS) });
  const settle = newSettler({ pool, statement: fs.readFileSync(SQL, 'utf8'), topic: TOPIC });
  const kafka = new Kafka({ brokers: BROKERS.split(','), logLevel: logLevel.ERROR });
  const consumer = kafka.consumer({ groupId: GROUP, maxWaitTimeInMs: 500 });
  consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
  let settled = 0;
  http.createServer((request, response) => response.end(`${settled}\n`)).listen(Number(PROGRESS_PORT), '127.0.0.1');
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
  await consumer.run({
    partitionsConsumedConcurrently: Number(CONNECTIONS),
    eachBatchAutoResolve: false,
    autoCommitInterval: 1_000,
    eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale }) => {
      for (let i = 0; i < batch.messages.length && isRunning() && !isStale(); i += BATCH_MAX) {
        const messages = batch.messages.slice(i, i + BATCH_MAX);
        await settle(batch.partition, messages);
        settled += messages.length;
        resolveOffset(messages.at(-1).offset);
        await commitOffsetsIfNecessary();
        await heartbeat();
      }
    },
  });
  process.once('SIGTERM', async () => {
    await consumer.disconnect();
    await pool.end();
    process.exit(0);
  });
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

main().catch(fail);
