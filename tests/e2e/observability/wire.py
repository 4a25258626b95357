"""HTTP/1.1 over a socket, byte for byte: what no HTTP library would send, and the answers to it."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from collections.abc import Iterator

from traffic import delivery

PATH = "/webhooks/stripe"
TIMEOUT_S = 20.0


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")


class Wire:
    """A connection. `receive_bytes`: of its receive buffer, small for one that shall fill up."""

    def __init__(self, port: int, receive_bytes: int | None = None):
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT_S)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", port))
        self._input = self.socket.makefile("rb")

    def send(self, data: bytes) -> Wire:
        self.socket.sendall(data)
        return self

    def answer(self) -> Answer:
        """Fails if the connection ends without a whole one."""
        status_line = self._input.readline()
        assert status_line.startswith(b"HTTP/1.1 "), f"no answer: {status_line!r}"
        headers = {}
        while (line := self._input.readline().rstrip(b"\r\n")):
            name, value = line.decode().split(": ", 1)
            headers[name.lower()] = value
        body = self._input.read(int(headers["content-length"]))
        return Answer(int(status_line.split()[1]), headers, body)

    def ended(self) -> bool:
        """Waits for the other side's end."""
        try:
            return self._input.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._input.close()
        self.socket.close()


@contextlib.contextmanager
def connected(port: int, receive_bytes: int | None = None) -> Iterator[Wire]:
    wire = Wire(port, receive_bytes)
    try:
        yield wire
    finally:
        wire.close()


def head(method: str = "POST", path: str = PATH, length: int | None = 0, *lines: str) -> bytes:
    """A request's head. `length` None: no Content-Length."""
    wanted = [f"{method} {path} HTTP/1.1", "Host: hooks.test", *lines]
    if length is not None:
        wanted.append(f"Content-Length: {length}")
    return "\r\n".join([*wanted, "", ""]).encode()


def signed(event: delivery.Delivery, path: str = PATH) -> bytes:
    """The whole request that delivers the event."""
    lines = [f"{name}: {value}" for name, value in event.headers().items()]
    return head("POST", path, len(event.body), *lines) + event.body
