"""What must hold once a run has drained, however often its parts were killed. Each function finds the violations of one
promise; what they are computed from comes from the senders, Kafka and PostgreSQL, never from the program's own word."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from contract import records as contract
from keystrand_e2e.evidence import Evidence, Row
from keystrand_e2e.topic import Record
from traffic import semantics

Identity = tuple[str, str]  # scope, event id
SHOWN_MAX = 10

# What the worker could not read has no inbox row: its letter is all there is.
SETTLED = {"applied", "stale", "ignored", "dead"}


def check(evidence: Evidence) -> None:
    """Fails with the first violations of each kind."""
    found = {rule.__name__: list(rule(evidence)) for rule in RULES}
    broken = {name: violations for name, violations in found.items() if violations}
    if broken:
        raise AssertionError("\n".join(
            f"{name}: {len(violations)}\n" + "\n".join(f"    {each}" for each in violations[:SHOWN_MAX])
            for name, violations in broken.items()))


# --- Kafka holds what was accepted, and nothing else ---

def accepted_is_durable(evidence: Evidence) -> Iterator[str]:
    """Each 200 has a record of its own with the same bytes, under the key that its event asks for."""
    held = Counter((hashlib.sha256(record.value).hexdigest(), record.key) for record in evidence.records)
    accepted = Counter(_sent_as(attempt) for attempt in evidence.attempts if attempt.accepted)
    for (digest, key), count in accepted.items():
        if held[digest, key] < count:
            yield f"{count} times 200 for a body of {key}, {held[digest, key]} records ({digest})"


def nothing_else_is_held(evidence: Evidence) -> Iterator[str]:
    """Refused bodies are nowhere, and no record comes from nowhere: one per 200, and at most one per doubtful answer."""
    possible = Counter(_sent_as(attempt) for attempt in evidence.attempts if not attempt.refused)
    held = Counter((hashlib.sha256(record.value).hexdigest(), record.key) for record in evidence.records)
    for (digest, key), count in held.items():
        if count > possible[digest, key]:
            yield f"{count} records of {key}, {possible[digest, key]} requests that may have caused them ({digest})"


def records_keep_the_contract(evidence: Evidence) -> Iterator[str]:
    for records, validate in ((evidence.records, contract.validate_event), (evidence.letters, contract.validate_dead_letter)):
        for record in records:
            try:
                validate(record.contract)
            except contract.ContractError as error:
                yield f"{record.contract['topic']} {record.position}: {error}"


def records_lie_where_their_key_belongs(evidence: Evidence) -> Iterator[str]:
    for record in evidence.records:
        place = semantics.partition_of(record.key, evidence.partitions)
        if record.partition != place:
            yield f"{record.position}: {record.key} belongs to partition {place}"


# --- each event is settled once ---

def every_event_has_its_outcome(evidence: Evidence) -> Iterator[str]:
    """Each record is the one that settled its event, a later one of the same event, or a dead letter."""
    inbox = {_identity(row): row for row in evidence.inbox}
    dead = {_source(row) for row in evidence.dead_letters}
    for identity, first in _first_records(evidence).items():
        row = inbox.get(identity)
        if row is None:
            yield f"{first.position}: {identity} has no inbox row"
        elif (row["source_partition"], row["source_offset"]) != first.position:
            yield f"{identity} was settled from {row['source_partition']}, {row['source_offset']}, not {first.position}"
        elif row["status"] not in SETTLED:
            yield f"{identity} is {row['status']}"
    for record in evidence.records:
        if semantics.read(record.value) is None and record.position not in dead:
            yield f"{record.position}: unreadable, and no dead letter"


def no_outcome_comes_from_nowhere(evidence: Evidence) -> Iterator[str]:
    firsts = _first_records(evidence)
    for row in evidence.inbox:
        if _identity(row) not in firsts:
            yield f"inbox: {_identity(row)} is in no record"
    positions = {record.position for record in evidence.records}
    for row in evidence.dead_letters:
        if _source(row) not in positions:
            yield f"dead letter {_source(row)} has no record"


def each_event_takes_effect_once(evidence: Evidence) -> Iterator[str]:
    for identity, count in Counter(_identity(row) for row in _effects(evidence)).items():
        if count > 1:
            yield f"{identity} was settled {count} times"


def events_end_as_they_should(evidence: Evidence) -> Iterator[str]:
    """Applied, stale or ignored, as the order of the log has it."""
    statuses, _ = _expected(evidence)
    for row in evidence.inbox:
        wanted = statuses.get(_identity(row))
        if row["status"] != wanted and row["status"] != "dead":
            yield f"{_identity(row)} ({row['event_type']}) is {row['status']}, should be {wanted}"


# --- order, ownership, positions ---

def customers_keep_their_order(evidence: Evidence) -> Iterator[str]:
    """Between transactions, the events of one key settle in the order of the log; a replay when an operator says."""
    last: dict[str, Row] = {}
    replayed = {_identity(row) for row in evidence.inbox if row.get("replay_id")}
    for row in _effects(evidence):
        if _identity(row) in replayed:
            continue
        before = last.get(row["ordering_key"])
        if before and before["transaction"] != row["transaction"] and before["offset"] >= row["offset"]:
            yield f"{row['ordering_key']}: offset {row['offset']} was settled after {before['offset']}"
        if before is None or row["offset"] > before["offset"]:
            last[row["ordering_key"]] = row


def partitions_have_one_owner(evidence: Evidence) -> Iterator[str]:
    """Epochs never fall, and within one epoch all settlements are one worker's."""
    epochs: dict[int, int] = {}
    owners: dict[tuple[int, int], str] = {}
    for row in evidence.settlements:
        partition, epoch = row["partition"], row["epoch"]
        if epoch is None or epoch < epochs.get(partition, 0):
            yield f"partition {partition}: epoch {epoch} after {epochs.get(partition)}"
            continue
        epochs[partition] = epoch
        owner = owners.setdefault((partition, epoch), row["worker"])
        if owner != row["worker"]:
            yield f"partition {partition}, epoch {epoch}: {row['worker']} wrote beside {owner}"


