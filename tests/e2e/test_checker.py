"""The checker itself: a good run passes, and each planted fault is found by the one rule that is there for it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from keystrand_e2e import checker
from keystrand_e2e.evidence import Evidence
from keystrand_e2e.good_run import PARTITIONS, START, good_run, records_of, settled_in_turn
from keystrand_e2e.topic import Record
from traffic import delivery, plan, semantics
from traffic.delivery import Delivery
from traffic.world import Story, World

# --- planted faults ---

def lose_a_record(run: Evidence) -> None:
    run.records.remove(_readable(run)[-1])  # the answer was 200


def keep_a_forgery(run: Evidence) -> None:
    [refused] = [attempt for attempt in run.attempts if attempt.refused]
    _add_record(run, refused.delivery)


def change_a_byte(run: Evidence) -> None:
    _replace(run, _readable(run)[3], value=_readable(run)[3].value.replace(b'"', b"'", 1))


def drop_a_header(run: Evidence) -> None:
    del _readable(run)[0].headers["traceparent"]


def misplace_a_record(run: Evidence) -> None:
    _replace(run, run.records[-1], partition=(run.records[-1].partition + 1) % PARTITIONS)


def skip_an_event(run: Evidence) -> None:
    del run.inbox[10]


def settle_a_repeat_instead(run: Evidence) -> None:
    run.inbox[10]["source_offset"] += 1


def leave_one_parked(run: Evidence) -> None:
    run.inbox[10]["status"] = "parked"


def swallow_an_unreadable_body(run: Evidence) -> None:
    run.dead_letters.clear()


def invent_an_event(run: Evidence) -> None:
    run.inbox.append({**run.inbox[0], "event_id": "evt_from_nowhere"})


def apply_twice(run: Evidence) -> None:
    run.settlements.append({**run.settlements[-1]})


def call_a_stale_event_applied(run: Evidence) -> None:
    next(row for row in run.inbox if row["status"] == "stale")["status"] = "applied"


def overtake_within_a_key(run: Evidence) -> None:
    """Two transactions of one customer change places."""
    keys = [row["ordering_key"] for row in run.settlements]
    first = next(i for i, key in enumerate(keys) if keys.count(key) > 3)
    same = [i for i, key in enumerate(keys) if key == keys[first]]
    a, b = same[0], next(i for i in same if run.settlements[i]["transaction"] != run.settlements[same[0]]["transaction"])
    run.settlements[a]["offset"], run.settlements[b]["offset"] = run.settlements[b]["offset"], run.settlements[a]["offset"]


def write_after_the_takeover(run: Evidence) -> None:
    run.settlements[-1]["epoch"] = 2
    run.settlements.append({**run.settlements[-1], "event_id": "evt_late", "epoch": 1})


def write_beside_the_owner(run: Evidence) -> None:
    run.settlements[-1]["worker"] = "b"


def stop_short(run: Evidence) -> None:
    run.leases[0]["next_offset"] -= 1
    run.committed[0] -= 1


def commit_ahead(run: Evidence) -> None:
    run.committed[0] += 1


def show_an_older_snapshot(run: Evidence) -> None:
    run.objects[0]["event_id"] = "evt_older"


def show_another_amount(run: Evidence) -> None:
    next(row for row in run.objects if row["object"] == "charge")["data"]["amount"] += 1


def lose_an_object(run: Evidence) -> None:
    del run.objects[0]


def invent_an_object(run: Evidence) -> None:
    run.objects.append({**run.objects[0], "id": "cus_from_nowhere"})


def go_back(run: Evidence) -> None:
    run.regressions.append({"object": "customer", "id": "cus_1", "was": "evt_2", "became": "evt_1"})


def publish_no_letter(run: Evidence) -> None:
    run.letters.clear()


def shorten_a_letter(run: Evidence) -> None:
    [letter] = run.letters
    run.letters[:] = [dataclasses.replace(letter, value=letter.value[:-1])]


def forget_that_it_was_published(run: Evidence) -> None:
    run.dead_letters[0]["published_at"] = None


def _readable(run: Evidence) -> list[Record]:
    return [record for record in run.records if semantics.read(record.value) is not None]


def _add_record(run: Evidence, item: Delivery) -> None:
    run.records.extend(records_of([item]))


def _replace(run: Evidence, record: Record, **values: object) -> None:
    run.records[run.records.index(record)] = dataclasses.replace(record, **values)


# The rule that must notice; others may notice too.
FAULTS: dict[Callable[[Evidence], None], str] = {
    lose_a_record: "accepted_is_durable",
    keep_a_forgery: "nothing_else_is_held",
    change_a_byte: "accepted_is_durable",
    drop_a_header: "records_keep_the_contract",
    misplace_a_record: "records_lie_where_their_key_belongs",
    skip_an_event: "every_event_has_its_outcome",
    settle_a_repeat_instead: "every_event_has_its_outcome",
    leave_one_parked: "every_event_has_its_outcome",
    swallow_an_unreadable_body: "every_event_has_its_outcome",
    invent_an_event: "no_outcome_comes_from_nowhere",
    apply_twice: "each_event_takes_effect_once",
    call_a_stale_event_applied: "events_end_as_they_should",
    overtake_within_a_key: "customers_keep_their_order",
    write_after_the_takeover: "partitions_have_one_owner",
    write_beside_the_owner: "partitions_have_one_owner",
    stop_short: "positions_are_complete",
    commit_ahead: "positions_are_complete",
    show_an_older_snapshot: "mirror_shows_the_newest",
    show_another_amount: "mirror_shows_the_newest",
    lose_an_object: "mirror_shows_the_newest",
    invent_an_object: "mirror_shows_the_newest",
    go_back: "mirror_never_went_back",
    publish_no_letter: "dead_letters_are_complete",
    shorten_a_letter: "dead_letters_are_complete",
    forget_that_it_was_published: "dead_letters_are_complete",
}


def test_good_run_passes() -> None:
    checker.check(good_run())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_planted_fault_is_found(fault: Callable[[Evidence], None]) -> None:
    run = good_run()
    fault(run)
    with pytest.raises(AssertionError, match=rf"(?m)^{FAULTS[fault]}: "):
        checker.check(run)


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule.__name__ for rule in checker.RULES} == set(FAULTS.values())


def crossed() -> list[Delivery]:
    """A guest's payment, and at last a customer's: under two keys, in one second."""
    story = Story(World("crossed 1", START))
    payment = story.make("payment_intent", customer=None, status="requires_payment_method")
    story.tell("payment_intent.created", payment)
    story.update("payment_intent.processing", payment, same_second=True, status="processing")
    story.update("payment_intent.requires_action", payment, same_second=True, status="requires_action",
                 customer=story.world.id("customer"))
    return [delivery.of(event) for event in story.events]


@pytest.mark.parametrize("turn", range(3))
def test_keys_that_share_an_object_are_judged_in_the_order_of_settlement(turn: int) -> None:
    first, second, other = crossed()
    assert first.record_key == second.record_key
    assert len({semantics.partition_of(item.record_key, PARTITIONS) for item in (first, other)}) == 2, "no log has them all"
    deliveries = [first, second]
    deliveries.insert(turn, other)
    run = settled_in_turn(deliveries)
    checker.check(run)
    run.inbox[turn]["status"] = "stale" if run.inbox[turn]["status"] == "applied" else "applied"
    with pytest.raises(AssertionError, match="(?m)^events_end_as_they_should: 1"):
        checker.check(run)


# --- the traffic, which the checker takes its expectations from ---

def test_equal_seeds_tell_equal_events() -> None:
    assert plan.tell("a", START, 300) == plan.tell("a", START, 300)
    first, second = ({event["id"] for story in plan.tell(seed, START, 300) for event in story} for seed in ("a", "b"))
    assert not first & second


def test_stories_have_sixty_types() -> None:
    assert len({event["type"] for story in plan.tell("types", START, 2000) for event in story}) >= 60


def test_stories_share_no_object() -> None:
    owners: dict[semantics.ObjectKey, int] = {}
    for number, story in enumerate(plan.tell("owners", START, 2000)):
        for event in story:
            key = semantics.object_key_of(event)
            assert key is None or owners.setdefault(key, number) == number


def test_expectation_does_not_depend_on_the_order_of_arrival() -> None:
    told = plan.tell("order", START, 300)
    mirrors = [{key: event["id"] for key, event in plan.expected(plan.strands(told, seed, late=share)).mirror.objects.items()}
               for seed, share in ((1, 0.0), (2, 0.3), (3, 0.9))]
    assert mirrors[0] == mirrors[1] == mirrors[2]


def test_partitions_are_those_of_java_clients() -> None:
    # Known answers of org.apache.kafka.common.utils.Utils.murmur2, from Kafka's own UtilsTest.
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536,
             b"a-little-bit-longer-string": -1486304829, b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
             b"abc": 479470107}
    assert {data: semantics._murmur2(data) - (1 << 32 if semantics._murmur2(data) >> 31 else 0) for data in known} == known


def test_repeats_differ_in_bytes_and_not_in_identity() -> None:
    first = delivery.of(plan.tell("again", START, 10)[0][0])
    second = delivery.again(first)
    assert first.body != second.body
    assert json.loads(first.body)["id"] == json.loads(second.body)["id"]
