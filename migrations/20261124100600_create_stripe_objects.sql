-- migrate:up

-- The latest snapshot of every Stripe object. Which snapshot is the latest does not depend on the order of arrival: the
-- greatest of (deleted, terminal, event_created) wins, and between events of one second a pure function of `candidates`.
CREATE TABLE stripe.objects (
  scope         text        NOT NULL,  -- <live|test>/<account>
  object        text        NOT NULL,  -- data.object.object
  id            text        NOT NULL,  -- '' for singletons; the customer for objects without an id
  data          jsonb,                 -- data.object as Stripe rendered it; null where KEYSTRAND_MIRROR leaves it out
  api_version   text,                  -- that `data` is rendered in
  event_id      text        NOT NULL,  -- the event that `data` came with
  event_type    text        NOT NULL,
  event_created timestamptz NOT NULL,
  candidates    jsonb,                 -- the events of that second, when there is more than one to choose from
  terminal      boolean     NOT NULL DEFAULT false,
  deleted       boolean     NOT NULL DEFAULT false,
  CONSTRAINT objects_pkey PRIMARY KEY (scope, object, id)
) WITH (fillfactor = 85);
ALTER TABLE stripe.objects ALTER COLUMN data SET COMPRESSION lz4;
ALTER TABLE stripe.objects ALTER COLUMN candidates SET COMPRESSION lz4;

GRANT SELECT, INSERT, UPDATE ON stripe.objects TO keystrand_worker;
GRANT SELECT ON stripe.objects TO keystrand_operator, keystrand_reader;

-- migrate:down
DROP TABLE stripe.objects;
