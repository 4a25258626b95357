"""From the senders to the topic: invariants 1, 2, 4 and 8."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from keystrand_faults.evidence import RunEvidence
from keystrand_faults.invariants.log import identity_of, log_of, source_of, source_position
from keystrand_faults.invariants.violation import Violation

SETTLED = {"applied", "stale", "ignored", "dead", "discarded"}


def accepted_events_have_outcomes(evidence: RunEvidence) -> Iterator[Violation]:
    """1: each body with a 200 is in the topic, and its event has an outcome; one that cannot be read has a letter."""
    log = log_of(evidence)
    settled = {identity_of(row) for row in evidence.inbox if row["status"] in SETTLED}
    lettered = {source_of(row) for row in evidence.dead_letters}
    by_digest = {entry.record.contract["value_sha256"]: entry for entry in log.entries}
    accepted = {attempt.delivery.digest: attempt for attempt in evidence.attempts if attempt.accepted}
    for digest, attempt in accepted.items():
        entry = by_digest.get(digest)
        event_id = attempt.delivery.event_id
        if entry is None:
            yield Violation(f"{event_id} got its 200 and is not in the topic ({digest})", event_id, attempt.began)
        elif entry.identity and entry.identity not in settled:
            yield Violation(f"{event_id} at {entry.position} got its 200 and has no outcome", event_id, attempt.began)
        elif not entry.identity and (source_position(entry.record) or entry.position) not in lettered:
            yield Violation(f"the unreadable body at {entry.position} got its 200 and has no dead letter", None,
                            attempt.began)


def the_first_record_settles(evidence: RunEvidence) -> Iterator[Violation]:
    """1: an event is settled from its first record, or from a replay of it."""
    log = log_of(evidence)
    for row in evidence.inbox:
        first, entry = log.firsts.get(identity_of(row)), log.at.get(source_of(row))
        if first is None or entry is first:
            continue
        if entry is None or "replay-id" not in entry.record.headers:
            yield Violation(f"{row['event_id']} was settled from {source_of(row)}, its first record is {first.position}",
                            row["event_id"])


def forgeries_are_refused(evidence: RunEvidence) -> Iterator[Violation]:
    """2: what was not signed by who knows the secret gets no 200, and is in no record, unless Stripe sent it as well."""
    held = {record.contract["value_sha256"] for record in evidence.records}
    held -= {attempt.delivery.digest for attempt in evidence.attempts if attempt.delivery.genuine}
    for attempt in evidence.attempts:
        if not attempt.delivery.genuine and (attempt.accepted or attempt.delivery.digest in held):
            yield Violation(f"the forgery of {attempt.delivery.event_id} was answered {attempt.status}, and is "
                            f"{'' if attempt.delivery.digest in held else 'not '}in the topic", attempt.delivery.event_id,
                            attempt.began)


def planted_records_were_planted(evidence: RunEvidence) -> Iterator[Violation]:
    """4, for what the driver put into the topic itself."""
    told = Counter(line["sha256"] for line in evidence.lines if line["kind"] == "produce")
    held = Counter(record.contract["value_sha256"] for record in evidence.records
                   if "planted" in record.headers and "replay-id" not in record.headers)
    for digest, count in held.items():
        if count > told[digest]:
            yield Violation(f"{count} planted records with {digest}, {told[digest]} were produced")


def effects_come_from_records(evidence: RunEvidence) -> Iterator[Violation]:
    """4: each effect and each replay has its cause."""
    log = log_of(evidence)
    for row in evidence.effects:
        if identity_of(row) not in log.firsts:
            yield Violation(f"effect {row['seq']} of {row['event_id']}: no record has that event", row["event_id"])
    replays = {row["replay_id"] for row in evidence.operator_actions if row["replay_id"]}
    for record in evidence.records:
        replay = record.headers.get("replay-id")
        if replay and replay not in replays:
            yield Violation(f"{record.position} is replay {replay}, which no operator asked for",
                            record.headers.get("event-id"))


def positions_hold_one_value(evidence: RunEvidence) -> Iterator[Violation]:
    """8: what the receiver was told, what the topic holds and what the inbox says lie at a position is one event."""
    log = log_of(evidence)
    for line in evidence.log:
        if line["action"] != "delivery.accepted":
            continue
        entry = log.at.get((line["partition"], line["offset"]))
        held = entry.record.headers.get("event-id", "") if entry else None
        if held != line["event_id"]:
            yield Violation(f"the delivery report of {line['event_id']} names ({line['partition']}, {line['offset']}), "
                            f"which holds {held}", line["event_id"], line["at"])
    for row in evidence.inbox:
        entry = log.at.get(source_of(row))
        if entry is None or entry.identity != identity_of(row):
            yield Violation(f"the inbox has {row['event_id']} from {source_of(row)}, which holds "
                            f"{entry.identity if entry else None}", row["event_id"])


def bodies_are_what_was_sent(evidence: RunEvidence) -> Iterator[Violation]:
    """8: the digest in the header is that of the value, and of a body that somebody sent."""
    sent = {attempt.delivery.digest for attempt in evidence.attempts}
    for record in evidence.genuine().records:
        digest = record.contract["value_sha256"]
        if record.headers.get("body-sha256") != digest or digest not in sent:
            yield Violation(f"{record.position}: header {record.headers.get('body-sha256')}, value {digest}, "
                            f"{'sent' if digest in sent else 'sent by nobody'}", record.headers.get("event-id"))
