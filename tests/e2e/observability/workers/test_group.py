"""What a group does to a worker, and what another owner of its partitions leaves it, in its metrics."""

from __future__ import annotations

import pytest

from keystrand_e2e.load import send, stories
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability.workers.conftest import Start
from operating.desk import Desk
from test_takeover import owners
from traffic.sender import History


@pytest.mark.timeout(120)
def test_partitions_come_and_go(system: System, start: Start) -> None:
    first = start("first")
    assert first.wait_value("keystrand_rebalances_total", 1, kind="assigned") >= 1
    second = start("second")
    first.wait_value("keystrand_rebalances_total", 1, kind="revoked")
    second.wait_value("keystrand_kafka_consumer_assigned_partitions", 1)
    first.program.freeze()
    try:
        eventually(lambda: set(owners(system).values()) == {"second"}, "the other owns all", 30)
    finally:
        first.program.thaw()
    first.wait_value("keystrand_rebalances_total", 1, kind="lost")


def test_fenced(system: System, desk: Desk, receiver: Program, start: Start, history: History) -> None:
    worker = start()
    send(receiver, history, *stories("fenced", 20))
    system.wait_drained()
    desk.execute("UPDATE keystrand.partition_leases SET epoch = epoch + 1, owner = 'another'")
    send(receiver, history, *stories("fenced too", 20))
    worker.wait_value("keystrand_worker_fenced_total", 1)
    system.wait_drained()


def test_redelivered(system: System, desk: Desk, receiver: Program, start: Start, history: History) -> None:
    """As after the restore of a backup that has the rows and an older position."""
    first = start("first")
    send(receiver, history, *stories("redelivered", 20, duplicates=0))
    system.wait_drained()
    system.wait_committed()
    first.program.stop()
    desk.execute("UPDATE keystrand.partition_leases SET next_offset = 0")
    second = start("second")
    assert second.wait_value("keystrand_worker_redelivered_total", 20) >= 20
