"""Where a run takes place: real Kafka and PostgreSQL of its own, proxies before both, and the programs."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import threading
import time
from collections.abc import Iterator

import confluent_kafka
import psycopg

import kafka
from keystrand_e2e.fault_proxy import FaultProxy
from keystrand_e2e.postgres_proxy import PostgresProxy
from keystrand_e2e.programs import ROOT, Program
from keystrand_e2e.servers import OBSERVER, observe
from keystrand_e2e.system import SHORT_SESSIONS, System
from keystrand_e2e.waiting import eventually
from keystrand_faults.fleet import Fleet, Slot
from keystrand_faults.history import RecordedHistory
from keystrand_faults.load import Planted
from process import free_port_block
from stack import Stack
from throwaway import throwaway_stack

OUTCOMES = "faults_outcomes"  # by this statement of the tests' worker a batch's transaction is known
WORKER = pathlib.Path(os.environ.get("FAULTS_WORKER", ROOT / "build" / "release" / "tests" / "faults" / "faults_worker"))
SCHEMA = pathlib.Path(__file__).resolve().parents[1] / "schema.sql"
TEMPLATE = "keystrand"
NAME = "faults"

# Small, so that much is under way in many transactions when a fault comes.
BATCH_MAX = 8
WORKER_SETTINGS = {"KEYSTRAND_BATCH_MAX": f"{BATCH_MAX}", "KEYSTRAND_EXECUTORS": "4"}
REFUSED_BY_KEY = re.compile('violates unique constraint "inbox_[0-9]+_pkey"')
REFUSED_BY_ROW = re.compile(r"division by zero\n[^\n]*STATEMENT:\s+WITH written AS \(\s+INSERT INTO stripe\.objects AS o")
OUTDATED = re.compile(r"division by zero\n[^\n]*STATEMENT:\s+WITH written AS \(\s+UPDATE stripe\.objects o")
POLL_INTERVAL_S = 6
PLANT_DEADLINE_S = 30
DATABASE_DEADLINE_S = 60
POLL_INTERVAL = f"--kafka.max.poll.interval.ms={POLL_INTERVAL_S * 1000}"


class FaultSystem(System):
    """Its workers are the tests' own, behind proxies."""

    def __init__(self, stack: Stack, folder: pathlib.Path, ports: Ports, bug: str):
        super().__init__(stack, NAME, folder, TEMPLATE)
        self.control = folder / "control"
        for name in ("points", "attempts"):
            (self.control / name).mkdir(parents=True)
        self._ports = ports
        self._bug = bug

    def start_worker(self, name: str = "worker", **settings: str) -> Program:
        port = free_port_block(1)
        url = self.url(name).replace(f":{self.stack.database.port}/", f":{self._ports.postgres_proxy}/")
        environment = {**self.settings, **WORKER_SETTINGS, "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{port}",
                       "KEYSTRAND_INSTANCE": name, "KEYSTRAND_DATABASE_URL": url,
                       "KEYSTRAND_KAFKA_BROKERS": f"127.0.0.1:{self._ports.worker_proxy}",
                       "FAULTS_CONTROL": str(self.control), "FAULTS_BUG": self._bug, **settings}
        return self._start(Program(name, [str(WORKER), *SHORT_SESSIONS, POLL_INTERVAL], environment, self.folder, port))


class Ports:
    """In a row, free: the broker's two special listeners, and the proxies that their clients are sent to."""

    def __init__(self) -> None:
        first = free_port_block(5)
        self.receiver_way, self.receiver_proxy, self.worker_way, self.worker_proxy, self.postgres_proxy = range(
            first, first + 5)

    def special(self) -> dict[int, kafka.Special]:
        return {0: kafka.Special({"RECEIVERS": kafka.Listener(self.receiver_way, advertised=self.receiver_proxy),
                                  "WORKERS": kafka.Listener(self.worker_way, advertised=self.worker_proxy)})}


