"""From the topic to the tables: invariants 3, 5, 11, 14 and 17."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from keystrand_faults.evidence import RunEvidence
from keystrand_faults.invariants.log import identity_of, log_of, position_of, source_position
from keystrand_faults.invariants.violation import Violation

PROCESSED = {"applied", "stale", "ignored"}


def processed_events_have_one_effect(evidence: RunEvidence) -> Iterator[Violation]:
    """3: each processed event has one effect, and nothing else has any. What an endpoint is not for never gets to a
    handler."""
    counts = Counter(identity_of(row) for row in evidence.effects)
    processed = {identity_of(row) for row in evidence.inbox
                 if row["status"] in PROCESSED and row.get("reason") != "wrong_mode"}
    for identity in sorted(processed | counts.keys()):
        wanted = int(identity in processed)
        if counts[identity] != wanted:
            yield Violation(f"{identity[1]}: {counts[identity]} effects, should be {wanted}", identity[1])


def repeats_are_duplicates(evidence: RunEvidence) -> Iterator[Violation]:
    """3: the first record of an event settles it, any other is a duplicate. A record that was settled before, and comes
    again, is a redelivery, whatever it was the first time."""
    log = log_of(evidence)
    for row in evidence.outcomes:
        entry = log.at.get(position_of(row))
        if entry is None or entry.identity is None or "replay-id" in entry.record.headers:
            continue
        if (row["outcome"] == "duplicate") == entry.first:
            yield Violation(f"{entry.identity[1]} at {entry.position} is {'the first' if entry.first else 'a repeat'}, "
                            f"and was called {row['outcome']}", entry.identity[1], row["at"])


def effects_follow_the_log(evidence: RunEvidence) -> Iterator[Violation]:
    """5: the effects of a key are numbered without gaps, in the order of the log's first occurrences. A replay comes when
    the operator wants it."""
    log = log_of(evidence)
    replayed = {entry.identity for entry in log.entries if "replay-id" in entry.record.headers}
    by_key = defaultdict(list)
    for row in evidence.effects:
        by_key[row["ordering_key"]].append(row)
    for key, rows in by_key.items():
        rows.sort(key=lambda row: row["number"])
        numbers = [row["number"] for row in rows]
        if numbers != list(range(1, len(rows) + 1)):
            yield Violation(f"{key}: effects are numbered {numbers[:10]}…", rows[0]["event_id"])
        last = -1
        for row in rows:
            entry = log.firsts.get(identity_of(row))
            if entry is None or entry.identity in replayed:
                continue
            if entry.record.offset < last:
                yield Violation(f"{key}: {row['event_id']} (offset {entry.record.offset}) took effect after offset {last}",
                                row["event_id"])
            last = max(last, entry.record.offset)


def later_epochs_fence_earlier_ones(evidence: RunEvidence) -> Iterator[Violation]:
    """14: after a partition's newer epoch has settled something, no older one does."""
    newest: dict[int, int] = {}
    for row in evidence.outcomes:
        if row["epoch"] < newest.get(row["partition"], 0):
            yield Violation(f"partition {row['partition']}, offset {row['offset']}: epoch {row['epoch']} ({row['worker']}) "
                            f"settled it after epoch {newest[row['partition']]} had begun", None, row["at"])
        newest[row["partition"]] = max(newest.get(row["partition"], 0), row["epoch"])


def later_epochs_begin_later(evidence: RunEvidence) -> Iterator[Violation]:
    """14: whoever settles a record holds the lease then: its epoch is the newest that was raised before."""
    changes = sorted([(row["seq"], "raise", row) for row in evidence.positions if row["raised"]] +
                     [(row["seq"], "settle", row) for row in evidence.outcomes], key=lambda change: change[0])
    raised: dict[int, int] = {}
    for _, what, row in changes:
        if what == "raise":
            raised[row["partition"]] = row["epoch"]
        elif row["epoch"] != raised.get(row["partition"]):
            yield Violation(f"partition {row['partition']}, offset {row['offset']}: settled under epoch {row['epoch']} by "
                            f"{row['worker']}, while {raised.get(row['partition'])} was the newest", None, row["at"])


def each_takeover_raises_the_epoch(evidence: RunEvidence) -> Iterator[Violation]:
    """14: an epoch of a partition belongs to one worker."""
    owners: dict[tuple[int, int], str] = {}
    for row in evidence.outcomes:
        owner = owners.setdefault((row["partition"], row["epoch"]), row["worker"])
        if owner != row["worker"]:
            yield Violation(f"partition {row['partition']}, epoch {row['epoch']}: {row['worker']} settled offset "
                            f"{row['offset']} beside {owner}", None, row["at"])


def replays_are_audited(evidence: RunEvidence) -> Iterator[Violation]:
    """11: each replay has an operator, a reason and a time."""
    for row in evidence.operator_actions:
        if "replay" in row["action"] and not (row["actor"] and row["reason"] and row["acted_at"]):
            yield Violation(f"action {row['id']} ({row['action']}) lacks its actor, reason or time")


def replays_repeat_their_source(evidence: RunEvidence) -> Iterator[Violation]:
    """11: a replay has the key and the bytes of the record that it names."""
    at = {record.position: record for record in evidence.records}
    for record in evidence.records:
        if "replay-id" not in record.headers:
            continue
        source = at.get(source_position(record))
        if source is None or (source.key, source.value) != (record.key, record.value):
            yield Violation(f"{record.position} replays {record.headers.get('source-position')}, and is not that record",
                            record.headers.get("event-id"))


def no_replays(evidence: RunEvidence) -> str | None:
    replayed = any("replay-id" in record.headers for record in evidence.records)
    return None if replayed else "no letter was replayed"


def books_balance(evidence: RunEvidence) -> Iterator[Violation]:
    """17: the balance of each customer is the sum of the amounts of its processed payments, each once."""
    log = log_of(evidence)
    processed = {identity_of(row) for row in evidence.inbox if row["status"] in PROCESSED}
    wanted: Counter[str] = Counter()
    for identity, entry in log.firsts.items():
        if identity in processed and entry.event["type"] == "charge.succeeded":
            wanted[entry.record.key] += entry.event["data"]["object"]["amount"]
    held = {row["ordering_key"]: row["balance"] for row in evidence.strands}
    for key in sorted(wanted.keys() | held.keys()):
        if wanted[key] != held.get(key, 0):
            yield Violation(f"{key}: the balance is {held.get(key, 0)}, its payments are {wanted[key]}")


def constraints_are_valid(evidence: RunEvidence) -> Iterator[Violation]:
    """17"""
    for row in evidence.unproven_constraints:
        yield Violation(f"constraint {row['conname']} is not valid")
