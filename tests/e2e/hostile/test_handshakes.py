"""TLS handshakes that must not succeed: an alert, and not a byte of HTTP."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator, Sequence

import pytest

from hostile import intake
from hostile.intake import Intake
from hostile.wire import ANSWER_DEADLINE_S, HOSTNAME, Tls
from keystrand_e2e.system import System

HANDSHAKE, ALERT, FATAL = 22, 21, 2
HANDSHAKE_FAILURE, PROTOCOL_VERSION, UNRECOGNIZED_NAME = 40, 70, 112

SSL_3, TLS_1_0, TLS_1_1, TLS_1_2 = 0x0300, 0x0301, 0x0302, 0x0303
MODERN = [0xC02B, 0xC02F, 0xCCA9]  # ECDHE with AES-GCM and ChaCha20
OLD = [0xC009, 0xC013, 0x002F, 0x0035, 0x000A]  # AES-CBC and 3DES: all that old versions can do
NULL = [0x0001, 0x0002, 0x003B, 0xC006, 0xC010]
EXPORT = [0x0003, 0x0006, 0x0008, 0x000B, 0x000E, 0x0011, 0x0014, 0x0019]
ANONYMOUS = [0x0018, 0x0034, 0x003A, 0x00A6, 0xC018]
RC4_AND_DES = [0x0004, 0x0005, 0x0009, 0xC007, 0xC011]


@pytest.fixture(scope="module")
def transport(certificates: Tls) -> Tls:
    return certificates


@pytest.fixture(scope="module")
def named_intake(shared_system: System, transport: Tls) -> Iterator[Intake]:
    """A receiver that serves one name only."""
    made = intake.start(shared_system, transport, KEYSTRAND_TLS_SERVER_NAMES=HOSTNAME)
    made.check_topic_from_here()
    yield made
    made.tail.close()


def extension(number: int, data: bytes) -> bytes:
    return struct.pack(">HH", number, len(data)) + data


def server_name(name: str) -> bytes:
    host = name.encode()
    return extension(0, struct.pack(">HBH", len(host) + 3, 0, len(host)) + host)


def client_hello(version: int, suites: Sequence[int], name: str | None = HOSTNAME) -> bytes:
    """One record, as clients up to TLS 1.2 send it."""
    groups = extension(10, struct.pack(">HHH", 4, 0x001D, 0x0017)) + extension(11, b"\x01\x00")
    algorithms = extension(13, struct.pack(">HHHH", 6, 0x0403, 0x0804, 0x0401))
    extensions = (server_name(name) if name else b"") + groups + algorithms
    body = struct.pack(">H", version) + bytes(range(32)) + b"\x00" + struct.pack(">H", 2 * len(suites))
    body += (
        b"".join(struct.pack(">H", suite) for suite in suites)
        + b"\x01\x00"
        + struct.pack(">H", len(extensions))
        + extensions
    )
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return bytes([HANDSHAKE]) + struct.pack(">HH", min(version, TLS_1_0), len(message)) + message


def answer_to(port: int, hello: bytes, until_end: bool) -> bytes:
    """A reset is an end, too."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_DEADLINE_S) as connection:
        connection.sendall(hello)
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65536):
                received += more
                if not until_end:
                    break
    return received


REFUSED = {
    "ssl-3": (client_hello(SSL_3, OLD), HANDSHAKE_FAILURE),
    "tls-1-0": (client_hello(TLS_1_0, OLD), PROTOCOL_VERSION),
    "tls-1-1": (client_hello(TLS_1_1, OLD), PROTOCOL_VERSION),
    "null-ciphers": (client_hello(TLS_1_2, NULL), HANDSHAKE_FAILURE),
    "export-ciphers": (client_hello(TLS_1_2, EXPORT), HANDSHAKE_FAILURE),
    "anonymous-ciphers": (client_hello(TLS_1_2, ANONYMOUS), HANDSHAKE_FAILURE),
    "rc4-and-des": (client_hello(TLS_1_2, RC4_AND_DES), HANDSHAKE_FAILURE),
    "no-server-name": (client_hello(TLS_1_2, MODERN, None), UNRECOGNIZED_NAME),
    "other-server-name": (client_hello(TLS_1_2, MODERN, "other.example.test"), UNRECOGNIZED_NAME),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_handshake_is_refused_with_an_alert(named_intake: Intake, refused: str) -> None:
    """H64"""
    hello, description = REFUSED[refused]
    received = answer_to(named_intake.port, hello, until_end=True)
    assert len(received) == 7 and received[0] == ALERT and received[5:] == bytes([FATAL, description]), received
    named_intake.check_alive()


def test_same_hello_with_a_modern_suite_is_answered(named_intake: Intake) -> None:
    """What the refusals above rest on: it is version, suite or name that was refused."""
    received = answer_to(named_intake.port, client_hello(TLS_1_2, MODERN), until_end=False)
    assert received[0] == HANDSHAKE, received


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_modern_versions_are_spoken(named_intake: Intake, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=str(named_intake.transport.certificate))
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", named_intake.port), timeout=ANSWER_DEADLINE_S) as plain:
        with context.wrap_socket(plain, server_hostname=HOSTNAME) as connection:
            assert connection.version() == version.name.replace("v1_", "v1.")
            assert connection.selected_alpn_protocol() == "http/1.1"


def test_renegotiation_is_refused(named_intake: Intake) -> None:
    """H64: openssl's client asks for it with a line "R"."""
    spoken = subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{named_intake.port}",
            "-servername",
            HOSTNAME,
            "-tls1_2",
            "-no_ign_eof",
        ],
        input="R\n",
        capture_output=True,
        text=True,
        timeout=ANSWER_DEADLINE_S * 2,
        check=False,
    )
    assert "RENEGOTIATING" in spoken.stdout + spoken.stderr, spoken
    assert "no renegotiation" in spoken.stderr, spoken
    assert "HTTP/1.1" not in spoken.stdout
    named_intake.check_alive()


def test_plain_request_on_the_tls_port_is_no_request(named_intake: Intake) -> None:
    received = answer_to(named_intake.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", until_end=True)
    assert not received.startswith(b"HTTP/"), received
    named_intake.check_alive()
