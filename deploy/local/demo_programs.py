"""The programs as the demo runs them: on the local stack, in the background, remembered in .local/demo."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
from collections.abc import Iterator

import confluent_kafka
import psycopg

from process import Server, StackError, exclusive, free_port_block, require_free_port, run, stop_all, write_atomically
from stack import ROOT, Stack
from traffic import delivery

BINARIES = pathlib.Path(os.environ.get("KEYSTRAND_BIN_DIR", ROOT / "build" / "bin"))
PROGRAMS = ("keystrand-receiver", "keystrand-worker", "keystrand")
DEFAULT_DIR = ROOT / ".local" / "demo"
EVENTS = "keystrand.events"
READY_DEADLINE_S = 30
IDLE_DEADLINE_S = 60
STOP_GRACE_S = 35  # the programs promise 30
HOST = "127.0.0.1"


class Program(Server):
    """A program with an admin port."""

    def __init__(self, folder: pathlib.Path, name: str, ports: dict[str, int], settings: dict[str, str]):
        super().__init__(folder, name)
        self.ports = ports  # by setting: KEYSTRAND_LISTEN, KEYSTRAND_ADMIN_LISTEN
        self._settings = settings

    @property
    def admin_url(self) -> str:
        return f"http://{HOST}:{self.ports['KEYSTRAND_ADMIN_LISTEN']}"

    def start(self) -> None:
        for setting, port in self.ports.items():
            require_free_port(port, f"{self.name} ({setting})", f"delete {self.pid_file.parent / 'ports.json'} to choose others")
        listening = {setting: f"{HOST}:{port}" for setting, port in self.ports.items()}
        with _only_these_settings({**self._settings, **listening}):
            self.spawn([str(BINARIES / self.name)])

    def wait_ready(self) -> None:
        self.wait_until(lambda: self.get("/readyz")[0] == 200, READY_DEADLINE_S, "ready")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body from the admin port; (0, "") if it does not answer."""
        connection = http.client.HTTPConnection(HOST, self.ports["KEYSTRAND_ADMIN_LISTEN"], timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def counted(self, name: str, **labels: str) -> int:
        """The sum of the counter's series that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = [line for line in self.get("/metrics")[1].splitlines() if line.startswith((name + "{", name + " "))]
        if not lines:
            raise StackError(f"{self.name} shows no {name} at {self.admin_url}/metrics")
        return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(label in line for label in wanted)))


class Demo:
    """The programs on a stack. `folder` holds ports, pid files, logs and the signing secrets."""

    def __init__(self, stack: Stack, folder: pathlib.Path = DEFAULT_DIR):
        self.stack = stack
        self.folder = folder

    @property
    def receiver(self) -> Program:
        ports = self._ports()
        return Program(self.folder, "keystrand-receiver",
                       {"KEYSTRAND_LISTEN": ports["receiver"], "KEYSTRAND_ADMIN_LISTEN": ports["receiver_admin"]},
                       {**self.settings, "KEYSTRAND_SIGNING_SECRETS_FILE": str(self.secrets_file),
                        "KEYSTRAND_DRAIN_GRACE_MS": "0"})  # there is no load balancer to wait for

    @property
    def worker(self) -> Program:
        return Program(self.folder, "keystrand-worker", {"KEYSTRAND_ADMIN_LISTEN": self._ports()["worker_admin"]}, self.settings)

    @property
    def url(self) -> str:
        """Where deliveries go."""
        return f"http://{HOST}:{self.receiver.ports['KEYSTRAND_LISTEN']}"

    @property
    def settings(self) -> dict[str, str]:
        return self.stack.env()

    @property
    def secrets_file(self) -> pathlib.Path:
        return self.folder / "signing-secrets"

    def prepare(self) -> None:
        """Before the first use."""
        missing = [name for name in PROGRAMS if not (BINARIES / name).exists()]
        if missing:
            raise StackError(f"{BINARIES} lacks {', '.join(missing)}: run `make build` first")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = self.secrets_file.read_text().splitlines() if self.secrets_file.exists() else []
        if delivery.TEST_SECRET not in lines:
            write_atomically(self.secrets_file, "\n".join([delivery.TEST_SECRET, *lines]) + "\n")

    def create_topics(self) -> None:
        with _only_these_settings(self.settings):
            run([str(BINARIES / "keystrand"), "topics", "create"], "creating the topics")

    def restart(self) -> None:
        """Both programs anew, from the binaries as they are now; returns when they are ready."""
        self.stop()
        for program in (self.receiver, self.worker):
            program.start()
        for program in (self.receiver, self.worker):
            program.wait_ready()

    def wait_idle(self) -> None:
        """Until the worker is through with what an earlier run may have left."""
        self.worker.wait_until(lambda: self.backlog() == 0, IDLE_DEADLINE_S, "through with what was in the topic")

    def backlog(self) -> int:
        """Records of the events topic beyond the worker's position."""
        with psycopg.connect(self.stack.database_url, connect_timeout=10) as connection:
            positions = dict(connection.execute(
                'SELECT "partition", coalesce(next_offset, 0) FROM keystrand.partition_leases WHERE topic = %s', [EVENTS]))
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.stack.kafka_brokers, "group.id": "keystrand-demo",
                                             "log_level": 0})
        try:
            behind = 0
            for partition in consumer.list_topics(EVENTS, timeout=10).topics[EVENTS].partitions:
                where = confluent_kafka.TopicPartition(EVENTS, partition)
                first, end = consumer.get_watermark_offsets(where, timeout=10)
                behind += end - max(first, positions.get(partition, 0))
            return behind
        finally:
            consumer.close()

    def stop(self) -> list[str]:
        """Stops what runs; returns the names of programs that had to be killed."""
        if not (self.folder / "ports.json").exists():
            return []
        return stop_all([self.receiver], STOP_GRACE_S) + stop_all([self.worker], STOP_GRACE_S)

    @property
    def running(self) -> bool:
        return (self.folder / "ports.json").exists() and any(program.running for program in (self.receiver, self.worker))

    def exclusive(self):
        """For the whole of a run: a second one at the same time would count the first one's events."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return exclusive(self.folder / "lock", deadline_s=1)

    def _ports(self) -> dict[str, int]:
        """Chosen once, so that bookmarks and `stripe listen --forward-to` stay right."""
        path = self.folder / "ports.json"
        try:
            return json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            first = free_port_block(3)
            chosen = {"receiver": first, "receiver_admin": first + 1, "worker_admin": first + 2}
            write_atomically(path, json.dumps(chosen) + "\n")
            return chosen


@contextlib.contextmanager
def _only_these_settings(settings: dict[str, str]) -> Iterator[None]:
    """For programs started in the block: ours, and none of another Keystrand that the shell may know."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("KEYSTRAND_")]:
        del os.environ[name]
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
