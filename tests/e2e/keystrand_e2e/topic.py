"""A topic read whole, by a consumer that knows nothing of groups: assigned, from offset 0 to the end."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import confluent_kafka

from contract import records

READ_DEADLINE_S = 60


@dataclasses.dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    key: str
    value: bytes
    headers: dict[str, str]
    contract: dict[str, Any]  # as schemas/records describes it

    @property
    def position(self) -> tuple[int, int]:
        return self.partition, self.offset


def _consumer(brokers: str, group: str = "e2e-reader") -> confluent_kafka.Consumer:
    return confluent_kafka.Consumer({
        "bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "error",
        "isolation.level": "read_committed", "check.crcs": True, "enable.partition.eof": True, "log_level": 0,
        "fetch.message.max.bytes": 4 << 20})


def partitions(consumer: confluent_kafka.Consumer, topic: str) -> list[confluent_kafka.TopicPartition]:
    found = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    return [confluent_kafka.TopicPartition(topic, number, 0) for number in sorted(found)]


def ends(brokers: str, topic: str) -> dict[int, int]:
    """Per partition, the offset that the next record will have."""
    consumer = _consumer(brokers)
    try:
        return {each.partition: consumer.get_watermark_offsets(each, timeout=10)[1] for each in partitions(consumer, topic)}
    finally:
        consumer.close()


def committed(brokers: str, topic: str, group: str) -> dict[int, int]:
    """Per partition, the offset that the group has committed; partitions without one are missing."""
    consumer = _consumer(brokers, group)
    try:
        positions = consumer.committed(partitions(consumer, topic), timeout=10)
        return {each.partition: each.offset for each in positions if each.offset >= 0}
    finally:
        consumer.close()


def read(brokers: str, topic: str) -> list[Record]:
    """All records, in the order of their partitions and offsets."""
    consumer = _consumer(brokers)
    found: list[Record] = []
    try:
        assigned = partitions(consumer, topic)
        open_partitions = {each.partition for each in assigned}
        consumer.assign(assigned)
        end = time.monotonic() + READ_DEADLINE_S
        while open_partitions:
            assert time.monotonic() < end, f"reading {topic} took longer than {READ_DEADLINE_S} s"
            for message in consumer.consume(1000, timeout=0.2):
                if message.error() is None:
                    found.append(_record(message))
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    open_partitions.discard(message.partition())
                else:
                    raise AssertionError(f"reading {topic}: {message.error()}")
    finally:
        consumer.close()
    return sorted(found, key=lambda record: record.position)


def _record(message: confluent_kafka.Message) -> Record:
    headers = {name: value.decode() for name, value in message.headers() or []}
    return Record(message.partition(), message.offset(), (message.key() or b"").decode(), message.value() or b"", headers,
                  records.record_of(message))
