"""One record for the session, one set of topics for the package, and receivers that are watched from their start."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

import pytest

from keystrand_e2e.system import System
from observability import marked
from observability.record import Record, Watched
from stack import Stack

QUICK = ["--kafka.statistics.interval.ms=100"]  # of librdkafka; ours is 5 s

Start = Callable[..., Watched]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What judges the whole record comes after all that fills it."""
    items.sort(key=lambda item: item.path.name == "test_whole_record.py")


@pytest.fixture(scope="session")
def record() -> Record:
    return Record()


@pytest.fixture(scope="session")
def stage(servers: Stack, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    servers.up()
    running = System(servers, f"observed{secrets.token_hex(3)}", tmp_path_factory.mktemp("observability"), "keystrand")
    yield running
    running.close()


class Receivers:
    """Starts receivers for one test, or one module of tests, and ends them."""

    def __init__(self, stage: System, record: Record, test: str):
        self._stage = stage
        self._record = record
        self._test = test
        self._running: list[Watched] = []

    def __call__(self, flags: Sequence[str] = (), ready: bool = True, log_kept: bool = True, **settings: str) -> Watched:
        """A receiver with secrets of ours. `log_kept` False: its log is the test's, not the record's."""
        name = f"{self._test}-{len(self._running)}"
        wanted = {"KEYSTRAND_SIGNING_SECRETS": f"{marked.SECRET},{marked.SECOND_SECRET}", **settings}
        program = self._stage.start_receiver(name, [*QUICK, *flags], **wanted)
        debug = log_kept and wanted.get("KEYSTRAND_LOG_LEVEL", "debug") == "debug"
        watched = Watched(program, self._record, self._test, debug)
        self._running.append(watched)
        if debug:
            self._record.logs.append(program.log)
        if ready:
            program.wait_ready()
        return watched

    def end(self) -> None:
        try:
            for watched in self._running:
                watched.ask_to_end()
            for watched in self._running:
                watched.wait_end()
        finally:
            for watched in self._running:
                watched.program.kill()


@pytest.fixture
def start(stage: System, record: Record, request: pytest.FixtureRequest) -> Iterator[Start]:
    receivers = Receivers(stage, record, request.node.originalname)
    yield receivers
    receivers.end()
