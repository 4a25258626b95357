"""What the senders did, as they did it: one line before each request, one after it, and one at each end of a fault.

Written by the sender, flushed before the request goes out, never by the system under test. A line is one JSON object:
`kind` invoke (before) and ok (200), fail (4xx) or info (5xx, or no answer: nobody knows) after it, with the same `op`;
produce (a record put into the topic past the receiver); fault and heal, with a `name`; note.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from traffic.delivery import Delivery
from traffic.sender import Attempt, History


@dataclasses.dataclass(frozen=True)
class Sent:
    """Of a delivery, what the checker needs."""

    digest: str
    record_key: str
    event_id: str | None
    genuine: bool  # False: must be refused


class RecordedHistory(History):
    """Goes to its file rather than into memory. Thread-safe."""

    def __init__(self, path: pathlib.Path):
        super().__init__()
        self._file = open(path, "w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._op = 0
        self._began: dict[int, int] = {}  # attempts under way, by identity
        self.answers: Counter[str] = Counter()  # ok, fail, info

    def close(self) -> None:
        self._file.close()

    # --- the sender ---

    def begin(self, delivery: Delivery) -> Attempt:
        attempt = Attempt(delivery, time.time())
        event = delivery.event or {}
        with self._lock:
            op = self._next()
            self._began[id(attempt)] = op
            self._write("invoke", op=op, event=event.get("id"), key=delivery.record_key, sha256=delivery.digest,
                        genuine=delivery.genuine)
        return attempt

    def end(self, attempt: Attempt) -> None:
        kind = "ok" if attempt.accepted else "fail" if attempt.refused else "info"
        with self._lock:
            self.answers[kind] += 1
            self._write(kind, op=self._began.pop(id(attempt)), status=attempt.status, fault=attempt.fault)

    # --- the driver ---

    def produced(self, digest: str, key: str, what: str) -> None:
        """Before a record is put into the topic past the receiver."""
        with self._lock:
            self._write("produce", op=self._next(), sha256=digest, key=key, what=what)

    def note(self, **what: Any) -> None:
        with self._lock:
            self._write("note", **what)

    @contextlib.contextmanager
    def fault(self, name: str, **details: Any) -> Iterator[None]:
        """The time of the block is that of the fault."""
        with self._lock:
            self._write("fault", name=name, **details)
        try:
            yield
        finally:
            with self._lock:
                self._write("heal", name=name)

    def _next(self) -> int:
        self._op += 1
        return self._op

    def _write(self, kind: str, **fields: Any) -> None:
        line = {"kind": kind, "wall": round(time.time(), 6), "mono": round(time.monotonic(), 6), **fields}
        self._file.write(json.dumps(line) + "\n")


@dataclasses.dataclass
class Told:
    """A history read back. `broken`: why it cannot be relied on, if so."""

    lines: list[dict[str, Any]]
    attempts: list[Attempt]  # their deliveries are Sent
    planted: dict[str, str]  # by digest: what was put into the topic past the receiver
    broken: str | None


def read(path: pathlib.Path) -> Told:
    lines: list[dict[str, Any]] = []
    broken = None
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(keepends=True), 1):
        try:
            if not text.endswith("\n"):
                raise ValueError("cut off")
            lines.append(json.loads(text))
        except ValueError as error:
            broken = f"{path.name}, line {number}: {error}"
            break
    attempts: dict[int, Attempt] = {}
    for line in lines:
        if line["kind"] == "invoke":
            attempts[line["op"]] = Attempt(Sent(line["sha256"], line["key"], line["event"], line["genuine"]),
                                           line["wall"])
        elif line["kind"] in ("ok", "fail", "info"):
            attempt = attempts.get(line["op"])
            if attempt is None:
                broken = broken or f"{path.name}: operation {line['op']} ended but never began"
                continue
            attempt.ended, attempt.status = line["wall"], line["status"]
    planted = {line["sha256"]: line["what"] for line in lines if line["kind"] == "produce"}
    return Told(lines, list(attempts.values()), planted, broken)
