"""Workers that die, freeze, stop or find an older database: nothing lost, nothing twice, each customer in order."""

from __future__ import annotations

import random

import pytest

from keystrand_e2e import checker
from keystrand_e2e.evidence import collect
from keystrand_e2e.load import background, send, stories
from keystrand_e2e.programs import Program
from keystrand_e2e.system import PARTITIONS, System
from keystrand_e2e.waiting import eventually
from traffic.sender import History

SMALL_BATCHES = {"KEYSTRAND_BATCH_MAX": "5", "KEYSTRAND_EXECUTORS": "4"}  # more transactions for a kill to hit


def leases(system: System) -> dict[int, dict[str, object]]:
    return {row["partition"]: row for row in system.rows(
        "SELECT * FROM keystrand.partition_leases WHERE topic = %s", system.events)}


def owners(system: System) -> dict[int, str]:
    return {partition: row["owner"] for partition, row in leases(system).items()}


def settled_by(system: System, worker: str) -> int:
    return system.value("SELECT count(*) FROM observed.settlements WHERE worker = %s", worker)


def dawdle(system: System, seconds_per_event: float) -> None:
    """From now on each commit takes so long per event."""
    assert system.rows("UPDATE observed.slowness SET seconds_per_event = %s RETURNING 1", seconds_per_event)


@pytest.mark.timeout(300)
def test_worker_killed_twenty_times_loses_nothing_and_repeats_nothing(
        system: System, receiver: Program, history: History) -> None:
    dice = random.Random("worker kills")
    dawdle(system, 0.01)  # so that a kill finds work half done
    interrupted = 0
    with background(receiver, history, stories("worker-kills", 6000), per_s=60) as sending:
        for n in range(20):
            worker = system.start_worker(f"worker-{n}", **SMALL_BATCHES)
            eventually(lambda: settled_by(system, worker.name) > 0, f"worker-{n} at work")  # not what the last one left behind
            sending.last(dice.uniform(0, 0.15))
            worker.kill()
            interrupted += bool(system.backlog())
        assert sending.sending, "the load ended before the kills"
        sending.stop()
    dawdle(system, 0)
    system.start_worker("worker-last")
    system.wait_drained()

    evidence = collect(system, history)
    assert interrupted >= 10, "most kills found nothing to do"
    assert len({row["worker"] for row in evidence.settlements}) >= 20, "a worker was killed before it did anything"
    assert evidence.dead_letters == []
    checker.check(evidence)


@pytest.mark.timeout(240)
def test_frozen_worker_cannot_commit_after_the_takeover(system: System, receiver: Program, history: History) -> None:
    """The successor is slow on purpose: when the frozen one wakes up, much of what fills its lanes is not settled yet, and
    only the fence keeps it from settling it too. If it happens to hear from Kafka first that it was replaced, it drops
    its lanes and there is nothing to fence; so it is frozen until a commit came too late."""
    slow = {"KEYSTRAND_BATCH_MAX": "1", "KEYSTRAND_EXECUTORS": "8"}
    frozen = system.start_worker("frozen", **slow).wait_ready()
    system.start_worker("successor", **slow).wait_ready()
    dawdle(system, 0.2)
    send(receiver, history, *stories("frozen", 2000))

    fenced = 0.0
    for _ in range(10):
        eventually(lambda: set(owners(system).values()) == {"frozen", "successor"}, "the partitions shared")
        eventually(lambda: frozen.metrics().sum("keystrand_worker_events_buffered") > 50, "lanes full")
        frozen.freeze()
        eventually(lambda: set(owners(system).values()) == {"successor"}, "the takeover")
        assert system.backlog(), "the successor was too quick"
        frozen.thaw()
        eventually(lambda: "frozen" in owners(system).values(), "a worker among others again")
        fenced = frozen.metrics().sum("keystrand_worker_fenced_total")
        if fenced > 0:
            break
    assert fenced > 0, "no late commit was fenced"
    dawdle(system, 0)
    system.wait_drained()
    checker.check(collect(system, history))


@pytest.mark.timeout(240)
def test_older_database_rewinds_the_consumption(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    send(receiver, history, *stories("before-backup", 300))
    system.wait_drained()
    worker.stop()
    system.copy_database("backup")

    second = system.start_worker("after-backup").wait_ready()
    send(receiver, history, *stories("after-backup", 300))
    system.wait_drained()
    second.stop()
    uninterrupted = collect(system, history)
    checker.check(uninterrupted)

    system.restore_database("backup")
    assert system.backlog(), "the restored database is no older"
    third = system.start_worker("restored").wait_ready()
    system.wait_drained()

    restored = collect(system, history)
    checker.check(restored)
    assert _state(restored) == _state(uninterrupted)
    assert third.log_lines("worker.rewound"), "a rewind must be told"


def _state(evidence) -> tuple[list, list]:
    """What does not depend on when it was written."""
    return (sorted((row["scope"], row["event_id"], row["status"], row["source_partition"], row["source_offset"])
                   for row in evidence.inbox),
            sorted((row["scope"], row["object"], row["id"], row["event_id"]) for row in evidence.objects))


def test_offsets_reset_to_the_beginning_have_no_new_effect(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    send(receiver, history, *stories("consumed-twice", 400))
    system.wait_drained()
    worker.stop()
    system.rows("UPDATE keystrand.partition_leases SET next_offset = 0 RETURNING 1")
    again = system.start_worker("again").wait_ready()
    system.wait_drained()

    evidence = collect(system, history)
    eventually(lambda: again.metrics().sum("keystrand_worker_redelivered_total") == len(evidence.inbox),
               "each event's own record recognised")
    assert again.metrics().sum("keystrand_worker_events_total", outcome="applied") == 0
    assert {row["worker"] for row in evidence.settlements} == {"worker"}
    checker.check(evidence)


def test_stopped_worker_exits_0_and_releases_its_leases(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    with background(receiver, history, stories("worker-stop", 1500), per_s=200) as sending:
        eventually(lambda: system.settled() > 200, "load")
        worker.stop()
        assert sending.sending, "the load ended before the stop"
    released = leases(system)
    assert len(released) == PARTITIONS
    assert all(row["released_at"] is not None for row in released.values())

    successor = system.start_worker("successor")
    system.wait_drained()
    evidence = collect(system, history)
    assert successor.metrics().sum("keystrand_worker_redelivered_total") == 0, "a clean stop leaves nothing to repeat"
    checker.check(evidence)


def test_workers_that_come_and_go_share_the_work(system: System, receiver: Program, history: History) -> None:
    with background(receiver, history, stories("come-and-go", 2500), per_s=120) as sending:
        system.start_worker("first").wait_ready()
        for n in range(4):
            guest = system.start_worker(f"guest-{n}").wait_ready()
            eventually(lambda: settled_by(system, guest.name) > 0, f"{guest.name} at work")
            guest.stop()
        assert sending.sending, "the load ended before the guests"
        sending.stop()
    system.wait_drained()
    checker.check(collect(system, history))


def test_worker_with_another_ones_static_identity_ends_and_says_so(
        system: System, receiver: Program, history: History) -> None:
    """The one that came later has it; the one that is replaced must not go on, and a supervisor must see why."""
    first = system.start_worker("first", KEYSTRAND_GROUP_INSTANCE_ID="the-same").wait_ready()
    second = system.start_worker("second", KEYSTRAND_GROUP_INSTANCE_ID="the-same")
    assert first.wait_end() == 1
    assert "another worker has the same group-instance-id: give each its own" in first.log.read_text()
    second.wait_ready()
    send(receiver, history, *stories("static", 200))
    system.wait_drained()
    checker.check(collect(system, history))
