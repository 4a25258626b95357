"""What an event means for the topic and the mirror: a second reading of the rules, apart from that of the programs.

The rules are those of README.md, "How it works": keys, and which of two snapshots of one object is the newer.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

TERMINAL = {
    "subscription": {"canceled", "incomplete_expired"},
    "invoice": {"paid", "void"},
    "payment_intent": {"succeeded", "canceled"},
    "setup_intent": {"succeeded", "canceled"},
    "charge": {"failed"},
    "refund": {"failed", "canceled"},
    "checkout.session": {"expired"},
    "payout": {"failed", "canceled"},
    "credit_note": {"void"},
    "subscription_schedule": {"completed", "released", "canceled"},
    "quote": {"accepted", "canceled"},
    "invoice_payment": {"canceled"},
}
GROWING = ("amount_captured", "amount_received", "amount_refunded", "attempt_count", "ended_at", "voided_at")
WITHOUT_IDENTITY = {"invoice", "billing.alert_triggered"}  # if they have no id: notices, not objects
ACCOUNT_FAMILY = ("account.", "person.", "capability.")


@dataclasses.dataclass(frozen=True, order=True)
class ObjectKey:
    """The primary key of stripe.objects."""

    scope: str
    kind: str
    id: str


@dataclasses.dataclass(frozen=True, order=True)
class Rank:
    deleted: bool
    terminal: bool
    created: int


def read(body: bytes) -> dict[str, Any] | None:
    """The event in a body; None if it is not one JSON object with an id and a type."""
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
        return None
    return event


def scope_of(event: Mapping[str, Any]) -> str:
    account = event.get("account")
    if not account:
        segments = [s for s in (event.get("context") or "").split("/") if s.startswith("acct_")]
        account = segments[-1] if segments else "self"
    return f"{'live' if event['livemode'] else 'test'}/{account}"


def ordering_key_of(event: Mapping[str, Any]) -> str:
    return f"{scope_of(event)}/{_key_id(event)}"


def record_key_of(body: bytes, endpoint: str = "default") -> str:
    """The key of the record that holds `body`."""
    event = read(body)
    if event is None:
        return f"unreadable/{endpoint}/{hashlib.sha256(body).hexdigest()[:16]}"
    return ordering_key_of(event)


def object_key_of(event: Mapping[str, Any]) -> ObjectKey | None:
    """The mirror's row for the event's object; None where there is none to keep."""
    data = event.get("data", {}).get("object")
    if event.get("object") != "event" or not data or not data.get("object"):
        return None
    kind = data["object"]
    if data.get("id"):
        return ObjectKey(scope_of(event), kind, data["id"])
    if kind in WITHOUT_IDENTITY:
        return None
    # One per customer (entitlement summary, cash balance), or one per account (balance, tax.settings).
    return ObjectKey(scope_of(event), kind, _reference(data.get("customer")) or "")


def rank_of(event: Mapping[str, Any]) -> Rank:
    data = event["data"]["object"]
    kind, status = data["object"], data.get("status")
    deleted = event["type"].endswith(".deleted") and not event["type"].endswith("customer.subscription.deleted")
    terminal = status in TERMINAL.get(kind, ()) or (
        kind == "checkout.session" and status == "complete" and data.get("payment_status") == "paid")
    return Rank(deleted, terminal, event["created"])


def newest(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of several events of one object, the one whose snapshot counts, whatever order they came in."""
    top = max(map(rank_of, events))
    left = [event for event in events if rank_of(event) == top]
    left = [event for event in left if not event["type"].endswith(".created")] or left
    for before in (_follows, _grew_from):
        left = [event for event in left if not any(
            before(other, event) and not before(event, other) for other in left)] or left
    return max(left, key=lambda event: event["id"])


class Mirror:
    """stripe.objects as it must look after some events, one by one."""

    def __init__(self) -> None:
        self._rivals: dict[ObjectKey, list[Mapping[str, Any]]] = {}  # all of the highest rank
        self._shown: dict[ObjectKey, Mapping[str, Any]] = {}

    def apply(self, event: Mapping[str, Any]) -> str:
        """The status of the event's inbox row: applied, stale or ignored."""
        key = object_key_of(event)
        if key is None:
            return "ignored"
        rank = rank_of(event)
        rivals = self._rivals.get(key, [])
        if rivals and rank < rank_of(rivals[0]):
            return "stale"
        rivals = [*(other for other in rivals if rank_of(other) == rank), event]
        self._rivals[key] = rivals
        self._shown[key] = newest(rivals)
        return "applied" if self._shown[key]["id"] == event["id"] else "stale"

    @property
    def objects(self) -> dict[ObjectKey, Mapping[str, Any]]:
        """The event whose snapshot each row shows."""
        return self._shown


def as_stored(value: Any) -> Any:
    """A JSON value as PostgreSQL can hold it: U+FFFD stands for U+0000."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [as_stored(item) for item in value]
    if isinstance(value, dict):
        return {as_stored(name): as_stored(item) for name, item in value.items()}
    return value


def partition_of(key: str, partitions: int) -> int:
    """Where Java clients would place the key: murmur2, modulo the number of partitions."""
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _key_id(event: Mapping[str, Any]) -> str:
    if event.get("object") == "v2.core.event":
        return (event.get("related_object") or {}).get("id") or event["id"]
    data = event["data"]["object"]
    before = event["data"].get("previous_attributes") or {}
    customer = data.get("id") if data.get("object") == "customer" else None
    about_account = event["type"].startswith(ACCOUNT_FAMILY)
    account = data.get("id") if data.get("object") == "account" else event.get("account")
    choices = [customer, data.get("customer"), before.get("customer"), data.get("customer_account"),
               account if about_account else None, data.get("payment_intent"), data.get("charge"), data.get("invoice"),
               data.get("id"), data.get("object")]
    return next((id for id in map(_reference, choices) if id), event["id"])


def _reference(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) else None


def _follows(later: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Whether `later` says of itself that `earlier` is how things were before."""
    before = later["data"].get("previous_attributes")
    return bool(before) and _describes(before, earlier["data"]["object"])


def _grew_from(later: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Whether some number that only ever grows is greater in `later`, and none is smaller."""
    then, now = (_growing(event["data"]["object"]) for event in (earlier, later))
    common = then.keys() & now.keys()
    return any(now[name] > then[name] for name in common) and all(now[name] >= then[name] for name in common)


def _growing(data: Mapping[str, Any]) -> dict[str, int]:
    transitions = data.get("status_transitions") or {}
    found = {name: data.get(name) for name in GROWING} | {f"{name} of transitions": at for name, at in transitions.items()}
    return {name: value for name, value in found.items() if isinstance(value, int)}


def _describes(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(_describes(value, whole.get(name)) for name, value in part.items())
    return part == whole


def _murmur2(data: bytes) -> int:
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)
