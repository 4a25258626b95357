"""`keystrand dead-letters discard`, and what becomes of a customer that waited behind the letter."""

from __future__ import annotations

import threading
from typing import Any

import psycopg

from keystrand_e2e.waiting import eventually
from operating.desk import Answer, Dead, Desk

KEY = "test/self/cus_1"


def park(desk: Desk, *offsets: int, held: bool = True) -> None:
    """The customer's strand, held by the first of these events."""
    desk.execute("INSERT INTO keystrand.strands VALUES (%s, 1, %s, %s, %s)", desk.system.events, KEY,
                 "held" if held else "parked", "hold" if held else "retry")
    for offset in offsets:
        status = "held" if held and offset == offsets[0] else "waiting"
        desk.execute("INSERT INTO keystrand.parked_events VALUES (%s, 1, %s, 'test/self', %s, %s, '[]', '{}', %s)",
                     desk.system.events, offset, f"evt_{offset}", KEY, status)


def strands(desk: Desk) -> list[tuple[Any, ...]]:
    return [(row["state"], row["reason"]) for row in desk.system.rows("SELECT * FROM keystrand.strands")]


def parked(desk: Desk) -> list[tuple[int, bool]]:
    """Offsets, and whether the event is due."""
    rows = desk.system.rows('SELECT "offset", coalesce(next_attempt_at <= clock_timestamp(), false) AS due '
                            'FROM keystrand.parked_events ORDER BY "offset"')
    return [(row["offset"], row["due"]) for row in rows]


def test_real_letters_are_given_up(desk: Desk, dead: Dead) -> None:
    answer = desk.run("dead-letters", "discard", "--status", "open", "--reason", "a test customer", "--actor", "sam").ok()
    assert "2 discarded" in answer.text
    assert {letter["status"] for letter in desk.all_letters()} == {"discarded"}
    assert desk.inbox(dead.event["id"])["status"] == "discarded"
    assert [(row["actor"], row["action"], row["reason"]) for row in desk.actions()] == [
        ("sam", "dead_letter.discarded", "a test customer")] * 2


def test_the_next_event_of_a_held_customer_is_due(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1")
    park(desk, 1, 2, 3)
    desk.run("dead-letters", "discard", "evt_1", "--reason", "given up").ok()
    assert strands(desk) == [("parked", "operator")]
    assert parked(desk) == [(2, True), (3, False)]


def test_a_customer_with_nothing_behind_the_head_flows_again(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1")
    park(desk, 1)
    desk.run("dead-letters", "discard", "evt_1", "--reason", "given up").ok()
    assert strands(desk) == [] and parked(desk) == []


def test_a_letter_that_held_nobody_leaves_the_customers_strand_alone(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1")
    park(desk, 5, 6, held=False)
    desk.run("dead-letters", "discard", "evt_1", "--reason", "given up").ok()
    assert strands(desk) == [("parked", "retry")] and parked(desk) == [(5, False), (6, False)]


def test_it_waits_for_whoever_has_the_strand(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1")
    park(desk, 1, 2)
    answers: list[Answer] = []
    with psycopg.connect(desk.system.url()) as worker:
        worker.execute("SELECT FROM keystrand.strands FOR UPDATE")
        operator = threading.Thread(target=lambda: answers.append(
            desk.run("dead-letters", "discard", "evt_1", "--reason", "given up", "--timeout-ms", 30_000)))
        operator.start()
        eventually(lambda: desk.system.value("SELECT count(*) FROM pg_locks WHERE NOT granted"), "the operator waits")
        worker.execute("SELECT FROM keystrand.dead_letters FOR UPDATE NOWAIT")  # strands come first, for everybody
    operator.join()
    answers[0].ok()
    assert parked(desk) == [(2, True)]


def test_a_deadlock_with_a_worker_is_tried_again(desk: Desk) -> None:
    """The worker writes letters and inbox in an order of its own; whoever loses begins anew."""
    desk.seed_letter(1, event_id="evt_1")
    answers: list[Answer] = []
    with psycopg.connect(desk.system.url()) as worker:
        worker.execute("SET deadlock_timeout = '60s'")  # the operator is the one that is thrown out
        worker.execute("SELECT FROM keystrand.inbox FOR UPDATE")
        operator = threading.Thread(target=lambda: answers.append(
            desk.run("dead-letters", "discard", "evt_1", "--reason", "given up", "--timeout-ms", 30_000)))
        operator.start()
        eventually(lambda: desk.system.value("SELECT count(*) FROM pg_locks WHERE NOT granted"), "the operator waits")
        worker.execute("UPDATE keystrand.dead_letters SET attempts = attempts + 1")
    operator.join()
    answers[0].ok()
    assert desk.letters()[1]["status"] == "discarded"
    assert len(desk.actions("dead_letter.discarded")) == 1


def test_what_is_not_open_is_refused_and_the_others_go(desk: Desk) -> None:
    refused = {"replaying": "--resume", "resolved": "nothing to give up", "discarded": "already"}
    ids = [desk.seed_letter(n, event_id=f"evt_{n}", status=status, inbox="applied") for n, status in enumerate(refused)]
    desk.seed_letter(3, event_id="evt_3")
    answer = desk.run("dead-letters", "discard", *ids, "evt_3", "--reason", "given up")
    assert answer.code == 1 and "1 discarded, 3 refused" in answer.text
    assert all(words in answer.err for words in refused.values())
    assert [desk.letters()[n]["status"] for n in range(4)] == [*refused, "discarded"]


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1")
    [line] = desk.json("dead-letters", "discard", "--code", "rejected", "--dry-run").ok().lines
    assert line["result"] == "would be discarded"
    assert desk.letters()[1]["status"] == "open" and desk.actions() == []


def test_usage_and_nothing_matched(desk: Desk) -> None:
    assert desk.run("dead-letters", "discard", "--reason", "why").code == 2
    assert desk.run("dead-letters", "discard", "evt_1").code == 2
    assert desk.run("dead-letters", "discard", "--status", "open", "--reason", "why").code == 3
