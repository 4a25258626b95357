-- migrate:up

-- One row per event that was settled, parked or declared dead: the proof that an event is never applied twice.
-- Written in the same transaction as the event's effects.
CREATE TABLE keystrand.inbox (
  scope            text        NOT NULL,  -- <live|test>/<account>
  event_id         text        NOT NULL,
  event_type       text        NOT NULL,
  ordering_key     text        NOT NULL,
  object_type      text,                  -- data.object.object
  object_id        text,
  api_version      text,
  event_created    timestamptz NOT NULL,
  received_at      timestamptz NOT NULL,  -- when the receiver accepted the delivery
  source_topic     text        NOT NULL,  -- where the record lies that decided the row
  source_partition integer     NOT NULL,
  source_offset    bigint      NOT NULL,
  replay_id        text,
  status           text        NOT NULL,
  reason           text,
  attempts         integer     NOT NULL DEFAULT 1,
  error_code       text,
  settled_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT inbox_pkey PRIMARY KEY (scope, event_id),
  CONSTRAINT inbox_status_known
    CHECK (status IN ('applied', 'stale', 'ignored', 'parked', 'dead', 'replaying', 'discarded'))
) PARTITION BY HASH (scope, event_id);

-- Not partitioned by time: the key is the id. Hash partitions keep each index and each vacuum small.
CREATE TABLE keystrand.inbox_0 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE keystrand.inbox_1 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE keystrand.inbox_2 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE keystrand.inbox_3 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE keystrand.inbox_4 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE keystrand.inbox_5 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE keystrand.inbox_6 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE keystrand.inbox_7 PARTITION OF keystrand.inbox FOR VALUES WITH (MODULUS 8, REMAINDER 7);

-- The worker prunes by age.
CREATE INDEX inbox_settled_at ON keystrand.inbox USING brin (settled_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON keystrand.inbox TO keystrand_worker;
GRANT SELECT, UPDATE ON keystrand.inbox TO keystrand_operator;
GRANT SELECT ON keystrand.inbox TO keystrand_reader;

-- migrate:down
DROP TABLE keystrand.inbox;
