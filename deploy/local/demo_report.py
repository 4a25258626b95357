"""What the demo saw against what it sent, and the one screen that tells it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import psycopg

from demo_programs import Demo
from stack import ROOT
from traffic import semantics
from traffic.plan import Expected
from traffic.sender import PATH, History

SAMPLE_EVENTS = """
  SELECT event_type, ordering_key, status, to_char(settled_at, 'HH24:MI:SS.MS') AS settled
  FROM keystrand.inbox WHERE event_id = ANY(%s) ORDER BY settled_at DESC LIMIT 5"""
SAMPLE_SUBSCRIPTIONS = """
  SELECT id, data ->> 'customer' AS customer, data ->> 'status' AS status, to_char(event_created, 'YYYY-MM-DD') AS since,
         event_type
  FROM stripe.objects WHERE object = 'subscription' AND event_id = ANY(%s) ORDER BY id LIMIT 5"""


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    wanted: int
    seen: int
    most: int | None = None  # where doubtful answers leave a range: between `wanted` and this

    @property
    def right(self) -> bool:
        return self.wanted <= self.seen <= (self.wanted if self.most is None else self.most)


@dataclasses.dataclass
class Baseline:
    """What was there before this run: rows stay from run to run, and so may the programs' counts."""

    accepted: int
    duplicates: int
    dead_letters: int

    @staticmethod
    def of(demo: Demo) -> Baseline:
        return Baseline(
            demo.receiver.counted("keystrand_receiver_events_total", outcome="accepted"),
            demo.worker.counted("keystrand_worker_events_total", outcome="duplicate"),
            _value(demo, "SELECT count(*) FROM keystrand.dead_letters WHERE published_at IS NOT NULL"))


@dataclasses.dataclass
class Outcome:
    figures: list[Figure]
    answer_ms: tuple[float, float]  # p50, p99
    commit_ms: tuple[float, float]  # from the answer to the row of the inbox

    @property
    def mismatches(self) -> list[Figure]:
        return [figure for figure in self.figures if not figure.right]


def settled(demo: Demo, before: Baseline, event_ids: Sequence[str]) -> int:
    """Deliveries of this run that have come to their end."""
    now = Baseline.of(demo)
    rows = _value(demo, "SELECT count(*) FROM keystrand.inbox WHERE event_id = ANY(%s)", list(event_ids))
    return rows + now.duplicates - before.duplicates + now.dead_letters - before.dead_letters


def measure(demo: Demo, before: Baseline, expected: Expected, history: History) -> Outcome:
    now = Baseline.of(demo)
    ids = _ids(expected, history)
    rows = _rows(demo, "SELECT event_id, status, extract(epoch FROM settled_at)::float8 AS settled"
                       " FROM keystrand.inbox WHERE event_id = ANY(%s)", ids)
    doubt = len(history.in_doubt())  # each may be in the topic, and then its next try is one duplicate more
    counted = {status: sum(row["status"] == status for row in rows) for status in ("applied", "stale", "ignored")}
    figures = [
        Figure("accepted (200)", expected.accepted, len(history.accepted())),
        Figure("  as the receiver counts", expected.accepted, now.accepted - before.accepted, expected.accepted + doubt),
        Figure("refused (4xx)", expected.refused, len(history.refused())),
        *(Figure(status, expected.statuses[status], count) for status, count in counted.items()),
        Figure("duplicates", expected.duplicates, now.duplicates - before.duplicates, expected.duplicates + doubt),
        Figure("dead letters", expected.dead_letters, now.dead_letters - before.dead_letters, expected.dead_letters + doubt),
        Figure("objects, newest snapshot", len(expected.mirror.objects), _objects_shown(demo, expected, ids)),
    ]
    return Outcome(figures, _percentiles_ms([attempt.seconds for attempt in history.accepted()]),
                   _percentiles_ms(_commit_delays(rows, history)))


