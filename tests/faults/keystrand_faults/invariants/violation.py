"""What a rule finds."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator

from keystrand_e2e.evidence import Evidence
from keystrand_faults.evidence import RunEvidence

_EVENT = re.compile(r"\bevt_\w+")


@dataclasses.dataclass(frozen=True)
class Violation:
    """`event_id` and `at` (Unix s): where to look in the history, as far as they are known."""

    text: str
    event_id: str | None = None
    at: float | None = None


Rule = Callable[[RunEvidence], Iterator[Violation]]


@dataclasses.dataclass(frozen=True)
class Invariant:
    number: int
    title: str
    rules: list[Rule]
    exercised: Callable[[RunEvidence], str | None] = lambda evidence: None  # what of it was not exercised, if anything


def shared(rule: Callable[[Evidence], Iterator[str]], genuine: bool = True) -> Rule:
    """A rule of the end-to-end tests. `genuine`: it knows nothing of records that no receiver wrote."""
    def applied(evidence: RunEvidence) -> Iterator[Violation]:
        for text in rule(evidence.genuine() if genuine else evidence):
            found = _EVENT.search(text)
            yield Violation(text, found[0] if found else None)

    applied.__name__ = rule.__name__
    return applied
