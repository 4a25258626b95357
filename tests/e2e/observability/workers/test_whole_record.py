"""Judges all that the package's workers showed: runs last, and needs the whole package to have run."""

from __future__ import annotations

from observability.watch import Sightings
from observability.workers.catalogue import TABLE


def test_every_metric_is_in_the_table_and_the_reverse(sightings: Sightings) -> None:
    TABLE.assert_has_every_metric(sightings)


def test_every_series_was_seen_to_change_by_the_test_that_is_there_for_it(sightings: Sightings) -> None:
    TABLE.assert_every_series_moved(sightings)


def test_every_entry_of_the_table_has_a_series(sightings: Sightings) -> None:
    TABLE.assert_every_entry_has_a_series(sightings)


def test_every_series_is_there_from_the_first_scrape(sightings: Sightings) -> None:
    TABLE.assert_every_series_is_there_from_the_first_scrape(sightings)
