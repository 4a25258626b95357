-- migrate:up

-- What the operator's commands ask for, all on tables that are seldom written.
CREATE INDEX dead_letters_by_failed_at ON keystrand.dead_letters (failed_at);
CREATE INDEX dead_letters_by_key ON keystrand.dead_letters (ordering_key);
CREATE INDEX dead_letters_replaying ON keystrand.dead_letters (source_topic, source_partition, source_offset)
  WHERE status = 'replaying';
CREATE INDEX operator_actions_by_subject ON keystrand.operator_actions USING gin (subject jsonb_path_ops);

-- keystrand prune.
GRANT DELETE ON keystrand.inbox, keystrand.dead_letters, keystrand.outbox TO keystrand_operator;

-- migrate:down
REVOKE DELETE ON keystrand.inbox, keystrand.dead_letters, keystrand.outbox FROM keystrand_operator;
DROP INDEX keystrand.operator_actions_by_subject, keystrand.dead_letters_replaying, keystrand.dead_letters_by_key,
  keystrand.dead_letters_by_failed_at;
