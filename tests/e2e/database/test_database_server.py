"""The server is killed, hangs, takes no writes, or is another one than before. Away for 20 s under load: test_processing.py;
out of disk: test_database_disk.py."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psycopg

from database.conftest import (SMALL_BATCHES, accepting_since, applies, counted_attempts, ended_well, first_settled_after,
                               held_because, start_worker, traffic)
from keystrand_e2e import checker
from keystrand_e2e.evidence import Evidence, collect
from keystrand_e2e.postgres_servers import execute, standby_of
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from postgres import BINARIES
from stack import Stack
from traffic.sender import History

Tell = Callable[[str, object], None]

KILLS = 6
RESUME_S = 2.0
BLOCKED_MAX_S = 15


def stop_immediately(stack: Stack) -> None:
    """As `pg_ctl stop -m immediate`: every session ends at once, and the start recovers."""
    stack.database.signal(signal.SIGQUIT)
    eventually(lambda: not stack.database.running, "stopped")
    stack.stop_database()


def test_server_killed_or_stopped_at_once_again_and_again_costs_nothing(
        system: System, receiver: Program, history: History, tell: Tell) -> None:
    worker = start_worker(system, **SMALL_BATCHES).wait_ready()
    resumed = []
    with traffic(receiver, history) as load:
        for n in range(KILLS):
            applies(system)
            (system.stack.kill_database if n % 2 else lambda: stop_immediately(system.stack))()
            system.stack.start_database()
            resumed.append(round(first_settled_after(system, accepting_since(system.server)), 2))
        load.flows()
    tell("first_commit_after_accepting_s", resumed)

    assert max(resumed) <= RESUME_S
    assert counted_attempts(worker) == [], "an outage was counted as an attempt"
    ended_well(system, history)


@contextlib.contextmanager
def hung(stack: Stack) -> Iterator[None]:
    stack.pause_database()
    try:
        yield
    finally:
        stack.resume_database()


def test_server_that_hangs_holds_no_executor(
        system: System, receiver: Program, worker: Program, history: History, tell: Tell) -> None:
    with traffic(receiver, history):
        applies(system)
        with hung(system.stack):
            began = time.time()
            eventually(lambda: worker.metrics().sum("keystrand_worker_events_in_flight") > 0, "work caught by it")
            eventually(lambda: worker.metrics().sum("keystrand_worker_events_in_flight") == 0, "all of it given back",
                       BLOCKED_MAX_S)
            tell("executors_free_after_s", round(time.time() - began, 1))
            assert time.time() - began < BLOCKED_MAX_S
            eventually(lambda: not worker.ready(), "not ready")
            assert worker.get("/livez")[0] == 200
        resumed = first_settled_after(system, time.time())
        tell("first_commit_after_thaw_s", round(resumed, 2))
        applies(system)

    assert resumed <= RESUME_S
    assert counted_attempts(worker) == [], "an outage was counted as an attempt"
    ended_well(system, history)


def test_server_that_stood_still_for_a_while_costs_no_attempt(
        system: System, receiver: Program, history: History, tell: Tell) -> None:
    """Longer than a statement may take, and well again before anyone gives it up: a statement is over its limit then, and
    a look at the server finds nothing wrong."""
    worker = start_worker(system, **SMALL_BATCHES).wait_ready()
    caught = 0
    with traffic(receiver, history) as load:
        for stall_s in (4.7, 5.5, 6.5):
            applies(system)
            with hung(system.stack):
                began = time.monotonic()
                eventually(lambda: worker.metrics().sum("keystrand_worker_events_in_flight") > 0, "work caught by it")
                caught += 1
                time.sleep(max(0.0, began + stall_s - time.monotonic()))  # the stall is the fault, not a wait
        load.flows()
    tell("stalls_that_caught_work", caught)

    assert counted_attempts(worker) == [], "an outage was counted as an attempt"
    ended_well(system, history)


def test_database_that_takes_no_writes_is_waited_out(
        system: System, receiver: Program, worker: Program, history: History, tell: Tell) -> None:
    with traffic(receiver, history):
        applies(system)
        execute(system.url(), "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        try:
            held_because(worker, "25006")
            held_because(worker, "read-only")  # nor is a new connection taken
            stood = system.settled()
        finally:
            execute(system.url(), "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
        resumed = first_settled_after(system, time.time())
        tell("first_commit_after_writable_s", round(resumed, 2))
        assert system.settled() > stood

    assert resumed <= 5
    assert counted_attempts(worker) == []
    ended_well(system, history)


def test_failover_to_a_standby_that_lags_applies_anew_what_it_lacks(
        system: System, receiver: Program, history: History, tell: Tell) -> None:
    with standby_of(system.server) as standby:
        worker = start_worker(system, ports=[system.server.port, standby.port], **SMALL_BATCHES).wait_ready()
        with traffic(receiver, history):
            applies(system)
            standby.stop_following()
            applies(system, 200)
            acknowledged = system.settled()
            system.stack.kill_database()
            system.server = standby
            try:
                known = system.settled()
                asked = time.time()
                standby.promote()
                resumed = first_settled_after(system, asked)
                tell("first_commit_after_promotion_s", round(resumed, 2))
                eventually(lambda: system.settled() > acknowledged, "more than before the failover")
            except BaseException:
                system.server = system.stack.database
                raise
        tell("events_lost_by_the_standby", acknowledged - known)
        assert acknowledged - known >= 200
        assert resumed <= 5
        assert worker.log_lines("worker.rewound"), "a rewind must be told"
        assert counted_attempts(worker) == []
        ended_well(system, history)
        worker.stop()
        system.server = system.stack.database
    system.stack.start_database()


def test_backup_restored_under_a_running_worker_rewinds_the_consumption(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    with traffic(receiver, history) as load:
        applies(system)
        backup = system.folder / "backup"
        run_client(system, "pg_dump", "--format=custom", "--file", str(backup), system.database)
        applies(system, 200)
        load.flows()
    system.wait_drained()
    uninterrupted = collect(system, history)
    checker.check(uninterrupted)

    fresh = f"{system.database}_restored"
    system.stack.database.query(f'CREATE DATABASE "{fresh}" TEMPLATE template0')
    run_client(system, "pg_restore", "--exit-on-error", "--dbname", fresh, str(backup))
    replace_database(system, fresh)
    assert system.settled() < len(uninterrupted.inbox), "the backup is no older"

    restored = ended_well(system, history)
    assert state_of(restored) == state_of(uninterrupted)
    assert worker.running
    assert worker.log_lines("worker.rewound"), "a rewind must be told"


def run_client(system: System, program: str, *arguments: str) -> None:
    subprocess.run([str(BINARIES / program), "-h", "127.0.0.1", "-p", str(system.server.port), "-U", "keystrand", *arguments],
                   env={**os.environ, "PGPASSWORD": system.server._password}, check=True, capture_output=True, timeout=60)


def replace_database(system: System, fresh: str) -> None:
    """While everybody who asks is turned away."""
    old = f"{system.database}_old"
    system._databases.append(old)
    with psycopg.connect(system.server.url(), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{system.database}" WITH ALLOW_CONNECTIONS false')
        eventually(lambda: not connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (system.database,)).fetchall(),
            "nobody connected")
        connection.execute(f'ALTER DATABASE "{system.database}" RENAME TO "{old}"')
        connection.execute(f'ALTER DATABASE "{fresh}" RENAME TO "{system.database}"')


def state_of(evidence: Evidence) -> tuple[list, list]:
    """What does not depend on when it was written."""
    return (sorted((row["scope"], row["event_id"], row["status"], row["source_partition"], row["source_offset"])
                   for row in evidence.inbox),
            sorted((row["scope"], row["object"], row["id"], row["event_id"]) for row in evidence.objects))
