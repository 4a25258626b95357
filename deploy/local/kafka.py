"""Apache Kafka for the local stack: one or three nodes, each broker and controller in one (KRaft combined mode)."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from collections.abc import Mapping

import kafka_probe
from process import Server, StackError, require_free_port, run

START_DEADLINE_S = 60
CLUSTER_ID = "keystrand-local"

# A third of the memory, a second less to start: this broker serves one developer.
JVM_FLAGS = [
    "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
]


@dataclasses.dataclass(frozen=True)
class Listener:
    """One more way into a broker, beside the usual one, on 127.0.0.1. `advertised`: the port that clients are sent to
    instead, a proxy's; 0: none. `host`: where they are sent, a name or an address."""

    port: int
    protocol: str = "PLAINTEXT"  # or SSL, SASL_PLAINTEXT, SASL_SSL
    advertised: int = 0
    host: str = "127.0.0.1"


@dataclasses.dataclass(frozen=True)
class Special:
    """What a throwaway broker has beyond the usual. `data`: an existing folder to keep its logs in, not the stack's."""

    listeners: Mapping[str, Listener] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)
    data: pathlib.Path | None = None


class Broker(Server):
    """Node `index` (from 0; Kafka's own node.id is one higher) of a cluster of `count`. Its ports: see `ports`."""

    def __init__(self, folder: pathlib.Path, jars: pathlib.Path, index: int, count: int, first_port: int,
                 special: Special = Special()):
        super().__init__(folder, f"kafka-{index}")
        self.index = index
        self.port, self._controller_port = ports(first_port, index)
        self.data = (special.data or folder) / f"kafka-{index}"
        self._special = special
        self._count = count
        self._first_port = first_port
        self._jars = jars
        self._settings_file = folder / f"kafka-{index}.properties"

    def start(self) -> None:
        """Starts the process; `wait_ready` says when it can be used."""
        for port in (self.port, self._controller_port):
            require_free_port(port, self.name, "give others with --kafka-port N (0: choose)")
        self._format_if_new()
        self._write_settings(self.data)
        self.spawn(self._java("kafka.Kafka", str(self._settings_file)))

    def wait_ready(self, brokers: int) -> None:
        """Until this node lists so many brokers and serves producers and groups."""
        self.wait_until(lambda: len(kafka_probe.known_brokers(self.port)) >= brokers, START_DEADLINE_S,
                        f"in a cluster of {brokers}")
        self.wait_until(lambda: kafka_probe.takes_producers(self.port), START_DEADLINE_S, "ready for producers")
        self.wait_until(lambda: kafka_probe.takes_groups(self.port), START_DEADLINE_S, "ready for consumer groups")

    def wait_in_sync(self) -> None:
        """Until each partition of the cluster, as this node sees it, has all its replicas in sync."""
        self.wait_until(lambda: kafka_probe.in_sync(self.port), START_DEADLINE_S, "in sync with the others")

    def _format_if_new(self) -> None:
        """The folder is formatted under another name and moved in whole: an interrupted start leaves no half."""
        if (self.data / "meta.properties").exists():
            return
        if self.data.exists():
            raise StackError(f"{self.data} is no complete Kafka data folder (it has no meta.properties): "
                             "look whether you need what is in it, then `make stack-wipe` and start again")
        fresh = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        self._write_settings(fresh)
        run(self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._settings_file)),
            f"formatting {self.data}")
        fresh.rename(self.data)

    def _java(self, *arguments: str) -> list[str]:
        if not self._jars.is_dir():
            raise StackError(f"{self._jars} is missing: run deploy/local/setup")
        return ["java", *JVM_FLAGS, "-cp", f"{self._jars}/*", *arguments]

    def _write_settings(self, data: pathlib.Path) -> None:
        lines = [f"{name}={value}" for name, value in self._settings(data).items()]
        self._settings_file.write_text("\n".join(lines) + "\n")

    def _settings(self, data: pathlib.Path) -> dict[str, object]:
        replicas = min(self._count, 3)
        in_sync = 2 if replicas == 3 else 1
        voters = [f"{i + 1}@127.0.0.1:{ports(self._first_port, i)[1]}" for i in range(self._count)]
        return {
            "process.roles": "broker,controller",
            "node.id": self.index + 1,
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            **self._listeners(),
            "log.dirs": data,
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": self._count,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 1,
            "message.max.bytes": 4 << 20,  # above the 2 MiB that the topics allow for themselves
            # Tests kill consumers and await the takeover: sessions of 1 s, no pause before a group's first assignment.
            "group.min.session.timeout.ms": 1000,
            "group.initial.rebalance.delay.ms": 0,
            # A killed broker is missed, and may come back, after a session: its partitions stall so long. Default 9 s.
            "broker.session.timeout.ms": 2000 if self._count > 1 else 3000,
            "broker.heartbeat.interval.ms": 500,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 16 << 20,
            **self._special.settings,
        }

    def _listeners(self) -> dict[str, str]:
        more = self._special.listeners
        bound = {"PLAINTEXT": self.port, "CONTROLLER": self._controller_port,
                 **{name: listener.port for name, listener in more.items()}}
        advertised = {"PLAINTEXT": f"127.0.0.1:{self.port}",
                      **{name: f"{listener.host}:{listener.advertised or listener.port}" for name, listener in more.items()}}
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT",
                     **{name: listener.protocol for name, listener in more.items()}}
        return {
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in bound.items()),
            "advertised.listeners": ",".join(f"{name}://{address}" for name, address in advertised.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        }


def ports(first_port: int, index: int) -> tuple[int, int]:
    """Of node `index`: (for clients, for controllers). All of a cluster are 2 × count ports in a row."""
    return first_port + 2 * index, first_port + 2 * index + 1
