"""The evidence of a faultless run, made by hand: where the tests of the checker begin, each to spoil it in its own way."""

from __future__ import annotations

import datetime
from collections import defaultdict

import paths  # noqa: F401

from keystrand_e2e.good_run import START, good_run
from keystrand_faults.evidence import Run, RunEvidence
from keystrand_faults.group_offsets import GroupCommit
from keystrand_faults.invariants.log import Entry, log_of
from traffic import semantics

WORKER = "worker0-1"


def good_evidence() -> RunEvidence:
    """One worker, one epoch, each record a transaction of its own; one event failed twice before it came through."""
    told = good_run()
    run = RunEvidence(**told.__dict__, run=Run("hand", "directed", 3.0, True))
    _tell_history(run)
    maker = _Maker(run)
    for entry in log_of(run).entries:
        maker.settle(entry)
    maker.finish()
    return run


def _tell_history(run: RunEvidence) -> None:
    kinds = {200: "ok", 400: "fail", 0: "info"}
    for op, attempt in enumerate(run.attempts, 1):
        event_id = (semantics.read(attempt.delivery.body) or {}).get("id")
        object.__setattr__(attempt.delivery, "event_id", event_id)
        sent = {"op": op, "wall": attempt.began + op / 100, "mono": op / 100}
        run.lines.append({"kind": "invoke", **sent, "event": event_id, "key": attempt.delivery.record_key,
                          "sha256": attempt.delivery.digest, "genuine": attempt.delivery.genuine})
        run.lines.append({"kind": kinds[attempt.status], **sent, "status": attempt.status})


class _Maker:
    """Writes what the tests' worker and its triggers would."""

    def __init__(self, run: RunEvidence):
        self.run = run
        self.seq = 0
        self.numbers: dict[str, int] = defaultdict(int)
        self.balances: dict[str, int] = defaultdict(int)
        self.counted: dict[str, int] = defaultdict(int)
        self.status = {(row["scope"], row["event_id"]): row["status"] for row in run.inbox}
        for partition in range(run.partitions):
            self._position(partition, None, raised=True)
        self._explain_the_inbox()

    def settle(self, entry: Entry) -> None:
        record = entry.record
        outcome = "dead" if entry.identity is None else self.status[entry.identity] if entry.first else "duplicate"
        row = {"partition": record.partition, "offset": record.offset, "epoch": 1, "worker": WORKER, "at": float(START),
               "ordering_key": record.key, "outcome": outcome, "transaction": record.offset}
        if entry.first:
            self._affect(entry)
        self.run.outcomes.append({"seq": self._next(), **row})
        self.counted[outcome] += 1
        if outcome == "dead":
            self.run.publications.append({"seq": self._next(), "partition": record.partition, "offset": record.offset,
                                          "cycle": 0})
        self._position(record.partition, record.offset + 1)
        self.run.group_commits.append(GroupCommit(record.partition, record.offset + 1, START * 1000 + 1000))
        self.run.log.append({"action": "delivery.accepted", "program": "receiver-1", "at": float(START),
                             "event_id": record.headers.get("event-id", ""), "partition": record.partition,
                             "offset": record.offset})

    def finish(self) -> None:
        self.run.strands += [{"ordering_key": key, "effects": count, "balance": self.balances[key]}
                             for key, count in self.numbers.items()]
        self._retry_one()
        lines = [f'keystrand_worker_events_total{{outcome="{outcome}"}} {self.counted[outcome]}'
                 for outcome in ("applied", "duplicate", "stale", "ignored")]
        self.run.scrapes.append({"name": WORKER, "at": float(START), "final": True,
                                 "text": "\n".join([*lines, "keystrand_worker_commits_in_doubt_total 0"])})
        accepted = sum(attempt.accepted for attempt in self.run.attempts)
        self.run.scrapes.append({"name": "receiver-1", "at": float(START), "final": True,
                                 "text": f'keystrand_receiver_events_total{{outcome="accepted"}} {accepted}'})
        self.run.ends.append({"name": "worker1-1", "code": -9, "why": "killed", "at": float(START)})
        for row in self.run.dead_letters:
            row |= {"attempts": 1, "event_id": None, "status": "open"}

    def _affect(self, entry: Entry) -> None:
        key = entry.record.key
        self.numbers[key] += 1
        paid = entry.event["data"]["object"]["amount"] if entry.event["type"] == "charge.succeeded" else 0
        self.balances[key] += paid
        self.run.effects.append({"seq": self._next(), "scope": entry.identity[0], "event_id": entry.identity[1],
                                 "event_type": entry.event["type"], "ordering_key": key, "amount": paid,
                                 "number": self.numbers[key], "worker": WORKER, "transaction": entry.record.offset})

    def _position(self, partition: int, offset: int | None, raised: bool = False) -> None:
        self.run.positions.append({"seq": self._next(), "partition": partition, "epoch": 1, "next_offset": offset,
                                   "raised": raised, "worker": WORKER, "at": float(START)})

    def _explain_the_inbox(self) -> None:
        for row in self.run.inbox:
            row |= {"attempts": 1, "reason": None}

    def _retry_one(self) -> None:
        event_id = self.run.inbox[0]["event_id"]
        for attempt in (1, 2):
            self.run.failures.append({"event_id": event_id, "at": START + attempt, "pid": 7, "what": "internal"})
            self.run.log.append({"action": "event.retry", "program": WORKER, "event_id": event_id, "partition": 0,
                                 "attempt": attempt, "at": START + attempt + 0.001,
                                 "next_attempt_at": _text(START + attempt + 0.5)})

    def _next(self) -> int:
        self.seq += 1
        return self.seq


def _text(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()

