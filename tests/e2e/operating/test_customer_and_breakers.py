"""`keystrand customer show` and `keystrand breaker …`."""

from __future__ import annotations

import pytest

from keystrand_e2e.load import send_events, world
from keystrand_e2e.programs import Program
from operating.desk import Dead, Desk
from traffic.sender import History

KEY = "test/self/cus_1"


def park(desk: Desk, state: str, reason: str, key: str = KEY, behind: int = 2) -> None:
    desk.execute("INSERT INTO keystrand.strands VALUES (%s, 1, %s, %s, %s, now() - interval '2 hours')", desk.system.events,
                 key, state, reason)
    for offset in range(behind + 1):
        first = offset == 0
        desk.execute(
            "INSERT INTO keystrand.parked_events VALUES (%s, 1, %s, 'test/self', %s, %s, '[[\"event-type\", \"invoice.paid\"]]', "
            "'{}', %s, %s, now() + interval '90 minutes' * %s, %s)", desk.system.events, offset, f"evt_{offset}", key,
            "held" if first and state == "held" else "waiting", 3 if first else 0,
            1 if first and state == "parked" else None, "missing_reference: no charge yet" if first else None)


def test_a_flowing_customer_and_what_was_settled_last(
        desk: Desk, receiver: Program, worker: Program, history: History) -> None:
    nowhere = world("customer")
    customer = nowhere.make("customer")
    created = nowhere.tell("customer.created", customer)
    updated = nowhere.tell("customer.updated", customer)
    send_events(receiver, history, created, updated)
    desk.system.wait_drained()
    for asked in (customer["id"], f"test/self/{customer['id']}"):
        shown = desk.run("customer", "show", asked).ok().text
        assert f"test/self/{customer['id']}: flowing" in shown and "No open dead letters" in shown
        [told] = desk.json("customer", "show", asked).ok().lines
        assert told["state"] == "flowing" and told["next"] is None and told["in_mirror"]
        assert {event["event_id"] for event in told["settled"]} == {created["id"], updated["id"]}


WAITING = [("parked", "retry", "tried again by itself"), ("held", "hold", "must not overtake it"),
           ("parked", "breaker", "keystrand breaker list"), ("parked", "operator", "the next ones are due")]


def test_a_waiting_customer(desk: Desk) -> None:
    position = desk.seed_letter(0, event_id="evt_0")
    for state, reason, words in WAITING:
        desk.execute("DELETE FROM keystrand.strands")
        desk.execute("DELETE FROM keystrand.parked_events")
        park(desk, state, reason)
        shown = desk.run("customer", "show", KEY).ok().text
        for part in (f"{KEY}: {state}", words, "2 h ago", "evt_0 invoice.paid", "missing_reference: no charge yet",
                     position, "behind it", "2 events", "never by itself" if state == "held" else "in 1 h"):
            assert part in shown, shown
        [told] = desk.json("customer", "show", "cus_1").ok().lines
        assert (told["state"], told["reason"], told["waiting_behind"]) == (state, reason, 2)
        assert told["next"]["event_id"] == "evt_0" and told["next"]["attempts"] == 3
        assert [letter["id"] for letter in told["dead_letters"]] == [position]


def test_a_bare_id_is_looked_for_in_every_scope(desk: Desk) -> None:
    park(desk, "parked", "retry")
    desk.seed_letter(7, event_id="evt_7", inbox=None, scope="live/acct_1", key="live/acct_1/cus_1")
    desk.seed_letter(8, event_id="evt_8", inbox=None, scope="live/acct_1", key="live/acct_1/cus_2")
    assert [line["ordering_key"] for line in desk.json("customer", "show", "cus_1").ok().lines] == [
        "live/acct_1/cus_1", KEY]


def test_the_newest_ten_are_shown_however_long_ago(desk: Desk) -> None:
    for n in range(12):
        desk.seed_event(f"evt_{n}", "applied", settled_at=f"now() - interval '{n} days'")
    [told] = desk.json("customer", "show", KEY).ok().lines
    assert [event["event_id"] for event in told["settled"]] == [f"evt_{n}" for n in range(10)]


def test_an_unknown_customer(desk: Desk, dead: Dead) -> None:
    for asked in ("cus_nobody", "live/self/cus_nobody"):
        answer = desk.run("customer", "show", asked)
        assert answer.code == 3 and asked in answer.err


# --- breakers ---


def breaker(desk: Desk, handler: str = "invoices") -> dict[str, object]:
    [row] = desk.system.rows("SELECT * FROM keystrand.breakers WHERE handler = %s", handler)
    return row


@pytest.fixture
def breakers(desk: Desk) -> Desk:
    desk.execute("INSERT INTO keystrand.breakers VALUES ('invoices', 'open', 0, 'feedfeedfeedfeed', now() - interval '1 hour', "
                 "'worker-1'), ('mirror', 'closed', 17.5, NULL, NULL, NULL)")
    return desk


def test_breakers_are_listed(breakers: Desk) -> None:
    table = breakers.run("breaker", "list").ok().text
    assert "invoices" in table and "17.5" in table and "1 h ago" in table
    lines = breakers.json("breaker", "list").ok().lines
    assert [(line["handler"], line["state"], line["tokens"]) for line in lines] == [
        ("invoices", "open", "0"), ("mirror", "closed", "17.5")]


def test_resume_closes_with_all_tokens_and_is_audited(breakers: Desk) -> None:
    breakers.run("breaker", "resume", "invoices", "--reason", "column added", "--actor", "sam").ok()
    row = breaker(breakers)
    assert (row["state"], row["tokens"], row["opened_at"], row["fingerprint"]) == ("closed", 20, None, None)
    [action] = breakers.actions()
    assert (action["actor"], action["action"], action["reason"]) == ("sam", "breaker.resumed", "column added")
    assert (action["subject"]["handler"], action["subject"]["state"]) == ("invoices", "open")


def test_accept_closes_with_so_many_tokens_more(breakers: Desk) -> None:
    breakers.run("breaker", "accept", "invoices", "5").ok()
    assert (breaker(breakers)["state"], breaker(breakers)["tokens"]) == ("closed", 5)
    breakers.run("breaker", "accept", "mirror", "1").ok()
    assert float(breaker(breakers, "mirror")["tokens"]) == 18.5
    assert [row["subject"]["accepted"] for row in breakers.actions("breaker.accepted")] == [5, 1]


def test_breakers_usage_and_nothing_matched(breakers: Desk) -> None:
    for number in ("0", "-1", "many", "1000001"):
        assert breakers.run("breaker", "accept", "invoices", number).code == 2
    for arguments in (("resume", "nobody"), ("accept", "nobody", "1")):
        answer = breakers.run("breaker", *arguments)
        assert answer.code == 3 and "nobody" in answer.err
    assert breaker(breakers)["state"] == "open" and breakers.actions() == []


def test_no_breaker_at_all(desk: Desk) -> None:
    assert desk.run("breaker", "list").code == 3