def positions_are_complete(evidence: Evidence) -> Iterator[str]:
    """The database's position is the end of the log; Kafka's is not beyond it."""
    ends: dict[int, int] = defaultdict(int)
    for record in evidence.records:
        ends[record.partition] = max(ends[record.partition], record.offset + 1)
    positions = {row["partition"]: row["next_offset"] or 0 for row in evidence.leases}
    for partition, end in ends.items():
        if positions.get(partition, 0) != end:
            yield f"partition {partition}: next_offset {positions.get(partition)}, the log ends at {end}"
    for partition, offset in evidence.committed.items():
        if offset > positions.get(partition, 0):
            yield f"partition {partition}: Kafka's position {offset} is beyond the database's {positions.get(partition)}"


# --- the mirror ---

def mirror_shows_the_newest(evidence: Evidence) -> Iterator[str]:
    _, wanted = _expected(evidence)
    rows = {semantics.ObjectKey(row["scope"], row["object"], row["id"]): row for row in evidence.objects}
    for key in wanted.keys() | rows.keys():
        if key not in rows:
            yield f"{key} is missing"
        elif key not in wanted:
            yield f"{key} comes from no event"
        else:
            yield from _row_faults(key, rows[key], wanted[key])


def mirror_never_went_back(evidence: Evidence) -> Iterator[str]:
    for row in evidence.regressions:
        yield f"{row['object']} {row['id']}: {row['became']} replaced {row['was']}"


# --- dead letters ---

def dead_letters_are_complete(evidence: Evidence) -> Iterator[str]:
    """One row, at least one record in the topic, both with the bytes, key and headers of the record that died."""
    records = {record.position: record for record in evidence.records}
    published = defaultdict(list)
    for letter in evidence.letters:
        published[int(letter.headers["dlq-source-partition"]), int(letter.headers["dlq-source-offset"])].append(letter)
    rows = {_source(row): row for row in evidence.dead_letters}
    for position in rows.keys() | published.keys():
        row, letters, record = rows.get(position), published[position], records.get(position)
        if row is None or record is None or not letters:
            yield f"{position}: row {bool(row)}, letters {len(letters)}, record {bool(record)}"
            continue
        if row["published_at"] is None:
            yield f"{position}: not marked as published"
        if row["payload"] != record.value or row["record_key"] != record.key.encode():
            yield f"{position}: the row does not hold the record's bytes"
        for letter in letters:
            yield from _letter_faults(letter, record, row)


