"""Every way in which a record ends or waits, in the worker's metrics."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from keystrand_e2e.load import fresh_stories, send, send_events
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability.watch import Watch
from observability.workers.conftest import REFRESH_S, Start
from operating.desk import Desk, headers_of
from traffic import delivery
from traffic.sender import History

FAILURES = {"later": "P0001", "orphan": "23503", "refused": "22023"}  # by what the customer's id begins with
FAIL = """
CREATE FUNCTION stripe.fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  %s
  RETURN NEW;
END $$;
CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON stripe.objects FOR EACH ROW EXECUTE FUNCTION stripe.fail();
"""
THIN = {"object": "v2.core.event", "type": "v1.customer.updated", "livemode": False, "created": "2026-01-01T00:00:00.000Z",
        "related_object": {"id": "cus_1", "type": "customer"}}


def customer(name: str, number: int, created: float | None = None) -> dict[str, Any]:
    return {"id": f"evt_{name}{number}", "object": "event", "created": int(created or time.time()), "livemode": False,
            "pending_webhooks": 1, "type": "customer.updated",
            "data": {"object": {"id": f"cus_{name}", "object": "customer", "name": f"{number}"}}}


def plant_failures(desk: Desk) -> None:
    failing = (f"IF NEW.id LIKE 'cus_{name}%' THEN RAISE EXCEPTION 'by a test' USING ERRCODE = '{code}'; END IF;"
               for name, code in FAILURES.items())
    desk.execute(FAIL % "\n  ".join(failing))


def position(letter: dict[str, Any]) -> str:
    return "/".join(str(letter[f"source_{part}"]) for part in ("topic", "partition", "offset"))


def wait_change(worker: Watch, metric: str, **labels: str) -> None:
    """Of a figure that librdkafka makes anew for each of its statistics."""
    first = worker.value(metric, **labels)
    eventually(lambda: worker.value(metric, **labels) != first, f"{metric} moves")


def test_settled(system: System, desk: Desk, receiver: Program, start: Start, history: History) -> None:
    worker = start()
    now = time.time()
    newest = customer("a", 2, now)
    send_events(receiver, history, customer("b", 1), newest, customer("a", 1, now - 60), {**THIN, "id": "evt_thin"})
    send(receiver, history, [delivery.again(delivery.of(newest))], [delivery.unreadable('{"id": "evt_cut_o')])
    untraced = json.dumps(customer("c", 1)).encode()
    desk.produce("test/self/cus_c", untraced, dict(headers_of(untraced, "evt_c1")) | {"traceparent": "00-0-0-0"})
    system.wait_drained()
    damaged = customer("a", 3, now + 1)  # of a row that is there
    damaged["data"]["object"]["name"] = "NUL\0"
    send_events(receiver, history, damaged)
    system.wait_drained()
    system.wait_committed()
    for outcome, count in {"applied": 4, "duplicate": 1, "stale": 1, "ignored": 1, "dead_lettered": 1}.items():
        assert worker.wait_value("keystrand_worker_events_total", count, outcome=outcome, origin="live") == count, outcome
    assert worker.value("keystrand_handler_attempts_total", result="ok") == 6
    assert worker.value("keystrand_trace_context_invalid_total") == 1
    worker.wait_value("keystrand_worker_nul_replaced_total", 1)
    assert worker.value("keystrand_dead_letters_total", error_code="malformed") == 1
    assert worker.value("keystrand_worker_last_applied_timestamp_seconds") >= int(now)
    assert worker.value("keystrand_kafka_consumer_steady") == 1
    assert worker.value("keystrand_produce_total", result="ok") == 1
    worker.wait_value("keystrand_dead_letters_open", 1, REFRESH_S, error_code="malformed")
    assert worker.value("keystrand_refresh_timestamp_seconds", source="postgres") >= int(now)
    assert worker.value("keystrand_dead_letters_oldest_open_timestamp_seconds") >= int(now)
    for figure in ("keystrand_kafka_broker_rtt_avg_seconds", "keystrand_kafka_broker_rtt_p99_seconds"):
        wait_change(worker, figure, client="consumer")


def test_written_at_once(system: System, receiver: Program, start: Start, history: History) -> None:
    """Once enough events were no surprise, a new one of a new object is written without a look at the database."""
    start()
    send(receiver, history, *fresh_stories("learnt", 1200, duplicates=0, late=0))
    system.wait_drained()
    send_events(receiver, history, customer("n", 1))
    system.wait_drained()


@pytest.mark.timeout(120)
def test_failed(system: System, desk: Desk, receiver: Program, start: Start, history: History) -> None:
    """One of them is refused for good, among good ones of its batch; the others are tried again, and then parked."""
    plant_failures(desk)
    send_events(receiver, history, *(customer(name, 1) for name in (*FAILURES, "g", "h", "i")))
    worker = start(KEYSTRAND_EXECUTORS="1")  # so that they are one batch
    assert worker.wait_value("keystrand_dead_letters_total", 1, error_code="rejected") == 1
    worker.wait_value("keystrand_worker_blocked_keys", 2)
    assert worker.value("keystrand_worker_bisects_total") > 0
    assert worker.value("keystrand_handler_attempts_total", result="permanent") == 1
    worker.wait_value("keystrand_handler_errors_total", 5, error_code="internal")
    worker.wait_value("keystrand_handler_errors_total", 5, error_code="missing_reference")
    assert worker.value("keystrand_handler_errors_total", error_code="rejected") == 1
    assert worker.value("keystrand_handler_attempts_total", result="retry") == 10
    assert worker.value("keystrand_db_errors_total", **{"class": "other"}) > 0
    assert worker.value("keystrand_db_errors_total", **{"class": "constraint"}) > 0
    assert len(system.rows("SELECT 1 FROM keystrand.parked_events")) == 2


def test_replayed(system: System, desk: Desk, receiver: Program, start: Start, history: History) -> None:
    """What died is sent again: one is applied, one comes too late, one dies again. A fourth is given up."""
    worker = start()
    plant_failures(desk)
    now = time.time()
    send_events(receiver, history, customer("refused_1", 1), customer("refused_2", 1, now - 60), customer("refused_3", 1))
    send(receiver, history, [delivery.unreadable('{"id": "evt_cut_o')])
    system.wait_drained()
    desk.execute("DROP TRIGGER fail ON stripe.objects")
    send_events(receiver, history, customer("refused_2", 2, now))
    system.wait_drained()
    unread, given_up = (position(desk.letter(event)) for event in (None, "evt_refused_31"))
    for arguments in (["replay", "--key", "test/self/cus_refused_1"], ["replay", "--key", "test/self/cus_refused_2"],
                      ["replay", unread], ["discard", given_up]):
        done = system.operator("dead-letters", *arguments, "--reason", "by a test")
        assert done.returncode == 0, done.stdout + done.stderr
    system.wait_drained()
    for outcome in ("applied", "stale", "dead_lettered"):
        assert worker.wait_value("keystrand_worker_events_total", 1, outcome=outcome, origin="replay") == 1, outcome
    worker.wait_value("keystrand_dead_letter_actions_total", 3, REFRESH_S, action="replayed")
    worker.wait_value("keystrand_dead_letter_actions_total", 1, REFRESH_S, action="discarded")
