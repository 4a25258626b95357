"""What happens to one customer, event by event. Each function returns a whole story, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from traffic.world import Story, World

DAY = 86400
NAMES = ["Ada Lovelace", "Grace Hopper", "Émilie du Châtelet", "Σωκράτης", "José Ortega", "李小龙", "Jürgen Groß", "O'Neil"]
Events = list[dict[str, Any]]


def subscriber(world: World) -> Events:
    """Tries, pays, renews: the life that a business hopes for."""
    story, customer = _customer(world)
    method = _card(story, customer)
    _save_card(story, customer, method)
    subscription = _subscribe(story, customer, method, status="trialing")
    _paid_invoice(story, customer, subscription, amount=0)
    story.update("customer.subscription.trial_will_end", subscription)
    for _ in range(world.random.randint(1, 2)):
        world.pass_time(28 * DAY, 31 * DAY)
        story.tell("invoice.upcoming", _upcoming(story, customer, subscription))
        story.update("customer.subscription.updated", subscription, status="active",
                     billing_cycle_anchor=world.now)
        _paid_invoice(story, customer, subscription, amount=2000)
    entitlements = story.make("entitlements.active_entitlement_summary", customer=customer["id"])  # it has no id
    story.tell("entitlements.active_entitlement_summary.updated", entitlements)
    return story.events


def lapsed(world: World) -> Events:
    """A card that is declined again and again, until the subscription ends and the invoice is written off."""
    story, customer = _customer(world)
    method = _card(story, customer)
    subscription = _subscribe(story, customer, method, status="active")
    invoice = _open_invoice(story, customer, subscription, amount=4900)
    intent = _intent(story, customer, 4900)
    for attempt in (1, 2):
        world.pass_time(2 * DAY, 3 * DAY)
        charge = _charge(story, intent, status="failed", failure_code="card_declined", paid=False)
        story.tell("charge.failed", charge)
        story.update("payment_intent.payment_failed", intent, latest_charge=charge["id"],
                     last_payment_error={"type": "card_error", "code": "card_declined"})
        story.update("invoice.payment_failed", invoice, attempt_count=attempt, attempted=True)
        story.update("customer.subscription.updated", subscription, status="past_due" if attempt == 1 else "unpaid")
    story.update("invoice.marked_uncollectible", invoice, status="uncollectible")
    story.update("payment_intent.canceled", intent, status="canceled", canceled_at=world.now)
    story.update("customer.subscription.deleted", subscription, status="canceled", ended_at=world.now)
    story.update("customer.updated", customer, delinquent=True)
    return story.events


def recovered(world: World) -> Events:
    """One failed attempt, then paid; the customer moves to another plan through a schedule."""
    story, customer = _customer(world)
    method = _card(story, customer)
    subscription = _subscribe(story, customer, method, status="incomplete")
    invoice = _open_invoice(story, customer, subscription, amount=1500)
    intent = _intent(story, customer, 1500)
    story.update("payment_intent.requires_action", intent, status="requires_action")
    story.update("invoice.payment_action_required", invoice, attempt_count=1)
    _settle(story, invoice, intent)
    story.update("customer.subscription.updated", subscription, status="active")
    schedule = story.make("subscription_schedule", customer=customer["id"], subscription=subscription["id"],
                          status="not_started")
    story.tell("subscription_schedule.created", schedule)
    story.update("subscription_schedule.updated", schedule, status="active")
    story.update("subscription_schedule.released", schedule, status="released", released_at=world.now,
                 released_subscription=subscription["id"], subscription=None)
    return story.events


def refunded(world: World) -> Events:
    """Pays once, gets part of it back, then the rest."""
    story, customer = _customer(world)
    intent = _intent(story, customer, 3000)
    charge = _succeed(story, intent)
    note = story.make("credit_note", customer=customer["id"], amount=1000, status="issued")
    for amount in (1000, 2000):
        refund = story.make("refund", charge=charge["id"], payment_intent=intent["id"], amount=amount, status="pending")
        story.tell("refund.created", refund)
        story.update("charge.refunded", charge, amount_refunded=charge["amount_refunded"] + amount,
                     refunded=charge["amount_refunded"] + amount == charge["amount"])
        story.update("refund.updated", refund, status="succeeded")
        story.update("charge.refund.updated", refund, destination_details={"type": "card"})
    story.tell("credit_note.created", note)
    story.update("credit_note.voided", note, status="void", voided_at=world.now)
    return story.events


def disputed(world: World) -> Events:
    """The bank takes a payment back. Stripe's dispute events carry no customer, and two of them share a second."""
    story, customer = _customer(world)
    intent = _intent(story, customer, 7500)
    charge = _succeed(story, intent)
    warning = story.make("radar.early_fraud_warning", charge=charge["id"], payment_intent=intent["id"], actionable=True)
    story.tell("radar.early_fraud_warning.created", warning)
    review = story.make("review", charge=charge["id"], payment_intent=intent["id"], open=True)
    story.tell("review.opened", review)
    dispute = story.make("dispute", charge=charge["id"], payment_intent=intent["id"], amount=7500, status="needs_response")
    story.tell("charge.dispute.created", dispute)
    story.update("charge.dispute.funds_withdrawn", dispute, same_second=True,
                 balance_transactions=[{"id": "txn_1", "object": "balance_transaction", "amount": -7500}])
    story.update("charge.updated", charge, disputed=True)
    story.update("charge.dispute.updated", dispute, status="under_review")
    story.update("charge.dispute.closed", dispute, status=world.random.choice(["won", "lost"]))
    story.update("review.closed", review, open=False, closed_reason="disputed")
    return story.events


