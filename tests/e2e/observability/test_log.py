"""The log's bounds: storms are folded, and a reader that hangs, goes away or has no room holds no delivery up."""

from __future__ import annotations

import json
import os
import pathlib
import time

import pytest

from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability import marked
from observability.conftest import Start
from observability.record import Watched
from observability.wire import connected, head

QUEUE_LINES = 8192
PIPE_LINES_MAX = 1000  # a pipe of 64 KiB takes fewer
PROMPT_S = 1.0
MANY = {"KEYSTRAND_REQUESTS_PER_CONNECTION_MAX": "1000000"}


def make_lines(receiver: Watched, count: int) -> None:
    """So many refused requests, each of which is a line."""
    batch = 250
    with connected(receiver.port) as wire:
        for _ in range(count // batch):
            wire.send(head("GET") * batch)
            assert {wire.answer().status for _ in range(batch)} == {405}


def assert_prompt(receiver: Watched) -> None:
    for _ in range(20):
        began = time.monotonic()
        assert receiver.deliver(marked.sample()) == 200
        assert time.monotonic() - began < PROMPT_S
    assert receiver.program.ready()


def log_of(stage: System, request: pytest.FixtureRequest) -> pathlib.Path:
    """Where the first receiver of the test will write its log."""
    return stage.folder / f"{request.node.originalname}-0.log"


@pytest.fixture
def pipe(stage: System, request: pytest.FixtureRequest) -> int:
    """The reading end of the pipe that the test's first receiver logs to; the test closes it."""
    os.mkfifo(log_of(stage, request))
    return os.open(log_of(stage, request), os.O_RDONLY | os.O_NONBLOCK)


def test_storm_is_folded_and_counted(start: Start) -> None:
    receiver = start(KEYSTRAND_LOG_LEVEL="info", **MANY)
    make_lines(receiver, 2000)
    assert receiver.wait_value("keystrand_log_messages_total", 2000, level="warn") == 2000
    eventually(lambda: stood_for(receiver) == 2000, "each line, written or counted")
    lines = receiver.lines("delivery.refused")
    assert len(lines) < 500 and any("suppressed" in line for line in lines)


def stood_for(receiver: Watched) -> int:
    """Lines that were written, and those that a summary counts."""
    return sum(line.get("suppressed", 1) for line in receiver.lines("delivery.refused"))


def test_change_of_state_is_written_at_once(start: Start) -> None:
    receiver = start(KEYSTRAND_LOG_LEVEL="info")
    eventually(lambda: receiver.lines("process.ready"), "the line, though nothing follows it", 5)


def test_hung_log_reader_holds_nothing_up(start: Start, pipe: int) -> None:
    receiver = start(log_kept=False, **MANY)
    make_lines(receiver, QUEUE_LINES + PIPE_LINES_MAX)
    assert_prompt(receiver)
    receiver.wait_value("keystrand_log_dropped_total", 1)

    receiver.ask_to_end()
    lines = [json.loads(line) for line in read_to_end(pipe).splitlines()]
    assert len(lines) >= QUEUE_LINES and lines[-1]["action"] == "process.stopped"


def test_hung_log_reader_does_not_keep_the_process(start: Start, pipe: int) -> None:
    receiver = start(log_kept=False, **MANY)
    make_lines(receiver, PIPE_LINES_MAX)
    receiver.ask_to_end()
    assert receiver.program.wait_end(10) == 0
    os.close(pipe)


def test_log_reader_that_is_gone_holds_nothing_up(start: Start, pipe: int) -> None:
    receiver = start(log_kept=False)
    os.close(pipe)
    assert_prompt(receiver)
    receiver.wait_value("keystrand_log_dropped_total", 20)


def test_full_disk_under_the_log_holds_nothing_up(
        start: Start, stage: System, request: pytest.FixtureRequest) -> None:
    log_of(stage, request).symlink_to("/dev/full")
    receiver = start(log_kept=False)
    assert_prompt(receiver)
    receiver.wait_value("keystrand_log_dropped_total", 20)


def read_to_end(pipe: int) -> bytes:
    os.set_blocking(pipe, True)
    with open(pipe, "rb") as rest:
        return rest.read()
