"""How long until the worker commits again: after a start, after the death of another worker, after the database's."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import re
import threading
import time
from collections.abc import Callable, Iterator

from runner import drain
from runner.results import Results
from runner.stage import BenchError, Program, Stage, answers_ready, free_ports, query, running, say
from runner.subjects import READY_DEADLINE_S, KeystrandReceiver

SCENARIO = "recovery"
SUBJECT = "keystrand"
SESSION_TIMEOUT_S = 6  # the shortest that a broker allows by default


@dataclasses.dataclass
class Plan:
    rate: int = 300
    load_s: float = 40
    records: int = 20_000  # there before the cold start
    database_away_s: float = 5

    @staticmethod
    def quick() -> Plan:
        return Plan(load_s=30, records=2_000, database_away_s=2)


def run(stage: Stage, plan: Plan, rounds: int, results: Results) -> None:
    stage.record_commit_times()
    backlog = drain.fill(stage, "bench.cold-start", plan.records)
    for round_ in range(rounds):
        say("a cold start")
        with workers(stage, backlog.names, f"cold-{round_}", 1) as (url, [worker]):
            results.add(SCENARIO, SUBJECT, "cold start", {"first_commit_s": first_commit(url, 0) - worker.started})
        for name, measure in (("worker killed", takeover), ("database killed", database_back)):
            say(name)
            names = stage.create_topics(f"bench.{name.replace(' ', '-')}-{round_}")
            results.add(SCENARIO, SUBJECT, name, measure(stage, names, plan, f"{name.split()[0]}-{round_}"))


def takeover(stage: Stage, names: dict[str, str], plan: Plan, group: str) -> dict:
    """From the end of one of two workers until each of its partitions has a commit of the other's. The survivor learns of it
    by its next heartbeat after the session timeout."""
    with workers(stage, names, group, 2) as (url, programs), load(stage, names, plan):
        partitions = eventually(lambda: shared_by_two(url), "the partitions shared by two workers, each at work")
        dead, lost = next(iter(partitions.items()))
        [victim] = [program for program in programs if program.name == dead]
        victim.kill()
        killed = time.time()
        resumed = [eventually(lambda partition=partition: next_commit(url, killed, partition), f"partition {partition} taken over")
                   for partition in lost]
    return {"partitions": len(lost), "session_timeout_s": SESSION_TIMEOUT_S, "takeover_s": max(resumed) - killed}


def database_back(stage: Stage, names: dict[str, str], plan: Plan, group: str) -> dict:
    """From PostgreSQL's own word that it takes connections again to the first commit."""
    with workers(stage, names, group, 1) as (url, _), load(stage, names, plan):
        eventually(lambda: next_commit(url, 0), "a first commit")
        stage.stack.kill_database()
        time.sleep(plan.database_away_s)
        stage.stack.start_database()
        accepting = accepting_since(stage)
        return {"away_s": plan.database_away_s, "first_commit_s": first_commit(url, accepting) - accepting}


@contextlib.contextmanager
def workers(stage: Stage, names: dict[str, str], group: str, count: int) -> Iterator[tuple[str, list[Program]]]:
    """In one group, ready, on an empty database; those that were killed meanwhile are left alone at the end."""
    url = stage.new_database()
    with contextlib.ExitStack() as stack:
        programs = []
        for n in range(count):
            [admin_port] = free_ports(1)
            name = f"{group}-{n}"
            environment = {**stage.stack.env(), **names, "KEYSTRAND_DATABASE_URL": url, "KEYSTRAND_GROUP": f"bench-{group}",
                           "KEYSTRAND_INSTANCE": name, "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{admin_port}"}
            program = stage.start(name, [stage.program("keystrand-worker"),
                                         f"--kafka.session.timeout.ms={1000 * SESSION_TIMEOUT_S}"], environment)
            stack.enter_context(running(program, may_be_dead=count > 1))
            program.wait_until(lambda port=admin_port: answers_ready(port), READY_DEADLINE_S, "ready")
            programs.append(program)
        yield url, programs


@contextlib.contextmanager
def load(stage: Stage, names: dict[str, str], plan: Plan) -> Iterator[None]:
    """Steady, through a receiver; its end is awaited."""
    problems: list[BaseException] = []

    def send(port: int, path: str) -> None:
        try:
            stage.load(port, ["--path", path, "--connections", 8, "--rate", plan.rate, "--zipf", 0, "--warm-up", 0,
                              "--duration", plan.load_s])
        except BenchError as error:
            problems.append(error)

    with KeystrandReceiver().run(stage, names) as receiver:
        sender = threading.Thread(target=send, args=(receiver.port, receiver.path))
        sender.start()
        try:
            yield
        finally:
            sender.join()
    if problems:
        raise problems[0]


def shared_by_two(url: str) -> dict[str, list[int]] | None:
    """Owner → its partitions, once two workers have some, and each partition has a commit under its owner."""
    rows = query(url, "SELECT l.owner, l.partition FROM keystrand.partition_leases l WHERE EXISTS "
                      "(SELECT FROM keystrand.inbox i WHERE i.source_partition = l.partition AND i.settled_at > l.acquired_at)")
    owners: dict[str, list[int]] = {}
    for owner, partition in rows:
        owners.setdefault(owner, []).append(int(partition))
    return owners if len(owners) == 2 and len(rows) >= 12 else None


def first_commit(url: str, after: float) -> float:
    return eventually(lambda: next_commit(url, after), "a commit")


def next_commit(url: str, after: float, partition: int | None = None) -> float | None:
    """Unix time of the first commit after that time, as PostgreSQL recorded it."""
    of_partition = "" if partition is None else f"AND source_partition = {partition}"
    rows = query(url, f"""
        SELECT extract(epoch FROM first) FROM (SELECT min(pg_xact_commit_timestamp(xmin)) AS first FROM keystrand.inbox
        WHERE pg_xact_commit_timestamp(xmin) > to_timestamp({after!r}) {of_partition}) committed WHERE first IS NOT NULL""")
    return float(rows[0][0]) if rows else None


def accepting_since(stage: Stage) -> float:
    """Unix time at which the server last said in its log that it takes connections."""
    log = stage.stack.database.log_file.read_text()
    said = re.findall(r"^(\S+ \S+) UTC .*database system is ready to accept connections$", log, re.MULTILINE)
    if not said:
        raise BenchError("PostgreSQL's log does not say since when it takes connections")
    return datetime.datetime.fromisoformat(said[-1]).replace(tzinfo=datetime.timezone.utc).timestamp()


def eventually(observe: Callable[[], object], what: str, deadline_s: float = 30):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        seen = observe()
        if seen:
            return seen
        time.sleep(0.1)
    raise BenchError(f"not within {deadline_s:g} s: {what}")
