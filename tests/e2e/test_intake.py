"""What the receiver answers, and that Kafka holds exactly what it answered 200 to."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from keystrand_e2e import checker
from keystrand_e2e.evidence import collect
from keystrand_e2e.load import (SignedLongAgo, Tampered, Unsigned, background, everything_accepted, send, send_events,
                                stories, world)
from keystrand_e2e.outage import first_200_after
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic import delivery
from traffic.delivery import Delivery
from traffic.sender import History

BODY_BYTES_MAX = 1 << 20

UNREADABLE = ["{", "{}", "[]", "null", '"evt_1"', "42", '{"id": "evt_1"}', '{"id": 7, "type": "x"}', "\ufeff{}",
              '{"id": "evt_1", "type": "ping", "livemode": false,}', "<event/>", '{"id": "evt_1", "type": NaN}']


def padded(event: dict, size: int) -> Delivery:
    """The event, its object grown by a description until the body has exactly that size."""
    event["data"]["object"]["description"] = ""
    event["data"]["object"]["description"] = "x" * (size - len(delivery.render(event)))
    assert len(delivery.render(event)) == size
    return delivery.of(event)


def test_every_200_is_in_the_topic_byte_for_byte_and_every_4xx_is_not(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    told = stories("mixed", 300)
    bodies = [item.body for strand in told[-8:] for item in strand]
    bad = [delivery.forged(item.event) for item in told[0]]
    bad += [Unsigned(bodies[0]), Unsigned(bodies[1], header=""), Unsigned(bodies[2], header="t=1,v1=00"),
            SignedLongAgo(bodies[3]), Tampered(bodies[4])]
    large = padded(world("large").tell("customer.updated", world("large").make("customer")), BODY_BYTES_MAX + 1)
    unreadable = [delivery.unreadable(text) for text in UNREADABLE]
    # Each refused body is one of its own: the same bytes are elsewhere sent, and accepted, with a right signature.
    bad = [dataclasses.replace(item, body=item.body + b" " * n) for n, item in enumerate(bad, start=1)]

    send(receiver, history, *told, bad, [large], unreadable)
    system.wait_drained()

    assert Counter(attempt.status for attempt in history.attempts if not attempt.delivery.genuine) == {400: len(bad)}
    assert [attempt.status for attempt in history.attempts if attempt.delivery is large] == [413]
    assert not history.in_doubt()
    counted = receiver.metrics()
    assert counted.sum("keystrand_receiver_events_total", outcome="accepted") == len(history.accepted())
    assert counted.sum("keystrand_receiver_events_total", outcome="rejected") == len(bad) + 1
    assert counted.sum("keystrand_receiver_events_total", outcome="failed") == 0
    evidence = collect(system, history)
    assert len(evidence.dead_letters) == len(UNREADABLE)
    # Nothing was killed, so the worker's own count is whole: each record has one outcome.
    assert worker.metrics().sum("keystrand_worker_events_total") == len(evidence.records)
    checker.check(evidence)


def test_two_accounts_with_one_customer_id_are_two_keys(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    own, connected = world("own"), world("connected", account="acct_1Connected")
    ours = own.make("customer", id="cus_shared", name="Ours")
    theirs = connected.make("customer", id="cus_shared", name="Theirs")
    by_context = connected.make("customer", id="cus_shared", name="In a context")
    in_context = world("context").tell("customer.created", by_context) | {"context": "org_1/acct_1InContext"}

    send_events(receiver, history, own.tell("customer.created", ours), connected.tell("customer.created", theirs), in_context)
    system.wait_drained()

    evidence = collect(system, history)
    assert {record.key for record in evidence.records} == {
        "test/self/cus_shared", "test/acct_1Connected/cus_shared", "test/acct_1InContext/cus_shared"}
    assert {(row["scope"], row["data"]["name"]) for row in evidence.objects} == {
        ("test/self", "Ours"), ("test/acct_1Connected", "Theirs"), ("test/acct_1InContext", "In a context")}
    checker.check(evidence)


def test_body_of_a_million_brackets_is_queued_and_becomes_a_dead_letter(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    brackets = delivery.unreadable("[" * 1_000_000)
    send(receiver, history, [brackets])
    send_events(receiver, history, world("after").tell("customer.created", world("after").make("customer")))
    system.wait_drained()

    assert [attempt.status for attempt in history.attempts] == [200, 200]
    evidence = collect(system, history)
    [letter] = evidence.dead_letters
    assert (letter["stage"], letter["error_code"], bytes(letter["payload"])) == ("parse", "malformed", brackets.body)
    assert worker.running and receiver.running
    checker.check(evidence)


def test_nul_in_a_name_is_applied_as_replacement_character_and_kept_raw(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    nowhere = world("nul")
    event = nowhere.tell("customer.created", nowhere.make("customer", name="Bobby\0Tables", description="\\u0000 as text"))
    send_events(receiver, history, event)
    system.wait_drained()

    evidence = collect(system, history)
    [row] = evidence.objects
    assert row["data"]["name"] == "Bobby\ufffdTables"
    assert row["data"]["description"] == "\\u0000 as text"
    [record] = evidence.records
    assert record.value == delivery.render(event) and rb"Bobby\u0000Tables" in record.value
    checker.check(evidence)


def test_body_of_one_mebibyte_is_taken_and_one_byte_more_is_refused(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    nowhere = world("sizes")
    largest = padded(nowhere.tell("customer.created", nowhere.make("customer")), BODY_BYTES_MAX)
    too_large = padded(nowhere.tell("customer.created", nowhere.make("customer")), BODY_BYTES_MAX + 1)
    send(receiver, history, [largest, too_large])
    system.wait_drained()

    assert [attempt.status for attempt in history.attempts] == [200, 413]
    evidence = collect(system, history)
    assert [len(record.value) for record in evidence.records] == [BODY_BYTES_MAX]
    assert [row["status"] for row in evidence.inbox] == ["applied"]
    checker.check(evidence)


@pytest.mark.timeout(240)
def test_receiver_killed_twenty_times_loses_nothing_that_got_200(
        system: System, worker: Program, history: History) -> None:
    dice = random.Random("receiver kills")
    # Records that wait a little for company: at each kill some are in the program and not in Kafka.
    receiver = system.start_receiver(flags=["--kafka.linger.ms=50"]).wait_ready()
    strands = stories("receiver-kills", 3600)
    with background(receiver, history, strands, per_s=150) as sending:
        for _ in range(20):
            accepted = len(history.accepted())
            eventually(lambda: len(history.accepted()) > accepted, "a 200 after the restart")
            sending.last(dice.uniform(0.1, 0.6))
            receiver.kill()
            receiver.start()
        assert sending.sending, "the load ended before the kills"
    system.wait_drained()

    assert everything_accepted(history, strands)

    assert any(attempt.in_doubt for attempt in history.attempts), "no kill hit a request"
    checker.check(collect(system, history))


def test_receiver_stopped_under_load_loses_nothing_and_exits_0(
        system: System, worker: Program, history: History) -> None:
    receiver = system.start_receiver(KEYSTRAND_DRAIN_GRACE_MS="1500").wait_ready()
    with background(receiver, history, stories("receiver-stop", 2000), per_s=300) as sending:
        eventually(lambda: len(history.accepted()) > 200, "load")
        receiver.request_stop()
        eventually(lambda: not receiver.ready(), "not ready", timeout_s=1.4)
        accepted = len(history.accepted())
        eventually(lambda: len(history.accepted()) > accepted, "still serving, while load balancers take notice", timeout_s=1.4)
        assert receiver.wait_end() == 0
        sending.stop()
    system.wait_drained()

    checker.check(collect(system, history))


@pytest.mark.timeout(240)
def test_broker_away_means_503_and_its_return_means_200(
        system: System, receiver: Program, worker: Program, history: History,
        record_property: Callable[[str, object], None]) -> None:
    outage_s = 20
    strands = stories("broker-away", 800)
    with background(receiver, history, strands, per_s=60) as sending:
        eventually(lambda: len(history.accepted()) > 100, "load")
        system.stack.stop_broker()
        stopped = time.time()
        eventually(lambda: any(attempt.status == 503 for attempt in history.attempts), "503")
        eventually(lambda: not receiver.ready(), "receiver not ready")
        sending.last(outage_s - (time.time() - stopped))
        returning = time.time()
        system.stack.start_broker()
        returned = time.time()
        assert first_200_after(history, returned, record_property) < 3
        eventually(receiver.ready, "receiver ready again")
    system.wait_drained()

    assert everything_accepted(history, strands)

    outage = [attempt for attempt in history.attempts if stopped < attempt.began and 0 < attempt.ended < returning]
    assert outage and {attempt.status for attempt in outage} == {503}
    assert all(int(attempt.retry_after) > 0 for attempt in outage)
    assert max(attempt.seconds for attempt in outage) < 9
    assert receiver.running and worker.running
    checker.check(collect(system, history))