def screen(demo: Demo, outcome: Outcome, expected: Expected, history: History, seconds: float) -> str:
    """For a terminal of 100 columns."""
    ids = _ids(expected, history)
    types = {attempt.delivery.event["type"] for attempt in history.accepted() if attempt.delivery.event}
    lines = ["", f"{len(history.attempts):,} requests, {len(types)} event types, {seconds:.1f} s until all were settled", ""]
    lines += [f"  {'':26}{'seen':>8}{'sent':>8}"]
    lines += [f"  {figure.name:26}{figure.seen:>8,}{figure.wanted:>8,}{'' if figure.right else '   MISMATCH'}"
              for figure in outcome.figures]
    lines += ["", f"  {'':26}{'p50':>11}{'p99':>11}",
              f"  {'answer':26}{outcome.answer_ms[0]:>8.1f} ms{outcome.answer_ms[1]:>8.1f} ms",
              f"  {'answer to commit':26}{outcome.commit_ms[0]:>8.1f} ms{outcome.commit_ms[1]:>8.1f} ms", ""]
    lines += _table("keystrand.inbox", _rows(demo, SAMPLE_EVENTS, ids))
    lines += _table("stripe.objects, subscriptions", _rows(demo, SAMPLE_SUBSCRIPTIONS, ids))
    lines += [f"MISMATCH: {figure.name.strip()}: {figure.wanted:,} sent, {figure.seen:,} seen" for figure in outcome.mismatches]
    return "\n".join(lines)


def directions(demo: Demo) -> str:
    """How to look further while it runs."""
    [newest] = _rows(demo, "SELECT event_id FROM keystrand.inbox ORDER BY settled_at DESC LIMIT 1")
    logs = demo.folder.relative_to(ROOT) if demo.folder.is_relative_to(ROOT) else demo.folder
    return "\n".join([
        "It runs on. To look further:",
        "  export $(make -s stack-env)",
        f"  build/bin/keystrand event show {newest['event_id']}",
        "  build/bin/keystrand status",
        '  psql "$KEYSTRAND_DATABASE_URL" -c "SELECT object, count(*) FROM stripe.objects GROUP BY 1 ORDER BY 2 DESC"',
        f"  receiver  {demo.url}{PATH}   {demo.receiver.admin_url}/metrics   {demo.receiver.admin_url}/readyz",
        f"  worker    {demo.worker.admin_url}/metrics   {demo.worker.admin_url}/readyz   logs: {logs}/*.log",
        f"  with your own Stripe account: stripe listen --forward-to {demo.url}{PATH}",
        f"    and its whsec_… as a line of {logs}/signing-secrets, which is read again when it changes",
        "  make demo-stop"])


def _objects_shown(demo: Demo, expected: Expected, ids: list[str]) -> int:
    """Rows of the mirror that show the event which they should."""
    rows = _rows(demo, "SELECT scope, object, id, event_id FROM stripe.objects WHERE event_id = ANY(%s)", ids)
    shown = {semantics.ObjectKey(row["scope"], row["object"], row["id"]): row["event_id"] for row in rows}
    return sum(shown.get(key) == event["id"] for key, event in expected.mirror.objects.items())


def _commit_delays(rows: list[dict[str, Any]], history: History) -> list[float]:
    """Seconds from the first 200 of each event to its inbox row; 0 where the worker was faster than the answer."""
    answered: dict[str, float] = {}
    for attempt in history.accepted():
        if attempt.delivery.event:
            answered.setdefault(attempt.delivery.event["id"], attempt.ended)
    return [max(0.0, row["settled"] - answered[row["event_id"]]) for row in rows if row["event_id"] in answered]


def _percentiles_ms(seconds: list[float]) -> tuple[float, float]:
    if not seconds:
        return math.nan, math.nan
    ordered = sorted(seconds)
    return tuple(1000 * ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.99))


def _table(title: str, rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return [f"{title}: no rows", ""]
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in rows[0]}
    layout = [[name.ljust(width) for name, width in widths.items()]]
    layout += [[str(row[name]).ljust(width) for name, width in widths.items()] for row in rows]
    return [title] + ["  " + "  ".join(cells).rstrip() for cells in layout] + [""]


def _ids(expected: Expected, history: History) -> list[str]:
    return sorted({attempt.delivery.event["id"] for attempt in history.attempts
                   if attempt.delivery.event and attempt.delivery.genuine})


def _rows(demo: Demo, query: str, *parameters: Any) -> list[dict[str, Any]]:
    with psycopg.connect(demo.stack.database_url, connect_timeout=10, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(query, parameters).fetchall()


def _value(demo: Demo, query: str, *parameters: Any) -> int:
    [row] = _rows(demo, query, *parameters)
    [value] = row.values()
    return value
