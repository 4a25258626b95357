-- migrate:up

-- The time of the transaction instead of the time of the row: a default that is asked anew for each row keeps COPY from
-- writing rows a page at a time, which was a fifth of what a row costs. Tables settle alike: a later transaction of the
-- same customer begins after the earlier one has committed.
ALTER TABLE keystrand.inbox ALTER COLUMN settled_at SET DEFAULT now();

-- migrate:down
ALTER TABLE keystrand.inbox ALTER COLUMN settled_at SET DEFAULT clock_timestamp();
