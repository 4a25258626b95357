"""Brokers with more ways in than the usual one, for the tests that spoil them."""

from __future__ import annotations

import dataclasses
import pathlib
import subprocess
from collections.abc import Callable, Iterator

import confluent_kafka.admin
import pytest

from kafka import Listener, Special
from keystrand_e2e.fault_proxy import FaultProxy
from keystrand_e2e.servers import observed_stack
from process import free_port_block
from stack import Stack


BROKER_NAME = "broker.keystrand.test"  # known to nobody but the name server of the tests


@dataclasses.dataclass(frozen=True)
class Ways:
    """The ports of the one broker. On `direct` everyone may do everything: for the tests' own clients."""

    direct: int
    wire: int  # plaintext, but clients are sent to the fault proxy
    proxy: int
    sasl: int  # SASL_PLAINTEXT, for the users of the fixture of that name
    tls: int
    named: int  # plaintext, but clients are sent to this port of BROKER_NAME
    authority: pathlib.Path  # the certificate that `tls` shows is signed by this one
    other_authority: pathlib.Path  # and not by this one


def brokers(port: int) -> str:
    return f"127.0.0.1:{port}"


@pytest.fixture(scope="package")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Ways:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("authority", "other"):
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                 f"/CN=Keystrand test {name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-CA",
             f"{folder}/authority.pem", "-CAkey", f"{folder}/authority.key", "-keyout", f"{folder}/broker.key", "-out",
             f"{folder}/broker.crt")
    (folder / "broker.pem").write_text((folder / "broker.key").read_text() + (folder / "broker.crt").read_text())
    first = free_port_block(5)
    return Ways(0, first, first + 1, first + 2, first + 3, first + 4, folder / "authority.pem", folder / "other.pem")


class Users:
    """Who may come in at `sasl`, with SASL/PLAIN: SCRAM of librdkafka 2.0.2 and Kafka 4 do not understand each other (it
    sends its nonce twice, and Kafka takes that no more). A broker knows those that were here when it was started."""

    def __init__(self, settings: dict[str, object]):
        self._settings = settings
        self.passwords: dict[str, str] = {}

    def set(self, **passwords: str) -> None:
        self.passwords = passwords
        users = " ".join(f'user_{name}="{password}"' for name, password in passwords.items())
        self._settings["listener.name.sasl.plain.sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};")


# Invented, for these tests only: they open nothing.
USER, ROTATING_USER, PASSWORD = "receiver", "rotating", "invented-for-tests-1"


@pytest.fixture(scope="package")
def broker_settings() -> dict[str, object]:
    return {}


@pytest.fixture(scope="package")
def users(broker_settings: dict[str, object]) -> Users:
    return Users(broker_settings)


@pytest.fixture(scope="package")
def servers(request: pytest.FixtureRequest, ways: Ways, broker_settings: dict[str, object],
            users: Users) -> Iterator[Stack]:
    """Instead of the usual stack: a broker of one's own, which no other test waits for."""
    listeners = {"WIRE": Listener(ways.wire, advertised=ways.proxy), "SASL": Listener(ways.sasl, "SASL_PLAINTEXT"),
                 "TLS": Listener(ways.tls, "SSL"), "NAMED": Listener(ways.named, host=BROKER_NAME)}
    users.set(**{USER: PASSWORD, ROTATING_USER: PASSWORD})
    broker_settings |= {
        "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.tls.ssl.keystore.type": "PEM",
        "listener.name.tls.ssl.keystore.location": ways.authority.with_name("broker.pem"),
        # Whoever comes without a name is one of us; a topic with access rules is for those it names.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "allow.everyone.if.no.acl.found": "true",
    }
    with observed_stack(request.session, special={0: Special(listeners, broker_settings)}) as stack:
        yield stack


@pytest.fixture
def admin(servers: Stack) -> confluent_kafka.admin.AdminClient:
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": servers.kafka_brokers, "log_level": 0})


@pytest.fixture
def proxy(servers: Stack, ways: Ways) -> Iterator[FaultProxy]:
    with FaultProxy(ways.wire, ways.proxy) as proxy:
        yield proxy


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    return record_property


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
