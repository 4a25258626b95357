-- What the tests see of the worker's transactions, written inside them: who settled what, in which order and under which
-- epoch; and every time a row of the mirror went back. Not part of the product.
CREATE SCHEMA observed;

CREATE TABLE observed.settlements (
  seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction  xid8   NOT NULL DEFAULT pg_current_xact_id(),
  worker       text   NOT NULL DEFAULT current_setting('application_name'),
  epoch        bigint,
  scope        text   NOT NULL,
  event_id     text   NOT NULL,
  ordering_key text   NOT NULL,
  "partition"  integer NOT NULL,
  "offset"     bigint NOT NULL,
  status       text   NOT NULL
);

CREATE FUNCTION observed.settle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO observed.settlements (epoch, scope, event_id, ordering_key, "partition", "offset", status)
  VALUES ((SELECT epoch FROM keystrand.partition_leases l
           WHERE l.topic = NEW.source_topic AND l."partition" = NEW.source_partition),
          NEW.scope, NEW.event_id, NEW.ordering_key, NEW.source_partition, NEW.source_offset, NEW.status);
  RETURN NULL;
END $$;
-- What waits is not settled yet.
CREATE TRIGGER observe_inbox AFTER INSERT OR UPDATE ON keystrand.inbox
  FOR EACH ROW WHEN (NEW.status NOT IN ('parked', 'replaying')) EXECUTE FUNCTION observed.settle();

CREATE TABLE observed.regressions (
  scope text, object text, id text, was text, became text
);

CREATE FUNCTION observed.regress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO observed.regressions
  VALUES (OLD.scope, OLD.object, OLD.id, OLD.event_id || ' of ' || OLD.event_created, NEW.event_id || ' of ' || NEW.event_created);
  RETURN NULL;
END $$;
CREATE TRIGGER observe_objects AFTER UPDATE ON stripe.objects FOR EACH ROW
  WHEN ((OLD.deleted, OLD.terminal, OLD.event_created) > (NEW.deleted, NEW.terminal, NEW.event_created))
  EXECUTE FUNCTION observed.regress();

-- Lets a test make every commit slow: what waits for it holds no row of the product's tables any longer than usual.
CREATE TABLE observed.slowness (seconds_per_event double precision NOT NULL);
INSERT INTO observed.slowness VALUES (0);

CREATE FUNCTION observed.dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_sleep(seconds_per_event) FROM observed.slowness WHERE seconds_per_event > 0;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER dawdle_at_commit AFTER INSERT ON observed.settlements
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION observed.dawdle();
