"""One example of every API object, as Stripe publishes them (tests/data/README.md)."""

from __future__ import annotations

import copy
import functools
import json
import pathlib

DATA = pathlib.Path(__file__).resolve().parents[3] / "tests" / "data" / "stripe"

CURRENT = "2026-07-29.dahlia"
PRE_BASIL = "2025-02-24.acacia"  # before subscriptions lost their period and invoices their payment_intent
_FILES = {CURRENT: "openapi-fixtures.json", PRE_BASIL: "openapi-fixtures-pre-basil.json"}


@functools.cache
def _resources(api_version: str) -> dict[str, dict]:
    return json.loads((DATA / _FILES[api_version]).read_text())["resources"]


def example(kind: str, api_version: str = CURRENT) -> dict:
    """An example of an object, by its `object`; the caller's own copy. Its optional parts hold placeholders."""
    return copy.deepcopy(_resources(api_version)[kind])


@functools.cache
def event_types() -> dict[str, list[str]]:
    """Each known snapshot type, and the kinds its data.object may have."""
    rows = [line.split("\t") for line in (DATA / "event-type-objects.tsv").read_text().splitlines()[1:]]
    return {row[0]: row[1].split("|") for row in rows}