class Stage:
    """Everything that a fault can be done to. `servers`: held while Kafka or PostgreSQL is started or stopped, since the
    stack is for one thread at a time."""

    def __init__(self, system: FaultSystem, history: RecordedHistory, fleet: Fleet, receiver_line: FaultProxy,
                 worker_line: FaultProxy, database_line: PostgresProxy):
        self.system = system
        self.stack = system.stack
        self.history = history
        self.fleet = fleet
        self.receiver_line = receiver_line
        self.worker_line = worker_line
        self.database_line = database_line
        self.servers = threading.RLock()
        self.receiver_port = 0
        self.can_replay = "\n  dead-letters replay" in system.operator("--help").stdout

    # --- programs ---

    def add_receiver(self) -> Slot:
        """It keeps its port through all of its incarnations: the senders know one address."""
        first: list[Program] = []

        def make(name: str) -> Program:
            if not first:
                brokers = f"127.0.0.1:{self.receiver_line.port}"
                first.append(self.system.start_receiver(name, KEYSTRAND_KAFKA_BROKERS=brokers))
            else:
                first[0].name = name
                first[0].start()
            return first[0]

        slot = self.fleet.add(Slot("receiver", make, self.system.control))
        self.receiver_port = slot.program.admin_port - 1
        return slot

    def add_worker(self, name: str) -> Slot:
        return self.fleet.add(Slot(name, self.system.start_worker, self.system.control))

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.receiver_port}"

    # --- control of the tests' workers ---

    def arm(self, point: str, way: str) -> pathlib.Path:
        """The next worker that comes by dies (`kill`) or freezes (`stop`)."""
        armed = self.system.control / "points" / f"{point}.{way}"
        armed.touch()
        return armed

    def tripped(self, armed: pathlib.Path) -> int | None:
        """The pid of who did."""
        for taken in armed.parent.glob(f"{armed.name}.*"):
            return int(taken.suffix[1:])
        return None

    def disarm(self, armed: pathlib.Path) -> None:
        """And forgets who tripped, under another name, for the next one."""
        armed.unlink(missing_ok=True)
        for taken in armed.parent.glob(f"{armed.name}.*"):
            taken.rename(taken.with_name(f"{time.monotonic_ns()}.{taken.name}"))

    def thaw(self, pid: int) -> None:
        """If it still runs."""
        for slot in self.fleet.slots.values():
            if slot.program.pid == pid and slot.program.running:
                slot.program.thaw()

    def settled(self, event_ids: list[str]) -> bool:
        return self.system.value("SELECT count(*) FROM keystrand.inbox WHERE event_id = ANY(%s)", event_ids) == len(event_ids)

    def refused_by_key(self) -> int:
        """How often the inbox's key refused an event that a worker took for new."""
        return self._told(REFUSED_BY_KEY)

    def refused_by_row(self) -> int:
        """How often a row refused an event that a worker took for the newest of its object."""
        return self._told(REFUSED_BY_ROW)

    def outdated(self) -> int:
        """How often a row was no longer what a worker remembered of it."""
        return self._told(OUTDATED)

    def _told(self, what: re.Pattern[str]) -> int:
        return len(what.findall(self.stack.database.log_file.read_text(errors="replace")))

    def fenced(self) -> int:
        """How often a worker found that it was replaced."""
        return sum(file.read_text(errors="replace").count('"worker.fenced"') for file in self.system.folder.glob("*.log"))

    def dawdle(self, seconds_per_event: float) -> None:
        """From now on each commit takes so long per event."""
        def told() -> bool:
            with contextlib.suppress(psycopg.OperationalError):
                return bool(self.system.rows("UPDATE observed.slowness SET seconds_per_event = %s RETURNING 1",
                                             seconds_per_event))
            return False

        eventually(told, "a database that answers", DATABASE_DEADLINE_S)

    # --- records that no receiver wrote ---

    def plant(self, records: list[Planted]) -> None:
        producer = confluent_kafka.Producer({"bootstrap.servers": self.stack.kafka_brokers, "acks": "all",
                                             "enable.idempotence": True, "log_level": 0})
        failed: list[str] = []
        for record in records:
            self.history.produced(record.digest, record.key, record.what)
            producer.produce(self.system.events, value=record.value, key=record.key.encode(), partition=record.partition,
                             headers={"planted": record.what},
                             on_delivery=lambda error, _: failed.append(str(error)) if error else None)
        left = producer.flush(PLANT_DEADLINE_S)
        assert not failed and left == 0, f"planting: {left} left, {failed[:3]}"

    # --- the end ---

    def worked_off(self) -> bool:
        """Each record settled, each letter published, nothing parked but what waits for an operator. What waits for its
        time is told that it has come."""
        waiting = self.system.rows("UPDATE keystrand.parked_events SET next_attempt_at = least(next_attempt_at, now())"
                                   " WHERE status = 'waiting' RETURNING 1")
        unpublished = self.system.value("SELECT count(*) FROM keystrand.dead_letters WHERE published_at IS NULL")
        return not waiting and not unpublished and not self.system.backlog()

    def heal(self) -> None:
        """Everything is as it should be from now on, however the faults left it."""
        for line in (self.receiver_line, self.worker_line, self.database_line):
            line.heal()
        with self.servers:
            self.stack.resume_broker()
            self.stack.resume_database()
            self.stack.up()
        self.dawdle(0)
        for slot in self.fleet.slots.values():
            if slot.program.running:
                slot.program.thaw()
        for way in ("kill", "stop", "stall"):
            for armed in (self.system.control / "points").glob(f"*.{way}"):
                armed.unlink()

    def wait_ready(self) -> None:
        eventually(lambda: all(slot.program.running and slot.program.ready()
                               for slot in self.fleet.slots.values() if slot.wanted), "all programs ready", 60)


@contextlib.contextmanager
def set_stage(folder: pathlib.Path, workers: int = 2, bug: str = "") -> Iterator[Stage]:
    """A running system: one receiver and some workers. `folder`: empty; logs and history are left in it."""
    ports = Ports()
    with throwaway_stack(special=ports.special()) as stack:
        observe(stack.database_url, OBSERVER, SCHEMA)
        with (FaultProxy(ports.receiver_way, ports.receiver_proxy) as receiver_line,
              FaultProxy(ports.worker_way, ports.worker_proxy) as worker_line,
              PostgresProxy(stack.database.port, ports.postgres_proxy, OUTCOMES) as database_line,
              contextlib.closing(FaultSystem(stack, folder, ports, bug)) as system,
              contextlib.closing(RecordedHistory(folder / "history.jsonl")) as history,
              Fleet() as fleet):
            stage = Stage(system, history, fleet, receiver_line, worker_line, database_line)
            stage.add_receiver()
            for number in range(workers):
                stage.add_worker(f"worker{number}")
            stage.wait_ready()
            yield stage


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, default=str) + "\n")
