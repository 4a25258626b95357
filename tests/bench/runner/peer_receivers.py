"""What others would run instead of keystrand-receiver, and the limit of HTTP alone: tests/bench/peers, README."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

from runner.stage import SECRET, Program, Stage, free_ports
from runner.subjects import RunningReceiver, receiving

SOURCES = pathlib.Path(__file__).resolve().parents[1] / "peers"
PATH = "/webhook"


class GoReceiver:
    """net/http and franz-go: the peer that ratios refer to."""

    name = "go"
    keeps_records = True
    rate_max = 40_000

    @contextlib.contextmanager
    def run(self, stage: Stage, names: dict[str, str]) -> Iterator[RunningReceiver]:
        [port] = free_ports(1)
        program = stage.start("go-receiver", [stage.peer("go-receiver")], environment_of(stage, names, port))
        with receiving(program, port, PATH, lambda: accepts(port)) as receiver:
            yield receiver


class NodeReceiver:
    """Fastify, Stripe's SDK and Confluent's client, a process per core behind Node's own cluster."""

    name = "node"
    keeps_records = True
    rate_max = 40_000

    @contextlib.contextmanager
    def run(self, stage: Stage, names: dict[str, str]) -> Iterator[RunningReceiver]:
        port, ready_port = free_ports(2)
        environment = {**environment_of(stage, names, port), "READY_PORT": str(ready_port), "NODE_ENV": "production"}
        argv = [stage.peer("node/node"), stage.peer("node/receiver.js")]
        program = stage.start("node-receiver", argv, environment)
        with receiving(program, port, PATH, lambda: accepts(ready_port)) as receiver:
            yield receiver


class Nginx:
    """`return 200`: no signature is checked and nothing is kept, so it is no peer but the limit of HTTP alone."""

    name = "nginx"
    keeps_records = False
    rate_max = 160_000

    @contextlib.contextmanager
    def run(self, stage: Stage, names: dict[str, str]) -> Iterator[RunningReceiver]:
        [port] = free_ports(1)
        with receiving(self._start(stage, port), port, PATH, lambda: accepts(port)) as receiver:
            yield receiver

    def _start(self, stage: Stage, port: int) -> Program:
        prefix = stage.folder("nginx")
        template = (SOURCES / "nginx" / "nginx.conf").read_text()
        (prefix / "nginx.conf").write_text(template.replace("@PORT@", str(port)))
        user = "user root; " if os.geteuid() == 0 else ""  # its own default is a user that cannot read the prefix
        argv = [stage.peer("nginx"), "-p", str(prefix), "-c", "nginx.conf", "-e", "stderr", "-g", user + "daemon off;"]
        return stage.start("nginx", argv, {})


def environment_of(stage: Stage, names: dict[str, str], port: int) -> dict[str, str]:
    """What a peer that keeps records is told."""
    return {"PORT": str(port), "BROKERS": stage.stack.env()["KEYSTRAND_KAFKA_BROKERS"],
            "TOPIC": names["KEYSTRAND_EVENTS_TOPIC"], "SECRET": SECRET}


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False
