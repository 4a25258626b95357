"""The traffic of a run: stories of customers as elsewhere in the tests, with money in them and some poison."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Sequence
from typing import Any

from traffic import delivery, plan, semantics
from traffic.delivery import Delivery
from traffic.plan import Strand
from traffic.world import Story, World

START = 1_790_000_000  # Unix s of the first event
FAULT = "keystrand_fault"  # the metadata that worker/poison.h reads

# Failures that a retry cures, within the tries that are kept in memory.
CURED = ("internal:1", "internal:3", "timeout:2", "missing_reference:4", "throw:1", "sleep:1")
# More of them than that: the rest of the tries are far apart.
STUBBORN = "internal:6"
# Letters at once. A replay cures those that count; so does, now and then, a worker that died before it had buried them.
DEADLY = ("unsupported:always", "malformed:always", "rejected:always", "unsupported:1", "rejected:1")
DEADLY_CODES = ("unsupported", "malformed", "rejected")
ABORTING = "abort:1"


def wish_of(event: dict[str, Any]) -> str | None:
    """What the event asks the tests' worker to do with it."""
    data = event.get("data", {}).get("object") or {}
    return (data.get("metadata") or {}).get(FAULT)


def must_die(event: dict[str, Any]) -> bool:
    """Whether the only right outcome is a dead letter."""
    if (wish_of(event) or "").endswith(":always"):
        return True
    balance = ((event.get("data") or {}).get("object") or {}).get("balance")
    return isinstance(balance, int | float) and abs(balance) > 1e300


def may_die(event: dict[str, Any]) -> bool:
    return must_die(event) or (wish_of(event) or "").split(":")[0] in DEADLY_CODES


def payer(world: World, payments: int, wishes: Sequence[str] = ()) -> list[dict[str, Any]]:
    """A customer who pays so many times; one payment in between asks for each of the faults."""
    story = Story(world)
    customer = story.make("customer", email=f"{world.random.getrandbits(32):08x}@example.com", currency="eur")
    story.tell("customer.created", customer)
    wished = dict(zip(world.random.sample(range(payments), len(wishes)), wishes, strict=True))
    for number in range(payments):
        amount = world.random.randint(100, 99999)
        metadata = {FAULT: wished[number]} if number in wished else {}
        story.tell("charge.succeeded", story.make("charge", customer=customer["id"], amount=amount, amount_captured=amount,
                                                  currency="eur", captured=True, status="succeeded", metadata=metadata))
    return story.events


@dataclasses.dataclass(frozen=True)
class Mix:
    """Of a segment: about so many deliveries, and how many customers have poison in them."""

    deliveries: int
    cured: int = 3
    stubborn: int = 0
    deadly: int = 2
    aborting: int = 0
    unreadable: int = 2
    too_large: int = 1
    forged: int = 2  # to be refused


