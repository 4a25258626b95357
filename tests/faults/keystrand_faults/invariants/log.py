"""The events topic, read once: which record is the first of its event, which is a repeat, which cannot be read."""

from __future__ import annotations

import dataclasses
from typing import Any

from keystrand_e2e.topic import Record
from keystrand_faults.evidence import RunEvidence
from traffic import semantics

Identity = tuple[str, str]  # scope, event id
Position = tuple[int, int]  # partition, offset


@dataclasses.dataclass(frozen=True)
class Entry:
    record: Record
    event: dict[str, Any] | None  # None: nothing that the worker can read
    identity: Identity | None
    first: bool  # of its event

    @property
    def position(self) -> Position:
        return self.record.position


class Log:
    """In the order of partitions and offsets."""

    def __init__(self, evidence: RunEvidence):
        self.entries: list[Entry] = []
        self.at: dict[Position, Entry] = {}
        self.firsts: dict[Identity, Entry] = {}
        for record in evidence.records:
            self._add(record, evidence.partitions)

    def _add(self, record: Record, partitions: int) -> None:
        event = semantics.read(record.value) if "planted" not in record.headers else None
        if event is not None and record.partition != semantics.partition_of(record.key, partitions):
            event = None
        identity = (semantics.scope_of(event), event["id"]) if event else None
        entry = Entry(record, event, identity, identity is not None and identity not in self.firsts)
        self.entries.append(entry)
        self.at[record.position] = entry
        if entry.first:
            self.firsts[identity] = entry


def log_of(evidence: RunEvidence) -> Log:
    """Kept with the evidence: several rules ask."""
    kept = evidence.__dict__.get("_log_read")
    if kept is None:
        kept = evidence.__dict__["_log_read"] = Log(evidence)
    return kept


def identity_of(row: dict[str, Any]) -> Identity:
    return row["scope"], row["event_id"]


def position_of(row: dict[str, Any]) -> Position:
    return row["partition"], row["offset"]


def source_of(row: dict[str, Any]) -> Position:
    return row["source_partition"], row["source_offset"]


def source_position(record: Record) -> Position | None:
    """Of a replay: where the record lies that it repeats."""
    parts = record.headers.get("source-position", "").rsplit("/", 2)
    return (int(parts[1]), int(parts[2])) if len(parts) == 3 else None
