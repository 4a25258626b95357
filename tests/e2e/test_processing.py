"""What the worker makes of what it finds in the topic: each event once, the newest snapshot, dead letters for the rest."""

from __future__ import annotations

import time

import pytest

from keystrand_e2e import checker
from keystrand_e2e.evidence import collect
from keystrand_e2e.load import background, send, send_events, stories, world
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic import catalogue, delivery, stories as told
from traffic.sender import History
from traffic.world import Story, change

UNREADABLE = ['{"id": "evt_cut_o', "[1, 2, 3]", '{"object": "event"}']


def test_same_event_fifty_times_at_once_has_one_effect_and_49_duplicates(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    nowhere = world("fifty")
    first = delivery.of(nowhere.tell("customer.created", nowhere.make("customer")))
    copies = [[first if n % 2 else delivery.again(first)] for n in range(50)]
    send(receiver, history, *copies, connections=50)
    system.wait_drained()

    assert len(history.accepted()) == len(history.attempts) == 50
    evidence = collect(system, history)
    assert len(evidence.records) == 50
    assert len(evidence.inbox) == len(evidence.settlements) == len(evidence.objects) == 1
    counted = worker.metrics()
    assert counted.sum("keystrand_worker_events_total", outcome="applied") == 1
    assert counted.sum("keystrand_worker_events_total", outcome="duplicate") == 49

    send(receiver, history, [delivery.again(first)])  # long after: the inbox alone remembers it
    system.wait_drained()
    counted = worker.metrics()
    assert counted.sum("keystrand_worker_events_total", outcome="applied") == 1
    assert counted.sum("keystrand_worker_events_total", outcome="duplicate") == 50
    checker.check(collect(system, history))


def test_late_arrivals_do_not_replace_what_is_newer(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    whole_lives = [list(reversed(story(world(f"reversed-{story.__name__}")))) for story in told.ALL]
    send(receiver, history, *([delivery.of(event) for event in events] for events in whole_lives))
    send(receiver, history, *stories("shuffled", 400, late=0.4))
    system.wait_drained()

    evidence = collect(system, history)
    assert sum(row["status"] == "stale" for row in evidence.inbox) > 50
    checker.check(evidence)


def test_deleted_object_is_not_brought_back(system: System, receiver: Program, worker: Program, history: History) -> None:
    story = Story(world("deleted"))
    customer = story.make("customer", name="Gone")
    story.tell("customer.created", customer)
    story.update("customer.updated", customer, name="Still gone")
    story.tell("customer.deleted", customer)
    story.update("customer.updated", customer, name="After the end")  # Stripe would not; nor does it promise not to
    created, updated, deleted, afterwards = story.events
    send_events(receiver, history, deleted, created, updated, afterwards)
    system.wait_drained()

    evidence = collect(system, history)
    [row] = evidence.objects
    assert (row["deleted"], row["data"]["name"], row["event_id"]) == (True, "Still gone", deleted["id"])
    assert {row["event_id"]: row["status"] for row in evidence.inbox} == {
        deleted["id"]: "applied", created["id"]: "stale", updated["id"]: "stale", afterwards["id"]: "stale"}
    checker.check(evidence)


def test_final_state_outlives_later_events(system: System, receiver: Program, worker: Program, history: History) -> None:
    story = Story(world("final"))
    subscription = story.make("subscription", customer="cus_1", status="active")
    story.tell("customer.subscription.created", subscription)
    story.update("customer.subscription.deleted", subscription, status="canceled")
    story.update("customer.subscription.updated", subscription, status="active")
    send_events(receiver, history, *story.events)
    system.wait_drained()

    evidence = collect(system, history)
    [row] = evidence.objects
    assert (row["terminal"], row["deleted"], row["data"]["status"]) == (True, False, "canceled")
    checker.check(evidence)


def test_creation_is_older_than_a_change_in_the_same_second(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    story = Story(world("second"))
    for name in ("arrives in order", "arrives reversed"):
        customer = story.make("customer", name="new")
        story.tell("customer.created", customer)
        story.update("customer.updated", customer, same_second=True, name=name)
    first, second, third, fourth = story.events
    send_events(receiver, history, first, second, fourth, third)
    system.wait_drained()

    evidence = collect(system, history)
    assert {row["data"]["name"] for row in evidence.objects} == {"arrives in order", "arrives reversed"}
    checker.check(evidence)


@pytest.mark.parametrize("arrival", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_changes_of_one_second_end_alike_in_any_order(system: System, receiver: Program, worker: Program, history: History,
                                                      arrival: tuple[int, ...]) -> None:
    """previous_attributes chain them, so one of them is the last, whoever comes first."""
    story = Story(world("chain"))
    customer = story.make("customer", name="a")
    story.tell("customer.updated", customer)
    for name in ("b", "c"):
        story.update("customer.updated", customer, same_second=True, name=name)
    send_events(receiver, history, *(story.events[n] for n in arrival))
    system.wait_drained()

    evidence = collect(system, history)
    [row] = evidence.objects
    assert row["data"]["name"] == "c"
    checker.check(evidence)


def test_unknown_types_are_mirrored_and_what_has_no_object_is_ignored(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    nowhere = world("unknown")
    send_events(receiver, history, *catalogue.unheard_of(nowhere), *catalogue.money_out(nowhere), *told.subscriber(nowhere))
    system.wait_drained()

    evidence = collect(system, history)
    kinds = {(row["object"], row["id"]) for row in evidence.objects}
    assert any(kind == "hyperspace.jump" for kind, _ in kinds)
    assert ("balance", "") in kinds
    ignored = {row["event_type"]: row["reason"] for row in evidence.inbox if row["status"] == "ignored"}
    assert ignored == {"invoice.upcoming": "no_object", "v1.billing.meter.no_meter_found": "no_object"}
    checker.check(evidence)


@pytest.mark.parametrize("kind", ["cash_balance", "entitlements.active_entitlement_summary"])
def test_objects_without_an_id_are_one_per_customer(
        system: System, receiver: Program, worker: Program, history: History, kind: str) -> None:
    story = Story(world(kind))
    for customer in ("cus_1", "cus_2"):
        story.tell(f"{kind}.updated", story.make(kind, customer=customer))
    send_events(receiver, history, *story.events)
    system.wait_drained()

    evidence = collect(system, history)
    assert {(row["object"], row["id"]) for row in evidence.objects} == {(kind, "cus_1"), (kind, "cus_2")}
    checker.check(evidence)


def test_unreadable_bodies_become_dead_letters_in_table_and_topic(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    send(receiver, history, [delivery.unreadable(text) for text in UNREADABLE], *stories("around-dead-letters", 100))
    system.wait_drained()

    evidence = collect(system, history)
    assert sorted(bytes(row["payload"]).decode() for row in evidence.dead_letters) == sorted(UNREADABLE)
    assert {(row["stage"], row["error_code"], row["status"], row["attempts"], row["event_id"]) for row in evidence.dead_letters} \
        == {("parse", "malformed", "open", 1, None)}
    assert sorted(letter.value.decode() for letter in evidence.letters) == sorted(UNREADABLE)
    for letter in evidence.letters:
        assert letter.key.startswith("unreadable/")
        assert letter.headers["dlq-source-topic"] == system.events
    assert worker.metrics().sum("keystrand_dead_letters_total", error_code="malformed") == len(UNREADABLE)
    checker.check(evidence)


@pytest.mark.timeout(240)
def test_database_away_is_waited_out_while_answers_stay_200(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    outage_s = 20
    with background(receiver, history, stories("database-away", 3000), per_s=60) as sending:
        eventually(lambda: system.settled() > 100, "load")
        system.stack.stop_database()
        stopped = time.monotonic()
        eventually(lambda: not worker.ready(), "worker not ready")
        sending.last(outage_s - (time.monotonic() - stopped))
        assert sending.sending, "the load ended before the outage"
        assert worker.running
        system.stack.start_database()
        sending.stop()
    system.wait_drained()
    eventually(worker.ready, "worker ready again")

    assert {attempt.status for attempt in history.attempts} == {200}
    evidence = collect(system, history)
    assert evidence.dead_letters == []
    checker.check(evidence)


def test_database_killed_again_and_again_costs_nothing(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    with background(receiver, history, stories("database-kills", 4000), per_s=80) as sending:
        for _ in range(3):
            settled = system.settled()
            eventually(lambda: system.settled() > settled, "work goes on")
            system.stack.kill_database()
            system.stack.start_database()
        assert sending.sending, "the load ended before the kills"
        sending.stop()
    system.wait_drained()

    evidence = collect(system, history)
    assert evidence.dead_letters == []
    checker.check(evidence)


def test_amounts_beyond_double_precision_stay_exact(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    story = Story(world("exact"))
    payout = story.make("payout", amount=9_007_199_254_740_993)
    story.tell("payout.created", payout)
    change(payout, amount=(1 << 63) + 1)
    story.tell("payout.updated", payout)
    send_events(receiver, history, *story.events)
    system.wait_drained()

    assert system.value("SELECT data ->> 'amount' FROM stripe.objects") == "9223372036854775809"
    checker.check(collect(system, history))
