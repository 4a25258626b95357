"""What a scenario runs on: one throwaway stack, the benchmark's own tools, and the programs it starts."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence

from process import StackError, free_port_block
from stack import Stack
from throwaway import throwaway_stack

from runner import machine

BENCH = pathlib.Path(__file__).resolve().parents[1]
TEMPLATE = BENCH / "workload" / "charge_succeeded.json"
SECRET = "whsec_invented_for_the_benchmark_it_guards_nothing"
PARTITIONS = 12
STOP_DEADLINE_S = 40


class BenchError(Exception):
    """Why a benchmark cannot run, or why its result would be worth nothing: one line for people."""


class Program:
    """A running program under measurement; what it says goes to `log`."""

    def __init__(self, name: str, argv: Sequence[str], environment: dict[str, str], log: pathlib.Path):
        self.name = name
        self.log = log
        self.started = time.time()
        with open(log, "ab") as output:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                             env={**clean_environment(), **environment})

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def pids(self) -> list[int]:
        """All its processes: its own, and what it started."""
        return machine.family(self.pid)

    @property
    def cpu_seconds(self) -> float:
        return machine.cpu_seconds(self.pids)

    @property
    def peak_rss_mib(self) -> float:
        return machine.peak_rss_mib(self.pids)

    @property
    def rss_mib(self) -> float:
        return machine.rss_mib(self.pids)

    @property
    def pss_mib(self) -> float:
        return machine.pss_mib(self.pids)

    def wait_until(self, ready: Callable[[], bool], deadline_s: float, what: str, poll_s: float = 0.05) -> None:
        end = time.monotonic() + deadline_s
        while not ready():
            if self._process.poll() is not None:
                raise BenchError(f"{self.name} ended with {self._process.returncode} before it was {what}\n{self._tail()}")
            if time.monotonic() > end:
                raise BenchError(f"{self.name} was not {what} within {deadline_s:g} s\n{self._tail()}")
            time.sleep(poll_s)

    def require_running(self) -> None:
        if self._process.poll() is not None:
            raise BenchError(f"{self.name} ended with {self._process.returncode}\n{self._tail()}")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        try:
            code = self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise BenchError(f"{self.name} did not stop within {STOP_DEADLINE_S} s\n{self._tail()}") from None
        if code != 0:
            raise BenchError(f"{self.name} ended with {code}\n{self._tail()}")

    @property
    def killed(self) -> bool:
        return self._process.poll() == -signal.SIGKILL

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-12:]
        return "\n".join(f"    {line}" for line in lines)


@dataclasses.dataclass(frozen=True)
class Folders:
    tools: pathlib.Path  # bench_loadgen and its like
    programs: pathlib.Path  # the product
    peers: pathlib.Path  # what tests/bench/peers/build made
    logs: pathlib.Path


class Stage:
    """A stack, with what scenarios do on it."""

    def __init__(self, stack: Stack, folders: Folders):
        self.stack = stack
        self._folders = folders
        self._databases = 0
        self._runs = 0

    @property
    def broker_pid(self) -> int:
        return self.stack.brokers[0].process.pid

    def next_tag(self) -> str:
        """8 characters that no earlier run on this stack has in its ids."""
        self._runs += 1
        return f"run{self._runs:05d}"

    def new_database(self) -> str:
        """A migrated, empty database; its URL."""
        self._databases += 1
        url = self.stack.create_database(f"bench_{self._databases}")
        self.stack.migrate(url)
        return url

    def record_commit_times(self) -> None:
        """PostgreSQL then keeps the time of each commit, so that no program under measurement is asked for its own."""
        query(self.stack.database_url, "ALTER SYSTEM SET track_commit_timestamp = on")
        self.stack.stop_database()
        self.stack.start_database()

    def create_topics(self, topic: str) -> dict[str, str]:
        """The three topics of one installation, by the product's own tool; the settings that name them."""
        names = {"KEYSTRAND_EVENTS_TOPIC": topic, "KEYSTRAND_DEAD_LETTERS_TOPIC": f"{topic}.dead-letters",
                 "KEYSTRAND_FACTS_TOPIC": f"{topic}.facts"}
        tool = self.program("keystrand")
        done = subprocess.run([tool, "topics", "create"], env={**clean_environment(), **self.stack.env(), **names},
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise BenchError(f"`keystrand topics create` failed: {(done.stdout + done.stderr).strip()}")
        return names

    def start(self, name: str, argv: Sequence[str], environment: dict[str, str]) -> Program:
        return Program(name, argv, environment, self._folders.logs / f"{name}.log")

    def program(self, name: str) -> str:
        return existing(self._folders.programs / name, "make build")

    def peer(self, name: str) -> str:
        return existing(self._folders.peers / name, "make peers")

    def tool(self, name: str) -> str:
        return existing(self._folders.tools / name, "make bench builds it")

    def folder(self, name: str) -> pathlib.Path:
        """A folder for what a program leaves behind, beside the logs."""
        made = self._folders.logs.parent / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def load(self, port: int, arguments: Sequence[object]) -> dict:
        """Runs the load generator against a receiver; its report."""
        return self._tool("bench_loadgen", ["--port", port, "--template", TEMPLATE, "--tag", self.next_tag(), *arguments])

    def prefill(self, topic: str, arguments: Sequence[object] = ()) -> dict:
        """Fills a topic; the report with what a correct consumer ends up with."""
        return self._tool("bench_prefill", ["--topic", topic, "--template", TEMPLATE, "--tag", self.next_tag(), *arguments])

    def settle_from_memory(self, database_url: str, arguments: Sequence[object]) -> dict:
        """Settles a backlog by the worker's statements alone; the report."""
        return self._tool("bench_from_memory", ["--template", TEMPLATE, "--tag", self.next_tag(), *arguments],
                          {"KEYSTRAND_DATABASE_URL": database_url})

    def records_in(self, topic: str) -> int:
        return self._tool("bench_prefill", ["--topic", topic, "--count"])["records"]

    def tool_environment(self) -> dict[str, str]:
        return {**clean_environment(), **self.stack.env(), "KEYSTRAND_BENCH_SECRET": SECRET}

    def _tool(self, name: str, arguments: Sequence[object], environment: Mapping[str, str] | None = None) -> dict:
        done = subprocess.run([self.tool(name), *map(str, arguments)], env={**self.tool_environment(), **(environment or {})},
                              capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            raise BenchError(f"{name} failed: {done.stderr.strip()}")
        return json.loads(done.stdout)


@contextlib.contextmanager
def running(program: Program, may_be_dead: bool = False) -> Iterator[Program]:
    """Stops it at the end and insists on a clean exit, unless it was killed and that is meant; after an error it is just
    killed."""
    try:
        yield program
        if not (may_be_dead and program.killed):
            program.stop()
    finally:
        program.kill()


@contextlib.contextmanager
def new_stage(folders: Folders) -> Iterator[Stage]:
    folders.logs.mkdir(parents=True, exist_ok=True)
    try:
        with throwaway_stack() as stack:
            yield Stage(stack, folders)
    except StackError as error:
        raise BenchError(str(error)) from error


def clean_environment() -> dict[str, str]:
    """Ours without settings of the product, which would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KEYSTRAND_")}


def free_ports(count: int) -> list[int]:
    first = free_port_block(count)
    return list(range(first, first + count))


def answers_ready(admin_port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def scrape(admin_port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def query(url: str, sql: str) -> list[list[str]]:
    """Rows of text. The password travels in the environment: ps shows arguments."""
    parts = urllib.parse.urlsplit(url)
    psql = shutil.which("psql") or existing(pathlib.Path("/usr/lib/postgresql/15/bin/psql"), "deploy/local/setup")
    done = subprocess.run([psql, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t",
                           "-v", "ON_ERROR_STOP=1", "-f", "-"], env=client_environment(parts), input=sql,
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise BenchError(f"a query failed: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines() if line]


def client_environment(parts: urllib.parse.SplitResult) -> dict[str, str]:
    """How libpq's programs find a database without its password among their arguments."""
    return {**os.environ, "PGHOST": parts.hostname, "PGPORT": str(parts.port), "PGUSER": parts.username,
            "PGPASSWORD": parts.password, "PGDATABASE": parts.path.lstrip("/"), "PGSSLMODE": "disable"}


def say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def existing(path: pathlib.Path, remedy: str) -> str:
    """The path as text; BenchError with the remedy if nothing is there."""
    if not path.exists():
        raise BenchError(f"{path} is missing: {remedy}")
    return str(path)
