-- migrate:up

-- Events that a worker had begun when it ended without releasing the partition. One row per event that is tried in
-- suspicion; gone when it settles. An event that is here under three epochs has killed three processes.
CREATE TABLE keystrand.suspect_tries (
  topic       text        NOT NULL,
  "partition" integer     NOT NULL,
  "offset"    bigint      NOT NULL,
  tries       integer     NOT NULL,
  epoch       bigint      NOT NULL,  -- of the latest try: a worker that lives on does not count twice
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT suspect_tries_pkey PRIMARY KEY (topic, "partition", "offset")
);
GRANT SELECT, INSERT, UPDATE, DELETE ON keystrand.suspect_tries TO keystrand_worker;
GRANT SELECT ON keystrand.suspect_tries TO keystrand_operator, keystrand_reader;

-- migrate:down
DROP TABLE keystrand.suspect_tries;
