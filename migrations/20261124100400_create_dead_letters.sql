-- migrate:up

-- One row per letter, keyed by where its record first lay. The record in the dead-letters topic follows the commit of
-- this row (published_at), and the offset of the source follows that.
CREATE TABLE keystrand.dead_letters (
  source_topic     text        NOT NULL,
  source_partition integer     NOT NULL,
  source_offset    bigint      NOT NULL,
  cycle            integer     NOT NULL DEFAULT 0,  -- how often it died after a replay
  scope            text,                            -- null: the body could not be read
  event_id         text,
  event_type       text,
  ordering_key     text        NOT NULL,            -- for people; record_key has the bytes
  record_key       bytea       NOT NULL,
  headers          jsonb       NOT NULL,            -- of the record: [[name, value], …]
  payload          bytea       NOT NULL,            -- the body as it was received
  record_timestamp timestamptz,
  stage            text        NOT NULL,
  error_code       text        NOT NULL,
  error_message    text        NOT NULL,
  fingerprint      text        NOT NULL,            -- equal for letters that died of the same thing
  attempts         integer     NOT NULL,
  first_failed_at  timestamptz NOT NULL,
  failed_at        timestamptz NOT NULL,
  worker           text        NOT NULL,
  status           text        NOT NULL DEFAULT 'open',
  replay_id        text,
  published_at     timestamptz,
  CONSTRAINT dead_letters_pkey PRIMARY KEY (source_topic, source_partition, source_offset),
  CONSTRAINT dead_letters_status_known CHECK (status IN ('open', 'replaying', 'resolved', 'discarded')),
  CONSTRAINT dead_letters_stage_known CHECK (stage IN ('parse', 'handle', 'store', 'crash'))
) WITH (fillfactor = 85);
ALTER TABLE keystrand.dead_letters ALTER COLUMN payload SET COMPRESSION lz4;
CREATE INDEX dead_letters_unpublished ON keystrand.dead_letters (source_topic, source_partition)
  WHERE published_at IS NULL;
CREATE INDEX dead_letters_open ON keystrand.dead_letters (error_code, failed_at) WHERE status = 'open';
CREATE INDEX dead_letters_by_event ON keystrand.dead_letters (event_id);

CREATE TABLE keystrand.dead_letter_attempts (
  source_topic     text        NOT NULL,
  source_partition integer     NOT NULL,
  source_offset    bigint      NOT NULL,
  cycle            integer     NOT NULL,
  stage            text        NOT NULL,
  error_code       text        NOT NULL,
  error_message    text        NOT NULL,
  attempts         integer     NOT NULL,
  failed_at        timestamptz NOT NULL,
  worker           text        NOT NULL,
  CONSTRAINT dead_letter_attempts_pkey PRIMARY KEY (source_topic, source_partition, source_offset, cycle),
  CONSTRAINT dead_letter_attempts_letter FOREIGN KEY (source_topic, source_partition, source_offset)
    REFERENCES keystrand.dead_letters ON DELETE CASCADE
);

-- Every action of an operator, insert-only.
CREATE TABLE keystrand.operator_actions (
  id        bigint GENERATED ALWAYS AS IDENTITY,
  acted_at  timestamptz NOT NULL DEFAULT now(),
  actor     text        NOT NULL,
  action    text        NOT NULL,
  reason    text,
  replay_id text,
  subject   jsonb       NOT NULL,
  CONSTRAINT operator_actions_pkey PRIMARY KEY (id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON keystrand.dead_letters, keystrand.dead_letter_attempts TO keystrand_worker;
GRANT SELECT, INSERT, UPDATE ON keystrand.dead_letters, keystrand.dead_letter_attempts TO keystrand_operator;
GRANT SELECT, INSERT ON keystrand.operator_actions TO keystrand_operator;
GRANT SELECT ON keystrand.operator_actions TO keystrand_worker, keystrand_reader;
GRANT SELECT (source_topic, source_partition, source_offset, cycle, scope, event_id, event_type, ordering_key, stage,
              error_code, fingerprint, attempts, first_failed_at, failed_at, status, published_at)
  ON keystrand.dead_letters TO keystrand_reader;

-- migrate:down
DROP TABLE keystrand.operator_actions, keystrand.dead_letter_attempts, keystrand.dead_letters;
