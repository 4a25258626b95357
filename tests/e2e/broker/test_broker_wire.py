"""The network between receiver and broker is slow, cut, or loses answers: a fault proxy stands in between."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest

from broker.conftest import Ways, brokers
from keystrand_e2e import checker
from keystrand_e2e.evidence import collect
from keystrand_e2e.fault_proxy import FaultProxy
from keystrand_e2e.load import stories, world
from keystrand_e2e.outage import Traffic, between, check_answers, check_order, first_200_after, since, statuses
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic import delivery
from traffic.sender import History

Tell = Callable[[str, object], None]

OUT_OF_ORDER_SEQUENCE_NUMBER = 45  # what an idempotent producer cannot go on after
QUEUE_BYTES_MAX = 1 << 20


@pytest.fixture
def receiver(system: System, proxy: FaultProxy, ways: Ways) -> Program:
    """On the far side of the proxy."""
    return system.start_receiver(KEYSTRAND_KAFKA_BROKERS=brokers(ways.proxy),
                                 KEYSTRAND_QUEUE_BYTES_MAX=str(QUEUE_BYTES_MAX)).wait_ready()


def padded(seed: str, count: int, size: int) -> list[list[delivery.Delivery]]:
    """So many customers with one event each, whose bodies have about that size."""
    nowhere = world(seed)
    return [[delivery.of(nowhere.tell("customer.created", nowhere.make("customer", description="x" * size)))]
            for _ in range(count)]


def test_slow_broker_pushes_back_and_loses_nothing(
        system: System, receiver: Program, proxy: FaultProxy, history: History, tell: Tell) -> None:
    proxy.latency_s, proxy.jitter_s, proxy.bytes_per_s = 0.5, 0.3, 64_000
    # 200 kB/s over a line of 64: what does not fit is refused, not piled up.
    with Traffic(receiver, history, per_s=40, strands=padded("slow", 2000, 5_000)) as traffic:
        traffic.fails(50)
        traffic.last(5)
        slow_until = time.time()
        proxy.heal()
        assert first_200_after(history, slow_until, tell) < 3
        receiver.wait_ready()
        traffic.flows(100)

    slow = between(history, 0, slow_until)
    assert statuses(slow)[200] > 20, "the line was closed, not slow"
    told_at_once = sum(attempt.seconds < 0.5 for attempt in slow if attempt.status == 503)
    assert told_at_once > statuses(slow)[503] / 2, "what does not fit waited for its deadline"
    check_answers(system, history)


def test_bytes_that_wait_for_a_silent_broker_stay_within_the_bound(
        system: System, receiver: Program, proxy: FaultProxy, history: History, tell: Tell) -> None:
    with Traffic(receiver, history, per_s=200, strands=padded("silent", 2000, 20_000)) as traffic:
        traffic.flows()
        proxy.hold_answers()
        held = time.time()
        traffic.fails(100)
        released = time.time()
        proxy.heal()
        first_200_after(history, released, tell)
        traffic.flows()

    # What was appended meanwhile is what waited, unacknowledged, in the receiver: its answers came only later.
    waited = [record for record in check_answers(system, history)
              if held < record.contract["timestamp"] / 1000 < released]
    assert QUEUE_BYTES_MAX / 2 < sum(len(record.key) + len(record.value) for record in waited) <= QUEUE_BYTES_MAX
    assert receiver.metrics().sum("keystrand_receiver_events_total", outcome="failed", reason="queue_full") > 0


def test_answer_lost_after_the_append_means_503_and_the_resend_makes_one_row(
        system: System, receiver: Program, worker: Program, proxy: FaultProxy, history: History, tell: Tell) -> None:
    told = stories("answers lost", 60, duplicates=0)
    bodies = [item for strand in told for item in strand]
    proxy.hold_answers()
    with Traffic(receiver, history, strands=[[item] for item in bodies], per_s=300,
                 connections=len(bodies), outlast=False) as traffic:
        eventually(lambda: sum(attempt.status == 503 for attempt in history.attempts) >= len(bodies), "all answered 503")
        assert proxy.cut() > 0  # and with the connections go the answers
        cut = time.time()
        proxy.heal()
        first_200_after(history, cut, tell)
        traffic.finish()
    system.wait_drained()

    evidence = collect(system, history)
    records = Counter(record.value for record in check_answers(system, history))
    assert all(records[item.body] >= 2 for item in bodies), "the first append or the resend is missing"
    assert len(evidence.inbox) == len({item.event["id"] for item in bodies})
    checker.check(evidence)


def test_connection_cut_every_second_loses_nothing_and_keeps_order(
        system: System, receiver: Program, proxy: FaultProxy, history: History, tell: Tell) -> None:
    flapping_s = 20
    cuts = 0
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        began = time.time()
        while since(began) < flapping_s:
            traffic.last(1)
            cuts += proxy.cut()
        first_200_after(history, time.time(), tell)
        receiver.wait_ready()
        traffic.flows()

    assert cuts >= flapping_s / 2, "too few connections to cut"
    during = statuses(between(history, began, began + flapping_s))
    print(f"{cuts} connections cut, answers meanwhile {dict(during)}")
    assert during[200] > during[503], "reconnecting takes longer than a second"
    check_order(traffic.strands, check_answers(system, history))


def test_fatal_client_error_rebuilds_the_producer(
        system: System, receiver: Program, proxy: FaultProxy, history: History, tell: Tell) -> None:
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        proxy.produce_error = OUT_OF_ORDER_SEQUENCE_NUMBER
        eventually(lambda: receiver.log_lines("kafka.fatal"), "a fatal error")
        fatal = time.time()
        proxy.heal()
        assert first_200_after(history, fatal, tell) < 5
        receiver.wait_ready()
        traffic.flows()

    assert proxy.errors_put > 0
    assert receiver.metrics().sum("keystrand_kafka_client_errors_total", client="producer", code="_FATAL") >= 1
    produced = receiver.metrics()
    assert produced.sum("keystrand_produce_total") > produced.sum("keystrand_produce_total", result="ok")
    check_answers(system, history)
