-- migrate:up

-- A fact of the business, once and for ever: repeating its event repeats nothing. Never pruned.
CREATE TABLE keystrand.facts (
  scope      text        NOT NULL,
  fact_key   text        NOT NULL,  -- e.g. invoice_paid:in_1
  fact       text        NOT NULL,  -- e.g. payment.succeeded
  event_id   text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT facts_pkey PRIMARY KEY (scope, fact_key)
);

-- What has to leave the database: one row per fact and target, delivered in seq order per customer and target.
CREATE TABLE keystrand.outbox (
  seq             bigint GENERATED ALWAYS AS IDENTITY,
  scope           text        NOT NULL,
  fact_key        text        NOT NULL,
  target          text        NOT NULL,  -- topic, email, http, redis
  topic           text        NOT NULL,  -- the source partition, whose owner delivers
  "partition"     integer     NOT NULL,
  ordering_key    text        NOT NULL,
  payload         jsonb       NOT NULL,
  status          text        NOT NULL DEFAULT 'pending',
  attempts        integer     NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claimed_until   timestamptz,
  CONSTRAINT outbox_pkey PRIMARY KEY (seq),
  CONSTRAINT outbox_once UNIQUE (scope, fact_key, target),
  CONSTRAINT outbox_status_known CHECK (status IN ('pending', 'delivered', 'dead'))
) WITH (fillfactor = 85);
CREATE INDEX outbox_due ON keystrand.outbox (topic, "partition", seq) WHERE status = 'pending';

GRANT SELECT, INSERT ON keystrand.facts TO keystrand_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON keystrand.outbox TO keystrand_worker;
GRANT SELECT, UPDATE ON keystrand.outbox TO keystrand_operator;
GRANT SELECT ON keystrand.facts TO keystrand_operator, keystrand_reader;
GRANT SELECT ON keystrand.outbox TO keystrand_reader;

-- migrate:down
DROP TABLE keystrand.outbox, keystrand.facts;
