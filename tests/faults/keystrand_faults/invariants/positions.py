"""How far the work has got: invariants 6 and 7."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator

from keystrand_faults.evidence import RunEvidence
from keystrand_faults.invariants.log import Position, log_of, position_of, source_position
from keystrand_faults.invariants.violation import Violation

CLOCKS_APART_S = 0.002  # the broker's time of a commit is in whole milliseconds


class Frontier:
    """Of one partition, the lowest offset that is not finished."""

    def __init__(self, offsets: list[int]):
        self._offsets = offsets  # of its records, rising
        self._finished: set[int] = set()
        self._next = 0

    def finish(self, offset: int) -> None:
        self._finished.add(offset)
        while self._next < len(self._offsets) and self._offsets[self._next] in self._finished:
            self._next += 1

    @property
    def lowest_open(self) -> int | None:
        return self._offsets[self._next] if self._next < len(self._offsets) else None


class _Letters:
    """Which records wait for their letter's publication. That of a replay is the letter of the record that it repeats, and
    is published once more."""

    def __init__(self, evidence: RunEvidence):
        self._letter_of = {record.position: source for record in evidence.records
                           if (source := source_position(record)) is not None}
        self._waiting: dict[Position, set[Position]] = defaultdict(set)
        self._published: set[Position] = set()  # records, not letters

    def publish(self, letter: Position) -> set[Position]:
        """The records that this finishes."""
        finished = self._waiting.pop(letter, set())
        self._published |= finished | {letter}
        return finished

    def has_been_published(self, dead: Position) -> bool:
        """Of a record that was told to be dead; if not, it waits from now on."""
        if dead in self._published:
            return True
        self._waiting[self._letter_of.get(dead, dead)].add(dead)
        return False


def positions_pass_nothing_unfinished(evidence: RunEvidence) -> Iterator[Violation]:
    """6: when a position is stored, each offset below it has its outcome; a dead one, its letter in the topic."""
    offsets: dict[int, list[int]] = defaultdict(list)
    for record in evidence.records:
        offsets[record.partition].append(record.offset)
    frontiers = {partition: Frontier(found) for partition, found in offsets.items()}
    letters = _Letters(evidence)
    for _, what, row in _in_order(evidence):
        frontier = frontiers.get(row["partition"])
        if frontier is None:
            continue
        if what == "position":
            lowest = frontier.lowest_open
            if row["next_offset"] is not None and lowest is not None and row["next_offset"] > lowest:
                yield Violation(f"partition {row['partition']}: {row['worker']} stored {row['next_offset']} while {lowest} "
                                "was not finished", _event_at(evidence, (row["partition"], lowest)), row["at"])
        elif what == "published":
            for position in letters.publish(position_of(row)):
                frontier.finish(position[1])
        elif row["outcome"] != "dead" or letters.has_been_published(position_of(row)):
            frontier.finish(row["offset"])


def _in_order(evidence: RunEvidence) -> list[tuple[int, str, dict]]:
    changes = [(row["seq"], "position", row) for row in evidence.positions]
    changes += [(row["seq"], "published", row) for row in evidence.publications]
    changes += [(row["seq"], "outcome", row) for row in evidence.outcomes]
    return sorted(changes, key=lambda change: change[0])


def positions_rise_within_an_epoch(evidence: RunEvidence) -> Iterator[Violation]:
    """6: a new owner may begin lower (Kafka's position may be), and only rises from there."""
    last: dict[tuple[int, int], int] = {}
    for row in evidence.positions:
        if row["raised"] or row["next_offset"] is None:
            continue
        owner = row["partition"], row["epoch"]
        if row["next_offset"] < last.get(owner, 0):
            yield Violation(f"partition {row['partition']}, epoch {row['epoch']}: {row['next_offset']} was stored after "
                            f"{last[owner]}", None, row["at"])
        last[owner] = row["next_offset"]


def kafka_follows_the_database(evidence: RunEvidence) -> Iterator[Violation]:
    """6: what is committed to Kafka was in the database first."""
    times: dict[int, list[float]] = defaultdict(list)
    highest: dict[int, list[int]] = defaultdict(list)
    for row in evidence.positions:
        if row["next_offset"] is None:
            continue
        partition = row["partition"]
        times[partition].append(row["at"])
        highest[partition].append(max(row["next_offset"], highest[partition][-1] if highest[partition] else 0))
    for commit in evidence.group_commits:
        known = bisect.bisect_right(times[commit.partition], commit.at_ms / 1000 + CLOCKS_APART_S)
        stored = highest[commit.partition][known - 1] if known else 0
        if commit.offset > stored:
            yield Violation(f"partition {commit.partition}: {commit.offset} was committed to Kafka while the database had "
                            f"{stored}", None, commit.at_ms / 1000)


def every_offset_has_its_outcome(evidence: RunEvidence) -> Iterator[Violation]:
    """7: each offset below the position was settled."""
    settled = {position_of(row) for row in evidence.outcomes}
    ends = {row["partition"]: row["next_offset"] or 0 for row in evidence.leases}
    for record in evidence.records:
        if record.offset < ends.get(record.partition, 0) and record.position not in settled:
            yield Violation(f"{record.position} lies below the position {ends[record.partition]} and has no outcome",
                            _event_at(evidence, record.position))


def outcomes_do_not_contradict(evidence: RunEvidence) -> Iterator[Violation]:
    """7: a record has one outcome. It is told again only where the same is meant: a redelivery, a duplicate or a dead one
    that came again, or a commit in doubt that turned out to have landed."""
    in_doubt = {line["program"] for line in evidence.log
                if line["action"] == "db.unavailable" and "commit in doubt" in str(line.get("detail"))}
    first: dict[Position, dict] = {}
    for row in evidence.outcomes:
        if row["outcome"] in ("redelivered", "parked"):
            continue
        before = first.setdefault(position_of(row), row)
        if before is row:
            continue
        same = before["outcome"] == row["outcome"]
        if not same or not (row["outcome"] in ("duplicate", "dead") or row["worker"] in in_doubt):
            yield Violation(f"{position_of(row)}: {before['outcome']} by {before['worker']}, then {row['outcome']} by "
                            f"{row['worker']}", _event_at(evidence, position_of(row)), row["at"])


def _event_at(evidence: RunEvidence, position: Position) -> str | None:
    entry = log_of(evidence).at.get(position)
    return entry.identity[1] if entry and entry.identity else None
