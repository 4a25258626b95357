"""Every metric of the receiver and, for each of its series, the test that moves it or the reason why none does."""

from __future__ import annotations

from observability.table import Table, moved, unmoved

CONSTANT = "says what was set or built: test_limits_are_shown_as_they_are_set and the process's own facts"
OUR_BUG = "only a bug of ours"
FATAL = "no real broker makes a client fatal at will"
CONSUMER = "of consumers only"

TYPES = {
    "counter": """
        keystrand_http_requests_total keystrand_signature_verifications_total keystrand_receiver_events_total
        keystrand_receiver_accepted_events_total keystrand_produce_total keystrand_kafka_client_errors_total
        keystrand_signing_secrets_reloads_total keystrand_tls_reloads_total keystrand_tls_handshakes_total
        keystrand_proxy_headers_refused_total keystrand_http_connections_accepted_total keystrand_bound_hits_total
        keystrand_log_messages_total keystrand_log_dropped_total process_cpu_seconds_total
        keystrand_kafka_broker_tx_errors_total keystrand_kafka_broker_rx_errors_total keystrand_kafka_broker_retries_total
        keystrand_kafka_broker_request_timeouts_total keystrand_kafka_broker_disconnects_total
        keystrand_kafka_broker_tx_bytes_total keystrand_kafka_broker_rx_bytes_total""".split(),
    "gauge": """
        keystrand_http_requests_in_flight keystrand_receiver_last_accepted_timestamp_seconds keystrand_draining
        keystrand_http_connections keystrand_http_bytes_in_flight keystrand_tls_certificate_expiry_timestamp_seconds
        keystrand_bound_limit keystrand_build_info keystrand_ready process_resident_memory_bytes process_open_fds
        process_max_fds process_start_time_seconds keystrand_kafka_client_stats_timestamp_seconds
        keystrand_kafka_producer_queue_messages keystrand_kafka_producer_queue_max_messages
        keystrand_kafka_callback_queue_length keystrand_kafka_broker_up keystrand_kafka_broker_rtt_avg_seconds
        keystrand_kafka_broker_rtt_p99_seconds keystrand_kafka_broker_throttle_avg_seconds""".split(),
    "histogram": """
        keystrand_http_request_duration_seconds keystrand_http_request_body_bytes keystrand_source_delay_seconds
        keystrand_produce_duration_seconds""".split(),
}

