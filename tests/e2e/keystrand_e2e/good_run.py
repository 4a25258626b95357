"""What a faultless system leaves of some stories: where the tests of the checkers begin, each to spoil it in its own way."""

from __future__ import annotations

import copy
import functools
import hashlib

from keystrand_e2e.evidence import Evidence
from keystrand_e2e.topic import Record
from traffic import delivery, plan, semantics
from traffic.delivery import Delivery
from traffic.sender import Attempt

PARTITIONS = 6
START = 1_790_000_000


def good_run() -> Evidence:
    """What a faultless system leaves of some stories, a forgery, a lost answer and an unreadable body."""
    deliveries = _deliveries()
    attempts = [_answered(item, 200) for item in deliveries]
    attempts += [_answered(delivery.forged(deliveries[0].event), 400), _answered(delivery.unreadable("lost"), 0)]
    records = records_of(deliveries)
    return _settled(attempts, records, records)


def settled_in_turn(deliveries: list[Delivery]) -> Evidence:
    """What a faultless system leaves of these if it settles them in this order."""
    records = records_of(deliveries)
    of_body = {record.value: record for record in records}
    return _settled([_answered(item, 200) for item in deliveries], records, [of_body[item.body] for item in deliveries])


@functools.cache
def _deliveries() -> list[Delivery]:
    told = plan.tell("checker", START, 160)
    deliveries = [item for strand in plan.strands(told, "checker", duplicates=0.1, late=0.1) for item in strand]
    deliveries.insert(7, delivery.unreadable('{"id": "evt_cut_off'))
    return deliveries


def _answered(item: Delivery, status: int) -> Attempt:
    return Attempt(item, began=START, ended=START + 1, status=status)


def records_of(deliveries: list[Delivery]) -> list[Record]:
    ends = dict.fromkeys(range(PARTITIONS), 0)
    records = []
    for item in deliveries:
        key = semantics.record_key_of(item.body)
        partition = semantics.partition_of(key, PARTITIONS)
        headers = {"received-at": f"{START}000", "request-id": "r-1", "endpoint": "default", "expected-mode": "any",
                   "body-sha256": item.digest, "signed-with": "primary",
                   "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
        if item.event:
            headers |= {"event-id": item.event["id"], "event-type": item.event["type"]}
        records.append(_record("t.events", partition, ends[partition], key, item.body, headers))
        ends[partition] += 1
    return sorted(records, key=lambda record: record.position)


def _record(name: str, partition: int, offset: int, key: str, value: bytes, headers: dict[str, str]) -> Record:
    contract = {"topic": name, "partition": partition, "offset": offset, "timestamp": START * 1000, "key": key,
                "headers": headers, "value_sha256": hashlib.sha256(value).hexdigest(), "value_bytes": len(value)}
    return Record(partition, offset, key, value, headers, contract)


def _settled(attempts: list[Attempt], records: list[Record], in_turn: list[Record]) -> Evidence:
    evidence = Evidence(PARTITIONS, attempts, records, letters=[], inbox=[], objects=[], dead_letters=[], leases=[],
                        settlements=[], regressions=[], committed={})
    mirror = semantics.Mirror()
    known = set()
    for record in in_turn:
        event = semantics.read(record.value)
        if event is None:
            _bury(evidence, record)
        elif (identity := (semantics.scope_of(event), event["id"])) not in known:
            known.add(identity)
            _settle(evidence, record, identity, event, mirror.apply(event))
    for key, event in mirror.objects.items():
        rank = semantics.rank_of(event)
        evidence.objects.append({
            "scope": key.scope, "object": key.kind, "id": key.id, "data": copy.deepcopy(event["data"]["object"]),
            "event_id": event["id"], "event_type": event["type"], "created": event["created"],
            "api_version": event["api_version"], "deleted": rank.deleted, "terminal": rank.terminal})
    for partition in range(PARTITIONS):
        end = sum(record.partition == partition for record in evidence.records)
        evidence.leases.append({"partition": partition, "next_offset": end})
        evidence.committed[partition] = end
    return evidence


def _settle(evidence: Evidence, record: Record, identity: tuple[str, str], event: dict, status: str) -> None:
    scope, event_id = identity
    evidence.inbox.append({"scope": scope, "event_id": event_id, "event_type": event["type"], "status": status,
                           "source_partition": record.partition, "source_offset": record.offset})
    evidence.settlements.append({"scope": scope, "event_id": event_id, "ordering_key": record.key, "status": status,
                                 "partition": record.partition, "offset": record.offset, "epoch": 1, "worker": "a",
                                 "transaction": len(evidence.settlements) // 3})


def _bury(evidence: Evidence, record: Record) -> None:
    source = f"t.events/{record.partition}/{record.offset}"
    headers = {**record.headers, "dlq-id": f"{source}/0", "dlq-stage": "parse", "dlq-error-code": "malformed",
               "dlq-error-message": "not JSON", "dlq-fingerprint": "0123456789abcdef", "dlq-attempts": "1",
               "dlq-first-failed-at": f"{START}000", "dlq-failed-at": f"{START}000", "dlq-source-topic": "t.events",
               "dlq-source-partition": f"{record.partition}", "dlq-source-offset": f"{record.offset}",
               "dlq-source-timestamp": f"{START}000", "dlq-worker": "a", "dlq-cycle": "0"}
    evidence.letters.append(_record("t.dead-letters", record.partition, len(evidence.letters), record.key, record.value,
                                    headers))
    evidence.dead_letters.append({"source_partition": record.partition, "source_offset": record.offset,
                                  "record_key": record.key.encode(), "payload": record.value, "error_code": "malformed",
                                  "stage": "parse", "published_at": START})
