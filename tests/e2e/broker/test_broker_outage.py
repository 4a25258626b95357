"""The broker is away at the start, or hangs. Away for 20 s under load: test_intake.py; out of disk: test_broker_disk.py."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from keystrand_e2e.outage import Traffic, between, check_answers, first_200_after, statuses, unready_because
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from stack import Stack
from traffic.sender import History

Tell = Callable[[str, object], None]


@contextlib.contextmanager
def hung(stack: Stack) -> Iterator[None]:
    stack.pause_broker()
    try:
        yield
    finally:
        stack.resume_broker()


def test_broker_down_at_start_means_live_and_503_at_once_until_it_is_up(
        system: System, history: History, tell: Tell) -> None:
    system.stack.stop_broker()
    receiver = system.start_receiver()
    eventually(lambda: receiver.get("/livez")[0] == 200, "live")
    with Traffic(receiver, history) as traffic:
        traffic.fails(100)
        assert not receiver.ready()
        unready_because(receiver, "topic", "could not be checked yet")
        system.stack.start_broker()
        up = time.time()
        assert first_200_after(history, up, tell) < 3
        receiver.wait_ready()
        traffic.flows()

    away = between(history, 0, up)
    assert statuses(away)[503] >= 100
    assert max(attempt.seconds for attempt in away if not attempt.accepted) < 1
    check_answers(system, history)


def test_hung_broker_means_503_within_the_deadline(
        system: System, receiver: Program, history: History, tell: Tell) -> None:
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        with hung(system.stack):
            began = time.time()
            traffic.fails(300)
            eventually(lambda: not receiver.ready(), "not ready")
            stalled = time.time()
        assert first_200_after(history, time.time(), tell) < 3
        receiver.wait_ready()
        traffic.flows()

    during = between(history, began + 0.1, stalled)
    assert set(statuses(during)) == {503}
    # The deadline of 5 s, and a tenth of the shortest timeout: 0.25 s.
    assert max(attempt.seconds for attempt in during) < 6
    # Once a record has waited that long, all but a probe a second are refused at once.
    assert sum(attempt.seconds < 0.5 for attempt in during) > len(during) / 2
    check_answers(system, history)
