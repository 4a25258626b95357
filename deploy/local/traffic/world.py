"""Who makes events: one Stripe account's ids, objects and clock, all from a seed."""

from __future__ import annotations

import copy
import random
import string
from typing import Any

from traffic import fixtures

_ALPHABET = string.ascii_letters + string.digits
PREFIXES = {
    "account": "acct_", "application_fee": "fee_", "card": "card_", "charge": "ch_", "checkout.session": "cs_test_",
    "coupon": "", "credit_note": "cn_", "customer": "cus_", "discount": "di_", "dispute": "du_", "event": "evt_",
    "invoice": "in_", "invoice_payment": "inpay_", "invoiceitem": "ii_", "mandate": "mandate_",
    "payment_intent": "pi_", "payment_link": "plink_", "payment_method": "pm_", "payout": "po_", "person": "person_",
    "plan": "plan_", "price": "price_", "product": "prod_", "promotion_code": "promo_", "quote": "qt_",
    "radar.early_fraud_warning": "issfr_", "refund": "re_", "review": "prv_", "setup_intent": "seti_",
    "subscription": "sub_", "subscription_schedule": "sub_sched_", "tax_id": "txi_", "tax_rate": "txr_", "topup": "tu_",
    "transfer": "tr_", "billing.meter": "mtr_", "billing.credit_grant": "credgr_", "file": "file_",
    "billing_portal.session": "bps_", "billing_portal.configuration": "bpc_",
}


class World:
    """Equal seeds tell equal events; ids of unequal seeds do not meet. `start`: Unix s, the time of the first event."""

    def __init__(self, seed: int | str, start: int, livemode: bool = False, account: str | None = None,
                 api_version: str = fixtures.CURRENT):
        self.random = random.Random(f"{seed}")
        self.now = start
        self.livemode = livemode
        self.account = account  # a connected account; None: the account's own events
        self.api_version = api_version

    def another(self, account: str | None = None, api_version: str | None = None) -> World:
        """A world of its own, that starts now: what happens there moves no clock and no dice here."""
        return World(self.random.getrandbits(64), self.now, self.livemode, account or self.account,
                     api_version or self.api_version)

    def id(self, kind: str) -> str:
        """A new one, as long as Stripe's."""
        prefix = PREFIXES.get(kind, kind.replace(".", "_") + "_")
        return prefix + "".join(self.random.choices(_ALPHABET, k=24 if kind != "customer" else 14))

    def pass_time(self, at_least_s: int = 1, at_most_s: int = 3) -> None:
        self.now += self.random.randint(at_least_s, at_most_s)

    def make(self, kind: str, **values: Any) -> dict[str, Any]:
        """A new object: the example's shape, with an id and times of its own and these values."""
        made = fixtures.example(kind, self.api_version)
        if "id" in made:
            made["id"] = self.id(kind)
        if "created" in made:
            made["created"] = self.now
        if "livemode" in made:
            made["livemode"] = self.livemode
        for name in ("ended_at", "canceled_at", "cancel_at", "completed_at", "released_at", "discount"):
            if name in made:
                made[name] = None
        made.update(values)
        return made

    def tell(self, event_type: str, data_object: dict[str, Any], previous: dict[str, Any] | None = None,
             same_second: bool = False) -> dict[str, Any]:
        """The event that reports the object as it is now; a second or more after the one before it."""
        if not same_second:
            self.pass_time()
        data: dict[str, Any] = {"object": copy.deepcopy(data_object)}
        if previous is not None:
            data["previous_attributes"] = previous
        event: dict[str, Any] = {"id": self.id("event"), "object": "event"}
        if self.account:
            event["account"] = self.account
        event |= {"api_version": self.api_version, "created": self.now, "data": data, "livemode": self.livemode,
                  "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": event_type}
        return event


class Story:
    """Events in the order in which they happened."""

    def __init__(self, world: World):
        self.world = world
        self.events: list[dict[str, Any]] = []

    def make(self, kind: str, **values: Any) -> dict[str, Any]:
        return self.world.make(kind, **values)

    def tell(self, event_type: str, data_object: dict[str, Any], same_second: bool = False) -> None:
        self.events.append(self.world.tell(event_type, data_object, None, same_second))

    def update(self, event_type: str, data_object: dict[str, Any], same_second: bool = False, **values: Any) -> None:
        """The object gets these values, and the event says which it had before."""
        previous = change(data_object, **values)
        self.events.append(self.world.tell(event_type, data_object, previous, same_second))


def change(data_object: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Changes the object and returns what previous_attributes says about it: the old values of what did change."""
    previous = {name: copy.deepcopy(data_object.get(name)) for name, value in values.items()
                if data_object.get(name) != value}
    data_object.update(values)
    return previous
