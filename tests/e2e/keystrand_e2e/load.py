"""The traffic of the tests: stories, from a seed that the test's name is part of."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from keystrand_e2e.programs import Program
from keystrand_e2e.system import webhook
from traffic import delivery, plan
from traffic.delivery import Delivery
from traffic.sender import Background, History, Pace, Persistence, deliver
from traffic.world import World

START = 1_790_000_000  # Unix s of the first event of every test

# As Stripe, which goes on for days: until the fault is over.
PERSISTENT = Persistence(for_s=120, pause_s=0.1)


def stories(seed: str, events: int, duplicates: float = 0.05, late: float = 0.05) -> list[plan.Strand]:
    """About so many deliveries of many customers."""
    return plan.strands(plan.tell(seed, START, events), seed, duplicates, late)


def fresh_stories(seed: str, events: int, duplicates: float = 0.05, late: float = 0.05) -> list[plan.Strand]:
    """The same, of now: not long before, as what Stripe sends again."""
    return plan.strands(plan.tell(seed, int(time.time()), events), seed, duplicates, late)


def world(seed: str, **options: Any) -> World:
    return World(seed, START, **options)


def send(receiver: Program, history: History, *strands: plan.Strand, **options: Any) -> None:
    """Each delivery until its 200 or its refusal."""
    deliver(webhook(receiver), strands, history, persistence=PERSISTENT, **options)


def send_events(receiver: Program, history: History, *events: dict[str, Any]) -> None:
    """One after the other."""
    send(receiver, history, [delivery.of(event) for event in events])


def background(receiver: Program, history: History, strands: list[plan.Strand], per_s: float) -> Background:
    return Background(webhook(receiver), strands, history, persistence=PERSISTENT, pace=Pace(per_s))


def everything_accepted(history: History, strands: list[plan.Strand]) -> bool:
    """Whether each delivery got its 200 in the end."""
    accepted = {attempt.delivery.digest for attempt in history.accepted()}
    return accepted == {item.digest for strand in strands for item in strand}


@dataclasses.dataclass(frozen=True)
class Unsigned(Delivery):
    """Without a signature, or with a header of the test's choice. Refused."""

    header: str | None = None
    genuine: bool = False

    def headers(self, now: int | None = None) -> dict[str, str]:
        kept = super().headers(now)
        del kept["Stripe-Signature"]
        return kept if self.header is None else {**kept, "Stripe-Signature": self.header}


@dataclasses.dataclass(frozen=True)
class SignedLongAgo(Delivery):
    """Rightly signed, and then kept for longer than the tolerance. Refused."""

    genuine: bool = False

    def headers(self, now: int | None = None) -> dict[str, str]:
        return super().headers(int(time.time()) - 302)


@dataclasses.dataclass(frozen=True)
class Tampered(Delivery):
    """The signature belongs to other bytes. Refused."""

    genuine: bool = False

    def headers(self, now: int | None = None) -> dict[str, str]:
        return Delivery(self.body + b"\n").headers(now)
