"""Inputs that end too early: never accepted, never an error of the receiver, and it serves on."""

from __future__ import annotations

import concurrent.futures
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from hostile import cutting, intake, table
from hostile.cutting import Cut, Job
from hostile.intake import Intake
from hostile.length_rows import pipelined
from hostile.message import Moment, good
from hostile.row import ACCEPTED, TIMEOUT, Answer, Input, one
from hostile.wire import Answers, Tls, Transport, send
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually

DEADLINE_MS = 1000
DEADLINE_SLACK_S = 1.5  # the receiver looks at its deadlines ten times a second, on a machine that is busy


@pytest.fixture(scope="module")
def quiet_intake(shared_system: System, transport: Transport) -> Iterator[Intake]:
    started = intake.start(shared_system, transport, KEYSTRAND_LOG_LEVEL="error")
    yield started
    started.tail.close()


@pytest.fixture
def impatient_intake(shared_system: System, transport: Transport) -> Iterator[Intake]:
    started = intake.start(
        shared_system,
        transport,
        KEYSTRAND_HEADER_TIMEOUT_MS=str(DEADLINE_MS),
        KEYSTRAND_BODY_TIMEOUT_MS=str(DEADLINE_MS),
    )
    started.check_topic_from_here()
    yield started
    started.tail.close()


def cuts_of(given: Input, seed: str) -> list[Cut]:
    """Every place of each part where `sizes_of` cuts, but for the end of the whole."""
    found: list[Cut] = []
    sent = accepted = 0
    for part in given.parts:
        found += [Cut(sent + size, accepted) for size in cutting.sizes_of(part.bytes, seed)]
        sent += len(part.bytes)
        accepted += part.answer is ACCEPTED
    return found


def jobs_of(port: int, certificate: str, moment: Moment) -> tuple[list[Job], Counter[bytes]]:
    """The cuts of all inputs, and the bodies that they cause to be recorded: of whole requests before the cut."""
    jobs, recorded = [], Counter()
    for variant in table.VARIANTS:
        given = variant.build(moment)
        cuts = cuts_of(given, variant.label)
        jobs.append(Job(variant.label, port, certificate, given.bytes, tuple(cuts)))
        for cut in cuts:
            recorded.update(given.records[: cut.accepted])
    return (
        sorted(jobs, key=lambda job: -max(cut.accepted for cut in job.cuts)),
        recorded,
    )  # first those that must be fresh


@pytest.mark.timeout(900)  # on two cores of its own it takes one or two minutes
def test_cut_input_is_refused_or_the_connection_closed(quiet_intake: Intake, transport: Transport) -> None:
    certificate = str(transport.certificate) if isinstance(transport, Tls) else ""
    jobs, recorded = jobs_of(quiet_intake.port, certificate, quiet_intake.moment())
    began = time.monotonic()
    tally = cutting.run(cutting.batches(jobs))
    seconds = time.monotonic() - began
    print(
        f"{transport.name}: {tally.sent} cuts of {len(jobs)} inputs in {seconds:.0f} s: {dict(tally.outcomes)}, "
        f"{tally.resumed} sessions resumed"
    )

    assert tally.faults == []
    assert tally.sent == sum(len(job.cuts) for job in jobs)
    assert sum(count for outcome, count in tally.outcomes.items() if "200" in outcome) == sum(
        cut.accepted > 0 for job in jobs for cut in job.cuts
    )
    quiet_intake.accepted.update(recorded)
    quiet_intake.check_topic()
    quiet_intake.check_alive()
    counted = quiet_intake.receiver.metrics()
    assert counted.sum("keystrand_receiver_events_total", outcome="failed") == 0
    eventually(lambda: quiet_intake.connections() == 0, "no connection is left over")


def silences(moment: Moment) -> list[tuple[int, Input, list[Answer]]]:
    """Ten places to fall silent at, and what is answered when the deadline comes."""
    made = []
    for name, place in {
        "start": lambda head, whole: 0,
        "byte": lambda head, whole: 1,
        "line": lambda head, whole: 20,
        "fields": lambda head, whole: head // 2,
        "last_lf": lambda head, whole: head - 1,
        "head": lambda head, whole: head,
        "body": lambda head, whole: head + 1,
        "middle": lambda head, whole: (head + whole) // 2,
        "end": lambda head, whole: whole - 1,
    }.items():
        request = good(f"silent_{name}", moment)
        size = place(len(request.head.bytes), len(request.bytes))
        made.append((size, one(request.bytes, ACCEPTED, request.body), [TIMEOUT] if size else []))
    two = pipelined()("silent_second", moment)
    return [*made, (len(two.parts[0].bytes) + 30, two, [ACCEPTED, TIMEOUT])]


def test_silence_after_a_cut_ends_at_the_deadline(impatient_intake: Intake) -> None:
    def fall_silent(size: int, given: Input, wanted: list[Answer]) -> float:
        with impatient_intake.transport.connect(impatient_intake.port) as connection:
            began = time.monotonic()
            send(connection, given.bytes[:size])
            seen = list(Answers(connection).rest())
            assert [each.status for each in seen] == [answer.status for answer in wanted], f"after {size} bytes"
            for each, answer in zip(seen, wanted, strict=True):
                each.check(answer)
            return time.monotonic() - began

    places = silences(impatient_intake.moment())
    with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
        took = list(pool.map(lambda place: fall_silent(*place), places))
    assert len(took) == 10
    assert all(DEADLINE_MS / 1000 - 0.05 <= seconds <= DEADLINE_MS / 1000 + DEADLINE_SLACK_S for seconds in took), took
    impatient_intake.accepted.update(places[-1][1].records[:1])
    impatient_intake.check_topic()
    impatient_intake.check_alive()
