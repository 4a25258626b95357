"""One test's own Keystrand: fresh topics, a fresh database, a consumer group, and the programs on them."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from keystrand_e2e import programs, topic
from keystrand_e2e.programs import Program
from keystrand_e2e.waiting import eventually
from process import free_port_block
from stack import Stack
from traffic import delivery

PARTITIONS = 6
COMMAND_DEADLINE_S = 60

# A killed or frozen worker is missed after a second; Kafka's default of 45 s would only make the tests longer.
SHORT_SESSIONS = ["--kafka.session.timeout.ms=1000", "--kafka.heartbeat.interval.ms=250"]


class System:
    """`name`: plain word, unique within the stack. `folder`: for logs. Close it: that ends its programs."""

    def __init__(self, stack: Stack, name: str, folder: pathlib.Path, template: str):
        self.stack = stack
        self.name = name
        self.folder = folder
        self.events = f"{name}.events"
        self.dead_letters = f"{name}.dead-letters"
        self.group = f"{name}-worker"
        self.database = name
        self.server = stack.database  # which PostgreSQL the programs and the test itself talk to
        self._programs: list[Program] = []
        self._databases = [self.database]
        stack.database.query(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        created = self.operator("topics", "create", "--partitions", str(PARTITIONS))
        assert created.returncode == 0, created.stdout + created.stderr

    def close(self) -> None:
        """The database goes too: a server that was killed looks at each file of each one when it starts again."""
        for program in self._programs:
            program.kill()
        if self.stack.running:
            for name in self._databases:
                self.stack.database.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    # --- programs ---

    @property
    def settings(self) -> dict[str, str]:
        """What all programs share."""
        return {**self.stack.env(), "KEYSTRAND_EVENTS_TOPIC": self.events, "KEYSTRAND_DEAD_LETTERS_TOPIC": self.dead_letters,
                "KEYSTRAND_FACTS_TOPIC": f"{self.name}.facts", "KEYSTRAND_GROUP": self.group,
                "KEYSTRAND_DATABASE_URL": self.url(), "KEYSTRAND_LOG_LEVEL": "debug"}

    def url(self, application: str = "e2e") -> str:
        return f"{self.server.url(self.database)}&application_name={application}"

    def start_receiver(self, name: str = "receiver", flags: Sequence[str] = (), under: Sequence[str] = (),
                       **settings: str) -> Program:
        """A running receiver, not necessarily ready. `settings`: KEYSTRAND_… that differ from the usual. `under`: a command
        that becomes the program which its arguments end with."""
        port = free_port_block(2)
        environment = {**self.settings, "KEYSTRAND_LISTEN": f"127.0.0.1:{port}",
                       "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{port + 1}", "KEYSTRAND_SIGNING_SECRETS": delivery.TEST_SECRET,
                       "KEYSTRAND_DRAIN_GRACE_MS": "0", **settings}
        return self._start(Program(name, [*under, str(programs.BINARIES / "keystrand-receiver"), *flags], environment,
                                   self.folder, port + 1))

    def start_worker(self, name: str = "worker", flags: Sequence[str] = (), **settings: str) -> Program:
        """A running worker, not necessarily ready. Its leases and its database sessions bear its name."""
        port = free_port_block(1)
        environment = {**self.settings, "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{port}",
                       "KEYSTRAND_INSTANCE": name, "KEYSTRAND_DATABASE_URL": self.url(name), **settings}
        return self._start(Program(name, [str(programs.BINARIES / "keystrand-worker"), *SHORT_SESSIONS, *flags], environment,
                                   self.folder, port))

    def _start(self, program: Program) -> Program:
        self._programs.append(program)
        return program

    def operator(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs `keystrand` to its end. `settings`: KEYSTRAND_… that differ from the usual."""
        return subprocess.run([str(programs.BINARIES / "keystrand"), *arguments], env={**self.settings, **settings},
                              text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_DEADLINE_S,
                              check=False)

    # --- what it holds ---

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url(), connect_timeout=5, row_factory=dict_row) as connection:
            return connection.execute(query, parameters).fetchall()

    def value(self, query: str, *parameters: Any) -> Any:
        """The one value that the query returns."""
        [row] = self.rows(query, *parameters)
        [value] = row.values()
        return value

    def settled(self) -> int:
        return self.value("SELECT count(*) FROM keystrand.inbox")

    def backlog(self) -> dict[int, int]:
        """Records per partition beyond the worker's position in the database; partitions without any are left out."""
        positions = {row["partition"]: row["next_offset"] or 0 for row in self.rows(
            'SELECT "partition", next_offset FROM keystrand.partition_leases WHERE topic = %s', self.events)}
        behind = {partition: end - positions.get(partition, 0) for partition, end in self._ends().items()}
        return {partition: count for partition, count in behind.items() if count}

    def wait_drained(self, timeout_s: float = 60) -> None:
        """Until each record is settled and each dead letter published."""
        eventually(lambda: not self.backlog(), f"{self.name} drained", timeout_s)
        eventually(lambda: self.value("SELECT count(*) FROM keystrand.dead_letters WHERE published_at IS NULL") == 0,
                   "dead letters published", timeout_s)

    def wait_committed(self, timeout_s: float = 60) -> None:
        """Until the group's offsets in Kafka, which follow those in the database, are at the end too."""
        def behind() -> bool:
            committed = topic.committed(self.stack.kafka_brokers, self.events, self.group)
            return any(committed.get(partition, 0) < end for partition, end in self._ends().items())

        eventually(lambda: not behind(), f"{self.name} committed", timeout_s)

    # --- its database, as a backup knew it ---

    def copy_database(self, name: str) -> None:
        """Nobody may be connected meanwhile."""
        self._databases.append(f"{self.database}_{name}")
        self.stack.database.query(f'CREATE DATABASE "{self.database}_{name}" TEMPLATE "{self.database}"')

    def restore_database(self, name: str) -> None:
        """Puts the copy in the place of what there is now."""
        self.stack.database.query(f'DROP DATABASE "{self.database}"')
        self.stack.database.query(f'CREATE DATABASE "{self.database}" TEMPLATE "{self.database}_{name}"')

    def _ends(self) -> dict[int, int]:
        return topic.ends(self.stack.kafka_brokers, self.events)


def webhook(receiver: Program) -> str:
    """Where its deliveries go; the admin port is the next one."""
    return f"http://127.0.0.1:{receiver.admin_port - 1}"
