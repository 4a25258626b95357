"""What happens to an account rather than to a customer; and what nobody has heard of."""

from __future__ import annotations

from typing import Any

from traffic import fixtures
from traffic.world import Story, World

Events = list[dict[str, Any]]

# Kinds whose examples serve as they are, told by every type that Stripe has for them.
KINDS = ["tax_rate", "payment_link", "promotion_code", "topup", "transfer", "file", "billing.meter",
         "billing_portal.configuration", "identity.verification_session", "issuing.card", "terminal.reader",
         "climate.order", "reporting.report_run"]


def goods(world: World) -> Events:
    """Products, prices and coupons: made, changed, deleted."""
    story = Story(world)
    product = story.make("product", name="Strand")
    story.tell("product.created", product)
    price = story.make("price", product=product["id"], unit_amount=2000)
    story.tell("price.created", price)
    plan = story.make("plan", product=product["id"], amount=2000)
    story.tell("plan.created", plan, same_second=True)
    story.update("product.updated", product, default_price=price["id"])
    story.update("price.updated", price, nickname="monthly")
    story.update("plan.updated", plan, nickname="monthly")
    coupon = story.make("coupon", percent_off=25, name="Spring")
    story.tell("coupon.created", coupon)
    story.update("coupon.updated", coupon, name="Summer")
    story.tell("coupon.deleted", coupon)
    story.update("product.updated", product, active=False)
    story.tell("price.deleted", price)
    story.tell("plan.deleted", plan)
    story.tell("product.deleted", product)
    return story.events


def money_out(world: World) -> Events:
    """Payouts, one of which comes back after it was paid; and the balance, which is one per account: so this account is
    one of its own, or worlds would share it."""
    story = Story(world.another(account=world.id("account")))
    story.tell("balance.available", story.make("balance", available=[{"amount": 125000, "currency": "eur"}]))
    for ending in ("paid", "failed"):
        payout = story.make("payout", amount=50000, currency="eur", status="pending")
        story.tell("payout.created", payout)
        story.update("payout.updated", payout, status="in_transit")
        story.update("payout.paid", payout, status="paid")
        if ending == "failed":
            story.update("payout.failed", payout, status="failed", failure_code="account_closed")
    story.tell("balance.available", story.make("balance", available=[{"amount": 25000, "currency": "eur"}]))
    return story.events


def connected_account(world: World) -> Events:
    """A connected account is set up: everything goes by the account, and ids like card_payments are only its own."""
    own = world.another(account=world.id("account"))
    story = Story(own)
    account = story.make("account", id=own.account, charges_enabled=False)
    story.tell("account.updated", account)
    capability = story.make("capability", id="card_payments", account=own.account, status="pending")
    story.tell("capability.updated", capability)
    person = story.make("person", account=own.account, first_name="Marie", last_name="Curie")
    story.tell("person.created", person)
    story.update("person.updated", person, first_name="Maria")
    story.update("capability.updated", capability, status="active")
    story.update("account.updated", account, charges_enabled=True)
    return story.events


def the_rest(world: World) -> Events:
    """Each type of the kinds that have no story: one object per type, so that no order matters."""
    story = Story(world)
    for event_type, kinds in fixtures.event_types().items():
        if kinds[0] in KINDS:
            story.tell(event_type, story.make(kinds[0]))
    return story.events


def unheard_of(world: World) -> Events:
    """Types that no list knows: Stripe adds them at any time."""
    story = Story(world)
    jump = {"id": world.id("hyperspace.jump"), "object": "hyperspace.jump", "created": world.now, "livemode": world.livemode,
            "status": "planned", "crew": [{"name": "Zoë", "fare": 9_007_199_254_740_993}]}
    story.tell("hyperspace.jump.created", jump)
    story.update("hyperspace.jump.completed", jump, status="completed")
    story.events.append(thin(world))
    return story.events


def thin(world: World) -> dict[str, Any]:
    """A thin event: a pointer instead of a snapshot."""
    world.pass_time()
    return {"id": world.id("event"), "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
            "created": "2026-11-21T09:00:00.123Z", "livemode": world.livemode, "context": None, "pending_webhooks": 1,
            "related_object": {"id": world.id("billing.meter"), "type": "billing.meter", "url": "/v1/billing/meters"}}


ALL = [goods, money_out, connected_account, the_rest, unheard_of]
