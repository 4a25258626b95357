"""Deliveries in the order in which they are to be sent, with what real ones bring: repeats, and late arrivals."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from traffic import catalogue, delivery, fixtures, semantics, stories
from traffic.delivery import Delivery
from traffic.world import World

Strand = list[Delivery]  # sent one after the other; different strands at the same time


@dataclasses.dataclass
class Expected:
    """What a plan must lead to. Nothing in it depends on how the strands are interleaved: they share no object."""

    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    statuses: Counter[str] = dataclasses.field(default_factory=Counter)  # of first deliveries: applied, stale, ignored
    mirror: semantics.Mirror = dataclasses.field(default_factory=semantics.Mirror)


def tell(seed: int | str, start: int, events_min: int) -> list[list[dict[str, Any]]]:
    """Stories with so many events together: each of the account's once, then customer after customer."""
    world = World(seed, start)
    told = [story(world.another()) for story in catalogue.ALL]
    while sum(map(len, told)) < events_min:
        rendered = fixtures.PRE_BASIL if len(told) % 5 == 0 else fixtures.CURRENT
        story = stories.ALL[len(told) % len(stories.ALL)]
        told.append(story(world.another(api_version=rendered)))
    return told


def shuffle_some(events: Sequence[dict[str, Any]], dice: random.Random, share: float) -> list[dict[str, Any]]:
    """Moves about that share of the events up to five places back."""
    arranged = list(events)
    for place in range(len(arranged) - 1):
        if dice.random() < share:
            arranged.insert(place + dice.randint(1, 5), arranged.pop(place))
    return arranged


def repeat_some(strand: Strand, dice: random.Random, share: float) -> Strand:
    """Delivers about that share of the events a second time, somewhere later in the strand."""
    arranged = list(strand)
    for repeated in strand:
        if repeated.event is not None and dice.random() < share:
            first = next(place for place, item in enumerate(arranged) if item is repeated)
            arranged.insert(dice.randint(first + 1, len(arranged)), delivery.again(repeated))
    return arranged


def strands(told: Iterable[Sequence[dict[str, Any]]], seed: int | str, duplicates: float = 0.05,
            late: float = 0.05) -> list[Strand]:
    """A strand per story."""
    dice = random.Random(f"{seed}")
    return [repeat_some([delivery.of(event) for event in shuffle_some(events, dice, late)], dice, duplicates)
            for events in told]


def expected(planned: Iterable[Strand]) -> Expected:
    """What the deliveries must lead to if each is accepted once, in the order of its strand."""
    result = Expected()
    known: set[tuple[str, str]] = set()
    for item in (item for strand in planned for item in strand):
        if not item.genuine:
            result.refused += 1
            continue
        result.accepted += 1
        event = semantics.read(item.body)
        if event is None:
            result.dead_letters += 1
        elif (identity := (semantics.scope_of(event), event["id"])) in known:
            result.duplicates += 1
        else:
            known.add(identity)
            result.statuses[result.mirror.apply(event)] += 1
    return result
