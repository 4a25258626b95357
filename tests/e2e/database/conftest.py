"""A stack whose database these tests may break, and workers that have the rights of the role keystrand_worker and no more."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator

import pytest

from keystrand_e2e import checker
from keystrand_e2e.evidence import Evidence, collect
from keystrand_e2e.outage import Traffic
from keystrand_e2e.postgres_proxy import PostgresProxy
from keystrand_e2e.postgres_servers import execute
from keystrand_e2e.programs import Program
from keystrand_e2e.servers import observed_stack
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from postgres import Postgres
from stack import Stack
from traffic.sender import History

# Invented, for these tests only: they open nothing.
LOGIN, PASSWORD = "keystrand_app", "invented-for-tests-2"

EXECUTORS = 8  # whatever the machine has
SMALL_BATCHES = {"KEYSTRAND_BATCH_MAX": "5"}  # more transactions for a fault to hit
BACK_DEADLINE_S = 30  # a worker that applies nothing by then does not come back by itself

ROLE = f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{PASSWORD}' IN ROLE keystrand_worker"
OBSERVER_RIGHTS = ["GRANT USAGE ON SCHEMA observed TO keystrand_worker",
                   "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA observed TO keystrand_worker"]


@pytest.fixture(scope="package")
def servers(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Instead of the usual stack: one of one's own, which no other test waits for."""
    with observed_stack(request.session) as stack:
        execute(stack.database_url, ROLE, *OBSERVER_RIGHTS)
        yield stack


@pytest.fixture
def worker(system: System) -> Program:
    return start_worker(system).wait_ready()


@pytest.fixture
def behind_proxy(system: System, proxy: PostgresProxy) -> Program:
    """A worker on the far side of the proxy."""
    return start_worker(system, ports=[proxy.port]).wait_ready()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    def told(name: str, value: object) -> None:
        record_property(name, value)
        print(f"{name}: {value}")

    return told


def worker_url(system: System, name: str = "worker", password: str | None = PASSWORD, ports: list[int] | None = None) -> str:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports or [system.server.port])
    secret = "" if password is None else f":{password}"
    return f"postgresql://{LOGIN}{secret}@{hosts}/{system.database}?sslmode=disable&application_name={name}"


def start_worker(system: System, name: str = "worker", ports: list[int] | None = None, **settings: str) -> Program:
    """With the rights of keystrand_worker; not necessarily ready. `ports`: of the servers to try, in turn."""
    return system.start_worker(name, **{"KEYSTRAND_DATABASE_URL": worker_url(system, name, ports=ports),
                                        "KEYSTRAND_EXECUTORS": str(EXECUTORS), **settings})


def traffic(receiver: Program, history: History, per_s: float = 100) -> Traffic:
    return Traffic(receiver, history, per_s=per_s)


def applies(system: System, count: int = 50, timeout_s: float = BACK_DEADLINE_S) -> None:
    """Until so many more events are settled."""
    before = system.settled()
    eventually(lambda: system.settled() >= before + count, f"{count} more events settled", timeout_s)


def first_settled_after(system: System, moment: float) -> float:
    """Seconds from then (Unix s) to the first row of the inbox."""
    query = "SELECT extract(epoch FROM min(settled_at))::float8 FROM keystrand.inbox WHERE settled_at > to_timestamp(%s)"
    return eventually(lambda: system.value(query, moment), "an event settled", BACK_DEADLINE_S) - moment


def accepting_since(server: Postgres) -> float:
    """Unix s at which it last said in its log that it takes connections."""
    said = re.findall(r"^(\S+ \S+) UTC .*database system is ready to accept connections$", server.log_file.read_text(), re.M)
    return datetime.datetime.fromisoformat(said[-1]).replace(tzinfo=datetime.timezone.utc).timestamp()


def ended_well(system: System, history: History) -> Evidence:
    """Whatever the database did: every event settled, once, in order, and none given up."""
    system.wait_drained()
    evidence = collect(system, history)
    assert evidence.dead_letters == []
    checker.check(evidence)
    return evidence


def check_of(worker: Program, name: str) -> bool:
    """Whether that check of its /readyz holds."""
    return bool(worker.checks()[name]["ok"])


def held_because(worker: Program, *words: str, times: int = 1) -> None:
    """Until it has said so often that the database is away, with one of the words in the reason."""
    def said() -> bool:
        reasons = [str(line.get("detail")) for line in worker.log_lines("db.unavailable")]
        return sum(any(word in reason for word in words) for reason in reasons) >= times

    eventually(said, f"held because of {' or '.join(words)}", BACK_DEADLINE_S)


def counted_attempts(worker: Program) -> list[dict[str, object]]:
    return worker.log_lines("event.retry")

