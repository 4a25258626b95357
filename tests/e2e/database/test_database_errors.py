"""One disposition for each error: PostgreSQL itself raises it, from a trigger on the table that the worker writes, and the
worker does what the table says. Real conditions for the same codes: the other files here."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from collections.abc import Callable, Iterator

import pytest

from conftest import LOGS, TEMPLATE
from database.conftest import start_worker
from keystrand_e2e import checker
from keystrand_e2e.evidence import collect
from keystrand_e2e.load import send, world
from keystrand_e2e.postgres_servers import execute
from keystrand_e2e.programs import Program
from keystrand_e2e.servers import FAILED
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from stack import Stack
from traffic import delivery
from traffic.sender import History

REJECTED = ["22001", "22003", "22021", "22P02", "22P05", "23502", "23505", "23514", "54000", "54001"]
COUNTED = {"23503": "missing_reference", "25P03": "timeout", "57014": "timeout", "21000": "internal", "0A000": "internal",
           "P0001": "internal", "XX000": "internal", "55000": "internal", "40003": "internal"}
CONFLICTS = ["40001", "40P01", "55P03"]
UNAVAILABLE = ["08003", "08006", "57P01", "57P02", "57P03", "57P04", "57P05", "53000", "53100", "53200", "53300", "58000",
               "58030", "28000", "28P01", "3D000", "25006", "26000"]
MISDEPLOYED = ["42501", "42703", "42P01"]
CORRUPT = "XX001"

CONFLICTS_MAX = 20  # in a row; then it is one timeout
NEIGHBOURS = 5

POISON = ["CREATE TABLE observed.poison (object_id text PRIMARY KEY, code text)",
          "GRANT SELECT ON observed.poison TO keystrand_worker",
          """CREATE FUNCTION observed.poison() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE
               found text := (SELECT code FROM observed.poison WHERE object_id = NEW.id);
             BEGIN
               IF found IS NOT NULL THEN RAISE EXCEPTION 'raised for %', NEW.data USING ERRCODE = found; END IF;
               RETURN NEW;
             END $$""",
          """CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON stripe.objects
             FOR EACH ROW EXECUTE FUNCTION observed.poison()"""]


@dataclasses.dataclass
class Case:
    """One event that PostgreSQL refuses, among others that it takes."""

    system: System
    worker: Program
    event: dict
    neighbours: list[str]  # ids of the others
    heard: dict[str, int]  # log lines of each action before it

    @property
    def id(self) -> str:
        return self.event["id"]

    @property
    def object(self) -> str:
        return self.event["data"]["object"]["id"]

    def lines(self, action: str) -> list[dict[str, object]]:
        """What the worker has said since."""
        return self.worker.log_lines(action)[self.heard[action]:]

    def retries(self) -> list[dict[str, object]]:
        return [line for line in self.lines("event.retry") if line["event_id"] == self.id]

    def letters(self) -> list[dict]:
        return self.system.rows("SELECT * FROM keystrand.dead_letters WHERE event_id = %s", self.id)

    def status(self) -> str | None:
        rows = self.system.rows("SELECT status FROM keystrand.inbox WHERE event_id = %s", self.id)
        return rows[0]["status"] if rows else None

    def heal(self) -> None:
        execute(self.system.url(), f"DELETE FROM observed.poison WHERE object_id = '{self.object}'")

    def cure(self) -> None:
        """It is applied in the end, and nobody has given it up."""
        self.heal()
        eventually(lambda: self.status() == "applied", "applied once cured")
        assert self.letters() == []

    def neighbours_applied(self) -> None:
        """Nothing of it touches them."""
        applied = "SELECT count(*) FROM keystrand.inbox WHERE event_id = ANY (%s) AND status = 'applied' AND attempts = 1"
        eventually(lambda: self.system.value(applied, self.neighbours) == NEIGHBOURS, "its neighbours applied")

    def attempts(self) -> int:
        return self.system.value("SELECT attempts FROM keystrand.inbox WHERE event_id = %s", self.id)


@dataclasses.dataclass
class Running:
    system: System
    receiver: Program
    worker: Program
    history: History

    def refuse(self, code: str) -> Case:
        """Sends the events; returns at once."""
        nowhere = world(f"refused with {code}")
        refused, *taken = [nowhere.tell("customer.created", nowhere.make("customer")) for _ in range(1 + NEIGHBOURS)]
        heard = {action: len(self.worker.log_lines(action))
                 for action in ("event.retry", "db.unavailable", "worker.held", "event.dead_lettered")}
        case = Case(self.system, self.worker, refused, [event["id"] for event in taken], heard)
        execute(self.system.url(), f"INSERT INTO observed.poison VALUES ('{case.object}', '{code}')")
        send(self.receiver, self.history, *([delivery.of(event)] for event in (refused, *taken)))
        return case


@pytest.fixture(scope="module")
def running(servers: Stack, request: pytest.FixtureRequest) -> Iterator[Running]:
    """One system for all codes; it must be well after each."""
    folder = LOGS / "database-errors"
    folder.mkdir(parents=True)
    servers.up()
    system = System(servers, f"t{secrets.token_hex(4)}", folder, TEMPLATE)
    execute(system.url(), *POISON)
    try:
        yield Running(system, system.start_receiver().wait_ready(), start_worker(system).wait_ready(), History())
    finally:
        system.close()
    if not request.session.stash.get(FAILED, False):
        shutil.rmtree(folder)


@pytest.mark.parametrize("code", REJECTED)
def test_never_is_split_and_dead_lettered_at_the_first_attempt(running: Running, code: str) -> None:
    case = running.refuse(code)
    [letter] = eventually(case.letters, "a dead letter")
    assert (letter["error_code"], letter["stage"], letter["attempts"]) == ("rejected", "store", 1)
    assert letter["error_message"].endswith(f"SQLSTATE {code}"), "it says too little, or quotes the row"
    assert case.retries() == []
    assert case.status() == "dead"
    case.neighbours_applied()


@pytest.mark.parametrize("code", COUNTED)
def test_not_now_counts_an_attempt_and_holds_the_key(running: Running, code: str) -> None:
    case = running.refuse(code)
    eventually(lambda: len(case.retries()) >= 2, "two attempts counted")
    assert {line["error_code"] for line in case.retries()} == {COUNTED[code]}
    assert [line["attempt"] for line in case.retries()[:2]] == [1, 2]
    case.cure()
    assert case.attempts() >= 3
    assert case.lines("db.unavailable") == []
    case.neighbours_applied()


@pytest.mark.parametrize("code", CONFLICTS)
def test_lost_race_is_run_again_at_once_and_twenty_count_as_one_timeout(running: Running, code: str) -> None:
    before = running.worker.metrics().sum("keystrand_worker_conflicts_total")
    case = running.refuse(code)
    counted = eventually(case.retries, "one attempt counted")  # the conflicts of each have been counted by then
    conflicts = running.worker.metrics().sum("keystrand_worker_conflicts_total") - before
    assert conflicts >= CONFLICTS_MAX * len(counted)
    assert {line["error_code"] for line in counted} == {"timeout"}
    case.cure()
    case.neighbours_applied()


@pytest.mark.parametrize("code", UNAVAILABLE)
def test_out_of_reach_is_held_and_counts_nothing(running: Running, code: str) -> None:
    case = running.refuse(code)
    eventually(lambda: [line for line in case.lines("db.unavailable") if f"SQLSTATE {code}" in str(line["detail"])], "held")
    case.cure()
    assert case.retries() == []
    assert case.attempts() == 1
    case.neighbours_applied()


@pytest.mark.parametrize("code", MISDEPLOYED)
def test_missing_table_column_or_right_stops_its_handler_and_counts_nothing(running: Running, code: str) -> None:
    """The mirror's table here: its events are parked until an operator resumes it. Where it is a table of the engine's own,
    the worker is unready: test_database_access.py."""
    case = running.refuse(code)
    eventually(lambda: case.status() == "parked", "parked")
    assert f"SQLSTATE {code}" in str(case.lines("worker.held")[0]["detail"])
    assert running.system.rows("SELECT state FROM keystrand.breakers WHERE handler = 'mirror'") == [{"state": "open"}]
    case.heal()
    resumed = running.system.operator("breaker", "resume", "mirror", "--reason", "the column is there now")
    assert resumed.returncode == 0, resumed.stderr
    case.cure()
    assert case.retries() == []
    case.neighbours_applied()


def test_damaged_files_stop_the_worker_before_anything_is_written(running: Running) -> None:
    case = running.refuse(CORRUPT)
    assert running.worker.wait_end() == 1
    [line] = running.worker.log_lines("process.failed")
    assert "files are damaged" in line["message"] and CORRUPT in line["detail"]
    assert case.status() is None
    assert case.retries() == []
    execute(running.system.url(), "DELETE FROM observed.poison")
    running.worker.start()
    case.cure()
    case.neighbours_applied()


def test_in_the_end_each_event_has_its_one_outcome(running: Running) -> None:
    """Whatever was raised before."""
    running.refuse(REJECTED[0])
    running.system.wait_drained()
    checker.check(collect(running.system, running.history))
