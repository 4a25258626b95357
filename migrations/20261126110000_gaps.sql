-- migrate:up

-- A gap that an operator accepted: a partition whose position is outside the log, as gap_from is, goes on at gap_to.
ALTER TABLE keystrand.partition_leases
  ADD COLUMN gap_from bigint,
  ADD COLUMN gap_to   bigint,
  ADD CONSTRAINT partition_leases_gap_whole CHECK ((gap_from IS NULL) = (gap_to IS NULL));

GRANT UPDATE (gap_from, gap_to) ON keystrand.partition_leases TO keystrand_operator;

-- migrate:down
REVOKE UPDATE (gap_from, gap_to) ON keystrand.partition_leases FROM keystrand_operator;
ALTER TABLE keystrand.partition_leases DROP COLUMN gap_from, DROP COLUMN gap_to;
