"""A table of metrics: for each series the test that moves it, or the reason why none does; and what must hold of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from observability.scrape import Series
from observability.watch import Sightings


@dataclasses.dataclass(frozen=True)
class Entry:
    """Of a metric, or some of its series by labels: the entry with the most labels is the one that counts."""

    metric: str
    labels: dict[str, str]
    by: str = ""  # the test
    reason: str = ""  # why no test moves it

    def covers(self, series: Series) -> bool:
        return series.metric == self.metric and series.has(self.labels)


def moved(metric: str, by: str, /, **labels: str) -> Entry:
    return Entry(metric, labels, by=by)


def unmoved(metric: str, why: str, /, **labels: str) -> Entry:
    return Entry(metric, labels, reason=why)


@dataclasses.dataclass(frozen=True)
class Table:
    """`types`: the metrics by type. `late`: prefixes of series that come into being later than their process."""

    types: dict[str, list[str]]
    entries: Sequence[Entry]
    late: tuple[str, ...]

    def entry_of(self, series: Series) -> Entry | None:
        covering = [entry for entry in self.entries if entry.covers(series)]
        return max(covering, key=lambda entry: len(entry.labels), default=None)

    def assert_has_every_metric(self, seen: Sightings) -> None:
        """And no other."""
        assert seen.types == {name: kind for kind, names in self.types.items() for name in names}

    def assert_every_series_moved(self, seen: Sightings) -> None:
        """By the test that is there for it."""
        wrong = []
        for series in sorted(seen.seen):
            entry = self.entry_of(series)
            if entry is None:
                wrong.append(f"{series}: not in the table")
            elif not entry.reason and entry.by not in seen.moved.get(series, set()):
                wrong.append(f"{series}: not moved by {entry.by}, but by {sorted(seen.moved.get(series, set()))}")
        assert not wrong, "\n".join(wrong)

    def assert_every_entry_has_a_series(self, seen: Sightings) -> None:
        assert not [entry for entry in self.entries if not any(entry.covers(series) for series in seen.seen)]

    def assert_every_series_is_there_from_the_first_scrape(self, seen: Sightings) -> None:
        late = [str(series) for series in sorted(seen.born_late) if not series.metric.startswith(self.late)]
        assert not late, "\n".join(late)
