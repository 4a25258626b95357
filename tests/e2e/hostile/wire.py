"""Connections to the receiver, plain and TLS, and answers read to the letter."""

from __future__ import annotations

import dataclasses
import pathlib
import select
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator, Mapping
from typing import Protocol

from hostile.row import Answer

ANSWER_DEADLINE_S = 15  # far beyond what any answer takes; the deadline of an acknowledgement is 5 s
HOSTNAME = "hooks.example.test"
READ_BYTES = 65536


class Transport(Protocol):
    name: str

    def connect(self, port: int, source: str = "127.0.0.1", receive_bytes: int | None = None) -> socket.socket: ...

    def settings(self) -> Mapping[str, str]: ...


class Plain:
    name = "plain"

    def connect(self, port: int, source: str = "127.0.0.1", receive_bytes: int | None = None) -> socket.socket:
        """`receive_bytes`: of the kernel's buffer. Before the connection is made: a window that shrinks under way makes
        the kernel drop the other side's packets, acknowledgements with them."""
        connection = socket.socket()
        if receive_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(ANSWER_DEADLINE_S)
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
        return connection

    def settings(self) -> Mapping[str, str]:
        return {}


class Tls:
    """With a certificate made for the run, which the client knows."""

    name = "tls"

    def __init__(self, folder: pathlib.Path):
        self.certificate, self.key = make_certificate(folder)
        self.context = ssl.create_default_context(cafile=str(self.certificate))
        self.context.set_alpn_protocols(["http/1.1"])

    def connect(self, port: int, source: str = "127.0.0.1", receive_bytes: int | None = None) -> socket.socket:
        return self.context.wrap_socket(
            Plain().connect(port, source, receive_bytes), server_hostname=HOSTNAME, suppress_ragged_eofs=False
        )

    def settings(self) -> Mapping[str, str]:
        return {"KEYSTRAND_TLS_CERTIFICATE_FILE": str(self.certificate), "KEYSTRAND_TLS_KEY_FILE": str(self.key)}


def make_certificate(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Self-signed, for a day. Certificate and key, as PEM files."""
    certificate, key = folder / "test-certificate.pem", folder / "test-key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-noenc",
            "-days",
            "1",
            "-subj",
            f"/CN={HOSTNAME}",
            "-addext",
            f"subjectAltName=DNS:{HOSTNAME},IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return certificate, key


@dataclasses.dataclass(frozen=True)
class Seen:
    """One response as it came."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    def check(self, wanted: Answer) -> None:
        assert (self.status, self.body) == (wanted.status, b"" if wanted.to_head else wanted.body), self
        if wanted.status == 100:
            assert not self.fields, self
            return
        fields = {"Content-Type": "application/json", "Content-Length": str(len(wanted.body)), **wanted.fields}
        if wanted.closes:
            fields["Connection"] = "close"
        own = {name: value for name, value in self.fields.items() if name not in ("Date", "X-Request-Id")}
        assert own == fields, self
        if wanted.shed:
            assert own == self.fields, self
            return
        assert len(self.fields["X-Request-Id"]) == 32 and self.fields["Date"], self


class Answers:
    """Reads responses off a connection, one after the other. Strict: bytes that are no response fail."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._unread = b""

    def next(self, to_head: bool = False) -> Seen | None:
        """None: the connection has ended, between two responses. A reset counts as an end: unread bytes cause it."""
        if not self._fill(b"\r\n\r\n"):
            assert not self._unread, f"the connection ended inside of a response: {self._unread!r}"
            return None
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        line, *fields = head.decode("ascii").split("\r\n")
        version, status, reason = line.split(" ", 2)
        assert version == "HTTP/1.1" and reason, line
        named = dict(field.split(": ", 1) for field in fields)
        assert len(named) == len(fields), f"a field came twice: {fields}"
        size = 0 if to_head else int(named.get("Content-Length", "0"))
        while len(self._unread) < size:
            assert self._receive(), f"the connection ended inside of a body: {self._unread!r}"
        body, self._unread = self._unread[:size], self._unread[size:]
        return Seen(int(status), named, body)

    def expect(self, answer: Answer) -> None:
        seen = self.next(answer.to_head)
        assert seen is not None, f"the connection ended before the answer {answer}"
        seen.check(answer)

    def rest(self) -> Iterator[Seen]:
        while (seen := self.next()) is not None:
            yield seen

    def _fill(self, until: bytes) -> bool:
        while until not in self._unread:
            if not self._receive():
                return False
        return True

    def _receive(self) -> bool:
        try:
            received = self._connection.recv(READ_BYTES)
        except (ConnectionResetError, ssl.SSLEOFError):
            return False
        self._unread += received
        return bool(received)


class AnswersWhileSending(Answers):
    """Of one side that sends all the time that it reads. In one thread: OpenSSL's connections are not for two."""

    def __init__(self, connection: socket.socket, data: bytes):
        super().__init__(connection)
        self._unsent = memoryview(data)
        connection.setblocking(False)

    def _receive(self) -> bool:
        while True:
            try:
                return super()._receive()
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            if not self._send_some():
                writing = [self._connection] if self._unsent else []
                ready = select.select([self._connection], writing, [], ANSWER_DEADLINE_S)
                assert any(ready), f"nothing came or went for {ANSWER_DEADLINE_S} s"

    def _send_some(self) -> bool:
        if not self._unsent:
            return False
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            return False
        except (BrokenPipeError, ConnectionResetError):  # what it refuses it need not read
            self._unsent = self._unsent[:0]
        return True


def shut_down(connection: socket.socket) -> None:
    """Ends the sending side. Over TLS without a close_notify: as from a peer that died."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_WR)
    except OSError:  # the receiver was faster
        pass


def reset(connection: socket.socket) -> None:
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def send(connection: socket.socket, data: bytes) -> None:
    """All of it, unless the receiver closes first: what it refuses it need not read."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass
