"""Inputs cut short: sent up to a byte, then the sending side is shut down. Many thousand, so from several processes.

The processes of the pool import this module anew: it needs nothing but the standard library and knows no row.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import multiprocessing
import random
import re
import socket
import ssl
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

ANSWER_DEADLINE_S = 15
BODY_EDGE_BYTES = 64  # each cut among the first and last bytes of a body
BODY_POINTS = 32  # and so many anywhere in it
PROCESSES = 3
ADDRESSES = 200  # source addresses 127.0.0.2 and on: a closed connection keeps its port for a minute
SHOWN_MAX = 5

_RESPONSE = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]+\r\n((?:[^\r\n]+\r\n)*)\r\n")
_LENGTH = re.compile(rb"^Content-Length: (\d+)\r$", re.MULTILINE)
_IP_BIND_ADDRESS_NO_PORT = 24


@dataclasses.dataclass(frozen=True)
class Cut:
    """`size`: bytes that are sent. `accepted`: requests that are whole in them, each to be answered 200."""

    size: int
    accepted: int


@dataclasses.dataclass(frozen=True)
class Job:
    """All cuts of one input. `certificate`: of the receiver, for TLS; empty: plain."""

    label: str
    port: int
    certificate: str
    data: bytes
    cuts: tuple[Cut, ...]


@dataclasses.dataclass
class Tally:
    sent: int = 0
    outcomes: Counter[str] = dataclasses.field(default_factory=Counter)  # "closed", or the statuses: "200 400"
    resumed: int = 0  # TLS handshakes without a certificate
    faults: list[str] = dataclasses.field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.sent += other.sent
        self.resumed += other.resumed
        self.outcomes.update(other.outcomes)
        self.faults += other.faults


def sizes_of(request: bytes, seed: str) -> Iterator[int]:
    """Where a request is cut: anywhere in its head, and at chosen places in what follows it."""
    head = request.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in request else len(request)
    yield from range(head)
    body = range(head, len(request))
    dice = random.Random(seed)
    points = {
        *body[:BODY_EDGE_BYTES],
        *body[-BODY_EDGE_BYTES:],
        *(dice.choice(body) for _ in range(BODY_POINTS if body else 0)),
    }
    yield from sorted(points)


def run(jobs: Iterable[Job]) -> Tally:
    """Sends all cuts. The jobs are taken in their order."""
    total = Tally()
    with concurrent.futures.ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        for tally in pool.map(work, jobs):
            total.add(tally)
    return total


def work(job: Job) -> Tally:
    tally = Tally()
    client = _Tls(job.certificate) if job.certificate else _Plain()
    for cut in job.cuts:
        connection = _connect(job.port, 2 + tally.sent % ADDRESSES)
        try:
            received = client.exchange(connection, job.data[: cut.size])
        except OSError as error:  # among them a deadline and a failed handshake
            received = f"{type(error).__name__}: {error}".encode()
        finally:
            connection.close()
        tally.sent += 1
        _judge(tally, job, cut, received)
    tally.resumed = client.resumed
    return tally


def _judge(tally: Tally, job: Job, cut: Cut, received: bytes) -> None:
    statuses = _statuses(received)
    tally.outcomes["broken" if statuses is None else " ".join(map(str, statuses)) or "closed"] += 1
    if statuses is not None:
        own = statuses[cut.accepted :]
        all_accepted = statuses[: cut.accepted] == [200] * cut.accepted
        if all_accepted and len(own) <= 1 and all(400 <= status < 500 for status in own):
            return
    if len(tally.faults) < SHOWN_MAX:
        tally.faults.append(f"{job.label} cut after {cut.size} of {len(job.data)} bytes: {received[:200]!r}")


def _statuses(received: bytes) -> list[int] | None:
    """Of the responses that these bytes are, without 100 Continue. None: they are not responses, each of them whole."""
    found, at = [], 0
    while at < len(received):
        if (response := _RESPONSE.match(received, at)) is None:
            return None
        length = _LENGTH.search(response[2])
        at = response.end() + (int(length[1]) if length else 0)
        found.append(int(response[1]))
    return [status for status in found if status != 100] if at == len(received) else None


def _connect(port: int, address: int) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(ANSWER_DEADLINE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    connection.bind((f"127.0.0.{address}", 0))
    connection.connect(("127.0.0.1", port))
    return connection


def _receive_all(connection: socket.socket) -> Iterator[bytes]:
    """Until the end; a reset is one, since what was refused may not have been read."""
    try:
        while received := connection.recv(65536):
            yield received
    except ConnectionResetError:
        return


def _finish(connection: socket.socket, data: bytes) -> None:
    try:
        if data:
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except (BrokenPipeError, ConnectionResetError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise


class _Plain:
    resumed = 0

    def exchange(self, connection: socket.socket, data: bytes) -> bytes:
        _finish(connection, data)
        return b"".join(_receive_all(connection))


class _Tls:
    """Resumes one session again and again: without that the handshakes alone would take minutes."""

    def __init__(self, certificate: str):
        self._context = ssl.create_default_context(cafile=certificate)
        self._context.check_hostname = False
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2  # resumes without any public-key operation
        self._session: ssl.SSLSession | None = None
        self.resumed = 0

    def exchange(self, connection: socket.socket, data: bytes) -> bytes:
        """The cut data, the close_notify and the FIN go out together."""
        arriving, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = self._context.wrap_bio(arriving, leaving, session=self._session)
        self._shake_hands(connection, session, arriving, leaving)
        self.resumed += session.session_reused
        self._session = session.session
        if data:
            session.write(data)
        try:
            session.unwrap()
        except ssl.SSLWantReadError:
            pass
        _finish(connection, leaving.read())
        for received in _receive_all(connection):
            arriving.write(received)
        return b"".join(self._decrypted(session))

    @staticmethod
    def _shake_hands(
        connection: socket.socket, session: ssl.SSLObject, arriving: ssl.MemoryBIO, leaving: ssl.MemoryBIO
    ) -> None:
        while True:
            try:
                return session.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(leaving.read())
                received = connection.recv(65536)
                if not received:
                    raise ConnectionAbortedError("the connection ended inside of the handshake") from None
                arriving.write(received)

    @staticmethod
    def _decrypted(session: ssl.SSLObject) -> Iterator[bytes]:
        while True:
            try:
                if not (read := session.read(65536)):
                    return
                yield read
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return


def batches(jobs: Sequence[Job], cuts_max: int = 4000) -> list[Job]:
    """The same cuts in jobs of a bounded size, so that no process is busy alone at the end."""
    return [
        dataclasses.replace(job, cuts=job.cuts[begin : begin + cuts_max])
        for job in jobs
        for begin in range(0, len(job.cuts), cuts_max)
    ]
