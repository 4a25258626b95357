"""Prometheus' text format, read strictly: what a scrape shows, and the series that changed between two."""

from __future__ import annotations

import dataclasses
import re

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SAMPLE = re.compile(r'^(?P<name>[a-z_][a-z0-9_]*)(\{(?P<labels>.*)\})? (?P<value>\S+)$')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')
_PARTS_OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


@dataclasses.dataclass(frozen=True, order=True)
class Series:
    """A metric and its labels. A histogram is one series for each set of labels beside `le`: its count."""

    metric: str
    labels: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        inner = ",".join(f'{name}="{value}"' for name, value in self.labels)
        return f"{self.metric}{{{inner}}}" if inner else self.metric

    def has(self, labels: dict[str, str]) -> bool:
        return labels.items() <= dict(self.labels).items()


@dataclasses.dataclass
class Exposition:
    """One answer of /metrics."""

    helps: dict[str, str] = dataclasses.field(default_factory=dict)
    types: dict[str, str] = dataclasses.field(default_factory=dict)
    values: dict[Series, float] = dataclasses.field(default_factory=dict)
    samples: int = 0  # lines that a scraper stores

    def value(self, metric: str, **labels: str) -> float:
        """The sum over the series with these labels. That there is none is a mistake of the caller."""
        found = self._find(metric, labels)
        assert found, f"no series {metric} {labels}"
        return sum(found)

    def has(self, metric: str, **labels: str) -> bool:
        return bool(self._find(metric, labels))

    def _find(self, metric: str, labels: dict[str, str]) -> list[float]:
        return [value for series, value in self.values.items() if series.metric == metric and series.has(labels)]


def parse(text: str) -> Exposition:
    """Fails on whatever promtool would complain of: a sample without type or help, a series twice, a broken line."""
    seen = Exposition()
    lines: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, words = line.removeprefix("# HELP ").split(" ", 1)
            assert name not in seen.helps, f"two helps: {line}"
            seen.helps[name] = words
        elif line.startswith("# TYPE "):
            name, seen_type = line.removeprefix("# TYPE ").split(" ")
            seen.types[name] = seen_type
        else:
            _take_sample(seen, line, lines)
    return seen


def _take_sample(seen: Exposition, line: str, lines: set[str]) -> None:
    sample = _SAMPLE.match(line)
    assert sample is not None, f"no line of the text format: {line!r}"
    identity = line.rsplit(" ", 1)[0]
    assert identity not in lines, f"twice: {line}"
    lines.add(identity)
    metric = _metric_of(seen, sample["name"])
    assert metric in seen.types and seen.helps.get(metric), f"no type or no help: {line}"
    seen.samples += 1
    value = float(sample["value"])
    if seen.types[metric] == "histogram" and not sample["name"].endswith("_count"):
        return
    labels = dict(_LABEL.findall(sample["labels"] or ""))
    seen.values[Series(metric, tuple(sorted(labels.items())))] = value


def _metric_of(seen: Exposition, name: str) -> str:
    family = _PARTS_OF_HISTOGRAM.sub("", name)
    return family if seen.types.get(family) == "histogram" else name


def changed(before: Exposition, after: Exposition) -> set[Series]:
    """A series that was not there before counts as one at 0."""
    return {series for series, value in after.values.items() if before.values.get(series, 0.0) != value}


def counted(seen: Exposition) -> set[Series]:
    """Counters and histograms that are not at 0: they were, at the start of the process."""
    return {series for series, value in seen.values.items() if value > 0 and seen.types[series.metric] != "gauge"}
