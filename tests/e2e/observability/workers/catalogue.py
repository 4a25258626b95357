"""Every metric of the worker and, for each of its series, the test that moves it or the reason why none does."""

from __future__ import annotations

from observability.table import Table, moved, unmoved

CONSTANT = "says what was set or built"
FATAL = "no real broker makes a client fatal at will"
A_MOMENT = "a moment's figure, nearly always the same when it is read"
FIRST = "of both clients, which start alike, the consumer is the first to meet it"
HOURS = "dies only after the last of its parked tries, hours later; tests/faults shortens them"
MIRROR = "the mirror refuses no snapshot; tests/faults has a handler that does"
RECEIVER_PRODUCER = "the receiver's tests move it: it is the same producer"
RECEIVERS = "the receiver's tests move it: it is the same log"
MATRIX = "each statement with each class; one of each class is moved"

TYPES = {
    "counter": """
        keystrand_trace_context_invalid_total keystrand_worker_nul_replaced_total
        keystrand_worker_fenced_total keystrand_worker_redelivered_total
        keystrand_worker_commits_in_doubt_total keystrand_worker_bisects_total keystrand_worker_conflicts_total
        keystrand_dead_letter_write_failures_total keystrand_worker_events_total
        keystrand_handler_attempts_total keystrand_handler_errors_total keystrand_dead_letters_total
        keystrand_offset_commits_total keystrand_rebalances_total keystrand_db_reconnects_total
        keystrand_db_errors_total keystrand_produce_total keystrand_kafka_client_errors_total
        keystrand_log_messages_total keystrand_log_dropped_total process_cpu_seconds_total
        keystrand_dead_letter_actions_total keystrand_refresh_failures_total
        keystrand_kafka_broker_tx_errors_total keystrand_kafka_broker_rx_errors_total
        keystrand_kafka_broker_retries_total keystrand_kafka_broker_request_timeouts_total
        keystrand_kafka_broker_disconnects_total keystrand_kafka_broker_tx_bytes_total
        keystrand_kafka_broker_rx_bytes_total""".split(),
    "gauge": """
        keystrand_worker_events_in_flight keystrand_worker_concurrency_limit keystrand_worker_events_buffered
        keystrand_worker_blocked_keys keystrand_worker_paused_partitions
        keystrand_worker_last_poll_timestamp_seconds keystrand_worker_last_applied_timestamp_seconds
        keystrand_handler_breaker_open keystrand_db_connections keystrand_db_connections_max keystrand_draining
        keystrand_clock_skew_seconds keystrand_kafka_client_stats_timestamp_seconds
        keystrand_kafka_producer_queue_messages keystrand_kafka_producer_queue_max_messages
        keystrand_kafka_callback_queue_length keystrand_kafka_consumer_assigned_partitions
        keystrand_kafka_consumer_steady keystrand_build_info keystrand_ready process_resident_memory_bytes
        process_open_fds process_max_fds process_start_time_seconds keystrand_dead_letters_open
        keystrand_dead_letters_oldest_open_timestamp_seconds keystrand_parked_events
        keystrand_parked_oldest_timestamp_seconds keystrand_strands_on_hold keystrand_refresh_timestamp_seconds
        keystrand_kafka_broker_up keystrand_kafka_broker_rtt_avg_seconds keystrand_kafka_broker_rtt_p99_seconds
        keystrand_kafka_broker_throttle_avg_seconds keystrand_kafka_partition_lag
        keystrand_kafka_partition_fetch_queue_messages keystrand_group_lag
        keystrand_group_oldest_unprocessed_timestamp_seconds""".split(),
    "histogram": """
        keystrand_handler_duration_seconds keystrand_queue_wait_seconds keystrand_end_to_end_seconds
        keystrand_db_connection_wait_seconds keystrand_db_operation_duration_seconds
        keystrand_produce_duration_seconds""".split(),
}

