"""The cutting client itself, held against servers that do what the receiver must never do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest

from hostile import cutting
from hostile.cutting import Cut, Job, Tally
from hostile.wire import Tls

Reply = Callable[[bytes], bytes]

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{  }"
CUTS = tuple(Cut(size, 0) for size in (0, 1, 20, len(REQUEST) - 1))


def answer(status: int) -> bytes:
    return b"HTTP/1.1 %d Word\r\nContent-Length: 0\r\n\r\n" % status


@contextlib.contextmanager
def server(reply: Reply, context: ssl.SSLContext | None) -> Iterator[int]:
    """Reads to the end of what is sent, says `reply` of it, and closes. The port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in CUTS:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) if context else connection as spoken:
                    received = b"".join(iter(lambda: spoken.recv(65536), b""))
                    spoken.sendall(reply(received))

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield listener.getsockname()[1]
        finally:
            serving.join()


@pytest.fixture(params=["plain", "tls"])
def cut(request: pytest.FixtureRequest, certificates: Tls) -> Callable[..., Tally]:
    """Cuts REQUEST at CUTS, against a server with this reply."""
    context = None
    if request.param == "tls":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates.certificate, certificates.key)

    def cut(reply: Reply, accepted: int = 0) -> Tally:
        cuts = tuple(Cut(each.size, accepted) for each in CUTS)
        with server(reply, context) as port:
            tally = cutting.work(Job("x", port, str(certificates.certificate) if context else "", REQUEST, cuts))
        assert tally.sent == len(CUTS)
        assert tally.resumed == (len(CUTS) - 1 if context else 0), "one full handshake, and then the same session"
        return tally

    return cut


def test_close_and_refusal_are_right(cut: Callable[..., Tally]) -> None:
    tally = cut(lambda received: answer(400) if received else b"")
    assert (tally.faults, dict(tally.outcomes)) == ([], {"closed": 1, "400": 3})


def test_every_byte_up_to_the_cut_arrives_and_no_other(cut: Callable[..., Tally]) -> None:
    seen: list[bytes] = []
    cut(lambda received: seen.append(received) or b"")
    assert seen == [REQUEST[: each.size] for each in CUTS]


@pytest.mark.parametrize(
    "reply",
    [
        answer(200),
        answer(503),
        answer(500),
        answer(302),
        answer(400) * 2,
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"HTTP/1.1 ",
        answer(400)[:-1],
        answer(400) + b"x",
        answer(400).replace(b"0", b"3"),
    ],
)
def test_anything_else_is_a_fault(cut: Callable[..., Tally], reply: bytes) -> None:
    assert len(cut(lambda received: reply).faults) == len(CUTS)


def test_accepted_requests_are_counted(cut: Callable[..., Tally]) -> None:
    assert cut(lambda received: answer(200) + answer(408), accepted=1).faults == []
    assert len(cut(lambda received: answer(408), accepted=1).faults) == len(CUTS)
    assert len(cut(lambda received: answer(200) * 2, accepted=1).faults) == len(CUTS)


def test_cuts_are_at_every_byte_of_a_head_and_within_its_body() -> None:
    head = REQUEST.index(b"{")
    assert list(cutting.sizes_of(REQUEST, "seed")) == [*range(len(REQUEST))]
    long = REQUEST[:head] + b"x" * 1000
    sizes = list(cutting.sizes_of(long, "seed"))
    assert sizes[: head + 64] == [*range(head + 64)] and sizes[-64:] == [*range(len(long) - 64, len(long))]
    assert 1 <= len(sizes) - head - 128 <= 32
    assert list(cutting.sizes_of(b"\x16\x03\x01", "seed")) == [0, 1, 2]
