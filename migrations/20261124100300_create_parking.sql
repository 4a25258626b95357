-- migrate:up

-- A customer's strand that cannot go on now: its head waits for a retry, for an operator or for a breaker, and later
-- events of the same key queue behind it. A key without a row flows.
CREATE TABLE keystrand.strands (
  topic        text        NOT NULL,
  "partition"  integer     NOT NULL,
  ordering_key text        NOT NULL,
  state        text        NOT NULL,
  reason       text        NOT NULL,
  since        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT strands_pkey PRIMARY KEY (topic, "partition", ordering_key),
  CONSTRAINT strands_state_known CHECK (state IN ('parked', 'held')),
  CONSTRAINT strands_reason_known CHECK (reason IN ('retry', 'hold', 'breaker', 'operator'))
) WITH (fillfactor = 85);

CREATE TABLE keystrand.parked_events (
  topic           text        NOT NULL,
  "partition"     integer     NOT NULL,
  "offset"        bigint      NOT NULL,
  scope           text,
  event_id        text,
  ordering_key    text        NOT NULL,
  headers         jsonb       NOT NULL,
  payload         bytea       NOT NULL,  -- the body as it was received
  status          text        NOT NULL,
  attempts        integer     NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_error      text,
  CONSTRAINT parked_events_pkey PRIMARY KEY (topic, "partition", "offset"),
  CONSTRAINT parked_events_status_known CHECK (status IN ('waiting', 'held'))
) WITH (fillfactor = 85);
ALTER TABLE keystrand.parked_events ALTER COLUMN payload SET COMPRESSION lz4;
CREATE INDEX parked_events_by_strand ON keystrand.parked_events (topic, "partition", ordering_key, "offset");
CREATE INDEX parked_events_due ON keystrand.parked_events (topic, "partition", next_attempt_at)
  WHERE next_attempt_at IS NOT NULL;

-- What happens to a strand at a time rather than with an event: the end of a grace period, for example.
CREATE TABLE keystrand.timers (
  scope        text        NOT NULL,
  ordering_key text        NOT NULL,
  kind         text        NOT NULL,
  topic        text        NOT NULL,
  "partition"  integer     NOT NULL,
  due_at       timestamptz NOT NULL,
  CONSTRAINT timers_pkey PRIMARY KEY (scope, ordering_key, kind)
);
CREATE INDEX timers_due ON keystrand.timers (topic, "partition", due_at);

CREATE TABLE keystrand.breakers (
  handler     text        NOT NULL,
  state       text        NOT NULL DEFAULT 'closed',
  tokens      numeric     NOT NULL,
  fingerprint text,
  opened_at   timestamptz,
  opened_by   text,
  CONSTRAINT breakers_pkey PRIMARY KEY (handler),
  CONSTRAINT breakers_state_known CHECK (state IN ('closed', 'open'))
);

GRANT SELECT, INSERT, UPDATE, DELETE
  ON keystrand.strands, keystrand.parked_events, keystrand.timers, keystrand.breakers TO keystrand_worker;
GRANT SELECT, UPDATE, DELETE ON keystrand.strands, keystrand.parked_events TO keystrand_operator;
GRANT SELECT, UPDATE ON keystrand.breakers TO keystrand_operator;
GRANT SELECT ON keystrand.timers TO keystrand_operator;
GRANT SELECT ON keystrand.strands, keystrand.timers, keystrand.breakers TO keystrand_reader;

-- migrate:down
DROP TABLE keystrand.breakers, keystrand.timers, keystrand.parked_events, keystrand.strands;
