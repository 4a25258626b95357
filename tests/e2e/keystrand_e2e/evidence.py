"""All that is left after a run, from sources that do not depend on each other."""

from __future__ import annotations

import dataclasses
from typing import Any

from keystrand_e2e import topic
from keystrand_e2e.system import System
from keystrand_e2e.topic import Record
from traffic.sender import Attempt, History

Row = dict[str, Any]


@dataclasses.dataclass
class Evidence:
    """Of a run that has drained: every record settled, every dead letter published."""

    partitions: int
    attempts: list[Attempt]  # what the senders did and were answered
    records: list[Record]  # the events topic
    letters: list[Record]  # the dead-letters topic
    inbox: list[Row]
    objects: list[Row]
    dead_letters: list[Row]
    leases: list[Row]
    settlements: list[Row]  # what the observer saw inside the worker's transactions, in order
    regressions: list[Row]
    committed: dict[int, int]  # the group's position in Kafka


def collect(system: System, history: History) -> Evidence:
    brokers = system.stack.kafka_brokers
    return Evidence(
        partitions=len(topic.ends(brokers, system.events)),
        attempts=list(history.attempts),
        records=topic.read(brokers, system.events),
        letters=topic.read(brokers, system.dead_letters),
        inbox=system.rows("SELECT *, extract(epoch FROM event_created)::bigint AS created FROM keystrand.inbox"),
        objects=system.rows("SELECT *, extract(epoch FROM event_created)::bigint AS created FROM stripe.objects"),
        dead_letters=system.rows("SELECT * FROM keystrand.dead_letters"),
        leases=system.rows("SELECT * FROM keystrand.partition_leases WHERE topic = %s", system.events),
        settlements=system.rows("SELECT * FROM observed.settlements ORDER BY seq"),
        regressions=system.rows("SELECT * FROM observed.regressions"),
        committed=topic.committed(brokers, system.events, system.group))
