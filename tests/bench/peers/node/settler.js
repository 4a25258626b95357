'use strict';

// Returns settle(partition, messages): a row of the inbox for each event, and the newest snapshot of each object, in one
// statement, which is one transaction.
function newSettler({ pool, statement, topic }) {
  return async (partition, messages) => {
    const events = messages.map(read);
    const objects = [...newestOf(events).values()];
    const of = (rows, column) => rows.map((row) => row[column]);
    await pool.query({
      name: 'settle',
      text: statement,
      values: [
        topic, of(events, 'scope'), of(events, 'id'), of(events, 'type'), of(events, 'key'), of(events, 'objectType'),
        of(events, 'objectId'), of(events, 'apiVersion'), of(events, 'created'), of(events, 'receivedAt'),
        events.map(() => partition), of(events, 'offset'), of(objects, 'scope'), of(objects, 'objectType'),
        of(objects, 'objectId'), objects.map(({ object }) => JSON.stringify(object)), of(objects, 'apiVersion'),
        of(objects, 'id'), of(objects, 'type'), of(objects, 'created'),
      ],
    });
  };
}

function read(message) {
  const event = JSON.parse(message.value);
  const { object } = event.data;
  return {
    id: event.id,
    type: event.type,
    scope: `${event.livemode ? 'live' : 'test'}/${event.account || 'self'}`,
    apiVersion: event.api_version,
    created: event.created,
    key: message.key.toString(),
    receivedAt: message.timestamp,
    offset: message.offset,
    objectType: object.object,
    objectId: object.id,
    object,
  };
}

function newestOf(events) {
  const newest = new Map();
  for (const event of events) {
    const known = newest.get(event.objectId);
    if (!known || newer(event, known)) newest.set(event.objectId, event);
  }
  return newest;
}

function newer(a, b) {
  return a.created > b.created || (a.created === b.created && a.id > b.id);
}

module.exports = { newSettler };