def guest(world: World) -> Events:
    """Buys once without an account: no customer anywhere."""
    story = Story(world)
    intent = story.make("payment_intent", customer=None, amount=1250, currency="eur", status="requires_payment_method")
    story.tell("payment_intent.created", intent)
    session = story.make("checkout.session", mode="payment", status="complete", payment_status="unpaid",
                         payment_intent=intent["id"], customer=None, amount_total=1250, currency="eur")
    story.tell("checkout.session.completed", session)
    story.update("payment_intent.processing", intent, status="processing")
    _succeed(story, intent)
    story.update("checkout.session.async_payment_succeeded", session, payment_status="paid")
    return story.events


def leaver(world: World) -> Events:
    """Comes, adds a tax id and a coupon, takes the card away and is deleted: tombstones, and ids that outlive them."""
    story, customer = _customer(world)
    method = _card(story, customer)
    tax_id = story.make("tax_id", customer=customer["id"], type="eu_vat", value="DE123456789")
    story.tell("customer.tax_id.created", tax_id)
    discount = story.make("discount", customer=customer["id"], start=world.now, end=None)
    story.tell("customer.discount.created", discount)
    item = story.make("invoiceitem", customer=customer["id"], date=world.now, amount=700)
    story.tell("invoiceitem.created", item)
    story.tell("invoiceitem.deleted", item)
    story.tell("customer.discount.deleted", discount)
    story.update("customer.tax_id.updated", tax_id, verification={"status": "verified"})
    story.tell("customer.tax_id.deleted", tax_id)
    story.update("payment_method.detached", method, customer=None)
    story.update("customer.updated", customer, email=None)
    story.tell("customer.deleted", customer)
    return story.events


def negotiator(world: World) -> Events:
    """Asks for a quote, accepts it, and pays by bank transfer."""
    story, customer = _customer(world)
    quote = story.make("quote", customer=customer["id"], status="draft", invoice=None)
    story.tell("quote.created", quote)
    story.update("quote.finalized", quote, status="open")
    story.update("quote.accepted", quote, status="accepted")
    invoice = _open_invoice(story, customer, None, amount=120000)
    story.update("invoice.sent", invoice, collection_method="send_invoice")
    world.pass_time(10 * DAY, 30 * DAY)
    story.update("invoice.overdue", invoice, due_date=world.now - DAY)
    received = story.make("customer_cash_balance_transaction", customer=customer["id"], net_amount=120000, currency="eur")
    story.tell("customer_cash_balance_transaction.created", received)
    _settle(story, invoice, _intent(story, customer, 120000))
    return story.events


ALL: list[Callable[[World], Events]] = [subscriber, lapsed, recovered, refunded, disputed, guest, leaver, negotiator]


# --- scenes that several stories share ---

