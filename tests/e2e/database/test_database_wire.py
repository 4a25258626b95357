"""The network between worker and PostgreSQL is slow, or breaks exactly at a commit: a proxy that understands the protocol
stands in between."""

from __future__ import annotations

import time
from collections.abc import Callable

from database.conftest import applies, counted_attempts, ended_well, held_because, start_worker, traffic
from keystrand_e2e.load import fresh_stories, send, stories
from keystrand_e2e.postgres_proxy import PostgresProxy, Side
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic.sender import History

Tell = Callable[[str, object], None]

CUTS = 300
BACKLOG = 3000  # events; its batches have enough new rows for a COPY
LEFT_IN_COPY = 4
HELD_MIN = 3  # a connection that is given up does not come back: its start takes too long, too
# Leases, which epochs hold, what the inbox knows and the rows together; changed rows; new rows and the inbox, two each
# where they are copied; commit.
ROUND_TRIPS_MAX = 7


def test_connection_broken_at_the_commit_on_either_side_loses_and_repeats_nothing(
        system: System, receiver: Program, proxy: PostgresProxy, history: History, tell: Tell) -> None:
    worker = start_worker(system, ports=[proxy.port], KEYSTRAND_BATCH_MAX="1").wait_ready()
    for side in Side:
        proxy.cut_commits(side, CUTS // 2)
    strands = stories("cut commits", 800, duplicates=0)
    began = time.time()
    send(receiver, history, *strands)
    eventually(lambda: proxy.cuts.total() >= CUTS, f"{CUTS} commits broken", 60)
    proxy.heal()
    system.wait_drained()
    tell("cuts", {side.value: count for side, count in proxy.cuts.items()})
    tell("drained_after_s", round(time.time() - began, 1))

    assert proxy.cuts == {side: CUTS // 2 for side in Side}
    metrics = worker.metrics()
    assert metrics.sum("keystrand_worker_commits_in_doubt_total") == proxy.cuts.total()
    evidence = ended_well(system, history)
    # What had landed is our own work, found again: neither a duplicate nor a redelivery.
    assert metrics.sum("keystrand_worker_redelivered_total") == 0
    assert metrics.sum("keystrand_worker_events_total", outcome="duplicate") == 0
    settled = sum(metrics.sum("keystrand_worker_events_total", outcome=name) for name in ("applied", "stale", "ignored"))
    assert settled == len(evidence.inbox)
    assert counted_attempts(worker) == []


def test_slow_line_slows_the_work_and_costs_nothing_else(
        system: System, receiver: Program, proxy: PostgresProxy, behind_proxy: Program, history: History, tell: Tell) -> None:
    with traffic(receiver, history) as load:
        applies(system)
        proxy.latency_s, proxy.jitter_s = 0.2, 0.05
        began = time.time()
        applies(system, 200)
        tell("slow_events_per_s", round(200 / (time.time() - began)))
        proxy.heal()
        load.flows()

    assert counted_attempts(behind_proxy) == []
    assert behind_proxy.metrics().sum("keystrand_worker_commits_in_doubt_total") == 0
    ended_well(system, history)


def test_line_too_slow_for_any_work_is_an_outage_and_no_events_fault(
        system: System, receiver: Program, proxy: PostgresProxy, behind_proxy: Program, history: History) -> None:
    with traffic(receiver, history):
        applies(system)
        proxy.latency_s = 0.9  # a transaction is over its time, and a trivial statement takes almost two seconds
        held_because(behind_proxy, "over its time limit", "_insert: no answer in time", times=HELD_MIN)  # by their rows
        assert counted_attempts(behind_proxy) == []
        proxy.heal()
        applies(system)
    ended_well(system, history)


def test_connections_cut_again_and_again_lose_nothing(
        system: System, receiver: Program, proxy: PostgresProxy, behind_proxy: Program, history: History, tell: Tell) -> None:
    cuts = 0
    with traffic(receiver, history) as load:
        for _ in range(8):
            applies(system, 10)
            cuts += proxy.cut()
            load.last(0.3)
    tell("connections_cut", cuts)

    assert cuts >= 32, "too few connections to cut"
    assert counted_attempts(behind_proxy) == []
    ended_well(system, history)


def test_transactions_left_in_the_middle_of_a_copy_are_ended_by_their_worker(
        system: System, receiver: Program, proxy: PostgresProxy, history: History) -> None:
    """Nobody else would: the server waits for the rows without a timeout, with the locks that the next attempt needs."""
    send(receiver, history, *stories("left in a copy", BACKLOG))
    proxy.leave_in_copy(LEFT_IN_COPY)
    worker = start_worker(system, ports=[proxy.port])
    eventually(lambda: proxy.left_in_copy == LEFT_IN_COPY, "connections left in a copy")
    held_because(worker, "no answer in time")
    system.wait_drained()

    assert counted_attempts(worker) == []
    assert left_in_copy(system) == 0
    ended_well(system, history)


def test_transactions_that_a_dead_worker_left_in_the_middle_of_a_copy_are_ended_by_its_successor(
        system: System, receiver: Program, proxy: PostgresProxy, history: History, tell: Tell) -> None:
    send(receiver, history, *stories("left in a copy by the dead", BACKLOG))
    proxy.leave_in_copy(LEFT_IN_COPY)
    worker = start_worker(system, ports=[proxy.port])
    eventually(lambda: proxy.left_in_copy == LEFT_IN_COPY, "connections left in a copy")
    worker.kill()
    began = time.time()
    start_worker(system, "successor").wait_ready()
    system.wait_drained()
    tell("drained_after_s", round(time.time() - began, 1))

    assert left_in_copy(system) == 0
    ended_well(system, history)


def left_in_copy(system: System) -> int:
    return system.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE %s",
        "COPY%")


def test_transaction_of_the_usual_path_costs_no_extra_round_trip(
        system: System, receiver: Program, proxy: PostgresProxy, behind_proxy: Program, history: History, tell: Tell) -> None:
    for events in [1200] + 12 * [30]:  # each is a transaction at least; the worker has learned to guess by the second
        send(receiver, history, *fresh_stories(f"round trips {len(proxy.round_trips)}", events))
        system.wait_drained()

    tell("round_trips_of_a_transaction", sorted(set(proxy.round_trips)))
    assert len(proxy.round_trips) > 10
    assert {1, 2} <= set(proxy.round_trips), "one that writes and commits; one that asks before it"
    assert max(proxy.round_trips) <= ROUND_TRIPS_MAX
    ended_well(system, history)
