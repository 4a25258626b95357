"""What each test of a broker's fault shares: steady traffic through it, when it healed, and what must hold in any case."""

from __future__ import annotations

import functools
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from keystrand_e2e import checker, topic
from keystrand_e2e.evidence import Evidence
from keystrand_e2e.load import stories
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System, webhook
from keystrand_e2e.waiting import eventually
from traffic.plan import Strand
from traffic.sender import Attempt, Background, History, Pace, Persistence

ANSWER_DEADLINE_S = 9
HEALED_DEADLINE_S = 30  # a receiver that is not back by then does not come back by itself
SENT_MAX = 6000  # more than any of these tests gets to send
PATIENT = Persistence(for_s=120, pause_s=0.4)  # what is refused must not cost the two cores that serve the others


@functools.cache
def usual_strands() -> list[Strand]:
    """Equal in all tests: each has a topic of its own."""
    return stories("broker faults", SENT_MAX)


class Traffic:
    """Deliveries to a live receiver at a steady rate, each sent again until it has its 200, for as long as the block
    lasts. `outlast`: there are more of them than the block can send."""

    def __init__(self, receiver: Program, history: History, per_s: float = 100, connections: int = 64,
                 strands: Sequence[Strand] | None = None, outlast: bool = True):
        self._receiver = receiver
        self._history = history
        self._outlast = outlast
        self.strands = list(strands or usual_strands())
        self._sending = Background(webhook(receiver), self.strands, history, persistence=PATIENT, pace=Pace(per_s),
                                   connections=connections)

    def __enter__(self) -> Traffic:
        eventually(lambda: self._receiver.get("/livez")[0] == 200, "a receiver that listens")
        self._sending.__enter__()
        return self

    def __exit__(self, failed: type[BaseException] | None, *rest: object) -> None:
        assert failed or self._sending.sending or not self._outlast, "the traffic ended before the test did"
        self._sending.stop()
        self._sending.__exit__(failed, *rest)

    def last(self, seconds: float) -> None:
        self._sending.last(seconds)

    def finish(self) -> None:
        """Until all are sent and have their 200."""
        self._sending.last(HEALED_DEADLINE_S)
        assert not self._sending.sending, f"not all sent {HEALED_DEADLINE_S} s later"

    def flows(self, count: int = 50) -> None:
        """Until so many more have got their 200."""
        before = len(self._history.accepted())
        eventually(lambda: len(self._history.accepted()) >= before + count, f"{count} more times 200", HEALED_DEADLINE_S)

    def fails(self, count: int = 5, timeout_s: float = 15) -> None:
        """Until so many more have got a 503."""
        before = self._unavailable()
        eventually(lambda: self._unavailable() >= before + count, f"{count} more times 503", timeout_s)

    def _unavailable(self) -> int:
        return sum(attempt.status == 503 for attempt in list(self._history.attempts))


def first_200_after(history: History, healed: float, tell: Callable[[str, object], None]) -> float:
    """Seconds from then (Unix s) to the first 200; told to the test's report and its output."""
    def first() -> list[float]:
        return [attempt.ended - healed for attempt in history.accepted() if attempt.ended > healed]

    seconds = min(eventually(first, "200 after healing", HEALED_DEADLINE_S))
    tell("first_200_after_healing_s", round(seconds, 2))
    print(f"first 200 after healing: {seconds:.1f} s")
    return seconds


def between(history: History, begin: float, end: float) -> list[Attempt]:
    """Attempts that lie whole in that time (Unix s)."""
    return [attempt for attempt in list(history.attempts) if begin <= attempt.began and 0 < attempt.ended <= end]


def first_tries(history: History) -> list[Attempt]:
    """Of each delivery, the attempt that nobody had to repeat yet."""
    firsts: dict[str, Attempt] = {}
    for attempt in history.attempts:
        firsts.setdefault(attempt.delivery.digest, attempt)
    return list(firsts.values())


def statuses(attempts: Sequence[Attempt]) -> Counter[int]:
    return Counter(attempt.status for attempt in attempts)


def check_answers(system: System, history: History) -> list[topic.Record]:
    """What holds whatever the broker did: every request is answered in time, each 200 has its record byte for byte, no
    record comes from nowhere, and each unavailable answer says when to come again. Returns the topic's records."""
    records = topic.read(system.stack.kafka_brokers, system.events)
    found = Evidence(partitions=len(topic.ends(system.stack.kafka_brokers, system.events)),
                     attempts=list(history.attempts), records=records, letters=[], inbox=[], objects=[], dead_letters=[],
                     leases=[], settlements=[], regressions=[], committed={})
    broken = [violation for rule in (checker.accepted_is_durable, checker.nothing_else_is_held,
                                     checker.records_keep_the_contract, checker.records_lie_where_their_key_belongs)
              for violation in rule(found)]
    assert not broken, broken[: checker.SHOWN_MAX]
    assert found.attempts, "nothing was sent"
    for attempt in found.attempts:
        assert attempt.status in (200, 413, 503), f"answered {attempt.status} {attempt.fault}"
        assert attempt.seconds < ANSWER_DEADLINE_S, f"answered {attempt.status} after {attempt.seconds:.1f} s"
        assert attempt.status != 503 or int(attempt.retry_after or 0) > 0, "503 without Retry-After"
    print(f"answers: {dict(statuses(found.attempts))}, slowest {max(each.seconds for each in found.attempts):.1f} s, "
          f"{len(records)} records")
    return records


def check_order(strands: Sequence[Strand], records: Sequence[topic.Record]) -> None:
    """The events of a key, which were sent one after the other, lie in that order: the first record of each counts."""
    first = {}
    for record in records:
        first.setdefault(record.value, record.position)
    compared = 0
    for strand in strands:
        last: dict[int, int] = defaultdict(lambda: -1)
        for item in strand:
            if item.body not in first:
                continue
            partition, offset = first[item.body]
            assert offset > last[partition], f"{item.event['id']} overtook what was sent before it"
            compared += last[partition] >= 0
            last[partition] = offset
    assert compared > 0, "no key had two events"


def unready_because(receiver: Program, check: str, detail: str, timeout_s: float = 15) -> None:
    """Until /readyz fails at that check with that word in its detail."""
    def said() -> bool:
        status, answer = receiver.get("/readyz")
        if status != 503:  # ready, or not listening yet
            return False
        found = json.loads(answer)["checks"][check]
        return not found["ok"] and detail in found["detail"]

    try:
        eventually(said, f"not ready: {check}: {detail}", timeout_s)
    except AssertionError as error:
        raise AssertionError(f"{error}; /readyz says {receiver.get('/readyz')}") from None


def since(moment: float) -> float:
    return time.time() - moment
