"""What Kafka can do to a worker, in its metrics."""

from __future__ import annotations

import confluent_kafka.admin
import psycopg
import pytest

from keystrand_e2e.load import send, stories
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability.test_kafka_faults import alter_topic
from observability.workers.conftest import Start
from process import free_port_block
from traffic import delivery
from traffic.sender import History

AWAY_S = 60
IMPATIENT = ["--kafka.socket.timeout.ms=1000", "--kafka.message.timeout.ms=2000"]


def unreadable(seed: str, count: int) -> list[list[delivery.Delivery]]:
    """So many, each with a key of its own."""
    return [[delivery.unreadable(f'{{"id": "evt_{seed}_cut_o{n}')] for n in range(count)]


@pytest.mark.timeout(240)
def test_broker_frozen(system: System, receiver: Program, start: Start, history: History) -> None:
    """And killed, in the end: with a dead letter that is committed and not published, a worker that is asked to stop, and
    one that has not joined yet."""
    leaver = start("leaver", flags=IMPATIENT)
    worker = start(flags=IMPATIENT)
    # Letters for both, since a producer meets its broker with the first one.
    send(receiver, history, *stories("before", 30), *unreadable("before", 20))
    system.wait_drained()
    for client in ("consumer", "producer"):
        eventually(lambda: worker.scrape().has("keystrand_kafka_broker_up", client=client), f"reached by the {client}")
    with psycopg.connect(system.url("rival")) as rival:
        rival.execute("LOCK TABLE keystrand.dead_letters")
        send(receiver, history, *unreadable("uncommitted", 20), *stories("uncommitted", 30))
        eventually(lambda: system.value("SELECT count(*) FROM pg_locks WHERE NOT granted") > 1, "letters at hand")
        system.stack.pause_broker()
    try:
        late = start("late", flags=IMPATIENT, ready=False)
        leaver.program.stop()
        worker.wait_value("keystrand_dead_letter_write_failures_total", 1, AWAY_S)
        worker.wait_value("keystrand_produce_total", 1, AWAY_S, result="timeout")
        worker.wait_value("keystrand_refresh_failures_total", 1, AWAY_S, source="kafka")
        for client in ("consumer", "producer"):
            worker.wait_value("keystrand_kafka_broker_request_timeouts_total", 1, AWAY_S, client=client)
            worker.wait_value("keystrand_kafka_broker_disconnects_total", 1, AWAY_S, client=client)
            worker.wait_value("keystrand_kafka_client_errors_total", 1, AWAY_S, code="_TIMED_OUT", client=client)
        assert late.value("keystrand_ready", check="group") == 0
        system.stack.kill_broker()
        for client in ("consumer", "producer"):
            worker.wait_value("keystrand_kafka_client_errors_total", 1, AWAY_S, code="_TRANSPORT", client=client)
        # The consumer says so only if its coordinator is not the last to be lost.
        worker.wait_value("keystrand_kafka_client_errors_total", 1, AWAY_S, code="_ALL_BROKERS_DOWN", client="producer")
        for client in ("consumer", "producer"):
            eventually(lambda: not worker.value("keystrand_kafka_broker_up", client=client), f"seen down by the {client}")
    finally:
        system.stack.kill_broker()
        system.stack.start_broker()
    late.program.wait_ready()
    assert late.value("keystrand_ready", check="group") == 1
    system.wait_drained()


def test_topic_unfit(system: System, start: Start) -> None:
    worker = start(KEYSTRAND_TOPIC_CHECK_INTERVAL_MS="100")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": system.stack.kafka_brokers, "log_level": 0})
    alter_topic(admin, system.dead_letters, "max.message.bytes", "1000")
    eventually(lambda: worker.value("keystrand_ready", check="topics") == 0, "not ready")
    assert worker.value("keystrand_log_messages_total", level="warn") >= 1


def test_brokers_out_of_reach(start: Start) -> None:
    """Each kind of trouble is counted by its name."""
    for code, worker in {
            "_ALL_BROKERS_DOWN": start("alone", ready=False, KEYSTRAND_KAFKA_BROKERS=f"127.0.0.1:{free_port_block(1)}"),
            "_RESOLVE": start("lost", ready=False, KEYSTRAND_KAFKA_BROKERS="no-such-broker.invalid:9092"),
            "_SSL": start("ciphered", ["--kafka.security.protocol=ssl"], ready=False),
            "_AUTHENTICATION": start("refused", ["--kafka.security.protocol=sasl_plaintext", "--kafka.sasl.mechanism=PLAIN",
                                                 "--kafka.sasl.username=observed"],
                                     ready=False, KEYSTRAND_KAFKA_SASL_PASSWORD="invented-for-tests")}.items():
        worker.wait_value("keystrand_kafka_client_errors_total", 1, code=code, client="consumer")
