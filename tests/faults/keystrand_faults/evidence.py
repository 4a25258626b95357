"""All that is left after a run, from sources that do not depend on each other, kept in one file so that a run can be judged
again: `evidence.jsonl.gz`, a source and a row a line."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import gzip
import hashlib
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from keystrand_e2e import topic
from keystrand_e2e.evidence import Evidence, Row
from keystrand_e2e.system import PARTITIONS
from keystrand_e2e.topic import Record
from keystrand_faults import history
from keystrand_faults.fleet import Fleet
from keystrand_faults.group_offsets import GroupCommit, commits_of
from keystrand_faults.stage import FaultSystem

FILE = "evidence.jsonl.gz"

NOT_RECEIVED = {"planted", "replay-id"}  # headers of records that come from elsewhere

# Log lines that rules or the coverage read.
ACTIONS = {"event.retry", "event.parked", "worker.fenced", "worker.rewound", "worker.lease_taken", "worker.batch_split",
           "db.unavailable", "kafka.rebalanced", "kafka.fatal", "delivery.accepted"}
SETTLED = {"event.applied", "event.stale", "event.ignored", "event.duplicate"}


@dataclasses.dataclass
class Run:
    """What the driver itself knows of the end. `drained_after_s`: since the last heal; None: not in time."""

    seed: str
    schedule: str
    drained_after_s: float | None
    ready: bool


@dataclasses.dataclass
class RunEvidence(Evidence):
    run: Run = dataclasses.field(default_factory=lambda: Run("", "", 0.0, True))
    lines: list[Row] = dataclasses.field(default_factory=list)  # of the history
    planted: dict[str, str] = dataclasses.field(default_factory=dict)
    broken: str | None = None  # why the history cannot be relied on
    outcomes: list[Row] = dataclasses.field(default_factory=list)
    effects: list[Row] = dataclasses.field(default_factory=list)
    strands: list[Row] = dataclasses.field(default_factory=list)  # of the books
    positions: list[Row] = dataclasses.field(default_factory=list)
    publications: list[Row] = dataclasses.field(default_factory=list)
    parked: list[Row] = dataclasses.field(default_factory=list)
    operator_actions: list[Row] = dataclasses.field(default_factory=list)
    unproven_constraints: list[Row] = dataclasses.field(default_factory=list)
    group_commits: list[GroupCommit] = dataclasses.field(default_factory=list)
    failures: list[Row] = dataclasses.field(default_factory=list)  # event_id, at, pid, what: of poison
    log: list[Row] = dataclasses.field(default_factory=list)
    scrapes: list[Row] = dataclasses.field(default_factory=list)  # name, at, final, text
    ends: list[Row] = dataclasses.field(default_factory=list)
    trips: list[str] = dataclasses.field(default_factory=list)  # <point>.<way>

    def genuine(self) -> RunEvidence:
        """Without the records that no receiver wrote (the driver's own, and replays), and without their letters."""
        genuine = {record.position for record in self.records if not NOT_RECEIVED & record.headers.keys()}
        if len(genuine) == len(self.records):
            return self
        return dataclasses.replace(
            self, records=[record for record in self.records if record.position in genuine],
            letters=[letter for letter in self.letters if not NOT_RECEIVED & letter.headers.keys()],
            dead_letters=[row for row in self.dead_letters
                          if (row["source_partition"], row["source_offset"]) in genuine])


QUERIES = {
    "inbox": "SELECT *, extract(epoch FROM event_created)::bigint AS created FROM keystrand.inbox",
    "objects": "SELECT *, extract(epoch FROM event_created)::bigint AS created FROM stripe.objects",
    "dead_letters": "SELECT * FROM keystrand.dead_letters",
    "leases": "SELECT * FROM keystrand.partition_leases",
    "settlements": "SELECT * FROM observed.settlements ORDER BY seq",
    "regressions": "SELECT * FROM observed.regressions",
    "outcomes": "SELECT *, extract(epoch FROM at)::float8 AS at FROM faults.outcomes ORDER BY seq",
    "effects": "SELECT * FROM faults.effects ORDER BY seq",
    "strands": "SELECT * FROM faults.strands",
    "positions": "SELECT *, extract(epoch FROM at)::float8 AS at FROM faults.positions ORDER BY seq",
    "publications": "SELECT *, extract(epoch FROM at)::float8 AS at FROM faults.publications ORDER BY seq",
    "parked": "SELECT topic, \"partition\", \"offset\", event_id, status, attempts, last_error FROM keystrand.parked_events",
    "operator_actions": "SELECT * FROM keystrand.operator_actions ORDER BY id",
    "unproven_constraints": "SELECT conname FROM pg_constraint WHERE NOT convalidated",
}


def collect(system: FaultSystem, fleet: Fleet, run: Run) -> RunEvidence:
    """Of a run that has ended: nothing is written any more."""
    brokers = system.stack.kafka_brokers
    told = history.read(system.folder / "history.jsonl")
    return RunEvidence(
        partitions=PARTITIONS, attempts=told.attempts, lines=told.lines, planted=told.planted, broken=told.broken, run=run,
        records=topic.read(brokers, system.events), letters=topic.read(brokers, system.dead_letters),
        committed=topic.committed(brokers, system.events, system.group),
        group_commits=commits_of(brokers, system.group, system.events),
        failures=list(_failures(system.control / "attempts")), log=list(_log(system.folder)),
        scrapes=[{"name": name, **dataclasses.asdict(scrape)} for name, scrape in fleet.scrapes.items()],
        ends=[dataclasses.asdict(end) for end in fleet.ends()],
        trips=[_trip_of(file.name) for file in (system.control / "points").iterdir()],
        **{name: system.rows(query) for name, query in QUERIES.items()})


def _trip_of(name: str) -> str:
    """`<point>.<way>` of `[<time>.]<point>.<way>.<pid>`."""
    return ".".join([part for part in name.split(".") if not part.isdigit()])


def _failures(folder: pathlib.Path) -> Iterator[Row]:
    for file in sorted(folder.iterdir()):
        for line in file.read_text().splitlines():
            at_ns, pid, what = line.split(" ")
            yield {"event_id": file.name, "at": int(at_ns) / 1e9, "pid": int(pid), "what": what}


def _log(folder: pathlib.Path) -> Iterator[Row]:
    """A worker settles too many events to keep a line of each: those that it settled between a revocation and the next
    assignment are counted with the former."""
    for file in sorted(folder.glob("*.log")):
        kept: list[Row] = []
        revoked: Row | None = None
        for line in _lines(file):
            if line.get("action") in SETTLED and revoked:
                revoked["settled_after"] += 1
            if line.get("action") not in ACTIONS:
                continue
            kept.append({**line, "at": seconds(line["timestamp"]), "program": file.stem})
            if line["action"] == "kafka.rebalanced":
                revoked = kept[-1] if line["state"] == "revoked" else None
                kept[-1]["settled_after"] = 0
        yield from kept


def _lines(file: pathlib.Path) -> Iterator[Row]:
    with open(file, encoding="utf-8", errors="replace") as texts:
        for text in texts:
            try:
                yield json.loads(text)
            except ValueError:
                continue  # a crash's last words


def seconds(timestamp: str) -> float:
    return datetime.datetime.fromisoformat(timestamp).timestamp()


# --- the file ---

ROWS = [*QUERIES, "lines", "failures", "log", "scrapes", "ends"]


def save(evidence: RunEvidence, folder: pathlib.Path) -> None:
    with gzip.open(folder / FILE, "wt", compresslevel=1, encoding="utf-8") as file:
        def put(source: str, value: Any) -> None:
            file.write(json.dumps([source, value], default=_plain) + "\n")

        put("run", dataclasses.asdict(evidence.run))
        for name in ("partitions", "planted", "broken", "committed", "trips"):
            put(name, getattr(evidence, name))
        for name in ROWS:
            for row in getattr(evidence, name):
                put(name, row)
        for name in ("records", "letters"):
            for record in getattr(evidence, name):
                put(name, {**record.contract, "value": record.value})
        for commit in evidence.group_commits:
            put("group_commits", dataclasses.asdict(commit))


def load(folder: pathlib.Path) -> RunEvidence:
    told = history.read(folder / "history.jsonl")
    evidence = RunEvidence(PARTITIONS, told.attempts, [], [], [], [], [], [], [], [], {}, planted=told.planted,
                           broken=told.broken)
    with gzip.open(folder / FILE, "rt", encoding="utf-8") as file:
        for text in file:
            source, value = json.loads(text, object_hook=_bytes)
            if source == "run":
                evidence.run = Run(**value)
            elif source in ("records", "letters"):
                getattr(evidence, source).append(_record(value))
            elif source == "group_commits":
                evidence.group_commits.append(GroupCommit(**value))
            elif source == "committed":
                evidence.committed = {int(partition): offset for partition, offset in value.items()}
            elif source in ROWS:
                getattr(evidence, source).append(value)
            else:
                setattr(evidence, source, value)
    return evidence


def _record(value: dict[str, Any]) -> Record:
    body = value.pop("value")
    assert hashlib.sha256(body).hexdigest() == value["value_sha256"], f"{FILE} is damaged"
    return Record(value["partition"], value["offset"], value["key"], body, value["headers"], value)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, decimal.Decimal):
        return int(value)
    return str(value)


def _bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$bytes"]) if value.keys() == {"$bytes"} else value
