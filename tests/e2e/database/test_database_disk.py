"""The database's disk is full: the tables lie on a file system of their own, in memory and small."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Iterator

import pytest

from database.conftest import (EXECUTORS, OBSERVER_RIGHTS, ROLE, applies, counted_attempts, ended_well, first_settled_after,
                               held_because, start_worker, traffic)
from keystrand_e2e.postgres_servers import SmallDisk, execute, small_disk
from keystrand_e2e.programs import Program
from keystrand_e2e.servers import observe
from keystrand_e2e.system import System
from traffic.sender import History

DISK_BYTES = 64 << 20
WATCHED_S = 3


@pytest.fixture
def cramped(system: System, tmp_path: pathlib.Path) -> Iterator[SmallDisk]:
    """The server of the test's system from here on."""
    with small_disk(tmp_path, DISK_BYTES) as server:
        system.stack.migrate(server.url())
        observe(server.url())
        execute(server.url(), ROLE, *OBSERVER_RIGHTS)
        server.query(f'CREATE DATABASE "{system.database}" TEMPLATE keystrand TABLESPACE small')
        system.server = server
        try:
            yield server
        finally:
            system.server = system.stack.database


def fill(disk: pathlib.Path) -> pathlib.Path:
    """Takes all the room that is left."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    return ballast


def test_full_disk_is_waited_out_while_answers_stay_200(
        system: System, cramped: SmallDisk, receiver: Program, history: History, tell: Callable[[str, object], None]) -> None:
    worker = start_worker(system).wait_ready()
    with traffic(receiver, history) as load:
        applies(system)
        ballast = fill(cramped.disk)
        held_because(worker, "53100")
        before = reconnects(worker)
        load.last(WATCHED_S)
        made = reconnects(worker) - before
        tell("reconnects_per_s", round(made / WATCHED_S, 1))
        # One a second and executor, and one at once after each of the jobs that only read, which a full disk does not stop.
        assert made <= 2 * EXECUTORS * WATCHED_S, "a storm of connections"
        ballast.unlink()
        resumed = first_settled_after(system, time.time())
        tell("first_commit_after_room_s", round(resumed, 2))
        load.flows()

    assert {attempt.status for attempt in history.attempts} == {200}
    assert resumed <= 5
    assert counted_attempts(worker) == []
    ended_well(system, history)
    worker.stop()


def reconnects(worker: Program) -> float:
    return worker.metrics().sum("keystrand_db_reconnects_total")
