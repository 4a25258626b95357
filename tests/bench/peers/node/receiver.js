// Peer of keystrand-receiver: what a good Node engineer would run instead. Fastify, the official Stripe SDK and
// Confluent's client, which is librdkafka: 200 once every in-sync replica has the record.
//
// Environment: PORT, READY_PORT (accepts connections once all workers serve), BROKERS, TOPIC, SECRET (a signing
// secret), WORKERS (processes that serve; default: one per core), LINGER_MS (default 0).
// SIGTERM: serves what is under way, then exits with 0.
'use strict';

const cluster = require('node:cluster');
const net = require('node:net');
const os = require('node:os');
const { connectProducer } = require('./producer');
const { newServer } = require('./server');

const { PORT, READY_PORT, BROKERS, TOPIC, SECRET, LINGER_MS = '0' } = process.env;
const WORKERS = Number(process.env.WORKERS || os.availableParallelism());

async function serve() {
  const producer = await connectProducer({ brokers: BROKERS, topic: TOPIC, lingerMs: Number(LINGER_MS) });
  const server = newServer({ secret: SECRET, produce: producer.produce });
  await server.listen({ port: Number(PORT), host: '127.0.0.1' });
  process.once('SIGTERM', async () => {
    await server.close();
    await producer.close();
    process.exit(0);
  });
}

// A worker that dies ends the peer: a figure taken with fewer processes than it says is no figure.
function superviseWorkers() {
  let listening = 0;
  let left = WORKERS;
  let stopping = false;
  cluster.on('listening', () => {
    listening += 1;
    if (listening === WORKERS) net.createServer((socket) => socket.destroy()).listen(Number(READY_PORT), '127.0.0.1');
  });
  cluster.on('exit', (worker, code) => {
    if (!stopping || code !== 0) process.exit(1);
    left -= 1;
    if (left === 0) process.exit(0);
  });
  process.once('SIGTERM', () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  });
  for (let i = 0; i < WORKERS; i += 1) cluster.fork();
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

if (cluster.isPrimary) superviseWorkers();
else serve().catch(fail);
