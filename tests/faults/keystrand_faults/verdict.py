"""From evidence to a verdict: which invariants are violated, what led up to the first case of each, and whether the run
counts at all."""

from __future__ import annotations

import dataclasses
import enum
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from keystrand_faults.coverage import Met, coverage
from keystrand_faults.evidence import Row, RunEvidence
from keystrand_faults.invariants import INVARIANTS
from keystrand_faults.invariants.violation import Invariant, Violation

SHOWN_MAX = 3  # violations of a rule
WINDOW_LINES = 4  # of the history, before and after
ACCEPTED_SHARE_MIN = 0.9

Tell = Callable[[str], None]


class Verdict(enum.IntEnum):
    """The exit code."""

    VALID = 0
    VIOLATED = 1
    UNKNOWN = 2


@dataclasses.dataclass
class Judgement:
    violations: dict[int, dict[str, list[Violation]]]  # by invariant, by rule
    not_exercised: dict[int, str]
    coverage: list[Met]
    unknown: list[str]  # why the run does not count
    seconds: float

    @property
    def verdict(self) -> Verdict:
        if self.violations:
            return Verdict.VIOLATED
        return Verdict.UNKNOWN if self.unknown else Verdict.VALID

    def as_json(self) -> dict[str, Any]:
        return {"verdict": self.verdict.name.lower(), "unknown": self.unknown,
                "red": {number: {rule: len(cases) for rule, cases in found.items()}
                        for number, found in self.violations.items()}}


def judge(evidence: RunEvidence) -> Judgement:
    began = time.monotonic()
    violations: dict[int, dict[str, list[Violation]]] = {}
    for invariant in INVARIANTS:
        found = {rule.__name__: list(rule(evidence)) for rule in invariant.rules}
        found = {name: cases for name, cases in found.items() if cases}
        if found:
            violations[invariant.number] = found
    met = coverage(evidence)
    exercised = {invariant.number: invariant.exercised(evidence) for invariant in INVARIANTS}
    return Judgement(violations, {number: why for number, why in exercised.items() if why}, met,
                     _doubts(evidence, met), time.monotonic() - began)


def _doubts(evidence: RunEvidence, met: list[Met]) -> list[str]:
    doubts = [f"the history is broken off: {evidence.broken}"] if evidence.broken else []
    sent = {attempt.delivery.digest for attempt in evidence.attempts}
    accepted = {attempt.delivery.digest for attempt in evidence.attempts if attempt.accepted}
    if len(accepted) < ACCEPTED_SHARE_MIN * len(sent):
        doubts.append(f"{len(accepted)} of {len(sent)} deliveries got their 200, {ACCEPTED_SHARE_MIN:.0%} are needed")
    return doubts + [f"never met: {path.name}" for path in met if path.missing]


# --- told ---

def tell(judgement: Judgement, evidence: RunEvidence, say: Tell) -> None:
    for invariant in INVARIANTS:
        _tell_invariant(invariant, judgement, evidence, say)
    missing = [path for path in judgement.coverage if path.missing]
    say(f"18  {'UNKNOWN' if missing else 'ok'}  each rare path was met: "
        + ", ".join(f"{path.name} {path.times}" for path in judgement.coverage if path.built))
    unbuilt = [path.name for path in judgement.coverage if not path.built]
    if unbuilt:
        say(f"    not exercised: {', '.join(unbuilt)}")
    for doubt in judgement.unknown:
        say(f"    unknown: {doubt}")
    say(summary(judgement, evidence))


def summary(judgement: Judgement, evidence: RunEvidence) -> str:
    faults = Counter(line["name"] for line in evidence.lines if line["kind"] == "fault")
    missed = [line for line in evidence.lines if line["kind"] == "note" and line.get("missed")]
    after = evidence.run.drained_after_s
    return (f"{judgement.verdict.name.lower()}: seed {evidence.run.seed}, {evidence.run.schedule}: "
            f"{len(evidence.attempts)} operations, {len(evidence.records)} records, {len(evidence.effects)} effects, "
            f"{len(evidence.dead_letters)} dead letters, {sum(faults.values())} faults of {len(faults)} kinds"
            f"{f' ({len(missed)} did not come off)' if missed else ''}, "
            f"{sum(map(_count, judgement.violations.values()))} violations; "
            f"drained {'not in time' if after is None else f'after {after:.1f} s'}, judged in {judgement.seconds:.1f} s")


def _count(found: dict[str, list[Violation]]) -> int:
    return sum(map(len, found.values()))


def _tell_invariant(invariant: Invariant, judgement: Judgement, evidence: RunEvidence, say: Tell) -> None:
    found = judgement.violations.get(invariant.number)
    note = judgement.not_exercised.get(invariant.number)
    state = f"VIOLATED {_count(found)} times" if found else "ok"
    say(f"{invariant.number:2}  {state}  {invariant.title}" + (f" (not exercised: {note})" if note else ""))
    for name, cases in (found or {}).items():
        say(f"    {name}: {len(cases)}")
        for case in cases[:SHOWN_MAX]:
            say(f"      {case.text}")
        for line in window(evidence.lines, cases[0]):
            say(f"        | {line}")


def window(lines: list[Row], case: Violation) -> list[str]:
    """The history around the first case: of its event, else of its time; and the faults that were going on."""
    places = [place for place, line in enumerate(lines) if case.event_id and line.get("event") == case.event_id]
    if not places and case.at is not None:
        places = [place for place, line in enumerate(lines) if line["wall"] <= case.at][-1:]
    if not places:
        return []
    operations = {line["op"] for place, line in enumerate(lines) if place in places and "op" in line}
    first, last = places[0], places[-1]
    shown = [place for place, line in enumerate(lines)
             if first - WINDOW_LINES <= place <= first + WINDOW_LINES or line.get("op") in operations
             or (line["kind"] in ("fault", "heal") and lines[first]["wall"] - 5 < line["wall"] < lines[last]["wall"] + 5)]
    start = lines[0]["wall"]
    return [_told(lines[place], start) for place in shown[:24]]


def _told(line: Row, start: float) -> str:
    rest = " ".join(f"{name}={value}" for name, value in line.items()
                    if name not in ("kind", "wall", "mono", "sha256") and value not in (None, ""))
    return f"+{line['wall'] - start:.3f} s {line['kind']} {rest}"
