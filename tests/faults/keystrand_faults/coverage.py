"""Invariant 18: a run counts only if each rare path was met. Each path says how often, from the evidence alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

from keystrand_faults.actions import POINTS
from keystrand_faults.evidence import RunEvidence


@dataclasses.dataclass(frozen=True)
class Path:
    """`built`: whether the system can do it at all so far."""

    name: str
    times: Callable[[RunEvidence], int]
    built: Callable[[RunEvidence], bool] = lambda evidence: True


def _outcomes(name: str) -> Callable[[RunEvidence], int]:
    return lambda evidence: sum(row["outcome"] == name for row in evidence.outcomes)


def _log(action: str, detail: str = "") -> Callable[[RunEvidence], int]:
    return lambda evidence: sum(line["action"] == action and detail in str(line.get("detail", "")) for line in evidence.log)


def _noted(name: str) -> Callable[[RunEvidence], int]:
    return lambda evidence: sum(line.get(name, 0) for line in evidence.lines)


def _ends(why: str, program: str) -> Callable[[RunEvidence], int]:
    return lambda evidence: sum(end["why"] == why and end["name"].startswith(program) for end in evidence.ends)


def _trips(point: str, way: str = "kill") -> Callable[[RunEvidence], int]:
    return lambda evidence: evidence.trips.count(f"{point}.{way}")


def _letters(stage: str) -> Callable[[RunEvidence], int]:
    return lambda evidence: sum(row["stage"] == stage for row in evidence.dead_letters)


def _unavailable(evidence: RunEvidence) -> int:
    return sum(attempt.status == 503 for attempt in evidence.attempts)


def _ambiguous(evidence: RunEvidence) -> int:
    """Bodies that are in the topic more often than a sender was told so."""
    told = Counter(attempt.delivery.digest for attempt in evidence.attempts if attempt.accepted)
    held = Counter(record.contract["value_sha256"] for record in evidence.genuine().records)
    return sum(count > told[digest] for digest, count in held.items())


def _revoked_mid_batch(evidence: RunEvidence) -> int:
    """Revocations after which a worker still finished transactions."""
    return sum(line.get("settled_after", 0) > 0 for line in evidence.log)


def _replays(evidence: RunEvidence) -> int:
    return sum("replay-id" in record.headers for record in evidence.records)


def _can_replay(evidence: RunEvidence) -> bool:
    return any(line["kind"] == "note" and line.get("replays") for line in evidence.lines)


def _can_park(evidence: RunEvidence) -> bool:
    return any(line["action"] == "event.parked" for line in evidence.log)


PATHS = [
    Path("duplicate", _outcomes("duplicate")),
    Path("duplicate found by the key", _noted("refused_by_key")),
    Path("stale event found by the row", _noted("refused_by_row")),
    Path("row that is not what it was", _noted("outdated")),
    Path("redelivery", _outcomes("redelivered")),
    Path("retry", _log("event.retry")),
    Path("dead letter of a body", _letters("parse")),
    Path("dead letter of a handler", _letters("handle")),
    Path("dead letter of the database", _letters("store")),
    Path("commit in doubt", _log("db.unavailable", "commit in doubt")),
    Path("left in a copy", _noted("left_in_copy")),
    Path("fenced zombie", _log("worker.fenced")),
    Path("frozen in a transaction", _trips("before_commit", "stop")),
    Path("revoke in mid-batch", _revoked_mid_batch),
    Path("503", _unavailable),
    Path("ambiguous acknowledgement", _ambiguous),
    Path("receiver killed", _ends("killed", "receiver")),
    Path("worker killed", lambda evidence: _ends("killed", "worker")(evidence) + _ends("tripped", "worker")(evidence)),
    Path("worker stopped", _ends("stopped", "worker")),
    Path("worker aborted by poison", _ends("aborted", "worker")),
    Path("poll thread stalled", _trips("poll", "stall")),
    *[Path(f"killed at {point}", _trips(point)) for point in POINTS],
    Path("strand parked", _log("event.parked"), _can_park),
    Path("replay", _replays, _can_replay),
]
BY_CHANCE = {f"killed at {point}" for point in POINTS}  # in the mix, which takes one of them each time


@dataclasses.dataclass(frozen=True)
class Met:
    name: str
    times: int
    built: bool
    required: bool

    @property
    def missing(self) -> bool:
        return self.built and self.required and self.times == 0


def coverage(evidence: RunEvidence) -> list[Met]:
    chance = BY_CHANCE if evidence.run.schedule.startswith("mix") else set()
    return [Met(path.name, path.times(evidence), path.built(evidence), path.name not in chance) for path in PATHS]

