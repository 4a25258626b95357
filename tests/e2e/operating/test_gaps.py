"""A partition whose position is not in its log: it stops, the others go on, and only an operator lets it go on."""

from __future__ import annotations

import confluent_kafka
from confluent_kafka.admin import AdminClient

from keystrand_e2e import checker, topic
from keystrand_e2e.evidence import collect
from keystrand_e2e.load import send, stories
from keystrand_e2e.programs import Program
from keystrand_e2e.system import PARTITIONS, System
from keystrand_e2e.waiting import eventually
from operating.desk import Desk
from traffic.sender import History


def ends(system: System) -> dict[int, int]:
    return topic.ends(system.stack.kafka_brokers, system.events)


def delete_records(system: System, partition: int, before: int) -> None:
    """As retention does."""
    admin = AdminClient({"bootstrap.servers": system.stack.kafka_brokers, "log_level": 0})
    target = confluent_kafka.TopicPartition(system.events, partition, before)
    [deleted] = admin.delete_records([target]).values()
    deleted.result(10)


def commit(system: System, partition: int, offset: int) -> None:
    """Moves the group, in which nobody may be."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": system.stack.kafka_brokers, "group.id": system.group,
                                         "enable.auto.commit": False, "log_level": 0})
    try:
        consumer.commit(offsets=[confluent_kafka.TopicPartition(system.events, partition, offset)], asynchronous=False)
    finally:
        consumer.close()


def settled_offsets(system: System, partition: int) -> set[int]:
    return {row["source_offset"] for row in system.rows(
        "SELECT source_offset FROM keystrand.inbox WHERE source_partition = %s", partition)}


def accepted(system: System) -> list[dict[str, object]]:
    return system.rows("SELECT actor, reason, subject FROM keystrand.operator_actions WHERE action = 'gap.accepted'")


def stopped(worker: Program) -> bool:
    return bool(worker.log_lines("worker.position_lost"))


def test_partition_that_retention_passed_stops_until_an_operator_accepts_the_gap(
        system: System, desk: Desk, receiver: Program, history: History) -> None:
    send(receiver, history, *stories("read in time", 100))
    worker = system.start_worker("first").wait_ready()
    system.wait_drained()
    system.wait_committed()
    worker.stop()
    position = ends(system)
    send(receiver, history, *stories("too late", 200, duplicates=0))
    lost = max(range(PARTITIONS), key=lambda each: ends(system)[each] - position[each])
    log_start, end = position[lost] + 5, ends(system)[lost]
    assert end > log_start + 2, "too few records in the partition"
    delete_records(system, lost, log_start)

    worker = system.start_worker("second")
    eventually(lambda: stopped(worker), "the alarm")
    eventually(lambda: system.backlog() == {lost: end - position[lost]}, "the other partitions drained")
    assert not settled_offsets(system, lost) & set(range(position[lost], end)), "it jumped"
    [gap] = desk.run("gap", "list", "--output", "json").ok().lines
    assert gap == {"partition": lost, "position": position[lost], "log_start": log_start, "log_end": end, "missing": 5,
                   "accepted": False}
    status = system.operator("status")
    assert status.returncode == 1 and f"partition {lost} stands at {position[lost]}, outside its log" in status.stdout

    done = desk.run("gap", "accept", lost, "--reason", "a test deleted them").ok()
    assert "5 records will not be read" in done.err and f"goes on at {log_start}" in done.text
    system.wait_drained()
    assert settled_offsets(system, lost) & set(range(position[lost], end)) == set(range(log_start, end))
    [audited] = accepted(system)
    assert audited["actor"] == "jenny" and audited["reason"] == "a test deleted them"
    assert audited["subject"] == {"topic": system.events, "partition": lost, "from": position[lost], "to": log_start,
                                  "missing": 5}
    system.wait_committed()  # until then the group still stands in the gap
    assert desk.run("gap", "list").code == 3
    again = desk.run("gap", "accept", lost, "--reason", "once more")
    assert again.code == 3 and "has no gap" in again.err
    assert len(accepted(system)) == 1


def test_position_behind_the_end_of_a_log_goes_back_to_its_start_only_when_accepted(
        system: System, desk: Desk, receiver: Program, history: History) -> None:
    """As after the topic was deleted and made anew."""
    send(receiver, history, *stories("made anew", 150))
    worker = system.start_worker("first").wait_ready()
    system.wait_drained()
    worker.stop()
    end, own = ends(system)[0], len(settled_offsets(system, 0))
    assert own > 10, "too few records in the partition"
    commit(system, 0, end + 1000)
    assert system.rows('UPDATE keystrand.partition_leases SET next_offset = %s WHERE "partition" = 0 RETURNING 1', end + 1000)

    worker = system.start_worker("second")
    eventually(lambda: stopped(worker), "the alarm")
    [gap] = desk.run("gap", "list", "--output", "json").ok().lines
    assert (gap["partition"], gap["position"], gap["log_start"], gap["missing"]) == (0, end + 1000, 0, 0)
    desk.run("gap", "accept", 0, "--reason", "the topic was made anew").ok()
    send(receiver, history, *stories("and goes on", 100))
    eventually(lambda: worker.metrics().sum("keystrand_worker_redelivered_total") == own, "all of it read again")
    system.wait_drained()
    checker.check(collect(system, history))


def test_what_cannot_be_accepted_is_refused_with_the_remedy(desk: Desk) -> None:
    nothing = desk.run("gap", "list")
    assert nothing.code == 3 and "no gap" in nothing.err
    for arguments, words in ((["0"], "--reason: not given"), (["zero", "--reason", "x"], 'PARTITION = "zero"'),
                             (["-1", "--reason", "x"], "-1")):
        refused = desk.run("gap", "accept", *arguments)
        assert refused.code == 2 and words in refused.err, refused.err
    missing = desk.run("gap", "accept", PARTITIONS, "--reason", "x")
    assert missing.code == 3 and "gap list" in missing.err
