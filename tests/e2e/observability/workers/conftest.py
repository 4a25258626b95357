"""One set of sightings for the session, a system for each test, and workers that are watched from their start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from keystrand_e2e.system import System
from observability.watch import Sightings, Watch
from operating.desk import Desk

QUICK = ["--kafka.statistics.interval.ms=100"]  # of librdkafka; ours is 5 s
OF_THE_RUN = ("topic", "version", "revision", "broker", "partition", "group", "event_type")
REFRESH_S = 25  # the gauges of the whole system are read every second here, by default every 15 s

Start = Callable[..., Watch]


@pytest.fixture(scope="session")
def sightings() -> Sightings:
    return Sightings(OF_THE_RUN)


class Workers:
    """Starts workers for one test and ends them."""

    def __init__(self, system: System, sightings: Sightings, test: str):
        self._system = system
        self._sightings = sightings
        self._test = test
        self._running: list[Watch] = []

    def __call__(self, name: str = "worker", flags: Sequence[str] = (), ready: bool = True, **settings: str) -> Watch:
        settings = {"KEYSTRAND_GAUGES_INTERVAL_MS": "1000", **settings}
        program = self._system.start_worker(name, [*QUICK, *flags], **settings)
        watched = Watch(program, self._sightings, self._test)
        self._running.append(watched)
        if ready:
            program.wait_ready()
        return watched

    def end(self) -> None:
        """What they show at last is kept, too."""
        for watched in self._running:
            if watched.program.running:
                watched.scrape()
                watched.program.stop()


@pytest.fixture
def start(system: System, sightings: Sightings, request: pytest.FixtureRequest) -> Iterator[Start]:
    workers = Workers(system, sightings, request.node.originalname)
    yield workers
    workers.end()



@pytest.fixture
def desk(system: System) -> Desk:
    """To put things into topic and tables by hand."""
    return Desk(system)
