"""What could not be applied: invariants 9 and 10."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from keystrand_faults import load
from keystrand_faults.evidence import Row, RunEvidence, seconds
from keystrand_faults.invariants.log import Position, identity_of, log_of, position_of, source_of, source_position
from keystrand_faults.invariants.violation import Violation

SHORT_TRIES = 5  # of one stay in memory
LONG_TRIES = 8  # of a parked strand
LONGEST_SHORT_WAIT_S = 5.0
EARLY_S = 0.005  # by the rounding of two clocks' digits
EARLY_SHARE = 0.1  # of the wait, which runs by a clock that does not follow the wall's when that is corrected


def the_dead_have_letters(evidence: RunEvidence) -> Iterator[Violation]:
    """9: outcomes, inbox and letters name the same dead."""
    replayed = _first_positions(evidence)
    letters = {source_of(row): row for row in evidence.dead_letters}
    told = {replayed.get(position_of(row), position_of(row)) for row in evidence.outcomes if row["outcome"] == "dead"}
    in_topic = {(int(letter.headers["dlq-source-partition"]), int(letter.headers["dlq-source-offset"]))
                for letter in evidence.letters}
    for position in sorted(told | letters.keys() | in_topic):
        found = {"outcome": position in told, "row": position in letters, "record": position in in_topic}
        if not all(found.values()):
            missing = ", ".join(name for name, there in found.items() if not there)
            event_id = letters[position]["event_id"] if position in letters else None
            yield Violation(f"{position} is dead and has no {missing}", event_id)
    for row in evidence.inbox:
        if row["status"] == "dead" and replayed.get(source_of(row), source_of(row)) not in letters:
            yield Violation(f"{row['event_id']} is dead in the inbox and has no letter", row["event_id"])


def _first_positions(evidence: RunEvidence) -> dict[Position, Position]:
    """Of each replay: a letter is named after the first time."""
    return {record.position: source for record in evidence.records if (source := source_position(record)) is not None}


def only_what_must_die_does(evidence: RunEvidence) -> Iterator[Violation]:
    """9, 10: no letter for what another try cures; a letter for everything else."""
    log = log_of(evidence)
    dead = {source_of(row) for row in evidence.dead_letters}
    for entry in log.entries:
        if (entry.identity and not entry.first) or "replay-id" in entry.record.headers:
            continue
        wanted = entry.event is None or load.must_die(entry.event)
        optional = entry.event is not None and load.may_die(entry.event)
        if wanted != (entry.position in dead) and (wanted or not optional):
            event_id = entry.identity[1] if entry.identity else None
            yield Violation(f"{event_id or 'unreadable'} at {entry.position} "
                            f"{'should have died' if wanted else 'should not have died'}", event_id)


def attempts_are_bounded(evidence: RunEvidence) -> Iterator[Violation]:
    """10: so many short tries a stay in memory, so many long ones, then a letter."""
    most = SHORT_TRIES + LONG_TRIES
    for row in evidence.dead_letters:
        if row["attempts"] > most + 1:
            yield Violation(f"{row['event_id']} died after {row['attempts']} attempts, {most} retries are allowed",
                            row["event_id"])
    for line in evidence.log:
        if line["action"] != "event.retry":
            continue
        short = seconds(line["next_attempt_at"]) - line["at"] <= LONGEST_SHORT_WAIT_S
        allowed = SHORT_TRIES if short else most
        if line["attempt"] > allowed:
            yield Violation(f"{line['event_id']} is to be tried again {'soon' if short else 'later'} after "
                            f"{line['attempt']} attempts, {allowed} are allowed", line["event_id"], line["at"])


def no_attempt_comes_early(evidence: RunEvidence) -> Iterator[Violation]:
    """10: a process that said when it would try again does not do so before, unless it took the partition anew: what it
    has in memory is forgotten then."""
    failures = defaultdict(list)
    for row in evidence.failures:
        failures[row["event_id"]].append(row)
    for line in evidence.log:
        if line["action"] != "event.retry" or not failures[line["event_id"]]:
            continue
        tried = [row for row in failures[line["event_id"]] if row["at"] <= line["at"]]
        if not tried:
            continue
        due = seconds(line["next_attempt_at"])
        early = due - EARLY_S - EARLY_SHARE * (due - line["at"])
        again = [row for row in failures[line["event_id"]]
                 if row["pid"] == tried[-1]["pid"] and line["at"] < row["at"] < early
                 and not _taken_anew(evidence, line, row["at"])]
        for row in again:
            yield Violation(f"{line['event_id']}: tried {due - row['at']:.3f} s before its time", line["event_id"],
                            row["at"])


def _taken_anew(evidence: RunEvidence, line: Row, until: float) -> bool:
    return any(taken["action"] == "worker.lease_taken" and taken["partition"] == line["partition"]
               and taken["program"] == line["program"] and line["at"] < taken["at"] < until for taken in evidence.log)


def outages_cost_no_attempts(evidence: RunEvidence) -> Iterator[Violation]:
    """10: an event that asked for n failures has failed n times at most when it is settled."""
    log = log_of(evidence)
    for row in evidence.inbox:
        entry = log.firsts.get(identity_of(row))
        wish = load.wish_of(entry.event) if entry else None
        if row["status"] == "dead" or (wish and not wish.split(":")[1].isdigit()):
            continue
        allowed = 1 + (int(wish.split(":")[1]) if wish else 0)
        if row["attempts"] > allowed:
            yield Violation(f"{row['event_id']}: {row['attempts']} attempts were counted, {allowed} are explained",
                            row["event_id"])


def nothing_was_parked(evidence: RunEvidence) -> str | None:
    parked = any(line["action"] == "event.parked" for line in evidence.log)
    return None if parked else "no strand was parked"
