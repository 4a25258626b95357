"""Bounds of time and number: trickling senders, readers that do not read, connections without end."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import time
from collections.abc import Iterator

import pytest

from hostile import intake, message
from hostile.intake import Intake
from hostile.row import ACCEPTED, TIMEOUT, TOO_MANY_CONNECTIONS, Answer
from hostile.wire import Answers, AnswersWhileSending, Plain, Transport, send
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually

REQUESTS_MAX = 1000  # per connection, by default
DEADLINE_MS = 1000
DEADLINE_SLACK_S = 1.5
TRICKLE_S = 0.2  # between two bytes
PER_ADDRESS_MAX = 128
CONNECTIONS = 5000
STALL_S = 0.3  # in which not a byte was taken
RECEIVE_BYTES = 4096  # of the kernel's buffer, which makes it twice as much
QUESTIONS_MAX = 10_000  # hundreds; a few hundred of them fill all buffers


@pytest.fixture
def patient_intake(shared_system: System, transport: Transport) -> Iterator[Intake]:
    yield from started(shared_system, transport)


@pytest.fixture
def impatient_intake(shared_system: System, transport: Transport) -> Iterator[Intake]:
    yield from started(
        shared_system,
        transport,
        **{f"KEYSTRAND_{name}_TIMEOUT_MS": str(DEADLINE_MS) for name in ("HEADER", "BODY", "WRITE")},
        KEYSTRAND_REQUESTS_PER_CONNECTION_MAX="1000000",
    )


def started(system: System, transport: Transport, **settings: str) -> Iterator[Intake]:
    made = intake.start(system, transport, **settings)
    made.check_topic_from_here()
    yield made
    made.tail.close()
    made.receiver.stop()


def test_thousandth_answer_closes_the_connection(patient_intake: Intake) -> None:
    """H54: 1,001 requests in one go; the last one is not even looked at."""
    moment = patient_intake.moment()
    requests = [message.good(f"h54_{n}", moment) for n in range(REQUESTS_MAX + 1)]
    with patient_intake.transport.connect(patient_intake.port) as connection:
        seen = list(AnswersWhileSending(connection, b"".join(request.bytes for request in requests)).rest())
    last = Answer(ACCEPTED.status, ACCEPTED.body, closes=True)
    assert len(seen) == REQUESTS_MAX
    for each, wanted in zip(seen, itertools.chain(itertools.repeat(ACCEPTED, REQUESTS_MAX - 1), [last]), strict=True):
        each.check(wanted)
    patient_intake.accepted.update(request.body for request in requests[:-1])
    patient_intake.check_topic()


def test_head_that_trickles_in_is_answered_408(impatient_intake: Intake) -> None:
    """H55"""
    check_trickle(impatient_intake, message.good("h55", impatient_intake.moment()).head.bytes, at_once=0)


def test_body_that_trickles_in_is_answered_408(impatient_intake: Intake) -> None:
    """H56"""
    request = message.good("h56", impatient_intake.moment())
    check_trickle(impatient_intake, request.bytes, at_once=len(request.head.bytes))


def check_trickle(at: Intake, data: bytes, at_once: int) -> None:
    """Bytes one by one, each well before the deadline, which is for the whole: 408 comes in time all the same."""
    with at.transport.connect(at.port) as connection:
        began = time.monotonic()
        send(connection, data[:at_once])
        for size in range(at_once, len(data)):
            send(connection, data[size : size + 1])
            if select.select([connection], [], [], TRICKLE_S)[0]:
                break
        [seen] = Answers(connection).rest()
        took = time.monotonic() - began
    seen.check(TIMEOUT)
    assert DEADLINE_MS / 1000 - 0.05 <= took <= DEADLINE_MS / 1000 + DEADLINE_SLACK_S, took
    at.check_topic()
    at.check_alive()


def test_reader_that_does_not_read_is_cut_off_and_its_event_kept(impatient_intake: Intake) -> None:
    """H57: an event, and then more questions than the answers to them fit into the sockets' buffers."""
    at, event = impatient_intake, message.good("h57", impatient_intake.moment())
    question = b"GET " + message.PATH + b" HTTP/1.1\r\n" + message.HOST + b"\r\n\r\n"
    with at.transport.connect(at.port, receive_bytes=RECEIVE_BYTES) as connection:
        send(connection, event.bytes)
        connection.settimeout(STALL_S)
        with pytest.raises(TimeoutError):  # nothing moves any more: the receiver waits for us to read
            for _ in range(QUESTIONS_MAX):
                connection.sendall(question * 100)
        assert at.connections() == 1, "cut off before its time"
        # Seen from the receiver's side: what it still sends does not reach us in order. On a busy machine it may have
        # answers to write when we gave up, and each of them has its own deadline.
        eventually(lambda: at.connections() == 0, "the connection closed", 10 * DEADLINE_MS / 1000)
    at.accepted[event.body] += 1
    at.check_topic()
    at.check_alive()


@pytest.fixture
def bounded_intake(shared_system: System, transport: Transport) -> Iterator[Intake]:
    """Patient: its connections are silent until all are open."""
    patience = {f"KEYSTRAND_{name}_TIMEOUT_MS": "60000" for name in ("HEADER", "TLS_HANDSHAKE")}
    yield from started(shared_system, transport, **patience, KEYSTRAND_CONNECTIONS_PER_ADDRESS_MAX=str(PER_ADDRESS_MAX))


def test_one_address_cannot_take_all_connections(bounded_intake: Intake) -> None:
    """H65: 5,000 connections at once from one address; another address is served meanwhile."""
    at = bounded_intake
    with contextlib.ExitStack() as open_connections:
        raw = [open_connections.enter_context(Plain().connect(at.port)) for _ in range(CONNECTIONS)]
        eventually(lambda: at.connections() == PER_ADDRESS_MAX, "so many are kept, and no more")
        refused = readable(raw)
        assert len(refused) == CONNECTIONS - PER_ADDRESS_MAX
        for each in refused:
            seen = list(Answers(each).rest())
            assert len(seen) == (1 if at.transport.name == "plain" else 0), seen
            for answer in seen:
                answer.check(TOO_MANY_CONNECTIONS)
        assert at.send(message.good("h65_elsewhere", at.moment()), source="127.0.0.2") == 200
    eventually(lambda: at.connections() == 0, "all closed")
    at.check_alive()


def readable(connections: list[socket.socket]) -> list[socket.socket]:
    """Those with an answer or an end. Not by select, which knows the first 1,024 descriptors only."""
    by_descriptor = {each.fileno(): each for each in connections}
    waiting = select.poll()
    for descriptor in by_descriptor:
        waiting.register(descriptor, select.POLLIN)
    return [by_descriptor[descriptor] for descriptor, _ in waiting.poll(0)]
