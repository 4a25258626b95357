"""Judges all that the package's receivers said: runs last, and needs the whole package to have run."""

from __future__ import annotations

import re
from typing import Any

import pytest

from keystrand_e2e import programs
from observability import marked
from observability.catalogue import TABLE
from observability.record import Record

ROOT = programs.ROOT
ACTIONS = set(re.findall(r'ActionEntry\{Action::\w+, "([a-z_.]+)"', (ROOT / "common/log/action.h").read_text()))
FIELDS = set(re.findall(r'"([a-z_]+)"', (ROOT / "common/log/field.h").read_text().split("kFieldNames = {")[1].split("}")[0]))
ALWAYS = ("timestamp", "level", "action", "message", "service", "instance", "version")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
LINE_BYTES_MAX = 8192


@pytest.fixture(scope="module")
def lines(record: Record) -> list[dict[str, Any]]:
    found = record.lines()  # each is one JSON object
    assert len(found) > 700
    return found


# --- metrics ---

def test_every_metric_is_in_the_table_and_the_reverse(record: Record) -> None:
    TABLE.assert_has_every_metric(record)


def test_every_series_was_seen_to_change_by_the_test_that_is_there_for_it(record: Record) -> None:
    TABLE.assert_every_series_moved(record)


def test_every_entry_of_the_table_has_a_series(record: Record) -> None:
    TABLE.assert_every_entry_has_a_series(record)


def test_every_series_is_there_from_the_first_scrape(record: Record) -> None:
    TABLE.assert_every_series_is_there_from_the_first_scrape(record)


# --- the log ---

def test_every_line_has_its_members(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert list(line)[:len(ALWAYS)] == list(ALWAYS), line
        assert TIMESTAMP.fullmatch(line["timestamp"]), line
        assert line["level"] in ("debug", "info", "warn", "error"), line
        assert line["action"] in ACTIONS, line
        assert line["service"] == "keystrand-receiver" and line["instance"] and line["version"], line
        assert set(line) - set(ALWAYS) <= FIELDS | {"suppressed", "truncated"}, line


def test_no_line_is_longer_than_journals_take_whole(record: Record) -> None:
    assert all(len(line) < LINE_BYTES_MAX for log in record.logs for line in log.read_bytes().split(b"\n"))


def test_lines_about_an_event_carry_its_id_and_its_trace(lines: list[dict[str, Any]]) -> None:
    about_events = [line for line in lines if line["action"] == "delivery.accepted" or line.get("event_id")]
    assert len(about_events) > 100
    for line in about_events:
        assert line["event_id"].startswith("evt_observed"), line
        assert re.fullmatch("[0-9a-f]{32}", line["trace_id"]) and line["trace_id"] != "0" * 32, line
        assert re.fullmatch("[0-9a-f]{32}", line["request_id"]), line


def test_every_answer_to_a_delivery_has_its_line(record: Record, lines: list[dict[str, Any]]) -> None:
    told = {line["request_id"]: line for line in lines if "request_id" in line and line["action"] != "delivery.late"}
    assert len(record.answers) > 100
    missing = [(test, status, request) for test, request, status in record.answers if request not in told]
    assert not missing, missing[:10]
    for _, request, status in record.answers:
        expected = {2: "delivery.accepted", 4: "delivery.refused", 5: "delivery.failed"}[status // 100]
        assert told[request]["action"] == expected, told[request]


def test_client_is_named_where_a_delivery_was_refused_and_nowhere_else(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert ("client_ip" in line) == (line["action"] == "delivery.refused"), line


# --- what must stay unsaid ---

def test_nothing_that_must_stay_unsaid_was_said(record: Record) -> None:
    said = [*record.said, *((str(log), log.read_text()) for log in record.logs)]
    assert {"/metrics", "/livez", "/readyz", "/version", "answer", "line"} <= {where.split()[-1] for where, _ in said}
    for where, text in said:
        assert marked.MARK not in text.lower(), f"{where}: {around(text, marked.MARK)}"
        assert "whsec_" not in text, f"{where}: {around(text, 'whsec_')}"
        for signature in set(re.findall("[0-9a-f]{64}", text)) & record.signatures:
            raise AssertionError(f"{where}: {around(text, signature)}")


def around(text: str, word: str) -> str:
    at = text.lower().index(word)
    return text[max(0, at - 100):at + 100]