RULES = [accepted_is_durable, nothing_else_is_held, records_keep_the_contract, records_lie_where_their_key_belongs,
         every_event_has_its_outcome, no_outcome_comes_from_nowhere, each_event_takes_effect_once, events_end_as_they_should,
         customers_keep_their_order, partitions_have_one_owner, positions_are_complete, mirror_shows_the_newest,
         mirror_never_went_back, dead_letters_are_complete]


def _effects(evidence: Evidence) -> Iterator[Row]:
    """Being parked is none: the event still waits."""
    return (row for row in evidence.settlements if row["status"] != "parked")


def _sent_as(attempt) -> tuple[str, str]:
    return attempt.delivery.digest, attempt.delivery.record_key


def _identity(row: Row) -> Identity:
    return row["scope"], row["event_id"]


def _source(row: Row) -> tuple[int, int]:
    return row["source_partition"], row["source_offset"]


def _first_records(evidence: Evidence) -> dict[Identity, Record]:
    """Per event, the record that came first: equal events have equal keys, and so lie in one partition."""
    firsts: dict[Identity, Record] = {}
    for record in evidence.records:
        event = semantics.read(record.value)
        if event is not None:
            firsts.setdefault((semantics.scope_of(event), event["id"]), record)
    return firsts


def _expected(evidence: Evidence) -> tuple[dict[Identity, str], dict[semantics.ObjectKey, dict]]:
    """The status of each event that did not die, and what the mirror shows then. Whether the others had to die, the test
    itself must say."""
    mirror = semantics.Mirror()
    dead = {_identity(row) for row in evidence.inbox if row["status"] == "dead"}
    events = {identity: semantics.read(record.value) for identity, record in _first_records(evidence).items()
              if identity not in dead}
    statuses = {identity: mirror.apply(events[identity]) for identity in _in_turn(events, evidence)}
    return statuses, mirror.objects


def _in_turn(events: Mapping[Identity, dict], evidence: Evidence) -> list[Identity]:
    """As they lie in the log. Where keys share an object, as a guest's payment does, no log says which came first: as they
    were settled."""
    keys = defaultdict(set)
    for event in events.values():
        keys[semantics.object_key_of(event)].add(semantics.ordering_key_of(event))
    settled = {_identity(row): turn for turn, row in enumerate(_effects(evidence))}
    shared = {identity for identity, event in events.items() if len(keys[semantics.object_key_of(event)]) > 1}
    return [identity for identity in events if identity not in shared] + sorted(
        shared, key=lambda identity: settled.get(identity, len(settled)))


def _row_faults(key: semantics.ObjectKey, row: Row, event: dict) -> Iterator[str]:
    rank = semantics.rank_of(event)
    wanted = {"event_id": event["id"], "event_type": event["type"], "created": event["created"],
              "api_version": event["api_version"], "deleted": rank.deleted, "terminal": rank.terminal}
    for column, value in wanted.items():
        if row[column] != value:
            yield f"{key}: {column} is {row[column]!r}, should be {value!r}"
    if row["data"] != semantics.as_stored(event["data"]["object"]):
        yield f"{key}: data is not that of {event['id']}"


def _letter_faults(letter: Record, record: Record, row: Row) -> Iterator[str]:
    if letter.value != record.value or letter.key != record.key:
        yield f"letter of {record.position} does not hold the record's bytes and key"
    if letter.partition != record.partition:
        yield f"letter of {record.position} lies in partition {letter.partition}"
    lost = {name for name, value in record.headers.items() if letter.headers.get(name) != value}
    if lost:
        yield f"letter of {record.position} lost the headers {sorted(lost)}"
    if letter.headers["dlq-error-code"] != row["error_code"] or letter.headers["dlq-stage"] != row["stage"]:
        yield f"letter of {record.position} and its row disagree about the error"