ENTRIES = [
    moved("keystrand_http_requests_total", "test_refused_for_the_head"),
    moved("keystrand_http_requests_total", "test_accepted", code="200"),
    moved("keystrand_http_requests_total", "test_refused_for_a_slow_head", code="408"),
    moved("keystrand_http_requests_total", "test_refused_for_the_body", code="413"),
    moved("keystrand_http_requests_total", "test_idle_connections_and_those_that_do_not_read_are_ended", code="499"),
    unmoved("keystrand_http_requests_total", OUR_BUG, code="500"),
    moved("keystrand_http_requests_total", "test_requests_are_bounded", code="503"),
    moved("keystrand_http_request_duration_seconds", "test_refused_for_the_head"),
    moved("keystrand_http_request_duration_seconds", "test_accepted", code_class="2xx"),
    moved("keystrand_http_request_duration_seconds", "test_requests_are_bounded", code_class="5xx"),
    moved("keystrand_http_requests_in_flight", "test_refused_for_the_body"),
    moved("keystrand_http_request_body_bytes", "test_accepted"),
    moved("keystrand_http_connections", "test_bytes_in_flight_are_bounded"),
    moved("keystrand_http_connections_accepted_total", "test_accepted"),
    moved("keystrand_http_bytes_in_flight", "test_bytes_in_flight_are_bounded"),
    moved("keystrand_signature_verifications_total", "test_refused_for_the_signature"),
    moved("keystrand_signature_verifications_total", "test_accepted", result="valid"),
    unmoved("keystrand_signature_verifications_total", "no secret is marked as the heartbeat's yet", result="valid",
            secret="heartbeat"),
    moved("keystrand_receiver_events_total", "test_accepted", outcome="accepted"),
    moved("keystrand_receiver_events_total", "test_refused_for_the_signature", reason="signature"),
    moved("keystrand_receiver_events_total", "test_refused_for_the_body", reason="body_too_large"),
    moved("keystrand_receiver_events_total", "test_refused_for_the_head", reason="bad_request"),
    moved("keystrand_receiver_events_total", "test_refused_for_the_body", reason="deadline"),
    moved("keystrand_receiver_events_total", "test_refused_for_the_body", reason="client_gone"),
    moved("keystrand_receiver_events_total", "test_outage", reason="queue_timeout"),
    moved("keystrand_receiver_events_total", "test_outage", reason="queue_full"),
    moved("keystrand_receiver_events_total", "test_topic_missing", reason="queue_error"),
    moved("keystrand_receiver_events_total", "test_requests_are_bounded", reason="overloaded"),
    moved("keystrand_receiver_events_total", "test_outage", reason="draining"),
    unmoved("keystrand_receiver_events_total", OUR_BUG, reason="internal"),
    moved("keystrand_receiver_accepted_events_total", "test_accepted"),
    moved("keystrand_receiver_last_accepted_timestamp_seconds", "test_accepted"),
    moved("keystrand_source_delay_seconds", "test_accepted"),
    moved("keystrand_produce_duration_seconds", "test_accepted"),
    moved("keystrand_produce_total", "test_accepted", result="ok"),
    moved("keystrand_produce_total", "test_outage", result="timeout"),
    moved("keystrand_produce_total", "test_outage", result="queue_full"),
    moved("keystrand_produce_total", "test_record_refused_by_the_broker", result="too_large"),
    moved("keystrand_produce_total", "test_record_refused_by_the_broker", result="broker"),
    moved("keystrand_produce_total", "test_topic_taken_away", result="other"),
    unmoved("keystrand_produce_total", "needs a broker with access control", result="auth"),
    unmoved("keystrand_produce_total", FATAL, result="fatal"),
    moved("keystrand_signing_secrets_reloads_total", "test_secrets_reloaded"),
    moved("keystrand_tls_reloads_total", "test_tls"),
    moved("keystrand_tls_handshakes_total", "test_tls"),
    moved("keystrand_tls_certificate_expiry_timestamp_seconds", "test_tls"),
    moved("keystrand_proxy_headers_refused_total", "test_proxy_headers_refused"),
    unmoved("keystrand_bound_limit", CONSTANT),
    moved("keystrand_bound_hits_total", "test_connections_are_bounded", bound="connections"),
    moved("keystrand_bound_hits_total", "test_connections_of_one_address_are_bounded", bound="connections_per_address"),
    moved("keystrand_bound_hits_total", "test_requests_are_bounded", bound="requests_per_connection"),
    moved("keystrand_bound_hits_total", "test_requests_are_bounded", bound="requests_in_flight"),
    moved("keystrand_bound_hits_total", "test_bytes_in_flight_are_bounded", bound="bytes_in_flight"),
    moved("keystrand_bound_hits_total", "test_outage", bound="queue_bytes"),
    moved("keystrand_bound_hits_total", "test_refused_for_the_head", bound="target_bytes"),
    moved("keystrand_bound_hits_total", "test_refused_for_the_head", bound="head_bytes"),
    moved("keystrand_bound_hits_total", "test_refused_for_the_body", bound="body_bytes"),
    moved("keystrand_bound_hits_total", "test_tls", bound="tls_handshake_seconds"),
    moved("keystrand_bound_hits_total", "test_refused_for_a_slow_head", bound="header_seconds"),
    moved("keystrand_bound_hits_total", "test_refused_for_the_body", bound="body_seconds"),
    moved("keystrand_bound_hits_total", "test_idle_connections_and_those_that_do_not_read_are_ended", bound="idle_seconds"),
    moved("keystrand_bound_hits_total", "test_idle_connections_and_those_that_do_not_read_are_ended", bound="write_seconds"),
    moved("keystrand_bound_hits_total", "test_outage", bound="ack_seconds"),
    moved("keystrand_bound_hits_total", "test_acceptance_pauses_without_descriptors", bound="descriptors"),
    moved("keystrand_ready", "test_outage", check="kafka"),
    moved("keystrand_ready", "test_outage", check="queue"),
    moved("keystrand_ready", "test_outage", check="topic"),
    moved("keystrand_ready", "test_draining", check="serving"),
    unmoved("keystrand_ready", "loaded before the first scrape; without settings no process runs", check="settings"),
    moved("keystrand_draining", "test_draining"),
    moved("keystrand_log_messages_total", "test_accepted", level="debug"),
    moved("keystrand_log_messages_total", "test_accepted", level="info"),
    moved("keystrand_log_messages_total", "test_refused_for_the_signature", level="warn"),
    moved("keystrand_log_messages_total", "test_outage", level="error"),
    moved("keystrand_log_dropped_total", "test_hung_log_reader_holds_nothing_up"),
    unmoved("keystrand_build_info", CONSTANT),
    unmoved("process_start_time_seconds", CONSTANT),
    moved("process_max_fds", "test_acceptance_pauses_without_descriptors"),
    moved("process_cpu_seconds_total", "test_accepted"),
    moved("process_resident_memory_bytes", "test_scrape_answers_within_100_ms_under_load_and_holds_nothing_up"),
    moved("process_open_fds", "test_bytes_in_flight_are_bounded"),
    moved("keystrand_kafka_client_stats_timestamp_seconds", "test_accepted"),
    moved("keystrand_kafka_producer_queue_messages", "test_outage"),
    moved("keystrand_kafka_producer_queue_max_messages", "test_accepted"),
    unmoved("keystrand_kafka_callback_queue_length", "a moment's length, nearly always 0 when it is read"),
    moved("keystrand_kafka_client_errors_total", "test_outage", code="_TRANSPORT"),
    moved("keystrand_kafka_client_errors_total", "test_outage", code="_ALL_BROKERS_DOWN"),
    moved("keystrand_kafka_client_errors_total", "test_outage", code="_TIMED_OUT"),
    moved("keystrand_kafka_client_errors_total", "test_brokers_out_of_reach", code="_RESOLVE"),
    moved("keystrand_kafka_client_errors_total", "test_brokers_out_of_reach", code="_SSL"),
    moved("keystrand_kafka_client_errors_total", "test_brokers_out_of_reach", code="_AUTHENTICATION"),
    unmoved("keystrand_kafka_client_errors_total", FATAL, code="_FATAL"),
    unmoved("keystrand_kafka_client_errors_total", CONSUMER, code="_MAX_POLL_EXCEEDED"),
    unmoved("keystrand_kafka_client_errors_total", "stands for whatever librdkafka may add", code="other"),
    moved("keystrand_kafka_broker_up", "test_outage"),
    moved("keystrand_kafka_broker_rtt_avg_seconds", "test_accepted"),
    moved("keystrand_kafka_broker_rtt_p99_seconds", "test_accepted"),
    unmoved("keystrand_kafka_broker_throttle_avg_seconds", "needs a quota, which this broker's clients have none of"),
    unmoved("keystrand_kafka_broker_tx_errors_total", "stayed 0 through the outage: librdkafka counts a lost connection as a disconnect"),
    unmoved("keystrand_kafka_broker_rx_errors_total", "needs a broker that answers with garbage"),
    unmoved("keystrand_kafka_broker_retries_total", "stayed 0 through the outage: librdkafka queues an unanswered Produce anew"),
    moved("keystrand_kafka_broker_request_timeouts_total", "test_outage"),
    moved("keystrand_kafka_broker_disconnects_total", "test_outage"),
    moved("keystrand_kafka_broker_tx_bytes_total", "test_accepted"),
    moved("keystrand_kafka_broker_rx_bytes_total", "test_accepted"),
]

TABLE = Table(TYPES, ENTRIES, late=("keystrand_kafka_broker_",))  # once it has been reached
