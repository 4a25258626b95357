"""What the end-to-end tests share: one stack for the session, and for each test a system of its own on it."""

from __future__ import annotations

import os
import pathlib
import secrets
import shutil
import sys
import time
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy" / "local"), str(ROOT / "tests")]

from keystrand_e2e.postgres_proxy import PostgresProxy  # noqa: E402
from keystrand_e2e.programs import Program  # noqa: E402
from keystrand_e2e.servers import FAILED, observed_stack  # noqa: E402
from keystrand_e2e.system import System  # noqa: E402
from process import free_port_block  # noqa: E402
from stack import Stack  # noqa: E402
from traffic.sender import History  # noqa: E402

TEMPLATE = "keystrand"  # the stack's own database, migrated: each test gets a copy
LOGS = ROOT / ".local" / "e2e" / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remembers a failure where fixtures can see it."""
    report = yield
    if report.failed:
        item.stash.setdefault(FAILED, True)
        item.session.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Kafka and PostgreSQL, with a migrated and observed database that nobody is connected to."""
    with observed_stack(request.session) as stack:
        yield stack


@pytest.fixture
def system(servers: Stack, request: pytest.FixtureRequest) -> Iterator[System]:
    """Fresh topics, database and group. Its logs stay if the test fails."""
    folder = LOGS / request.node.name
    folder.mkdir(parents=True)
    servers.up()  # a test that failed in the middle of an outage leaves it so
    running = System(servers, f"t{secrets.token_hex(4)}", folder, TEMPLATE)
    try:
        yield running
    finally:
        running.close()
    if not request.node.stash.get(FAILED, False):
        shutil.rmtree(folder)
    else:
        print(f"logs: {folder}", file=sys.stderr)


@pytest.fixture
def history(system: System) -> Iterator[History]:
    """What the test's senders did; a file of it lies beside the logs."""
    kept = History()
    yield kept
    kept.write(system.folder / "history.jsonl")


@pytest.fixture
def receiver(system: System) -> Program:
    return system.start_receiver().wait_ready()


@pytest.fixture
def worker(system: System) -> Program:
    return system.start_worker().wait_ready()


@pytest.fixture
def proxy(system: System) -> Iterator[PostgresProxy]:
    """In front of the system's PostgreSQL, for whoever is sent there."""
    with PostgresProxy(system.server.port, free_port_block(1)) as proxy:
        yield proxy
