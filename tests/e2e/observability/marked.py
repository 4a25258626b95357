"""Events and secrets of which every value that must stay unsaid is a canary: where MARK shows up, something leaks."""

from __future__ import annotations

import itertools
import time
from typing import Any

from traffic import delivery

MARK = "canary"

# Invented, for tests only.
SECRET = "whsec_canary_invented_for_tests_primary"
SECOND_SECRET = "whsec_canary_invented_for_tests_second"
KAFKA_PASSWORD = "canary-invented-kafka-password"
DATABASE_PASSWORD = "canary-invented-database-password"

_numbers = itertools.count(1)


def event(event_type: str = "charge.succeeded", livemode: bool = False, age_s: float = 0.0, padding: int = 0) -> dict[str, Any]:
    """A new event, created so long ago; `padding` bytes are added to its body. Ids are said, so they bear no mark."""
    number = next(_numbers)
    return {"id": f"evt_observed{number:06}", "object": "event", "api_version": "2025-03-31.basil",
            "created": int(time.time() - age_s), "livemode": livemode, "pending_webhooks": 1, "type": event_type,
            "request": {"id": None, "idempotency_key": f"{MARK}-idempotency-key"},
            "data": {"object": _charge(number, padding)}}


def _charge(number: int, padding: int) -> dict[str, Any]:
    address = {"line1": f"{MARK} Street 1", "line2": f"{MARK} floor", "city": f"{MARK}ville", "state": f"{MARK} state",
               "postal_code": f"{MARK}-12345", "country": MARK}
    person = {"name": f"Cana {MARK} Ry", "email": f"{MARK}@example.test", "phone": f"+1 {MARK} 555", "address": address}
    card = {"last4": f"{MARK}-last4", "exp_month": f"{MARK}-month", "exp_year": f"{MARK}-year", "brand": f"{MARK}-brand",
            "fingerprint": f"{MARK}-fingerprint", "iin": f"{MARK}-iin"}
    bank = {"last4": f"{MARK}-bank", "iban": f"{MARK}-iban", "routing_number": f"{MARK}-routing"}
    return {"id": f"ch_observed{number:06}", "object": "charge", "customer": f"cus_observed{number:06}",
            "billing_details": person, "shipping": person, "receipt_email": person["email"],
            "payment_method_details": {"type": "card", "card": card, "us_bank_account": bank},
            "client_secret": f"pi_1_secret_{MARK}", "receipt_url": f"https://pay.example.test/{MARK}/receipt",
            "hosted_invoice_url": f"https://invoice.example.test/{MARK}", "description": MARK + "x" * padding,
            "metadata": {f"{MARK}-key": f"{MARK}-value"}}


def of(content: dict[str, Any], secret: str = SECRET) -> delivery.Delivery:
    return delivery.Delivery(delivery.render(content), content, secret=secret)


def sample(**options: Any) -> delivery.Delivery:
    return of(event(**options))
