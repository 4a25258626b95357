"""The events topic is not there, not safe, or not what it was; and records as large as they come."""

from __future__ import annotations

import socket
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

from keystrand_e2e import topic
from keystrand_e2e.load import send, stories, world
from keystrand_e2e.outage import Traffic, between, check_answers, first_200_after, statuses, unready_because
from keystrand_e2e.programs import Program
from keystrand_e2e.system import PARTITIONS, System, webhook
from keystrand_e2e.waiting import eventually
from traffic import delivery
from traffic.delivery import Delivery
from traffic.sender import PATH, History, deliver

Tell = Callable[[str, object], None]

ADMIN_DEADLINE_S = 15
CHECK_INTERVAL_MS = 500  # the topic is looked at so often, not once a minute: the tests need not wait
OVERHEAD = 16 * 1024  # what a record may have beside the body


def done(futures: dict[object, object]) -> None:
    """Of one admin request."""
    for future in futures.values():
        future.result(ADMIN_DEADLINE_S)


def alter(admin: AdminClient, topic_name: str, **values: str) -> None:
    entries = [ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
               for name, value in values.items()]
    done(admin.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic_name,
                                                         incremental_configs=entries)]))


def create(admin: AdminClient, topic_name: str, partitions: int = PARTITIONS, **values: str) -> None:
    config = {"max.message.bytes": str(2 << 20), **{name.replace("_", "."): value for name, value in values.items()}}
    done(admin.create_topics([NewTopic(topic_name, partitions, 1, config=config)]))


def delete(admin: AdminClient, topic_name: str) -> None:
    done(admin.delete_topics([topic_name]))
    eventually(lambda: topic_name not in admin.list_topics(timeout=5).topics, "topic gone")


def watching(system: System, **settings: str) -> Program:
    return system.start_receiver(KEYSTRAND_TOPIC_CHECK_INTERVAL_MS=str(CHECK_INTERVAL_MS), **settings)


def refused_then_healed(system: System, receiver: Program, history: History, tell: Tell, detail: str,
                        heal: Callable[[], None]) -> None:
    """While the topic is unfit: not ready for that reason, 503 at once, nothing in the topic, one line in the log."""
    with Traffic(receiver, history) as traffic:
        unready_because(receiver, "topic", detail)
        refused_from = time.time()
        traffic.fails(50)
        refused_until = time.time()
        heal()
        assert first_200_after(history, time.time(), tell) < 3
        receiver.wait_ready()
        traffic.flows()

    refused = between(history, refused_from, refused_until)
    assert set(statuses(refused)) == {503}
    assert max(attempt.seconds for attempt in refused) < 1
    told = [line["detail"] for line in receiver.log_lines("topic.unsafe") if detail in line["detail"]]
    assert len(told) == 1 and system.events in told[0], told
    check_answers(system, history)


def test_missing_topic_is_named_with_the_remedy(system: System, admin: AdminClient, history: History, tell: Tell) -> None:
    delete(admin, system.events)
    refused_then_healed(system, watching(system), history, tell, "does not exist: run `keystrand topics create`",
                        lambda: create(admin, system.events))


def test_topic_that_cannot_hold_the_largest_body_is_refused(
        system: System, admin: AdminClient, history: History, tell: Tell) -> None:
    alter(admin, system.events, max_message_bytes="1000000")
    refused_then_healed(system, watching(system), history, tell, f"max.message.bytes to at least {(1 << 20) + OVERHEAD}",
                        lambda: alter(admin, system.events, max_message_bytes=str((1 << 20) + OVERHEAD)))


def test_topic_that_is_made_too_small_under_load_is_refused(
        system: System, admin: AdminClient, history: History, tell: Tell) -> None:
    receiver = watching(system).wait_ready()
    send(receiver, history, *stories("before it shrank", 20))
    alter(admin, system.events, max_message_bytes="100000")
    refused_then_healed(system, receiver, history, tell, "max.message.bytes",
                        lambda: alter(admin, system.events, max_message_bytes=str(2 << 20)))


def test_one_copy_is_refused_where_three_are_promised(system: System, history: History) -> None:
    receiver = watching(system, KEYSTRAND_DURABILITY="replicated")
    with Traffic(receiver, history) as traffic:
        unready_because(receiver, "topic", "fewer than 3 copies: recreate it, or set KEYSTRAND_DURABILITY=single-broker")
        traffic.fails(50)
    assert set(statuses(history.attempts)) == {503}
    assert check_answers(system, history) == []


def test_partitions_added_are_refused_because_keys_would_move(
        system: System, admin: AdminClient, history: History) -> None:
    receiver = watching(system).wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        done(admin.create_partitions([NewPartitions(system.events, PARTITIONS + 1)]))
        grown = time.time()
        unready_because(receiver, "topic", f"has {PARTITIONS + 1} partitions, it had {PARTITIONS}: keys would move")
        print(f"refused {time.time() - grown:.1f} s after the partition was added")
        refused_from = time.time()
        traffic.fails(50)
    assert set(statuses(between(history, refused_from, time.time()))) == {503}
    records = topic.read(system.stack.kafka_brokers, system.events)
    assert max(record.partition for record in records) < PARTITIONS, "a key has moved"
    held = Counter(record.value for record in records)
    assert all(held[attempt.delivery.body] for attempt in history.accepted())
    assert all(attempt.seconds < 9 for attempt in history.attempts)


