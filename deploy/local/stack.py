#!/usr/bin/env python3
"""The local stack: real Apache Kafka and PostgreSQL on 127.0.0.1, without containers and without root.

    deploy/local/stack.py [--dir DIR] up [--brokers 1|3] [--kafka-port N] [--postgres-port N]
    deploy/local/stack.py [--dir DIR] status | env | down | wipe

Everything lies in DIR (default .local/stack of this checkout), logs and data: ports and password are chosen at the
first start and kept in DIR/stack.json. Tests import this file: `with Stack(folder) as stack: stack.kill_broker()`; for
a stack that goes away by itself see throwaway.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Mapping

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import kafka  # noqa: E402
from postgres import Postgres  # noqa: E402
from process import Server, StackError, exclusive, free_port_block, run, stop_all, write_atomically  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEFAULT_DIR = ROOT / ".local" / "stack"
JARS = ROOT / ".local" / "kafka"
LOCK_DEADLINE_S = 120
STOP_GRACE_S = 10  # the last of three brokers waits for a quorum that is gone: killing it loses nothing acknowledged
OURS = re.compile(r"(kafka-\d|postgres)(\.(pid|log|properties|new|password))?(\.new)?|(stack|owner)\.json(\.new)?|lock")


@dataclasses.dataclass
class Settings:
    """What is chosen once for a stack: DIR/stack.json."""

    brokers: int
    kafka_port: int  # the first of 2 × brokers in a row: for clients and for controllers, node by node
    postgres_port: int
    password: str


class Stack:
    """A stack in `folder`. Arguments left out come from the folder, or are chosen when `up` first makes it.

    Port 0 means: choose again. Brokers are counted from 0. Methods raise StackError, whose text is for people.
    `say` gets a line of progress at a time. `special`: what brokers have beyond the usual, for tests; it is not kept in
    the folder. Not for several threads at once.
    """

    def __init__(self, folder: pathlib.Path | str = DEFAULT_DIR, brokers: int | None = None,
                 kafka_port: int | None = None, postgres_port: int | None = None,
                 say: Callable[[str], None] = lambda line: None,
                 special: Mapping[int, kafka.Special] | None = None):
        self.folder = pathlib.Path(folder).resolve()
        self._special = special or {}
        self._wanted = {"brokers": brokers, "kafka_port": kafka_port, "postgres_port": postgres_port}
        self._say = say

    def __enter__(self) -> Stack:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    # --- the whole ---

    def up(self) -> list[str]:
        """Starts what does not run yet, waits until all of it can be used, and returns the names of what it started.
        A failed start leaves nothing behind that was not running before."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(self.folder / "lock", LOCK_DEADLINE_S):
            self._settle()
            stopped = [server for server in self.servers if not server.running]
            try:
                for server in stopped:
                    self._say(f"starting {server.name} on port {server.port}")
                    server.start()
                self._wait_ready()
            except BaseException:
                stop_all(stopped, STOP_GRACE_S)
                raise
            return [server.name for server in stopped]

    def down(self) -> None:
        """Stops all servers that left a pid file, even if the settings are lost, and keeps their data."""
        if not self.folder.exists():
            return
        with exclusive(self.folder / "lock", LOCK_DEADLINE_S):
            for name in stop_all(self._recorded_servers(), STOP_GRACE_S):
                self._say(f"killed {name}: it did not stop within {STOP_GRACE_S} s")

    def wipe(self) -> None:
        """Stops all servers and deletes the folder with their data and logs."""
        if not self.folder.exists():
            return
        strangers = sorted(entry.name for entry in self.folder.iterdir() if not OURS.fullmatch(entry.name))
        if strangers:
            raise StackError(f"{self.folder} holds what no stack made ({strangers[0]}): nothing is deleted; "
                             "move that away first")
        self.down()
        Postgres(self.folder, port=0, password="").wipe()
        shutil.rmtree(self.folder)

    @property
    def exists(self) -> bool:
        return (self.folder / "stack.json").exists()

    @property
    def running(self) -> bool:
        return self.exists and all(server.running for server in self.servers)

    # --- where things are ---

    @property
    def kafka_brokers(self) -> str:
        """host:port,… as librdkafka's bootstrap.servers takes it."""
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    @property
    def database_url(self) -> str:
        return self.database.url()

    def env(self) -> dict[str, str]:
        """The settings with which the programs find this stack."""
        found = {"KEYSTRAND_KAFKA_BROKERS": self.kafka_brokers, "KEYSTRAND_DATABASE_URL": self.database_url}
        if self.settings.brokers < 3:
            found["KEYSTRAND_DURABILITY"] = "single-broker"
        return found

    # --- faults: brokers ---

    def stop_broker(self, n: int = 0) -> None:
        stop_all([self.brokers[n]], STOP_GRACE_S)

    def kill_broker(self, n: int = 0) -> None:
        """SIGKILL, without a chance to write anything more."""
        self.brokers[n].kill()
        stop_all([self.brokers[n]], STOP_GRACE_S)

    def start_broker(self, n: int = 0) -> None:
        """Returns when the broker takes producers and consumer groups again."""
        broker = self.brokers[n]
        if not broker.running:
            broker.start()
        processes = [other.process for other in self.brokers]
        broker.wait_ready(sum(process is not None and not process.frozen for process in processes))

    def wait_in_sync(self) -> None:
        """Returns when no replica of any partition lags behind: only then may another broker be lost."""
        next(broker for broker in self.brokers if broker.running).wait_in_sync()

    def pause_broker(self, n: int = 0) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self.brokers[n].signal(signal.SIGSTOP)

    def resume_broker(self, n: int = 0) -> None:
        self.brokers[n].signal(signal.SIGCONT)

    # --- faults: database ---

    def stop_database(self) -> None:
        stop_all([self.database], STOP_GRACE_S)

    def kill_database(self) -> None:
        self.database.kill()
        stop_all([self.database], STOP_GRACE_S)

    def start_database(self) -> None:
        if not self.database.running:
            self.database.start()
        self.database.wait_ready()

    def pause_database(self) -> None:
        """SIGSTOP for the server and each of its sessions."""
        self.database.signal(signal.SIGSTOP)

    def resume_database(self) -> None:
        self.database.signal(signal.SIGCONT)

    def create_database(self, name: str) -> str:
        """An empty database beside the usual one; returns its URL."""
        return self.database.create_database(name)

    def migrate(self, url: str | None = None) -> None:
        """Brings a database (the usual one by default) to the newest migration."""
        run([str(ROOT / "deploy" / "local" / "migrate")], "migrating the database", deadline_s=300,
            environment={**os.environ, "KEYSTRAND_DATABASE_URL": url or self.database_url})

    # --- the parts ---

    @property
    def settings(self) -> Settings:
        path = self.folder / "stack.json"
        try:
            return Settings(**json.loads(path.read_text()))
        except FileNotFoundError:
            raise StackError(f"there is no stack in {self.folder}: `make stack-up` makes one") from None
        except (ValueError, TypeError):
            raise StackError(f"{path} cannot be read as a stack's settings: "
                             "`make stack-wipe`, then start again") from None

    @property
    def brokers(self) -> list[kafka.Broker]:
        chosen = self.settings
        return [kafka.Broker(self.folder, JARS, n, chosen.brokers, chosen.kafka_port, self._special.get(n, kafka.Special()))
                for n in range(chosen.brokers)]

    @property
    def database(self) -> Postgres:
        chosen = self.settings
        return Postgres(self.folder, chosen.postgres_port, chosen.password)

    @property
    def servers(self) -> list[Server]:
        return [self.database, *self.brokers]

    def _recorded_servers(self) -> list[Server]:
        """To be stopped: this needs no settings."""
        names = sorted(pid_file.stem for pid_file in self.folder.glob("*.pid"))
        return [Postgres(self.folder, port=0, password="") if name == "postgres" else Server(self.folder, name)
                for name in names]

    def _wait_ready(self) -> None:
        """All of them: an earlier `up` may have been interrupted between a server's start and its readiness."""
        for server in self.servers:
            if isinstance(server, kafka.Broker):
                server.wait_ready(self.settings.brokers)
            else:
                server.wait_ready()

    def _settle(self) -> None:
        """Brings stack.json in line with what the caller wants, where that is still possible."""
        if not self.exists:
            self._require_no_data()
            chosen = Settings(brokers=self._wanted["brokers"] or 1, kafka_port=0, postgres_port=0,
                              password=secrets.token_hex(16))
        else:
            chosen = self.settings
            self._require_unchanged_brokers(chosen)
        before = dataclasses.replace(chosen)
        for name in ("kafka_port", "postgres_port"):
            if self._wanted[name] is not None:
                setattr(chosen, name, self._wanted[name])
        if self.exists and chosen != before:
            self._require_stopped()
        chosen.kafka_port = chosen.kafka_port or free_port_block(2 * chosen.brokers)
        chosen.postgres_port = chosen.postgres_port or free_port_block(1)
        write_atomically(self.folder / "stack.json", json.dumps(dataclasses.asdict(chosen), indent=2) + "\n")

    def _require_no_data(self) -> None:
        data = [name for name in ("postgres", "kafka-0") if (self.folder / name).exists()]
        if data:
            raise StackError(f"{self.folder} holds data ({data[0]}) but no stack.json, which knew ports and password: "
                             "`make stack-wipe`, then start again")

    def _require_unchanged_brokers(self, chosen: Settings) -> None:
        wanted = self._wanted["brokers"]
        if wanted is not None and wanted != chosen.brokers:
            raise StackError(f"the stack in {self.folder} was made with {chosen.brokers} broker(s), not {wanted}: "
                             "`make stack-wipe` deletes it and its data; or give another folder with --dir")

    def _require_stopped(self) -> None:
        running = [server.name for server in self.servers if server.running]
        if running:
            raise StackError(f"the stack in {self.folder} runs on other ports: `make stack-down` first")