def _customer(world: World) -> tuple[Story, dict[str, Any]]:
    story = Story(world)
    name = world.random.choice(NAMES)
    customer = story.make("customer", name=name, email=f"{world.random.getrandbits(32):08x}@example.com", currency="eur")
    story.tell("customer.created", customer)
    return story, customer


def _card(story: Story, customer: dict[str, Any]) -> dict[str, Any]:
    method = story.make("payment_method", type="card", customer=customer["id"])
    story.tell("payment_method.attached", method)
    return method


def _save_card(story: Story, customer: dict[str, Any], method: dict[str, Any]) -> None:
    setup = story.make("setup_intent", customer=customer["id"], payment_method=method["id"])
    story.tell("setup_intent.created", setup)
    story.update("setup_intent.succeeded", setup, status="succeeded")
    story.update("customer.updated", customer,
                 invoice_settings={**customer["invoice_settings"], "default_payment_method": method["id"]})


def _subscribe(story: Story, customer: dict[str, Any], method: dict[str, Any], status: str) -> dict[str, Any]:
    subscription = story.make("subscription", customer=customer["id"], status=status,
                              default_payment_method=method["id"], start_date=story.world.now)
    story.tell("customer.subscription.created", subscription)
    return subscription


def _upcoming(story: Story, customer: dict[str, Any], subscription: dict[str, Any]) -> dict[str, Any]:
    """A notice of an invoice that does not exist yet: it has no id."""
    notice = story.make("invoice", customer=customer["id"], amount_due=2000, status="draft",
                        parent=_parent(subscription))
    del notice["id"]
    return notice


def _parent(subscription: dict[str, Any]) -> dict[str, Any]:
    return {"type": "subscription_details", "subscription_details": {"subscription": subscription["id"]}}


def _open_invoice(story: Story, customer: dict[str, Any], subscription: dict[str, Any] | None,
                  amount: int) -> dict[str, Any]:
    invoice = story.make("invoice", customer=customer["id"], amount_due=amount, amount_remaining=amount, amount_paid=0,
                         currency="eur", status="draft", parent=_parent(subscription) if subscription else None)
    story.tell("invoice.created", invoice)
    story.update("invoice.finalized", invoice, status="open",
                 status_transitions={**invoice["status_transitions"], "finalized_at": story.world.now})
    return invoice


def _paid_invoice(story: Story, customer: dict[str, Any], subscription: dict[str, Any], amount: int) -> None:
    invoice = _open_invoice(story, customer, subscription, amount)
    if amount == 0:
        story.update("invoice.paid", invoice, status="paid")
        return
    _settle(story, invoice, _intent(story, customer, amount))


def _settle(story: Story, invoice: dict[str, Any], intent: dict[str, Any]) -> None:
    """The payment succeeds and the invoice is paid; Stripe reports that three times."""
    _succeed(story, intent)
    payment = story.make("invoice_payment", invoice=invoice["id"], amount_paid=intent["amount"], currency="eur",
                         status="paid", payment={"type": "payment_intent", "payment_intent": intent["id"]})
    story.tell("invoice_payment.paid", payment)
    story.update("invoice.paid", invoice, status="paid", amount_paid=intent["amount"], amount_remaining=0)
    story.update("invoice.payment_succeeded", invoice, attempted=True)


def _intent(story: Story, customer: dict[str, Any], amount: int) -> dict[str, Any]:
    intent = story.make("payment_intent", customer=customer["id"], amount=amount, currency="eur",
                        status="requires_payment_method", last_payment_error=None, next_action=None)
    story.tell("payment_intent.created", intent)
    return intent


def _charge(story: Story, intent: dict[str, Any], **values: Any) -> dict[str, Any]:
    return story.make("charge", customer=intent["customer"], payment_intent=intent["id"], amount=intent["amount"],
                      currency=intent["currency"], **values)


def _succeed(story: Story, intent: dict[str, Any]) -> dict[str, Any]:
    charge = _charge(story, intent, status="succeeded", captured=True, amount_captured=intent["amount"])
    story.tell("charge.succeeded", charge)
    story.update("payment_intent.succeeded", intent, status="succeeded", amount_received=intent["amount"],
                 latest_charge=charge["id"])
    return charge