def test_partitions_added_while_no_receiver_ran_are_told_by_the_dead_letters_topic(
        system: System, admin: AdminClient, history: History) -> None:
    done(admin.create_partitions([NewPartitions(system.events, PARTITIONS + 1)]))
    receiver = watching(system)
    with Traffic(receiver, history) as traffic:
        unready_because(receiver, "topic", f"topic {system.events} has {PARTITIONS + 1} partitions and "
                                           f"{system.dead_letters} has {PARTITIONS}, which have to be as many")
        traffic.fails(50)
    assert set(statuses(history.attempts)) == {503}
    assert check_answers(system, history) == []


def test_events_topic_of_another_name_is_held_against_no_other_systems_dead_letters(
        system: System, admin: AdminClient, history: History) -> None:
    create(admin, "keystrand.dead-letters", PARTITIONS + 1)
    receiver = watching(system, KEYSTRAND_DEAD_LETTERS_TOPIC="")
    with Traffic(receiver.wait_ready(), history) as traffic:
        traffic.flows()
    check_answers(system, history)


def test_dead_letters_topic_is_no_concern_of_a_receiver_that_runs(
        system: System, admin: AdminClient, history: History) -> None:
    receiver = watching(system).wait_ready()
    delete(admin, system.dead_letters)
    create(admin, system.dead_letters, PARTITIONS + 1)
    # Unfit and fit again: so it has looked at everything since.
    alter(admin, system.events, max_message_bytes="100000")
    unready_because(receiver, "topic", "max.message.bytes")
    alter(admin, system.events, max_message_bytes=str(2 << 20))
    receiver.wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
    check_answers(system, history)


def test_topic_deleted_and_made_again_is_served_again(
        system: System, admin: AdminClient, history: History, tell: Tell) -> None:
    receiver = watching(system).wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        delete(admin, system.events)
        unready_because(receiver, "topic", "does not exist")
        missing_from = time.time()
        traffic.fails(50)
        missing_until = time.time()
        create(admin, system.events)
        made = time.time()
        assert first_200_after(history, made, tell) < 3
        receiver.wait_ready()
        traffic.flows()

    missing = between(history, missing_from, missing_until)
    assert set(statuses(missing)) == {503}
    # What was in the topic before is gone with it; of what came after, everything must be there.
    history.attempts[:] = [each for each in history.attempts if not (each.accepted and each.ended < missing_from)]
    check_answers(system, history)


def of_size(seed: str, size: int) -> Delivery:
    event = world(seed).tell("customer.created", world(seed).make("customer", description=""))
    event["data"]["object"]["description"] = "x" * (size - len(delivery.render(event)))
    return delivery.of(event)


def test_records_up_to_the_limit_are_kept_and_larger_ones_never_reach_kafka(
        system: System, admin: AdminClient, history: History) -> None:
    limit = 1 << 20
    alter(admin, system.events, max_message_bytes=str(limit + OVERHEAD))  # the smallest topic that is accepted
    receiver = watching(system).wait_ready()
    for size in (limit - 1, limit, limit + 1):
        send(receiver, history, [of_size(f"size {size}", size)])

    assert [attempt.status for attempt in history.attempts] == [200, 200, 413]
    assert status_before_the_body(receiver, of_size("four times", 4 * limit)) == 413
    assert [len(record.value) for record in sorted(check_answers(system, history), key=lambda each: len(each.value))] == [
        limit - 1, limit]
    assert_no_produce_failed(receiver)


def test_records_that_travel_together_fit_the_smallest_topic_that_is_accepted(
        system: System, admin: AdminClient, history: History) -> None:
    limit = 64 << 10
    alter(admin, system.events, max_message_bytes=str(limit + OVERHEAD))
    # They wait for each other, so that as many as can be travel in one batch: each alone fits, two together do not.
    receiver = watching(system, KEYSTRAND_BODY_BYTES_MAX=str(limit), flags=["--kafka.linger.ms=100"]).wait_ready()
    nowhere = world("one batch")
    customer = nowhere.make("customer", description="x" * (limit - 4000))
    told = [delivery.of(nowhere.tell("customer.updated", customer)) for _ in range(40)]
    deliver(webhook(receiver), [[item] for item in told], history)  # once each: in one batch or not at all

    assert statuses(history.attempts) == {200: len(told)}
    check_answers(system, history)
    assert_no_produce_failed(receiver)


def status_before_the_body(receiver: Program, item: Delivery) -> int:
    """What the head alone is answered: nobody should have to send four times the limit to learn that it is too much."""
    address = urllib.parse.urlsplit(webhook(receiver))
    head = [f"POST {PATH} HTTP/1.1", f"Host: {address.netloc}", f"Content-Length: {len(item.body)}",
            *(f"{name}: {value}" for name, value in item.headers().items()), "", ""]
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall("\r\n".join(head).encode())
        return int(connection.makefile("rb").readline().split()[1])


def assert_no_produce_failed(receiver: Program) -> None:
    counted = receiver.metrics()
    assert counted.sum("keystrand_produce_total") == counted.sum("keystrand_produce_total", result="ok")
