"""Every position that a consumer group ever committed, with the broker's time of it: the records of __consumer_offsets,
in the format of Kafka's OffsetCommitKey and OffsetCommitValue."""

from __future__ import annotations

import dataclasses
import struct
import time

import confluent_kafka

READ_DEADLINE_S = 60
LOG = "__consumer_offsets"
COMMIT_KEYS = (0, 1)  # versions of keys that are offsets; others are members of groups


@dataclasses.dataclass(frozen=True)
class GroupCommit:
    partition: int
    offset: int
    at_ms: int  # Unix, by the broker


def commits_of(brokers: str, group: str, topic: str) -> list[GroupCommit]:
    """In the order in which they were made, but for those that Kafka has compacted away."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": brokers, "group.id": "faults-reader", "enable.auto.commit": False, "log_level": 0,
        "auto.offset.reset": "earliest", "enable.partition.eof": True})
    found: list[GroupCommit] = []
    try:
        partitions = consumer.list_topics(LOG, timeout=10).topics[LOG].partitions
        consumer.assign([confluent_kafka.TopicPartition(LOG, number, 0) for number in partitions])
        open_partitions = set(partitions)
        end = time.monotonic() + READ_DEADLINE_S
        while open_partitions:
            assert time.monotonic() < end, f"reading {LOG} took longer than {READ_DEADLINE_S} s"
            for message in consumer.consume(1000, timeout=0.2):
                if message.error() is None:
                    commit = parsed(message.key(), message.value(), message.timestamp()[1], group, topic)
                    found += [commit] if commit else []
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    open_partitions.discard(message.partition())
                else:
                    raise AssertionError(f"reading {LOG}: {message.error()}")
    finally:
        consumer.close()
    return found


def parsed(key: bytes, value: bytes | None, at_ms: int, group: str, topic: str) -> GroupCommit | None:
    """None for what is no commit of this group in this topic."""
    (version,) = struct.unpack_from(">h", key)
    if version not in COMMIT_KEYS or value is None:
        return None
    at = 2
    names = []
    for _ in range(2):
        (size,) = struct.unpack_from(">h", key, at)
        names.append(key[at + 2 : at + 2 + size].decode())
        at += 2 + size
    (partition,) = struct.unpack_from(">i", key, at)
    if names != [group, topic]:
        return None
    (_, offset) = struct.unpack_from(">hq", value)
    return GroupCommit(partition, offset, at_ms)