ENTRIES = [
    moved("keystrand_worker_events_total", "test_settled", origin="live", outcome="applied"),
    moved("keystrand_worker_events_total", "test_settled", origin="live", outcome="duplicate"),
    moved("keystrand_worker_events_total", "test_settled", origin="live", outcome="stale"),
    moved("keystrand_worker_events_total", "test_settled", origin="live", outcome="ignored"),
    moved("keystrand_worker_events_total", "test_settled", origin="live", outcome="dead_lettered"),
    moved("keystrand_worker_events_total", "test_replayed", origin="replay", outcome="applied"),
    moved("keystrand_worker_events_total", "test_replayed", origin="replay", outcome="stale"),
    moved("keystrand_worker_events_total", "test_replayed", origin="replay", outcome="dead_lettered"),
    unmoved("keystrand_worker_events_total",
            "a replay is known by its id, and counts as redelivered", origin="replay", outcome="duplicate"),
    unmoved("keystrand_worker_events_total", "what can be ignored does not die", origin="replay", outcome="ignored"),
    moved("keystrand_handler_attempts_total", "test_settled", result="ok"),
    moved("keystrand_handler_attempts_total", "test_failed", result="retry"),
    moved("keystrand_handler_attempts_total", "test_failed", result="permanent"),
    moved("keystrand_handler_errors_total", "test_failed", error_code="internal"),
    moved("keystrand_handler_errors_total", "test_failed", error_code="missing_reference"),
    moved("keystrand_handler_errors_total", "test_failed", error_code="rejected"),
    moved("keystrand_handler_errors_total", "test_locked", error_code="timeout"),
    unmoved("keystrand_handler_errors_total", MIRROR, error_code="malformed"),
    unmoved("keystrand_handler_errors_total", MIRROR, error_code="unsupported"),
    unmoved("keystrand_handler_errors_total", "what is missing costs no attempt", error_code="misdeployed"),
    moved("keystrand_handler_duration_seconds", "test_settled"),
    moved("keystrand_queue_wait_seconds", "test_settled"),
    moved("keystrand_end_to_end_seconds", "test_settled"),
    moved("keystrand_worker_fenced_total", "test_fenced"),
    moved("keystrand_worker_redelivered_total", "test_redelivered"),
    moved("keystrand_worker_commits_in_doubt_total", "test_commits_in_doubt"),
    moved("keystrand_worker_bisects_total", "test_failed"),
    moved("keystrand_worker_conflicts_total", "test_second_to_write"),
    moved("keystrand_worker_events_in_flight", "test_locked"),
    moved("keystrand_worker_events_buffered", "test_locked"),
    moved("keystrand_worker_blocked_keys", "test_failed"),
    moved("keystrand_worker_paused_partitions", "test_locked"),
    moved("keystrand_worker_last_poll_timestamp_seconds", "test_settled"),
    moved("keystrand_worker_last_applied_timestamp_seconds", "test_settled"),
    unmoved("keystrand_worker_concurrency_limit", CONSTANT),
    moved("keystrand_trace_context_invalid_total", "test_settled"),
    moved("keystrand_worker_nul_replaced_total", "test_settled"),
    moved("keystrand_dead_letters_total", "test_settled", error_code="malformed"),
    moved("keystrand_dead_letters_total", "test_failed", error_code="rejected"),
    unmoved("keystrand_dead_letters_total", HOURS, error_code="internal"),
    unmoved("keystrand_dead_letters_total", HOURS, error_code="missing_reference"),
    unmoved("keystrand_dead_letters_total", HOURS, error_code="timeout"),
    unmoved("keystrand_dead_letters_total", MIRROR, error_code="unsupported"),
    unmoved("keystrand_dead_letters_total", "needs an event that kills the process; tests/faults has one", error_code="crashed"),
    moved("keystrand_dead_letter_write_failures_total", "test_broker_frozen"),
    moved("keystrand_handler_breaker_open", "test_table_missing"),
    moved("keystrand_offset_commits_total", "test_settled", result="ok"),
    unmoved("keystrand_offset_commits_total",
            "a commit under way is dropped with its partitions; TelemetryTest counts one that is refused", result="error"),
    moved("keystrand_rebalances_total", "test_partitions_come_and_go"),
    moved("keystrand_dead_letters_open", "test_gauges"),
    moved("keystrand_parked_events", "test_gauges"),
    moved("keystrand_parked_oldest_timestamp_seconds", "test_gauges"),
    moved("keystrand_strands_on_hold", "test_gauges"),
    moved("keystrand_dead_letters_oldest_open_timestamp_seconds", "test_settled"),
    moved("keystrand_dead_letter_actions_total", "test_replayed"),
    moved("keystrand_group_lag", "test_locked"),
    moved("keystrand_group_oldest_unprocessed_timestamp_seconds", "test_locked"),
    moved("keystrand_refresh_timestamp_seconds", "test_settled"),
    moved("keystrand_refresh_failures_total", "test_silent", source="postgres"),
    moved("keystrand_refresh_failures_total", "test_broker_frozen", source="kafka"),
    unmoved("keystrand_clock_skew_seconds", "the database has this machine's clock; SystemGaugesTest gives it another"),
    moved("keystrand_db_operation_duration_seconds", "test_settled"),
    moved("keystrand_db_operation_duration_seconds", "test_written_at_once", operation="lease_assert"),
    moved("keystrand_db_operation_duration_seconds", "test_written_at_once", operation="objects_replace"),
    unmoved("keystrand_db_errors_total", MATRIX),
    moved("keystrand_db_errors_total", "test_commits_in_doubt", operation="commit", **{"class": "connection"}),
    moved("keystrand_db_errors_total", "test_failed", operation="objects_insert", **{"class": "constraint"}),
    moved("keystrand_db_errors_total", "test_failed", operation="objects_insert", **{"class": "other"}),
    moved("keystrand_db_errors_total", "test_table_missing", operation="objects_load", **{"class": "schema"}),
    moved("keystrand_db_errors_total", "test_locked", operation="inbox_known", **{"class": "timeout"}),
    moved("keystrand_db_connections", "test_locked"),
    unmoved("keystrand_db_connections_max", CONSTANT),
    moved("keystrand_db_connection_wait_seconds", "test_settled"),
    moved("keystrand_db_reconnects_total", "test_commits_in_doubt"),
    moved("keystrand_produce_duration_seconds", "test_settled"),
    moved("keystrand_produce_total", "test_settled", result="ok"),
    moved("keystrand_produce_total", "test_broker_frozen", result="timeout"),
    unmoved("keystrand_produce_total", "a topic that is too narrow for a letter is refused at the start", result="too_large"),
    unmoved("keystrand_produce_total", RECEIVER_PRODUCER, result="broker"),
    unmoved("keystrand_produce_total", RECEIVER_PRODUCER, result="other"),
    unmoved("keystrand_produce_total", RECEIVER_PRODUCER, result="auth"),
    unmoved("keystrand_produce_total", "letters are published one after the other", result="queue_full"),
    unmoved("keystrand_produce_total", FATAL, result="fatal"),
    moved("keystrand_kafka_client_errors_total", "test_broker_frozen", code="_TRANSPORT"),
    moved("keystrand_kafka_client_errors_total", "test_broker_frozen", code="_ALL_BROKERS_DOWN", client="producer"),
    moved("keystrand_kafka_client_errors_total", "test_brokers_out_of_reach", code="_ALL_BROKERS_DOWN", client="consumer"),
    moved("keystrand_kafka_client_errors_total", "test_broker_frozen", code="_TIMED_OUT"),
    moved("keystrand_kafka_client_errors_total", "test_brokers_out_of_reach", code="_RESOLVE", client="consumer"),
    unmoved("keystrand_kafka_client_errors_total", FIRST, code="_RESOLVE", client="producer"),
    moved("keystrand_kafka_client_errors_total", "test_brokers_out_of_reach", code="_SSL", client="consumer"),
    unmoved("keystrand_kafka_client_errors_total", FIRST, code="_SSL", client="producer"),
    moved("keystrand_kafka_client_errors_total", "test_brokers_out_of_reach", code="_AUTHENTICATION", client="consumer"),
    unmoved("keystrand_kafka_client_errors_total", FIRST, code="_AUTHENTICATION", client="producer"),
    unmoved("keystrand_kafka_client_errors_total", FATAL, code="_FATAL"),
    unmoved("keystrand_kafka_client_errors_total", "test_group.py reads it in the log", code="_MAX_POLL_EXCEEDED"),
    unmoved("keystrand_kafka_client_errors_total", "stands for whatever librdkafka may add", code="other"),
    moved("keystrand_kafka_client_stats_timestamp_seconds", "test_settled"),
    moved("keystrand_kafka_producer_queue_messages", "test_broker_frozen"),
    moved("keystrand_kafka_producer_queue_max_messages", "test_settled"),
    unmoved("keystrand_kafka_callback_queue_length", A_MOMENT),
    moved("keystrand_kafka_consumer_assigned_partitions", "test_partitions_come_and_go"),
    moved("keystrand_kafka_consumer_steady", "test_settled"),
    moved("keystrand_kafka_partition_fetch_queue_messages", "test_locked"),
    unmoved("keystrand_kafka_partition_lag", A_MOMENT),
    moved("keystrand_kafka_broker_up", "test_broker_frozen"),
    moved("keystrand_kafka_broker_disconnects_total", "test_broker_frozen"),
    moved("keystrand_kafka_broker_request_timeouts_total", "test_broker_frozen"),
    moved("keystrand_kafka_broker_rtt_avg_seconds", "test_settled", client="consumer"),
    moved("keystrand_kafka_broker_rtt_p99_seconds", "test_settled", client="consumer"),
    unmoved("keystrand_kafka_broker_rtt_avg_seconds", A_MOMENT, client="producer"),
    unmoved("keystrand_kafka_broker_rtt_p99_seconds", A_MOMENT, client="producer"),
    unmoved("keystrand_kafka_broker_throttle_avg_seconds", "needs a quota, which this broker's clients have none of"),
    unmoved("keystrand_kafka_broker_tx_errors_total", "librdkafka counts a lost connection as a disconnect"),
    unmoved("keystrand_kafka_broker_rx_errors_total", "needs a broker that answers with garbage"),
    unmoved("keystrand_kafka_broker_retries_total", "librdkafka's own choice: sometimes the consumer's"),
    moved("keystrand_kafka_broker_tx_bytes_total", "test_settled"),
    moved("keystrand_kafka_broker_rx_bytes_total", "test_settled"),
    moved("keystrand_ready", "test_broker_frozen", check="group"),
    moved("keystrand_ready", "test_silent", check="database"),
    moved("keystrand_ready", "test_table_missing", check="schema"),
    moved("keystrand_ready", "test_topic_unfit", check="topics"),
    moved("keystrand_ready", "test_locked", check="serving"),
    unmoved("keystrand_ready", "no batch can run for 30 s: every call of the database ends before", check="executors"),
    moved("keystrand_draining", "test_locked"),
    moved("keystrand_log_messages_total", "test_settled", level="debug"),
    moved("keystrand_log_messages_total", "test_settled", level="info"),
    moved("keystrand_log_messages_total", "test_topic_unfit", level="warn"),
    moved("keystrand_log_messages_total", "test_table_missing", level="error"),
    unmoved("keystrand_log_dropped_total", RECEIVERS),
    unmoved("keystrand_build_info", CONSTANT),
    unmoved("process_start_time_seconds", CONSTANT),
    unmoved("process_max_fds", CONSTANT),
    moved("process_cpu_seconds_total", "test_settled"),
    moved("process_resident_memory_bytes", "test_settled"),
    moved("process_open_fds", "test_settled"),
]

# What comes with a broker that was reached, partitions that are owned, or figures of librdkafka's.
TABLE = Table(TYPES, ENTRIES, late=("keystrand_kafka_broker_", "keystrand_kafka_partition_", "keystrand_group_"))
