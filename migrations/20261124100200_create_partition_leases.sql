-- migrate:up

-- Who may apply a partition's events: the epoch rises at each takeover, and a transaction whose epoch is older than the
-- row's is fenced. next_offset is the low watermark, written here before it is committed to Kafka.
CREATE TABLE keystrand.partition_leases (
  topic       text        NOT NULL,
  "partition" integer     NOT NULL,
  epoch       bigint      NOT NULL,
  next_offset bigint,                -- null: nothing settled yet
  owner       text        NOT NULL,
  acquired_at timestamptz NOT NULL DEFAULT now(),
  released_at timestamptz,           -- null while held, and after an unclean end
  suspects    integer     NOT NULL DEFAULT 0,  -- unclean ends in a row
  CONSTRAINT partition_leases_pkey PRIMARY KEY (topic, "partition")
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE ON keystrand.partition_leases TO keystrand_worker;
GRANT SELECT ON keystrand.partition_leases TO keystrand_operator, keystrand_reader;

-- migrate:down
DROP TABLE keystrand.partition_leases;
