"""The bytes of one request: what Stripe sends, until a row spoils a part of it."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from typing import Any

from traffic.delivery import TEST_SECRET

PATH = b"/webhooks/stripe"
HOST = b"Host: hooks.example.test"
OLD_SECRET = "whsec_test_invented_being_rotated_out_01"  # the receiver's second one


@dataclasses.dataclass(frozen=True)
class Moment:
    """When and for which run an input is made. `now`: Unix s. `run`: a word that makes its bodies the run's own."""

    now: int
    run: str


def digest(payload: bytes, stamp: str | int, secret: str = TEST_SECRET, algorithm: str = "sha256") -> str:
    """Lower-case hex HMAC of "<stamp>.<payload>", as Stripe's SDKs compute it."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + payload, getattr(hashlib, algorithm)).hexdigest()


def signature(payload: bytes, stamp: str | int, secret: str = TEST_SECRET) -> bytes:
    """The value of Stripe-Signature. Equal to what the official SDK makes for a body that is text: a test says so."""
    return f"t={stamp},v1={digest(payload, stamp, secret)}".encode()


@dataclasses.dataclass(frozen=True)
class Request:
    """Lines without their CRLF, and whatever follows the empty line."""

    line: bytes
    fields: tuple[bytes, ...]
    body: bytes

    @property
    def bytes(self) -> bytes:
        return b"".join(line + b"\r\n" for line in (self.line, *self.fields)) + b"\r\n" + self.body

    @property
    def head(self) -> Request:
        return dataclasses.replace(self, body=b"")

    def with_line(self, line: bytes) -> Request:
        return dataclasses.replace(self, line=line)

    def with_body(self, body: bytes) -> Request:
        """Other bytes after the head, which stays as it is."""
        return dataclasses.replace(self, body=body)

    def plus(self, *fields: bytes) -> Request:
        return dataclasses.replace(self, fields=(*self.fields, *fields))

    def without(self, *names: bytes) -> Request:
        return dataclasses.replace(self, fields=tuple(f for f in self.fields if f.partition(b":")[0] not in names))

    def changed(self, name: bytes, *fields: bytes) -> Request:
        """These in the place of the field called `name`."""
        at = [field.partition(b":")[0] for field in self.fields].index(name)
        return dataclasses.replace(self, fields=(*self.fields[:at], *fields, *self.fields[at + 1 :]))


def request_of(body: bytes, signature_field: bytes | None) -> Request:
    fields = [
        HOST,
        b"User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        b"Accept: */*",
        b"Content-Type: application/json; charset=utf-8",
        b"Content-Length: %d" % len(body),
    ]
    if signature_field is not None:
        fields.append(b"Stripe-Signature: " + signature_field)
    return Request(b"POST " + PATH + b" HTTP/1.1", tuple(fields), body)


def signed(body: bytes, moment: Moment, secret: str = TEST_SECRET) -> Request:
    return request_of(body, signature(body, moment.now, secret))


def customer_event(word: str, moment: Moment, /, **values: Any) -> dict[str, Any]:
    """An event of its own, about a customer of its own. `values`: of the customer."""
    unique = f"{word}_{moment.run}"
    customer = {"id": f"cus_{unique}", "object": "customer", "created": 1_790_000_000, "livemode": False, **values}
    return {
        "id": f"evt_{unique}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1_790_000_000,
        "data": {"object": customer},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "customer.updated",
    }


def encoded(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def good(word: str, moment: Moment) -> Request:
    """A request that must be answered 200."""
    return signed(encoded(customer_event(word, moment)), moment)
