"""The programs under measurement: what scenarios ask of them, and the product's own. A peer joins by a class in
peer_receivers.py or peer_workers.py and in line_up.py: scenarios know no names.

All of one kind are run in turns on the same stack (A B A B): the first on a cold broker loses.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from runner.stage import SECRET, Program, Stage, answers_ready, free_ports, query, running, scrape

READY_DEADLINE_S = 30


@dataclasses.dataclass
class Backlog:
    """A filled topic, and what a correct consumer makes of it (the report of bench_prefill)."""

    names: dict[str, str]  # settings that name the topics
    records: int
    events: int
    duplicates: int
    objects: int

    @property
    def topic(self) -> str:
        return self.names["KEYSTRAND_EVENTS_TOPIC"]


@dataclasses.dataclass
class RunningReceiver:
    program: Program
    port: int
    path: str


@dataclasses.dataclass
class RunningWorker:
    program: Program
    database_url: str
    settled: Callable[[], int]  # records so far; costs the program a little


@dataclasses.dataclass
class RunningKeystrand(RunningWorker):
    outcomes: Callable[[], dict[str, int]]  # records settled so far, by outcome


class Receiver(Protocol):
    name: str
    keeps_records: bool  # False: a limit, which neither checks signatures nor writes to the topic
    rate_max: int  # requests a second that no run of it reaches: so many are signed beforehand

    def run(self, stage: Stage, names: dict[str, str]) -> contextlib.AbstractContextManager[RunningReceiver]:
        """Started and ready; it writes to names["KEYSTRAND_EVENTS_TOPIC"]."""


class Worker(Protocol):
    """`run` starts it on an empty database with a consumer group of its own; it takes the topic from the beginning."""

    name: str

    def run(self, stage: Stage, names: dict[str, str]) -> contextlib.AbstractContextManager[RunningWorker]: ...

    def problems(self, worker: RunningWorker, backlog: Backlog) -> list[str]:
        """What is wrong in the tables after the backlog; a drain with wrong tables is no result."""


@contextlib.contextmanager
def receiving(program: Program, port: int, path: str, ready: Callable[[], bool]) -> Iterator[RunningReceiver]:
    """The program, once it is ready; it ends with the block."""
    with running(program):
        program.wait_until(ready, READY_DEADLINE_S, "ready")
        yield RunningReceiver(program, port, path)


class KeystrandReceiver:
    name = "keystrand"
    keeps_records = True
    rate_max = 80_000

    @contextlib.contextmanager
    def run(self, stage: Stage, names: dict[str, str]) -> Iterator[RunningReceiver]:
        port, admin_port = free_ports(2)
        environment = {**stage.stack.env(), **names, "KEYSTRAND_LISTEN": f"127.0.0.1:{port}",
                       "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{admin_port}", "KEYSTRAND_SIGNING_SECRETS": SECRET}
        program = stage.start("keystrand-receiver", [stage.program("keystrand-receiver")], environment)
        with receiving(program, port, "/webhooks/stripe", lambda: answers_ready(admin_port)) as receiver:
            yield receiver


class KeystrandWorker:
    name = "keystrand"

    def __init__(self) -> None:
        self._groups = 0

    @contextlib.contextmanager
    def run(self, stage: Stage, names: dict[str, str]) -> Iterator[RunningKeystrand]:
        self._groups += 1
        [admin_port] = free_ports(1)
        url = stage.new_database()
        environment = {**stage.stack.env(), **names, "KEYSTRAND_DATABASE_URL": url,
                       "KEYSTRAND_GROUP": f"bench-keystrand-{self._groups}",
                       "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{admin_port}"}
        program = stage.start("keystrand-worker", [stage.program("keystrand-worker")], environment)
        with running(program):
            program.wait_until(lambda: answers_ready(admin_port), READY_DEADLINE_S, "ready")
            yield RunningKeystrand(program, url, lambda: sum(outcomes(admin_port).values()), lambda: outcomes(admin_port))

    def problems(self, worker: RunningKeystrand, backlog: Backlog) -> list[str]:
        found = wrong_tables(worker.database_url, backlog)
        duplicates = worker.outcomes().get("duplicate", 0)
        if duplicates != backlog.duplicates:
            found.append(f"duplicates: {duplicates} instead of {backlog.duplicates}")
        return found


def wrong_tables(url: str, backlog: Backlog) -> list[str]:
    """What is wrong in the tables after the backlog. They are the same for all workers."""
    expected = [
        ("applied events", "SELECT count(*) FROM keystrand.inbox WHERE status = 'applied'", backlog.events),
        ("events in all", "SELECT count(*) FROM keystrand.inbox", backlog.events),
        ("objects", "SELECT count(*) FROM stripe.objects", backlog.objects),
        ("objects that are not the newest snapshot", NOT_THE_NEWEST, 0),
        ("dead letters", "SELECT count(*) FROM keystrand.dead_letters", 0),
    ]
    found = [(what, int(query(url, sql)[0][0]), want) for what, sql, want in expected]
    return [f"{what}: {is_} instead of {want}" for what, is_, want in found if is_ != want]


def commit_times(url: str) -> dict[str, float]:
    """Event id → Unix time at which PostgreSQL committed its row, also if a newer event was there before it: two requests
    at once may overtake each other on their way in."""
    rows = query(url, "SELECT event_id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) "
                      "FROM keystrand.inbox WHERE status IN ('applied', 'stale')")
    return {event_id: float(committed) for event_id, committed in rows}


NOT_THE_NEWEST = """
SELECT count(*) FROM stripe.objects o
LEFT JOIN (SELECT scope, object_id, max(event_created) AS newest FROM keystrand.inbox GROUP BY 1, 2) i
  ON i.scope = o.scope AND i.object_id = o.id
WHERE o.event_created IS DISTINCT FROM i.newest OR o.data ->> 'id' IS DISTINCT FROM o.id
   OR (o.data ->> 'created')::bigint IS DISTINCT FROM extract(epoch FROM o.event_created)::bigint"""


def outcomes(admin_port: int) -> dict[str, int]:
    """Records that keystrand-worker has settled so far, by outcome."""
    return count_by_label(scrape(admin_port), "keystrand_worker_events_total", "outcome")


def count_by_label(exposition: str, metric: str, label: str) -> dict[str, int]:
    """Sums a counter of a /metrics page over all labels but one."""
    sums: dict[str, int] = {}
    for labels, value in re.findall(rf"^{metric}\{{([^}}]*)\}} (\S+)$", exposition, re.MULTILINE):
        key = re.search(rf'(?:^|,){label}="([^"]*)"', labels)[1]
        sums[key] = sums.get(key, 0) + int(float(value))
    return sums
