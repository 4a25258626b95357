"""What becomes of each signed body in the worker: the rows J1 to J37, read from the tables and the dead-letters topic."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import confluent_kafka
import pytest

from hostile import message, table
from hostile.intake import Tail
from hostile.message import Moment
from hostile.row import ACCEPTED, Fate, Variant
from hostile.systems import module_system
from hostile.wire import Answers, Plain, send
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from stack import Stack

QUEUED = [variant for variant in table.VARIANTS if variant.effect is not None]


class Settled:
    """All bodies of the table, sent, consumed, and what that left."""

    def __init__(self, system: System):
        self.system = system
        self.receiver: Program = system.start_receiver().wait_ready()
        self.worker: Program = system.start_worker().wait_ready()
        self.series_before = series(self.worker)
        self.moment = Moment(int(time.time()), "effect")
        self.bodies = {variant.label: self._send(variant) for variant in QUEUED}
        system.wait_drained()
        self.records: dict[bytes, list[confluent_kafka.Message]] = defaultdict(list)
        self.letters = Counter(record.value() for record in self._all(system.dead_letters))
        for record in self._all(system.events):
            self.records[record.value()].append(record)
        self.rows: dict[bytes, list[dict[str, Any]]] = defaultdict(list)
        for row in system.rows("SELECT * FROM keystrand.dead_letters"):
            self.rows[bytes(row["payload"])].append(row)
        self.inbox = {
            (row["source_partition"], row["source_offset"]): row for row in system.rows("SELECT * FROM keystrand.inbox")
        }

    def _send(self, variant: Variant) -> bytes:
        given = variant.build(self.moment)
        with Plain().connect(self.receiver.admin_port - 1) as connection:
            send(connection, given.bytes)
            seen = Answers(connection).next()
        assert seen is not None and seen.status == 200, (variant.label, seen)
        [body] = given.records
        return body

    def _all(self, topic: str) -> list[confluent_kafka.Message]:
        tail = Tail(self.system.stack.kafka_brokers, topic)
        try:
            return tail.look()
        finally:
            tail.close()


def series(worker: Program) -> set[str]:
    """Names and labels of all series, without those that time alone brings."""
    lines = worker.get("/metrics")[1].splitlines()
    return {
        line.rpartition(" ")[0]
        for line in lines
        if line.startswith("keystrand_worker_events") or line.startswith("keystrand_dead")
    }


@pytest.fixture(scope="module")
def settled(servers: Stack, request: pytest.FixtureRequest) -> Iterator[Settled]:
    with module_system(servers, request) as running:
        yield Settled(running)


@pytest.mark.parametrize("variant", QUEUED, ids=lambda variant: variant.label)
def test_effect(variant: Variant, settled: Settled) -> None:
    body, effect = settled.bodies[variant.label], variant.effect(settled.moment)
    [record] = settled.records[body]
    assert (
        record.key().decode().startswith(effect.key)
        if effect.fate is Fate.MALFORMED
        else record.key().decode() == effect.key
    )
    row = settled.inbox.get((record.partition(), record.offset()))
    if effect.fate is Fate.MALFORMED:
        assert row is None
        [letter] = settled.rows[body]
        assert (letter["stage"], letter["error_code"], letter["status"], letter["attempts"]) == (
            "parse",
            "malformed",
            "open",
            1,
        )
        assert (letter["event_id"], letter["event_type"], bytes(letter["record_key"])) == (None, None, record.key())
        assert settled.letters[body] == 1
        return
    assert not settled.rows[body] and not settled.letters[body]
    if effect.fate is Fate.NO_OBJECT:
        assert (row["status"], row["reason"]) == ("ignored", "no_object")
        return
    assert (row["status"], row["reason"], row["error_code"]) == ("applied", None, None)
    shown = settled.system.rows("SELECT data FROM stripe.objects WHERE event_id = %s", row["event_id"])
    assert len(shown) == 1 and shown[0]["data"] is not None
    for expression, value in effect.shown.items():
        assert (
            settled.system.value(f"SELECT {expression} FROM stripe.objects WHERE event_id = %s", row["event_id"])
            == value
        )


def test_nothing_else_became_of_them(settled: Settled) -> None:
    counts = Counter(variant.effect(settled.moment).fate for variant in QUEUED)
    assert sum(map(len, settled.rows.values())) == counts[Fate.MALFORMED]
    assert len(settled.inbox) == len(QUEUED) - counts[Fate.MALFORMED]
    assert (
        settled.worker.metrics().sum("keystrand_dead_letters_total", error_code="malformed") == counts[Fate.MALFORMED]
    )
    assert settled.receiver.running and settled.worker.running


def test_each_nul_that_tables_cannot_hold_is_counted(settled: Settled) -> None:
    """J20."""
    replaced = sum("\ufffd" in str(variant.effect(settled.moment).shown) for variant in QUEUED)
    assert replaced > 0
    assert settled.worker.metrics().sum("keystrand_worker_nul_replaced_total") == replaced


def test_texts_of_events_make_no_label_and_no_log_line(settled: Settled) -> None:
    """J31 to J33, and whatever else is in the bodies: series are a closed set, and lines of a log are JSON of ours."""
    assert series(settled.worker) == settled.series_before
    for program in (settled.receiver, settled.worker):
        program.stop()  # which writes the last of its log
        text = program.log.read_text(encoding="utf-8")
        assert "\x1b" not in text and "Bobby" not in text
        for line in text.removesuffix("\n").split("\n"):
            assert json.loads(line)["action"] != "fake.line"


@pytest.mark.parametrize("expected", ["live", "test"])
def test_event_of_the_other_mode_is_ignored_as_wrong_mode(system: System, expected: str) -> None:
    """J35: queued all the same, since it is authentic; the worker does not apply it, and counts it."""
    receiver = system.start_receiver(KEYSTRAND_EXPECTED_MODE=expected).wait_ready()
    worker = system.start_worker().wait_ready()
    moment = Moment(int(time.time()), expected)
    for livemode in (True, False):
        event = message.customer_event(f"j35_{livemode}", moment) | {"livemode": livemode}
        with Plain().connect(receiver.admin_port - 1) as connection:
            send(connection, message.signed(message.encoded(event), moment).bytes)
            Answers(connection).expect(ACCEPTED)
    system.wait_drained()
    inbox = system.rows("SELECT event_id, status, reason FROM keystrand.inbox")
    right, wrong = (f"evt_j35_{livemode}_{expected}" for livemode in (expected == "live", expected != "live"))
    assert {row["event_id"]: (row["status"], row["reason"]) for row in inbox} == {
        right: ("applied", None),
        wrong: ("ignored", "wrong_mode"),
    }
    assert worker.metrics().sum("keystrand_worker_events_total", outcome="ignored") == 1
