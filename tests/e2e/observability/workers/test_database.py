"""What a database can do to a worker, in its metrics. What becomes of the events is for tests/e2e/database to say."""

from __future__ import annotations

import json
import time

import confluent_kafka
import psycopg
import pytest

from keystrand_e2e.load import send, stories
from keystrand_e2e.postgres_proxy import PostgresProxy, Side
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability.watch import Watch
from observability.workers.conftest import REFRESH_S, Start
from operating.desk import Desk
from traffic.sender import History

MORE_THAN_A_PARTITION_MAY_HOLD = 4500
SILENCE_S = 40  # its calls end after 7 s, its checks after 10


def behind(proxy: PostgresProxy, system: System, start: Start) -> Watch:
    url = system.url("worker").replace(f":{system.server.port}/", f":{proxy.port}/")
    return start(KEYSTRAND_DATABASE_URL=url)


def test_commits_in_doubt(
        system: System, receiver: Program, proxy: PostgresProxy, start: Start, history: History) -> None:
    worker = behind(proxy, system, start)
    send(receiver, history, *stories("before", 30))
    system.wait_drained()
    proxy.cut_commits(Side.AFTER, 2)
    send(receiver, history, *stories("in doubt", 60))
    worker.wait_value("keystrand_worker_commits_in_doubt_total", 1)
    worker.wait_value("keystrand_db_reconnects_total", 1)
    assert worker.value("keystrand_db_errors_total", operation="commit", **{"class": "connection"}) >= 1
    system.wait_drained()


@pytest.mark.timeout(180)
def test_silent(system: System, receiver: Program, proxy: PostgresProxy, start: Start, history: History) -> None:
    worker = behind(proxy, system, start)
    failures = worker.value("keystrand_refresh_failures_total", source="postgres")
    proxy.hold_answers()
    send(receiver, history, *stories("silent", 20))
    eventually(lambda: worker.value("keystrand_ready", check="database") == 0, "not ready", SILENCE_S)
    worker.wait_value("keystrand_refresh_failures_total", failures + 1, SILENCE_S, source="postgres")
    proxy.cut()
    proxy.heal()
    eventually(lambda: worker.value("keystrand_ready", check="database") == 1, "ready again", SILENCE_S)
    system.wait_drained()


def test_second_to_write(system: System, receiver: Program, desk: Desk, start: Start, history: History) -> None:
    """The row is not there when the worker looks, and there when it writes."""
    body = json.dumps(event(1)).encode()
    with psycopg.connect(system.url("rival")) as rival:
        rival.execute("INSERT INTO stripe.objects (scope, object, id, event_id, event_type, event_created) "
                      "VALUES ('test/self', 'customer', 'cus_many', 'evt_rival', 'customer.updated', to_timestamp(0))")
        worker = start()
        desk.produce("test/self/cus_many", body)
        eventually(lambda: system.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1, "the worker waiting")
        rival.commit()
    worker.wait_value("keystrand_worker_conflicts_total", 1)


def test_table_missing(system: System, receiver: Program, desk: Desk, start: Start, history: History) -> None:
    """First a handler's, then one of the engine's own."""
    worker = start()
    desk.execute("ALTER TABLE stripe.objects RENAME TO gone")
    send(receiver, history, *stories("missing", 20))
    worker.wait_value("keystrand_handler_breaker_open", 1)
    assert worker.value("keystrand_db_errors_total", **{"class": "schema"}) >= 1
    desk.execute("ALTER TABLE stripe.gone RENAME TO objects")
    desk.execute("ALTER TABLE keystrand.inbox RENAME TO gone")
    send(receiver, history, *stories("missing too", 20))
    eventually(lambda: worker.value("keystrand_ready", check="schema") == 0, "not ready")
    desk.execute("ALTER TABLE keystrand.gone RENAME TO inbox")
    [handler] = [row["handler"] for row in system.rows("SELECT handler FROM keystrand.breakers")]
    resumed = system.operator("breaker", "resume", handler, "--reason", "the table is back")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    eventually(lambda: worker.value("keystrand_handler_breaker_open") == 0, "the handler runs again")
    assert worker.value("keystrand_log_messages_total", level="error") >= 1
    system.wait_drained()


def event(number: int) -> dict[str, object]:
    return {"id": f"evt_many{number}", "object": "event", "created": int(time.time()), "livemode": False,
            "type": "customer.updated", "data": {"object": {"id": "cus_many", "object": "customer", "name": f"{number}"}}}


def fill(system: System, count: int) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": system.stack.kafka_brokers, "partitioner": "murmur2_random",
                                         "log_level": 0})
    for number in range(count):
        producer.produce(system.events, json.dumps(event(number)), "test/self/cus_many")
    assert producer.flush(30) == 0


@pytest.mark.timeout(180)
def test_locked(system: System, start: Start) -> None:
    """One customer has more waiting than a partition may hold in memory, and then the worker is asked to end."""
    worker = start()
    with psycopg.connect(system.url("rival")) as rival:
        rival.execute("LOCK TABLE keystrand.inbox")
        fill(system, 1)
        worker.wait_value("keystrand_handler_errors_total", 1, error_code="timeout")
        fill(system, MORE_THAN_A_PARTITION_MAY_HOLD)
        worker.wait_value("keystrand_worker_paused_partitions", 1)
        worker.wait_value("keystrand_worker_events_in_flight", 1)
        worker.wait_value("keystrand_db_connections", 1, state="in_use")
        assert worker.value("keystrand_worker_events_buffered") > MORE_THAN_A_PARTITION_MAY_HOLD / 2
        assert worker.value("keystrand_kafka_partition_fetch_queue_messages") > 0
        assert worker.value("keystrand_db_errors_total", **{"class": "timeout"}) >= 1
        eventually(lambda: "keystrand_group_lag" in worker.scrape().types, "the group's lag", REFRESH_S)
        worker.wait_value("keystrand_group_lag", MORE_THAN_A_PARTITION_MAY_HOLD, REFRESH_S)
        assert worker.value("keystrand_group_oldest_unprocessed_timestamp_seconds") > 0
        worker.program.request_stop()
        worker.wait_value("keystrand_draining", 1)
        assert worker.value("keystrand_ready", check="serving") == 0
        rival.rollback()
    assert worker.program.wait_end() == 0
