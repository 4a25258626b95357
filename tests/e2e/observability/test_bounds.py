"""Every bound of the receiver, set low and met."""

from __future__ import annotations

import contextlib
import itertools
import resource

import pytest


from keystrand_e2e.waiting import eventually
from observability import marked
from observability.conftest import Start
from observability.record import Watched
from observability.wire import PATH, TIMEOUT_S, Wire, connected, head, signed

MIB = 1 << 20


def hits(receiver: Watched, bound: str) -> float:
    return receiver.value("keystrand_bound_hits_total", bound=bound)


def open_request(wire: Wire, length: int = 100, sent: int = 6) -> None:
    """A delivery of which some bytes are still to come."""
    wire.send(head("POST", PATH, length) + b"x" * sent)


def test_limits_are_shown_as_they_are_set(start: Start) -> None:
    wanted = {"connections": 50, "connections_per_address": 40, "requests_per_connection": 30, "requests_in_flight": 20,
              "bytes_in_flight": 2 * MIB, "queue_bytes": MIB, "target_bytes": 100, "head_bytes": 2048, "body_bytes": 5000}
    seconds = {"tls_handshake": 1.5, "header": 2.5, "body": 3.5, "idle": 4.5, "write": 5.5, "ack": 6.5}
    settings = {f"KEYSTRAND_{bound.upper()}_MAX": str(limit) for bound, limit in wanted.items()}
    settings |= {f"KEYSTRAND_{bound.upper()}_TIMEOUT_MS": str(int(limit * 1000)) for bound, limit in seconds.items()}
    receiver = start(**settings)
    shown = {dict(series.labels)["bound"]: value for series, value in receiver.first.values.items()
             if series.metric == "keystrand_bound_limit"}
    assert shown == {**wanted, **{f"{bound}_seconds": limit for bound, limit in seconds.items()}, "descriptors": shown["descriptors"]}


def test_connections_are_bounded(start: Start) -> None:
    receiver = start(KEYSTRAND_CONNECTIONS_MAX="2")
    with connected(receiver.port) as one, connected(receiver.port) as two:
        for wire in (one, two):
            receiver.answer(wire.send(head("GET")))
        assert receiver.ask(b"").status == 503
    assert hits(receiver, "connections") == 1


def test_connections_of_one_address_are_bounded(start: Start) -> None:
    receiver = start(KEYSTRAND_CONNECTIONS_PER_ADDRESS_MAX="1")
    with connected(receiver.port) as one:
        receiver.answer(one.send(head("GET")))
        assert receiver.ask(b"").status == 429
    assert hits(receiver, "connections_per_address") == 1


def test_requests_are_bounded(start: Start) -> None:
    receiver = start(KEYSTRAND_REQUESTS_IN_FLIGHT_MAX="1", KEYSTRAND_REQUESTS_PER_CONNECTION_MAX="2")
    with connected(receiver.port) as slow:
        open_request(slow)
        eventually(lambda: receiver.value("keystrand_http_requests_in_flight") == 1, "the request in flight")
        for method, path in (("POST", PATH), ("PUT", PATH), ("POST", "/canary"), ("GET", "/canary")):
            assert receiver.ask(head(method, path)).status == 503
    assert hits(receiver, "requests_in_flight") == 4
    seen = receiver.scrape()
    assert seen.value("keystrand_receiver_events_total", outcome="failed", reason="overloaded") == 2
    assert seen.value("keystrand_http_request_duration_seconds", handler="other", code_class="5xx") == 2
    receiver.wait_value("keystrand_receiver_events_total", 1, reason="client_gone")
    with connected(receiver.port) as twice:
        for connection in (None, "close"):
            assert receiver.answer(twice.send(head("GET"))).headers.get("connection") == connection
        assert twice.ended()
    assert hits(receiver, "requests_per_connection") == 1


def test_bytes_in_flight_are_bounded(start: Start) -> None:
    receiver = start(KEYSTRAND_BYTES_IN_FLIGHT_MAX=str(MIB))
    with connected(receiver.port) as large:
        open_request(large, length=900_000, sent=800_000)
        eventually(lambda: receiver.value("keystrand_http_bytes_in_flight") >= 800_000, "the body's bytes")
        assert receiver.ask(signed(marked.sample(padding=400_000))).status == 503
    assert hits(receiver, "bytes_in_flight") == 1


def test_idle_connections_and_those_that_do_not_read_are_ended(start: Start) -> None:
    receiver = start(KEYSTRAND_IDLE_TIMEOUT_MS="100", KEYSTRAND_WRITE_TIMEOUT_MS="100",
                     KEYSTRAND_REQUESTS_PER_CONNECTION_MAX="1000000")
    with connected(receiver.port) as idle:
        receiver.answer(idle.send(head("GET")))
        assert idle.ended()
    assert hits(receiver, "idle_seconds") == 1
    for count, (method, path) in enumerate(itertools.product(("POST", "GET"), (PATH, "/canary")), start=1):
        ask_without_reading(receiver, head(method, path))
        receiver.wait_value("keystrand_bound_hits_total", count, bound="write_seconds")
    assert receiver.value("keystrand_http_requests_total", code="499") == 4


def ask_without_reading(receiver: Watched, request: bytes) -> None:
    """Until the receiver takes no more, or ends the connection: the answers that nobody reads have filled its buffers."""
    with connected(receiver.port, receive_bytes=2048) as deaf:
        deaf.socket.settimeout(1)
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(1000):
                deaf.send(request * 200)


def test_acceptance_pauses_without_descriptors(start: Start) -> None:
    receiver = start()
    pid = receiver.program.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as held:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, hard))  # no new descriptor is below it
        wire = held.enter_context(connected(receiver.port)).send(head("GET"))
        # The admin port cannot accept either: both go on when there are descriptors again.
        with pytest.raises(TimeoutError):
            wire.socket.settimeout(0.3)
            wire.socket.recv(1)
        wire.socket.settimeout(TIMEOUT_S)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert receiver.answer(wire).status == 405
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft - 1, hard))
    assert receiver.value("process_max_fds") == soft - 1
    assert hits(receiver, "descriptors") >= 1
