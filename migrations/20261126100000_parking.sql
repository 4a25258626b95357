-- migrate:up

-- A parked event keeps its record's time, so that its dead letter can tell it.
ALTER TABLE keystrand.parked_events ADD COLUMN record_timestamp timestamptz;

-- What a letter has died of before, cycle by cycle; the letter itself shows the last time.
ALTER TABLE keystrand.dead_letter_attempts ADD COLUMN replay_id text;

-- migrate:down
ALTER TABLE keystrand.dead_letter_attempts DROP COLUMN replay_id;
ALTER TABLE keystrand.parked_events DROP COLUMN record_timestamp;