def segment(seed: str, mix: Mix) -> list[Strand]:
    """Strands that share no customer with those of another seed."""
    world = World(f"{seed} payers", START)
    dice = random.Random(f"{seed} poison")
    told = plan.tell(f"{seed} stories", START, mix.deliveries * 6 // 10)
    wishes = [dice.choice(CURED) for _ in range(mix.cured)] + [STUBBORN] * mix.stubborn + \
        [dice.choice(DEADLY) for _ in range(mix.deadly)] + [ABORTING] * mix.aborting
    told += [payer(world.another(), dice.randint(4, 9), [wish]) for wish in wishes]
    while sum(map(len, told)) < mix.deliveries:
        told.append(payer(world.another(), dice.randint(5, 20)))
    dice.shuffle(told)
    strands = plan.strands(told, seed)
    strands += [[delivery.unreadable(f'{{"id": "evt_cut_off_{dice.getrandbits(64):x}')] for _ in range(mix.unreadable)]
    strands += [[_too_large(world.another())] for _ in range(mix.too_large)]
    strands += [[delivery.forged(payer(world.another(), 1)[0])] for _ in range(mix.forged)]
    dice.shuffle(strands)
    return strands


def burst(seed: str, copies: int) -> list[Strand]:
    """One event many times over, each copy a strand of its own: all at once."""
    [event] = payer(World(f"{seed} burst", START), 1)[1:]
    return [[delivery.of(event)] for _ in range(copies)]


def notice(seed: str) -> Delivery:
    """An event of a customer of whom nothing else is told, and of no object that anybody keeps."""
    story = Story(World(f"{seed} notice", START))
    invoice = story.make("invoice", customer=story.make("customer")["id"])
    del invoice["id"]
    story.tell("invoice.upcoming", invoice)
    return delivery.of(story.events[0])


def change(seed: str) -> tuple[Delivery, Delivery]:
    """A customer of whom nothing else is told, as it is made and as it is later."""
    story = Story(World(f"{seed} change", START))
    customer = story.make("customer", email=f"{story.world.random.getrandbits(32):08x}@example.com")
    story.tell("customer.created", customer)
    story.update("customer.updated", customer, email="later@example.com")
    earlier, later = story.events
    return delivery.of(earlier), delivery.of(later)


def crossed(seed: str) -> tuple[Delivery, Delivery, Delivery]:
    """A guest's payment within one second, as its events arrive: it is made; it is paid, by somebody who is a customer by
    now, which is another key; and what lay in between."""
    story = Story(World(f"{seed} crossed", START))
    payment = story.make("payment_intent", customer=None, status="requires_payment_method")
    story.tell("payment_intent.created", payment)
    story.update("payment_intent.processing", payment, same_second=True, status="processing")
    story.update("payment_intent.succeeded", payment, same_second=True, status="succeeded",
                 customer=story.world.id("customer"))
    made, between, paid = map(delivery.of, story.events)
    return made, paid, between


def poison(seed: str, wish: str) -> list[Strand]:
    """A customer with one such event among good ones."""
    return [[delivery.of(event) for event in payer(World(f"{seed} poison", START), 4, [wish])]]


def backlog(seed: str, events: int) -> list[Strand]:
    """Payments of a hundred customers, to be sent as fast as they are taken."""
    world = World(f"{seed} backlog", START)
    return [[delivery.of(event) for event in payer(world.another(), events // 100)] for _ in range(100)]


def _too_large(world: World) -> Delivery:
    story = Story(world)
    customer = story.make("customer", balance="BALANCE")
    story.tell("customer.created", customer)
    [event] = story.events
    body = delivery.render(event).replace(b'"BALANCE"', b"1e200000")
    return Delivery(body, json.loads(body))


# --- records that no receiver wrote ---

@dataclasses.dataclass(frozen=True)
class Planted:
    """A record to put into the topic as it is. All of them must become dead letters."""

    what: str
    key: str
    partition: int
    value: bytes | None

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.value or b"").hexdigest()


def garbage(seed: str, count: int, partitions: int) -> list[Planted]:
    dice = random.Random(f"{seed} garbage")
    found = []
    for number in range(count):
        name = f"{dice.getrandbits(48):012x}"
        key = f"test/self/cus_planted_{name}"
        home = semantics.partition_of(key, partitions)
        event = {"id": f"evt_{name}", "object": "event", "created": START, "livemode": False, "type": "customer.updated",
                 "data": {"object": {"id": f"cus_planted_{name}", "object": "customer"}}}
        text = json.dumps(event).encode()
        found.append([
            Planted("bytes", key, home, dice.randbytes(dice.randint(1, 2000))),
            Planted("null value", f"{key}_{name}", semantics.partition_of(f"{key}_{name}", partitions), None),
            Planted("foreign schema", key, home, json.dumps({"order": name, "state": "paid"}).encode()),
            Planted("wrong partition", key, (home + 1) % partitions, text),
            Planted("cut off", key, home, text[: dice.randint(1, len(text) - 1)]),
            Planted("id twice", key, home, text[:-1] + b', "id": "evt_other"}'),
        ][number % 6])
    return found
