"""What a group can do to its workers, and a topic to its group."""

from __future__ import annotations

import json

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewPartitions

from keystrand_e2e import checker
from keystrand_e2e.evidence import collect
from keystrand_e2e.load import background, send, stories
from keystrand_e2e.programs import Program
from keystrand_e2e.system import PARTITIONS, System
from keystrand_e2e.waiting import eventually
from test_takeover import dawdle, owners, settled_by
from traffic.sender import History


def test_worker_that_polls_too_seldom_is_replaced_and_takes_part_again(
        system: System, receiver: Program, history: History) -> None:
    """Its poll thread waits for a slow batch when partitions are taken from it, longer than its group puts up with."""
    dawdle(system, 0.4)
    slow = system.start_worker("slow", ["--kafka.max.poll.interval.ms=1000"], KEYSTRAND_BATCH_MAX="8",
                               KEYSTRAND_EXECUTORS="4").wait_ready()
    with background(receiver, history, stories("polls too seldom", 9000), per_s=150) as sending:
        eventually(lambda: settled_by(system, "slow") > 0, "slow at work")
        other = system.start_worker("other").wait_ready()
        eventually(lambda: "_MAX_POLL_EXCEEDED" in slow.log.read_text(), "slow put out of the group")
        dawdle(system, 0)
        eventually(lambda: set(owners(system).values()) == {"slow", "other"}, "slow takes part again")
        before = settled_by(system, "slow")
        eventually(lambda: settled_by(system, "slow") > before, "slow at work again")
        assert sending.sending, "the load ended too early"
        sending.stop()
    system.wait_drained()
    assert other.metrics().sum("keystrand_worker_events_total") > 0
    checker.check(collect(system, history))


def test_partitions_added_stop_the_workers_since_keys_would_move(
        system: System, receiver: Program, history: History) -> None:
    worker = system.start_worker(KEYSTRAND_TOPIC_CHECK_INTERVAL_MS="100").wait_ready()
    send(receiver, history, *stories("before", 60))
    system.wait_drained()
    admin = AdminClient({"bootstrap.servers": system.stack.kafka_brokers, "log_level": 0})
    [grown] = admin.create_partitions([NewPartitions(system.events, PARTITIONS + 1)]).values()
    grown.result(10)

    eventually(lambda: not worker.ready(), "not ready")
    [why] = [check["detail"] for check in worker.checks().values() if not check["ok"]]
    assert f"topic {system.events} has {PARTITIONS + 1} partitions, it had {PARTITIONS}" in why and "keys would move" in why
    settled = system.settled()
    producer = confluent_kafka.Producer({"bootstrap.servers": system.stack.kafka_brokers, "log_level": 0})
    producer.produce(system.events, b"{", b"unreadable/default/0", partition=PARTITIONS)
    assert producer.flush(10) == 0
    successor = system.start_worker("successor", KEYSTRAND_TOPIC_CHECK_INTERVAL_MS="100")
    told = f"topic {system.events} has {PARTITIONS + 1} partitions and {system.dead_letters} has {PARTITIONS}"
    eventually(lambda: told in successor.log.read_text(), "the successor says so too")
    assert not successor.ready() and system.settled() == settled
    assert system.rows("SELECT 1 FROM keystrand.dead_letters") == []


def test_garbage_in_the_topic_becomes_dead_letters_and_holds_nobody_up(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": system.stack.kafka_brokers, "log_level": 0,
                                         "message.max.bytes": 3 << 20})
    garbage: list[dict[str, object]] = [
        {"value": None, "key": b"test/self/cus_1"}, {"value": b"", "key": b"test/self/cus_1"}, {"value": b"{}", "key": None},
        {"value": b"\xff\xfe\x00", "key": b"\x00\xff"}, {"value": b"{}", "key": b"test/self/cus_1", "partition": 0},
        {"value": b"{}", "key": b"test/self/cus_1", "partition": 1}, {"value": b"[" * (1 << 20), "key": b"k"},
        {"value": b"{}", "key": b"k" * 70000}, {"value": b"{}", "key": b"k", "headers": [("keystrand-received-at", b"\xff")] * 200},
        {"value": b"x" * (3 << 19), "key": b"too large for a delivery"},
    ]
    send(receiver, history, *stories("before garbage", 150))
    for record in garbage:
        producer.produce(system.events, **record)
    assert producer.flush(10) == 0
    send(receiver, history, *stories("after garbage", 150))
    system.wait_drained()
    letters = system.rows("SELECT error_code, published_at FROM keystrand.dead_letters")
    assert len(letters) == len(garbage) and {row["error_code"] for row in letters} == {"malformed"}
    assert worker.ready()
    assert system.settled() == len({json.loads(attempt.delivery.body)["id"] for attempt in history.accepted()})
