"""What programs showed of their metrics in this session, and which series which test saw change."""

from __future__ import annotations

import dataclasses

from keystrand_e2e.programs import Program
from keystrand_e2e.waiting import eventually
from observability import scrape
from observability.scrape import Exposition, Series


@dataclasses.dataclass
class Sightings:
    """`of_the_run`: labels whose values belong to a run or its settings; series are kept without them."""

    of_the_run: tuple[str, ...]
    seen: set[Series] = dataclasses.field(default_factory=set)
    moved: dict[Series, set[str]] = dataclasses.field(default_factory=dict)  # by the tests that saw it change
    born_late: set[Series] = dataclasses.field(default_factory=set)  # not there at its program's first scrape
    types: dict[str, str] = dataclasses.field(default_factory=dict)

    def general(self, series: Series) -> Series:
        """One series, however many a run has of them."""
        return Series(series.metric, tuple((name, value) for name, value in series.labels if name not in self.of_the_run))


class Watch:
    """A program whose scrapes are kept, from its first on."""

    def __init__(self, program: Program, sightings: Sightings, test: str):
        self.program = program
        self._sightings = sightings
        self._test = test
        self.first = self._last = eventually(self._first_scrape, f"the first scrape of {program.name}")
        self._take(self.first)

    def _first_scrape(self) -> Exposition | None:
        assert self.program.running, f"{self.program.name} ended at its start:\n{self.program.last_words()}"
        status, text = self.program.get("/metrics")
        return scrape.parse(text) if status == 200 else None

    def heard(self, text: str) -> None:
        """What a scrape said."""

    def scrape_now(self) -> Exposition:
        status, text = self.program.get("/metrics")
        assert status == 200, f"{self.program.name} /metrics: {status} {text}"
        self.heard(text)
        return self._take(scrape.parse(text))

    def scrape(self) -> Exposition:
        return self.scrape_now()

    def _take(self, seen: Exposition) -> Exposition:
        kept = self._sightings
        kept.types |= seen.types
        kept.seen |= {kept.general(series) for series in seen.values}
        kept.born_late |= {kept.general(series) for series in seen.values.keys() - self.first.values.keys()}
        for series in scrape.changed(self._last, seen) | scrape.counted(seen):
            kept.moved.setdefault(kept.general(series), set()).add(self._test)
        self._last = seen
        return seen

    def value(self, metric: str, **labels: str) -> float:
        return self.scrape().value(metric, **labels)

    def wait_value(self, metric: str, at_least: float, timeout_s: float = 30, **labels: str) -> float:
        eventually(lambda: self.value(metric, **labels) >= at_least, f"{metric} {labels} at {at_least}", timeout_s)
        return self.value(metric, **labels)
