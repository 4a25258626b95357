"""An outage of the broker, once for the whole module: it freezes, it dies, it comes back. Receivers of several settings
live through it, so that every way a delivery can fail on Kafka's account is seen in their metrics and logs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability import marked
from observability.conftest import Receivers
from observability.record import Record, Watched
from observability.wire import PATH, connected, head, signed

ACK_TIMEOUT_S = 0.3
IMPATIENT = {"KEYSTRAND_ACK_TIMEOUT_MS": str(int(ACK_TIMEOUT_S * 1000))}
MIB = 1 << 20


@dataclasses.dataclass
class Outage:
    """The receivers that live through it. All have accepted one delivery before."""

    plain: Watched  # answers 503 when its deadline passes, and then turns away
    small: Watched  # its queue takes one MiB
    crowded: Watched  # librdkafka's own queue takes one record
    hasty: Watched  # its records expire and its requests to the broker time out
    draining: Watched  # asked to stop with a delivery in hand
    born: list[Watched] = dataclasses.field(default_factory=list)  # started while there is no broker
    late: str = ""  # the event id whose answer was 503 and whose record arrived all the same
    late_request: str = ""


def begin(receivers: Receivers) -> Outage:
    return Outage(
        plain=receivers(**IMPATIENT),
        small=receivers(KEYSTRAND_QUEUE_BYTES_MAX=str(MIB), **IMPATIENT),
        crowded=receivers(["--kafka.queue.buffering.max.messages=1"], KEYSTRAND_ACK_TIMEOUT_MS="30000"),
        hasty=receivers(["--kafka.socket.timeout.ms=1000", "--kafka.message.timeout.ms=2500"], **IMPATIENT),
        draining=receivers(KEYSTRAND_BODY_TIMEOUT_MS="600000", **IMPATIENT))


def play_frozen(outage: Outage, held: contextlib.ExitStack) -> None:
    event = marked.sample()
    answer = outage.plain.ask(signed(event))
    assert answer.status == 503
    outage.late, outage.late_request = event.event["id"], answer.request_id
    statuses = [outage.plain.deliver(marked.sample()) for _ in range(4)]
    assert set(statuses) == {503}

    assert outage.small.deliver(marked.sample(padding=700_000)) == 503
    assert outage.small.deliver(marked.sample(padding=700_000)) == 503
    assert outage.hasty.deliver(marked.sample()) == 503
    play_crowded(outage.crowded, held)
    play_draining(outage.draining, held)


def play_crowded(receiver: Watched, held: contextlib.ExitStack) -> None:
    """The first waits in librdkafka's queue, which has no room for the second."""
    held.enter_context(connected(receiver.port)).send(signed(marked.sample()))
    receiver.wait_value("keystrand_http_bytes_in_flight", 1)
    assert receiver.deliver(marked.sample()) == 503


def play_draining(receiver: Watched, held: contextlib.ExitStack) -> None:
    """One record without a report keeps the flush at the end waiting, and so the admin port open; one body never comes."""
    assert receiver.deliver(marked.sample()) == 503
    held.enter_context(connected(receiver.port)).send(head("POST", PATH, 100) + b"canary")
    receiver.wait_value("keystrand_http_requests_in_flight", 1)
    receiver.program.request_stop()
    receiver.wait_value("keystrand_draining", 1)


def play_return(stage: System, outage: Outage) -> None:
    stage.stack.start_broker()
    for receiver in (outage.plain, outage.small, outage.crowded, outage.hasty, *outage.born):
        eventually(receiver.program.ready, f"{receiver.program.name} ready again")
        eventually(lambda receiver=receiver: receiver.deliver(marked.sample()) == 200, "200 again")


def thaw(stage: System) -> None:
    """After a failure in the middle: the other tests need their broker."""
    process = stage.stack.brokers[0].process
    if process is not None and process.frozen:
        stage.stack.resume_broker()


@pytest.fixture(scope="module")
def outage(stage: System, record: Record) -> Iterator[Outage]:
    receivers = Receivers(stage, record, "test_outage")
    with contextlib.ExitStack() as held:
        held.callback(receivers.end)
        held.callback(stage.stack.up)
        played = begin(receivers)
        for receiver in (played.plain, played.small, played.crowded, played.hasty, played.draining):
            assert receiver.deliver(marked.sample()) == 200
        held.callback(thaw, stage)
        stage.stack.pause_broker()
        play_frozen(played, held)
        played.hasty.wait_value("keystrand_kafka_broker_request_timeouts_total", 1)
        played.hasty.wait_value("keystrand_produce_total", 1, result="timeout")
        stage.stack.kill_broker()
        played.born = [receivers(ready=False) for _ in range(4)]  # what goes wrong there depends on which thread is first
        played.draining.wait_value("keystrand_receiver_events_total", 1, outcome="failed", reason="draining")
        assert played.draining.program.wait_end() == 0
        eventually(lambda: played.plain.value("keystrand_ready", check="kafka") == 0, "no broker", 15)
        play_return(stage, played)
        yield played


