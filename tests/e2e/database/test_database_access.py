"""Whoever runs the database turns the worker away, takes a right from it, or puts a pooler in between."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from database.conftest import (EXECUTORS, LOGIN, PASSWORD, applies, check_of, counted_attempts, ended_well, first_settled_after,
                               held_because, start_worker, traffic, worker_url)
from keystrand_e2e.load import send, stories
from keystrand_e2e.postgres_servers import execute, pooled
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic.sender import History

Tell = Callable[[str, object], None]

NEW_PASSWORD = "invented-for-tests-3"

# What a database, or a role on it, may have as its defaults, and must not matter.
HOSTILE = {"default_transaction_isolation": "serializable", "synchronous_commit": "off", "statement_timeout": "0",
           "idle_in_transaction_session_timeout": "0", "bytea_output": "escape", "array_nulls": "off",
           "client_encoding": "LATIN1", "DateStyle": "German, DMY", "TimeZone": "Pacific/Chatham", "IntervalStyle": "sql_standard",
           "standard_conforming_strings": "off", "extra_float_digits": "-15"}
SEEN = ["transaction_isolation", "synchronous_commit", "statement_timeout", "idle_in_transaction_session_timeout",
        "bytea_output", "array_nulls", "client_encoding"]


@pytest.fixture
def role(system: System) -> Iterator[Callable[[str], None]]:
    """Changes the worker's login; it is the usual one again afterwards."""
    def alter(change: str) -> None:
        execute(system.url(), f"ALTER ROLE {LOGIN} {change}")

    yield alter
    alter("RESET ALL")
    alter(f"LOGIN CONNECTION LIMIT -1 PASSWORD '{PASSWORD}'")


