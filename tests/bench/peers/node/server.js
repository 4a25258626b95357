'use strict';

const fastify = require('fastify');
const Stripe = require('stripe');

const ACK_TIMEOUT_MS = 5_000;
const RECEIVED = '{"received":true}';

// A server for POST /webhook. `produce(key, value)` resolves once the record is durable.
function newServer({ secret, produce }) {
  const stripe = new Stripe('sk_test_invented_and_never_used');
  // The bounds that keystrand-receiver has: a peer without them would be faster than it may be.
  const server = fastify({ logger: false, bodyLimit: 1 << 20, requestTimeout: 15_000, keepAliveTimeout: 30_000 });
  server.server.headersTimeout = 5_000;
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => done(null, body));
  server.post('/webhook', async (request, reply) => {
    let event;
    try {
      event = stripe.webhooks.constructEvent(request.body, request.headers['stripe-signature'], secret);
    } catch {
      return reply.code(400).send({ error: 'signature' });
    }
    try {
      await inTime(produce(customerOf(event), request.body));
    } catch {
      return reply.code(503).header('retry-after', '1').send({ error: 'queue' });
    }
    return reply.type('application/json').send(RECEIVED);
  });
  return server;
}

// What orders the event: its customer, expanded or not, else its object.
function customerOf(event) {
  const object = event.data.object;
  return (object.customer && object.customer.id) || object.customer || object.id;
}

function inTime(promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no delivery report in time')), ACK_TIMEOUT_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

module.exports = { newServer };
