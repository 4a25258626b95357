"""One event on its way: the bytes of a body, and the header that proves them genuine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from typing import Any

import stripe

from traffic import semantics

# Invented, for tests and the demo only: it opens nothing.
TEST_SECRET = "whsec_test_invented_for_local_runs_0001"
WRONG_SECRET = "whsec_test_invented_and_never_configured"


def render(event: dict[str, Any]) -> bytes:
    """As Stripe writes it: indented by two blanks, text beyond ASCII as it is."""
    return json.dumps(event, indent=2, ensure_ascii=False).encode()


@dataclasses.dataclass(frozen=True)
class Delivery:
    """A body to post. It is signed when it is sent, anew for each attempt, as Stripe does."""

    body: bytes
    event: dict[str, Any] | None = dataclasses.field(default=None, repr=False)  # None: no event can be read in it
    secret: str = TEST_SECRET
    genuine: bool = True  # False: must be refused

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def record_key(self) -> str:
        """The key of the record that holds it."""
        return semantics.record_key_of(self.body)

    def headers(self, now: int | None = None) -> dict[str, str]:
        signature = stripe.WebhookSignature.generate_signature_header(
            self.body.decode(), self.secret, int(time.time()) if now is None else now)
        return {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature,
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)"}


def of(event: dict[str, Any]) -> Delivery:
    return Delivery(render(event), event)


def again(delivery: Delivery) -> Delivery:
    """The same event once more. The count of endpoints still to be told has changed meanwhile, so the bytes differ."""
    event = {**delivery.event, "pending_webhooks": delivery.event["pending_webhooks"] + 1}
    return dataclasses.replace(delivery, body=render(event), event=event)


def forged(event: dict[str, Any]) -> Delivery:
    """Signed by somebody who does not know the secret."""
    return dataclasses.replace(of(event), secret=WRONG_SECRET, genuine=False)


def unreadable(text: str) -> Delivery:
    """Genuine, but no event: to be queued all the same, and to end as a dead letter."""
    return Delivery(text.encode())