def disconnect(system: System) -> None:
    """As the server does when it is told to end those sessions."""
    execute(system.url(), f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{LOGIN}'")


def refusals(system: System, text: str) -> int:
    """How often the server has logged that."""
    return len(re.findall(f"FATAL:  {text}", system.server.log_file.read_text()))


def test_connections_exhausted_bring_no_storm_of_attempts(
        system: System, receiver: Program, worker: Program, role: Callable[[str], None], history: History, tell: Tell) -> None:
    watched_s = 8.0
    refused = 'too many connections for role "' + LOGIN + '"'
    with traffic(receiver, history) as load:
        applies(system)
        role("CONNECTION LIMIT 0")
        disconnect(system)
        held_because(worker, "53300")
        load.last(1)  # each executor's first retry comes at once
        before = refusals(system, refused)
        load.last(watched_s)
        attempts = refusals(system, refused) - before
        role("CONNECTION LIMIT -1")
        resumed = first_settled_after(system, time.time())
    tell("attempts_per_s_and_executor", round(attempts / watched_s / EXECUTORS, 2))
    tell("first_commit_after_room_s", round(resumed, 2))

    assert 0 < attempts <= EXECUTORS * watched_s
    assert resumed <= 2
    assert counted_attempts(worker) == []
    ended_well(system, history)


def test_right_taken_away_makes_unready_and_gives_nothing_up(
        system: System, receiver: Program, worker: Program, history: History, tell: Tell) -> None:
    with traffic(receiver, history):
        applies(system)
        execute(system.url(), "REVOKE INSERT ON keystrand.inbox FROM keystrand_worker")
        eventually(lambda: not check_of(worker, "schema"), "not ready for want of a right")
        assert "42501" in str(worker.log_lines("worker.held")[-1]["detail"])
        assert "inbox" in str(worker.log_lines("worker.held")[-1]["detail"])
        assert not worker.ready()
        execute(system.url(), "GRANT INSERT ON keystrand.inbox TO keystrand_worker")
        resumed = first_settled_after(system, time.time())
        tell("first_commit_after_grant_s", round(resumed, 2))
        applies(system)
        eventually(worker.ready, "ready")

    assert resumed <= 6
    assert counted_attempts(worker) == []
    ended_well(system, history)


def test_rotated_password_is_read_again_without_a_restart(
        system: System, receiver: Program, role: Callable[[str], None], history: History, tell: Tell) -> None:
    file = system.folder / "password"
    file.write_text(PASSWORD + "\n")
    worker = start_worker(system, KEYSTRAND_DATABASE_URL=worker_url(system, password=None),
                          KEYSTRAND_DATABASE_PASSWORD_FILE=str(file)).wait_ready()
    with traffic(receiver, history):
        applies(system)
        role(f"PASSWORD '{NEW_PASSWORD}'")
        applies(system)  # connections that stand are none the worse for it
        disconnect(system)
        held_because(worker, "28P01")
        file.write_text(NEW_PASSWORD + "\n")
        resumed = first_settled_after(system, time.time())
        tell("first_commit_after_rotation_s", round(resumed, 2))

    assert resumed <= 2
    assert counted_attempts(worker) == []
    assert NEW_PASSWORD not in worker.log.read_text() and PASSWORD not in worker.log.read_text()
    ended_well(system, history)


def test_password_file_that_is_missing_is_named(system: System) -> None:
    missing = str(system.folder / "nowhere")
    worker = start_worker(system, KEYSTRAND_DATABASE_URL=worker_url(system, password=None),
                          KEYSTRAND_DATABASE_PASSWORD_FILE=missing)
    held_because(worker, f"KEYSTRAND_DATABASE_PASSWORD_FILE, {missing}")


def test_defaults_of_the_database_do_not_matter(
        system: System, receiver: Program, role: Callable[[str], None], history: History) -> None:
    for name, value in HOSTILE.items():
        role(f"SET {name} = '{value}'")
    execute(system.url(), "CREATE TABLE observed.settings (name text, value text)",
            "GRANT INSERT ON observed.settings TO keystrand_worker",
            "CREATE FUNCTION observed.note_settings() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO observed.settings "
            f"SELECT n, current_setting(n) FROM unnest(ARRAY{SEEN}) AS n; RETURN NULL; END $$",
            "CREATE TRIGGER note_settings AFTER INSERT ON keystrand.inbox FOR EACH STATEMENT "
            "EXECUTE FUNCTION observed.note_settings()")
    start_worker(system).wait_ready()
    send(receiver, history, *stories("hostile defaults", 200))
    ended_well(system, history)

    seen = {(row["name"], row["value"]) for row in system.rows("SELECT DISTINCT name, value FROM observed.settings "
                                                                       "WHERE name <> 'statement_timeout'")}
    assert seen == {("transaction_isolation", "read committed"), ("synchronous_commit", "on"),
                    ("idle_in_transaction_session_timeout", "5s"), ("bytea_output", "hex"), ("array_nulls", "on"),
                    ("client_encoding", "UTF8")}
    limits = system.rows("SELECT min(ms), max(ms) FROM (SELECT extract(epoch FROM value::interval) * 1000 AS ms "
                         "FROM observed.settings WHERE name = 'statement_timeout') t")[0]
    assert 1000 < limits["min"] and limits["max"] <= 4000, "a statement has 4 s, or its share of the transaction's 5"


def test_pooler_in_session_mode_changes_nothing(
        system: System, receiver: Program, history: History, tmp_path) -> None:
    with pooled(tmp_path, system.server, "session", LOGIN, PASSWORD) as pooler:
        worker = start_worker(system, ports=[pooler.port]).wait_ready()
        with traffic(receiver, history):
            applies(system, 100)
            disconnect(system)
            applies(system, 100)
        assert counted_attempts(worker) == []
        ended_well(system, history)
        worker.stop()


def test_pooler_in_transaction_mode_is_refused_and_loses_nothing(
        system: System, receiver: Program, history: History, tmp_path) -> None:
    """It would take timeouts, synchronous_commit and prepared statements away between two transactions, unnoticed."""
    folder = tmp_path / "transaction"
    folder.mkdir()
    with pooled(folder, system.server, "transaction", LOGIN, PASSWORD) as pooler:
        worker = start_worker(system, ports=[pooler.port])
        with traffic(receiver, history):
            held_because(worker, "session mode")
            eventually(lambda: not worker.ready(), "not ready")
        assert counted_attempts(worker) == []
        worker.stop()
    start_worker(system, "direct")
    ended_well(system, history)
