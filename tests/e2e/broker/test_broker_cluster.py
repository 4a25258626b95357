"""Three brokers: a leader dies, one hangs, too few are left. They have the two-second sessions of the local stack."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.admin import AdminClient

from broker.test_broker_topics import CHECK_INTERVAL_MS, alter
from keystrand_e2e.outage import (Traffic, between, check_answers, check_order, first_200_after, first_tries, statuses,
                                  unready_because)
from keystrand_e2e.programs import Program
from keystrand_e2e.servers import observed_stack
from keystrand_e2e.system import PARTITIONS, System
from keystrand_e2e.waiting import eventually
from stack import Stack
from traffic import semantics
from traffic.sender import Attempt, History

Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with observed_stack(request.session, brokers=3) as stack:
        yield stack


@pytest.fixture(autouse=True)
def whole(servers: Stack) -> Iterator[None]:
    """Each test begins and ends with three brokers that lack nothing."""
    servers.wait_in_sync()
    yield
    for n in range(3):
        servers.resume_broker(n)
    for n in range(3):
        servers.start_broker(n)


def leaders(admin: AdminClient, system: System) -> dict[int, int]:
    """Per partition, the index of the broker that leads it."""
    found = admin.list_topics(system.events, timeout=5).topics[system.events].partitions
    return {number: partition.leader - 1 for number, partition in found.items()}


def stalls(history: History, begin: float, end: float) -> float:
    """The longest time, in s, in which no delivery got its 200."""
    moments = [begin, *sorted(each.ended for each in history.accepted() if begin < each.ended < end), end]
    return max(later - earlier for earlier, later in zip(moments, moments[1:]))


def test_leader_killed_costs_a_stall_and_nothing_else(
        system: System, receiver: Program, admin: AdminClient, history: History, tell: Tell) -> None:
    with Traffic(receiver, history, per_s=150) as traffic:
        traffic.flows(100)
        victim = Counter(leaders(admin, system).values()).most_common(1)[0][0]
        began = time.time()
        system.stack.kill_broker(victim)
        traffic.last(8)
        ended = time.time()
        system.stack.start_broker(victim)
        system.stack.wait_in_sync()
        traffic.flows(100)

    tries = first_tries(history)
    stall = stalls(history, began, ended)
    tell("stall_s", round(stall, 2))
    print(f"longest stall {stall:.1f} s; first tries {dict(statuses(tries))}, "
          f"slowest 200 {max(each.seconds for each in history.accepted()):.1f} s")
    assert statuses(tries)[200] >= 0.99 * len(tries)
    assert stall < 5
    check_order(traffic.strands, check_answers(system, history))


def led_by(attempts: list[Attempt], partitions: set[int]) -> list[Attempt]:
    return [attempt for attempt in attempts
            if semantics.partition_of(semantics.record_key_of(attempt.delivery.body), PARTITIONS) in partitions]


def test_hung_broker_stalls_its_own_partitions_only(
        system: System, receiver: Program, admin: AdminClient, history: History, tell: Tell) -> None:
    fencing_s = 8  # a controller is elected if that hangs too, its session ends, the others stop waiting for its copies
    with Traffic(receiver, history, per_s=100, connections=256) as traffic:
        traffic.flows(100)
        before = leaders(admin, system)
        victim = Counter(before.values()).most_common(1)[0][0]
        began = time.time()
        system.stack.pause_broker(victim)
        traffic.last(15)
        ended = time.time()
        system.stack.resume_broker(victim)
        first_200_after(history, time.time(), tell)
        traffic.flows(100)
        receiver.wait_ready()

    hung = {partition for partition, leader in before.items() if leader == victim}
    others = led_by(between(history, began + fencing_s, ended), set(range(PARTITIONS)) - hung)
    theirs = led_by(between(history, began, ended), hung)
    print(f"partitions of the hung broker: {dict(statuses(theirs))}; of the others, {fencing_s} s later: "
          f"{dict(statuses(others))}, slowest {max(each.seconds for each in others):.1f} s")
    assert len(others) > 100 and set(statuses(others)) == {200}
    check_order(traffic.strands, check_answers(system, history))


def test_too_few_copies_in_sync_mean_503_until_there_are_enough(
        system: System, receiver: Program, admin: AdminClient, history: History, tell: Tell) -> None:
    alter(admin, system.events, min_insync_replicas="3")  # so that one broker lost is one too many
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        system.stack.kill_broker(2)
        traffic.fails(50)
        eventually(lambda: not receiver.ready(), "not ready")
        began = time.time()
        traffic.last(2)
        ended = time.time()
        system.stack.start_broker(2)
        system.stack.wait_in_sync()
        first_200_after(history, time.time(), tell)
        receiver.wait_ready()
        traffic.flows()

    assert set(statuses(between(history, began, ended))) == {503}
    check_answers(system, history)


def test_two_of_three_brokers_down_mean_503_until_one_is_back(
        system: System, receiver: Program, history: History, tell: Tell) -> None:
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        system.stack.kill_broker(1)
        system.stack.kill_broker(2)
        down = time.time()
        traffic.fails(100)
        eventually(lambda: not receiver.ready(), "not ready")
        began = time.time()
        traffic.last(2)
        ended = time.time()
        system.stack.start_broker(1)
        assert first_200_after(history, time.time(), tell) < 5
        receiver.wait_ready()
        traffic.flows()

    print(f"503 from {began - down:.1f} s on")
    assert set(statuses(between(history, began, ended))) == {503}
    check_answers(system, history)


@pytest.mark.parametrize(("setting", "value", "safe", "detail"), [
    ("min_insync_replicas", "1", "2", "has min.insync.replicas 1: set it to 2"),
    ("unclean_leader_election_enable", "true", "false", "allows unclean leader elections"),
])
def test_topic_that_may_lose_records_is_refused(
        system: System, admin: AdminClient, history: History, tell: Tell, setting: str, value: str, safe: str,
        detail: str) -> None:
    receiver = system.start_receiver(KEYSTRAND_TOPIC_CHECK_INTERVAL_MS=str(CHECK_INTERVAL_MS)).wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        alter(admin, system.events, **{setting: value})
        unready_because(receiver, "topic", detail)
        traffic.fails(50)
        alter(admin, system.events, **{setting: safe})
        first_200_after(history, time.time(), tell)
        receiver.wait_ready()
        traffic.flows()
    check_answers(system, history)