def test_outage(outage: Outage) -> None:
    """Reasons, results and bounds of the five receivers."""
    plain, small, crowded, hasty = (receiver.scrape() for receiver in (outage.plain, outage.small, outage.crowded, outage.hasty))
    assert plain.value("keystrand_receiver_events_total", outcome="failed", reason="queue_timeout") >= 1
    assert plain.value("keystrand_receiver_events_total", outcome="failed", reason="overloaded") >= 1
    assert plain.value("keystrand_bound_hits_total", bound="ack_seconds") >= 1
    assert plain.value("keystrand_http_requests_total", handler="stripe", code="503") == 5
    assert small.value("keystrand_receiver_events_total", outcome="failed", reason="queue_full") >= 1
    assert small.value("keystrand_bound_hits_total", bound="queue_bytes") >= 1
    assert crowded.value("keystrand_produce_total", result="queue_full") >= 1
    assert crowded.value("keystrand_receiver_events_total", outcome="failed", reason="queue_error") >= 1
    assert hasty.value("keystrand_produce_total", result="timeout") == 1
    for seen in (plain, small, crowded, hasty):
        assert seen.value("keystrand_http_requests_total", handler="stripe") == seen.value("keystrand_receiver_events_total")
        assert (seen.value("keystrand_receiver_events_total", outcome="accepted")
                <= seen.value("keystrand_produce_total", result="ok"))


def test_receiver_started_without_a_broker_becomes_ready(outage: Outage) -> None:
    for receiver in outage.born:
        for check in ("kafka", "topic"):
            assert receiver.first.value("keystrand_ready", check=check) == 0
            assert receiver.value("keystrand_ready", check=check) == 1
        assert receiver.value("keystrand_receiver_events_total", outcome="accepted") == 1


def test_readiness_and_broker_are_told(outage: Outage) -> None:
    seen = outage.plain.scrape()
    assert seen.value("keystrand_ready", check="kafka") == seen.value("keystrand_ready", check="queue") == 1
    assert seen.value("keystrand_kafka_broker_up") == 1
    assert seen.value("keystrand_kafka_broker_disconnects_total") >= 1
    assert seen.value("keystrand_kafka_client_errors_total", code="_TRANSPORT") >= 1
    assert seen.value("keystrand_kafka_client_errors_total", code="_ALL_BROKERS_DOWN") >= 1
    checks = {line["check"] for line in outage.plain.lines("process.unready")}
    assert checks and checks <= {"kafka", "queue"}
    eventually(lambda: len(outage.plain.lines("process.ready")) == 1 + len(outage.plain.lines("process.unready")), "both told")


def test_event_that_was_late_can_be_followed(outage: Outage) -> None:
    """Answered 503, then durable after all: its lines say both, and none says that it was answered 200."""
    lines = [line for line in lines_of(outage.plain) if line.get("event_id") == outage.late]
    assert [line["action"] for line in lines] == ["delivery.failed", "delivery.late"]
    assert {line["request_id"] for line in lines} == {outage.late_request}
    assert len({line["trace_id"] for line in lines}) == 1
    assert (lines[0]["reason"], lines[1]["outcome"]) == ("queue_timeout", "durable")


def test_end_with_a_record_in_doubt_is_not_called_flushed(outage: Outage) -> None:
    lines = lines_of(outage.draining)
    actions = [line["action"] for line in lines]
    asked = actions.index("process.draining")
    assert [line["reason"] for line in lines[asked:] if line["action"] == "delivery.failed"] == ["draining"]
    assert [line["outcome"] for line in outage.draining.lines("delivery.late")] == ["failed"]
    [stopped] = outage.draining.lines("process.stopped")
    assert (stopped["level"], stopped["message"]) == ("warn", "records are left without a report; none was answered 200")


def lines_of(receiver: Watched) -> list[dict[str, Any]]:
    return [json.loads(line) for line in receiver.program.log.read_text().splitlines()]
