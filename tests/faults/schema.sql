-- What the tests' worker writes inside its transactions, and what triggers note beside them. One sequence for all, so
-- that rows of different tables can be put in order. Not part of the product.
CREATE SCHEMA faults;
CREATE SEQUENCE faults.seq;

-- How each record ended, as the engine told its observer.
CREATE TABLE faults.outcomes (
  seq          bigint      PRIMARY KEY DEFAULT nextval('faults.seq'),
  transaction  xid8        NOT NULL DEFAULT pg_current_xact_id(),
  worker       text        NOT NULL DEFAULT current_setting('application_name'),
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  "partition"  integer     NOT NULL,
  "offset"     bigint      NOT NULL,
  epoch        bigint      NOT NULL,
  ordering_key text        NOT NULL,
  outcome      text        NOT NULL
);

-- What the events did: nothing here stops a second effect of one event, or one out of its turn.
CREATE TABLE faults.effects (
  seq          bigint  PRIMARY KEY DEFAULT nextval('faults.seq'),
  transaction  xid8    NOT NULL DEFAULT pg_current_xact_id(),
  worker       text    NOT NULL DEFAULT current_setting('application_name'),
  scope        text    NOT NULL,
  event_id     text    NOT NULL,
  event_type   text    NOT NULL,
  ordering_key text    NOT NULL,
  amount       bigint  NOT NULL,
  number       bigint  NOT NULL  -- from 1, without gaps, of the key
);
CREATE TABLE faults.strands (
  ordering_key text   PRIMARY KEY,
  effects      bigint NOT NULL,
  balance      bigint NOT NULL
);

-- Every position that was ever stored.
CREATE TABLE faults.positions (
  seq         bigint      PRIMARY KEY DEFAULT nextval('faults.seq'),
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  worker      text        NOT NULL DEFAULT current_setting('application_name'),
  topic       text        NOT NULL,
  "partition" integer     NOT NULL,
  epoch       bigint      NOT NULL,
  next_offset bigint,
  raised      boolean     NOT NULL  -- a new epoch, rather than a new position
);
CREATE FUNCTION faults.note_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO faults.positions (topic, "partition", epoch, next_offset, raised)
  VALUES (NEW.topic, NEW."partition", NEW.epoch, NEW.next_offset, TG_OP = 'INSERT' OR NEW.epoch <> OLD.epoch);
  RETURN NULL;
END $$;
CREATE TRIGGER note_position AFTER INSERT OR UPDATE ON keystrand.partition_leases
  FOR EACH ROW EXECUTE FUNCTION faults.note_position();

-- When each letter was said to be in the topic.
CREATE TABLE faults.publications (
  seq         bigint      PRIMARY KEY DEFAULT nextval('faults.seq'),
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  "partition" integer     NOT NULL,
  "offset"    bigint      NOT NULL,
  cycle       integer     NOT NULL
);
CREATE FUNCTION faults.note_publication() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO faults.publications ("partition", "offset", cycle)
  VALUES (NEW.source_partition, NEW.source_offset, NEW.cycle);
  RETURN NULL;
END $$;
CREATE TRIGGER note_publication AFTER UPDATE OF published_at ON keystrand.dead_letters
  FOR EACH ROW WHEN (NEW.published_at IS NOT NULL AND NEW.published_at IS DISTINCT FROM OLD.published_at)
  EXECUTE FUNCTION faults.note_publication();
