"""The programs themselves: invariants 12, 13 and 16."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from keystrand_e2e.programs import Metrics
from keystrand_faults.evidence import RunEvidence
from keystrand_faults.invariants.log import position_of
from keystrand_faults.invariants.violation import Violation
from keystrand_faults.stage import BATCH_MAX

DRAIN_MAX_S = 60.0
COUNTED = ("applied", "duplicate", "stale", "ignored")


def counters_agree_with_the_tables(evidence: RunEvidence) -> Iterator[Violation]:
    """12: a worker that lived to the end has counted what it settled; one that died, no more than that. What it settled
    after a commit in doubt may be its own or another's earlier work that is taken over: counted again, or by nobody, a
    batch each."""
    told: Counter[tuple[str, str]] = Counter()
    distinct: set[tuple] = set()
    for row in evidence.outcomes:
        told[row["worker"], row["outcome"]] += 1
        distinct.add((row["worker"], row["outcome"], position_of(row)))
    settled = Counter((worker, outcome) for worker, outcome, _ in distinct)
    for scrape in evidence.scrapes:
        if scrape["name"].startswith("receiver"):
            continue
        metrics = Metrics(scrape["text"])
        doubtful = metrics.sum("keystrand_worker_commits_in_doubt_total") * BATCH_MAX
        for outcome in COUNTED:
            counted = metrics.sum("keystrand_worker_events_total", outcome=outcome)
            least, most = settled[scrape["name"], outcome] - doubtful, told[scrape["name"], outcome]
            if counted > most or (scrape["final"] and counted < least):
                yield Violation(f"{scrape['name']} counted {counted:g} {outcome}, its transactions settled "
                                f"{settled[scrape['name'], outcome]} records so, {most} times", None, scrape["at"])


def accepted_is_counted(evidence: RunEvidence) -> Iterator[Violation]:
    """12: the last receiver has counted each 200 that it gave."""
    final = [scrape for scrape in evidence.scrapes if scrape["name"].startswith("receiver") and scrape["final"]]
    for scrape in final:
        born = max([end["at"] for end in evidence.ends if end["name"].startswith("receiver")], default=0.0)
        mine = [attempt for attempt in evidence.attempts if attempt.accepted and attempt.began > born]
        counted = Metrics(scrape["text"]).sum("keystrand_receiver_events_total", outcome="accepted")
        doubtful = sum(attempt.status == 0 for attempt in evidence.attempts if attempt.ended > born)
        if not len(mine) <= counted <= len(mine) + doubtful:
            yield Violation(f"{scrape['name']} counted {counted:g} accepted deliveries, the senders got {len(mine)} times "
                            f"200 from it and {doubtful} times no answer")


def the_rest_is_worked_off(evidence: RunEvidence) -> Iterator[Violation]:
    """13: all is settled soon after the last fault, and every program says that it is ready."""
    after = evidence.run.drained_after_s
    if after is None or after > DRAIN_MAX_S:
        yield Violation(f"not all is settled {DRAIN_MAX_S:g} s after the last fault" if after is None
                        else f"all is settled {after:.0f} s after the last fault, {DRAIN_MAX_S:g} s are allowed")
    if not evidence.run.ready:
        yield Violation("a program is not ready although everything is healed")
    for row in evidence.parked:
        yield Violation(f"({row['partition']}, {row['offset']}) is still parked: {row['last_error']}", row["event_id"])


def no_program_ended_by_itself(evidence: RunEvidence) -> Iterator[Violation]:
    """16: every end was brought about by the driver, a trip point or poison."""
    for end in evidence.ends:
        if end["why"] == "unplanned":
            yield Violation(f"{end['name']} ended with {end['code']}", None, end["at"])