def status_command(stack: Stack) -> int:
    """Prints a line per server; 0 if all run, 1 if one does not."""
    layout = "{:<10} {:<8} {:>8} {:>6}  {}"
    print(layout.format("server", "state", "pid", "port", "data"))
    for server in stack.servers:
        process = server.process
        state = "stopped" if process is None else "frozen" if process.frozen else "running"
        print(layout.format(server.name, state, process.pid if process else "-", server.port, server.data))
    return 0 if stack.running else 1


def up_command(stack: Stack) -> int:
    state = "up" if stack.up() else "was up already"
    print(f"{state}: Kafka at {stack.kafka_brokers}, PostgreSQL at 127.0.0.1:{stack.database.port}, "
          f"logs in {stack.folder}")
    return 0


def down_command(stack: Stack) -> int:
    stack.down()
    print(f"stopped; data and logs stay in {stack.folder}")
    return 0


def wipe_command(stack: Stack) -> int:
    stack.wipe()
    print(f"deleted {stack.folder}")
    return 0


def env_command(stack: Stack) -> int:
    print("\n".join(f"{name}={value}" for name, value in stack.env().items()))
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Starts and stops the local stack (Apache Kafka and PostgreSQL).")
    parser.add_argument("--dir", type=pathlib.Path, default=DEFAULT_DIR, help="where it lives (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what does not run, wait until all is ready")
    up.add_argument("--brokers", type=int, choices=(1, 3), help="chosen at the first start; default 1")
    up.add_argument("--kafka-port", type=int, help="the first of two ports per broker in a row; 0: choose again")
    up.add_argument("--postgres-port", type=int, help="0: choose again")
    commands.add_parser("status", help="a line per server; exit code 0 if all run")
    commands.add_parser("env", help="the settings of the programs, as lines for a shell")
    commands.add_parser("down", help="stop, keep the data")
    commands.add_parser("wipe", help="stop, delete the data")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    given = {name: getattr(chosen, name, None) for name in ("brokers", "kafka_port", "postgres_port")}
    stack = Stack(chosen.dir, say=lambda line: print(line, flush=True), **given)
    commands = {"up": up_command, "status": status_command, "env": env_command,
                "down": down_command, "wipe": wipe_command}
    try:
        return commands[chosen.command](stack)
    except (StackError, OSError) as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
