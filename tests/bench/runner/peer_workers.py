"""What others would run instead of keystrand-worker: tests/bench/peers, README. All write the rows that ours writes, in the
same tables, by peers/settle.sql."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

from runner.peer_versions import SOURCES
from runner.stage import Program, Stage, free_ports, running
from runner.subjects import READY_DEADLINE_S, Backlog, RunningWorker, wrong_tables

CONNECTIONS = 8  # to the database, as ours


class PeerWorker:
    """A worker that is told its task by the same environment as the others, and tells its progress at a port."""

    def __init__(self, name: str, *argv: str):
        self.name = name
        self._argv = argv  # the first is the program; all are paths in build/peers if they exist there
        self._groups = 0

    @contextlib.contextmanager
    def run(self, stage: Stage, names: dict[str, str]) -> Iterator[RunningWorker]:
        self._groups += 1
        [port] = free_ports(1)
        url = stage.new_database()
        environment = {"BROKERS": stage.stack.env()["KEYSTRAND_KAFKA_BROKERS"], "TOPIC": names["KEYSTRAND_EVENTS_TOPIC"],
                       "GROUP": f"bench-{self.name}-{self._groups}", "CONNECTIONS": str(CONNECTIONS),
                       "PROGRESS_PORT": str(port), "SQL": str(SOURCES / "settle.sql"), "NODE_ENV": "production",
                       **database_environment(url)}
        program = stage.start(f"{self.name}-worker", self.command(stage), environment)
        with running(program):
            program.wait_until(lambda: settled(port) is not None, READY_DEADLINE_S, "ready")
            yield RunningWorker(program, url, lambda: settled(port) or 0)

    def command(self, stage: Stage) -> list[str]:
        return [stage.peer(word) for word in self._argv]

    def problems(self, worker: RunningWorker, backlog: Backlog) -> list[str]:
        return wrong_tables(worker.database_url, backlog)


class JavaWorker(PeerWorker):
    """Confluent's parallel-consumer in KEY order, batches of 200."""

    def __init__(self) -> None:
        super().__init__("parallel-consumer")

    def command(self, stage: Stage) -> list[str]:
        classes, libraries = stage.peer("java/classes"), stage.peer("java/lib")
        return ["java", "-cp", f"{classes}:{libraries}/*", "worker.Main"]


def database_environment(url: str) -> dict[str, str]:
    """One database, as each driver wants to be told of it."""
    parts = urllib.parse.urlsplit(url)
    return {"DATABASE_URL": url, "JDBC_URL": f"jdbc:postgresql://{parts.hostname}:{parts.port}{parts.path}",
            "DATABASE_USER": parts.username or "", "DATABASE_PASSWORD": urllib.parse.unquote(parts.password or "")}


def settled(port: int) -> int | None:
    """Records that the peer has settled; None while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return int(answer.read())
    except (urllib.error.URLError, OSError):
        return None
