"""Others lock the rows that the worker needs, or make a transaction take too long."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from database.conftest import LOGIN, counted_attempts, ended_well, start_worker
from keystrand_e2e.load import send, world
from keystrand_e2e.postgres_servers import execute
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic import delivery
from traffic.sender import History, Pace
from traffic.world import Story

Tell = Callable[[str, object], None]

RIVALS = 3
CUSTOMERS = 10
UPDATES = 120
EVENTS_PER_S = 200
CONFLICTS_MIN = 5
TRANSACTION_MAX_S = 5.0


def contend(system: System, stop: threading.Event, seed: int) -> None:
    """Locks two rows in the order that the worker never takes, for a moment, again and again."""
    dice = random.Random(seed)
    with psycopg.connect(system.url("rival"), autocommit=True) as connection:
        connection.execute("SET deadlock_timeout = '10s'")  # so that it is the worker that finds out
        ids = [row[0] for row in connection.execute("SELECT id FROM stripe.objects WHERE id > '' ORDER BY id").fetchall()]
        while not stop.is_set():
            first, second = sorted(dice.sample(ids, 2), reverse=True)
            with contextlib.suppress(psycopg.errors.DeadlockDetected), connection.transaction():
                connection.execute("SELECT 1 FROM stripe.objects WHERE id = %s FOR UPDATE", (first,))
                stop.wait(0.02)
                connection.execute("SELECT 1 FROM stripe.objects WHERE id = %s FOR UPDATE", (second,))
                stop.wait(0.02)


@contextlib.contextmanager
def rivals(system: System) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=contend, args=(system, stop, n)) for n in range(RIVALS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def hot_customers(seed: str) -> list[list[delivery.Delivery]]:
    """Few rows, written again and again."""
    nowhere = world(seed)
    strands = []
    for _ in range(CUSTOMERS):
        story = Story(nowhere.another())
        customer = story.make("customer", name="0")
        story.tell("customer.created", customer)
        for n in range(UPDATES):
            story.update("customer.updated", customer, name=str(n + 1))
        strands.append([delivery.of(event) for event in story.events])
    return strands


def conflicts(worker: Program) -> float:
    return worker.metrics().sum("keystrand_worker_conflicts_total")


@pytest.mark.parametrize("setting, kind", [("deadlock_timeout = '100ms'", "deadlock"), ("lock_timeout = '5ms'", "timeout")],
                         ids=["deadlocks", "lock timeouts"])
def test_rival_locks_are_conflicts_that_are_run_again(
        system: System, receiver: Program, history: History, tell: Tell, setting: str, kind: str) -> None:
    strands = hot_customers(kind)
    send(receiver, history, *([strand[0]] for strand in strands))
    execute(system.url(), f"ALTER ROLE {LOGIN} SET {setting}")
    try:
        # Few executors, so that a batch has several customers and more than one lock.
        worker = start_worker(system, KEYSTRAND_EXECUTORS="2").wait_ready()
        system.wait_drained()
        with rivals(system):
            send(receiver, history, *(strand[1:] for strand in strands), pace=Pace(EVENTS_PER_S))
            system.wait_drained()
    finally:
        execute(system.url(), f"ALTER ROLE {LOGIN} RESET ALL")
    tell("conflicts", conflicts(worker))
    assert conflicts(worker) >= CONFLICTS_MIN
    failed = worker.metrics().sum("keystrand_db_errors_total", **{"class": kind})
    assert failed >= CONFLICTS_MIN, "they were conflicts of another kind"
    ended_well(system, history)


@pytest.mark.parametrize("rows", [1, 60], ids=["inserted", "copied"])
def test_row_that_somebody_else_was_first_to_write_is_a_conflict_that_is_run_again(
        system: System, receiver: Program, history: History, rows: int) -> None:
    """Not there when the worker looked, there when it writes: it waits for the other, and is second."""
    nowhere = world(f"second to write {rows}")
    events = [nowhere.tell("customer.created", nowhere.make("customer")) for _ in range(rows)]
    send(receiver, history, [delivery.of(event) for event in events])
    with psycopg.connect(system.url("rival")) as rival:
        rival.execute(
            "INSERT INTO stripe.objects (scope, object, id, event_id, event_type, event_created) "
            "VALUES ('test/self', 'customer', %s, 'evt_rival', 'customer.updated', to_timestamp(0))",
            (events[0]["data"]["object"]["id"],))
        worker = start_worker(system, KEYSTRAND_EXECUTORS="1")  # so that they are one batch
        eventually(lambda: system.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1, "the worker waiting")
        rival.commit()
    system.wait_drained()
    assert conflicts(worker) == 1
    assert worker.metrics().sum("keystrand_db_errors_total", **{"class": "constraint"}) == 1
    assert counted_attempts(worker) == []
    ended_well(system, history)


def test_transaction_is_cancelled_at_five_seconds_in_all(
        system: System, receiver: Program, worker: Program, history: History, tell: Tell) -> None:
    """Each of its statements stays below that."""
    nowhere = world("slow statements")
    event = nowhere.tell("customer.created", nowhere.make("customer"))
    execute(system.url(),
            """CREATE FUNCTION observed.sleep() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN PERFORM pg_sleep(2.9); RETURN NULL; END $$""",
            "CREATE TRIGGER sleep_1 AFTER INSERT ON stripe.objects FOR EACH ROW EXECUTE FUNCTION observed.sleep()",
            "CREATE TRIGGER sleep_2 AFTER INSERT ON keystrand.inbox FOR EACH ROW EXECUTE FUNCTION observed.sleep()")
    send(receiver, history, [delivery.of(event)])
    ages = []

    def cancelled() -> bool:
        ages.append(system.value("SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8 "
                                 "FROM pg_stat_activity WHERE usename = %s", LOGIN))
        return bool(counted_attempts(worker))

    eventually(cancelled, "an attempt counted")
    tell("oldest_transaction_s", round(max(ages), 2))
    assert counted_attempts(worker)[0]["error_code"] == "timeout"
    assert 2.9 < max(ages) < TRANSACTION_MAX_S + 0.3
    execute(system.url(), "DROP FUNCTION observed.sleep() CASCADE")
    ended_well(system, history)


def test_statement_that_needs_more_than_its_share_of_the_five_seconds_has_them_to_itself(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    """What a batch writes goes out together, and each statement has its part of the time; only then all of it."""
    nowhere = world("slow statement")
    event = nowhere.tell("customer.created", nowhere.make("customer"))
    execute(system.url(),
            "CREATE TABLE observed.tries (transaction xid8)", "GRANT INSERT ON observed.tries TO keystrand_worker",
            """CREATE FUNCTION observed.sleep() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN PERFORM pg_sleep(3.2); INSERT INTO observed.tries VALUES (pg_current_xact_id()); RETURN NULL; END $$""",
            "CREATE TRIGGER sleep AFTER INSERT ON stripe.objects FOR EACH ROW EXECUTE FUNCTION observed.sleep()")
    send(receiver, history, [delivery.of(event)])
    system.wait_drained()
    execute(system.url(), "DROP FUNCTION observed.sleep() CASCADE")
    assert worker.metrics().sum("keystrand_db_errors_total", **{"class": "timeout"}) == 1, "it had the time at once"
    assert system.value("SELECT count(*) FROM observed.tries") == 1
    assert counted_attempts(worker) == []
    ended_well(system, history)
