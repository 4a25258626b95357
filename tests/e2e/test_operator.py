"""What an operator types."""

from __future__ import annotations

import json
import time

import confluent_kafka.admin

from keystrand_e2e.load import send, send_events, stories, world
from keystrand_e2e.programs import Program
from keystrand_e2e.system import PARTITIONS, System
from traffic import delivery
from traffic.sender import History


def topic_settings(system: System, name: str) -> dict[str, str]:
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": system.stack.kafka_brokers, "log_level": 0})
    resource = confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ConfigResource.Type.TOPIC, name)
    [described] = admin.describe_configs([resource]).values()
    return {entry.name: entry.value for entry in described.result(10).values()}


def partition_count(system: System, name: str) -> int:
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": system.stack.kafka_brokers, "log_level": 0})
    return len(admin.list_topics(name, timeout=10).topics[name].partitions)


def test_topics_are_created_once_with_the_promised_settings(system: System) -> None:
    day_ms = 24 * 3600 * 1000
    for name, days in ((system.events, 35), (system.dead_letters, 90)):
        settings = topic_settings(system, name)
        assert partition_count(system, name) == PARTITIONS
        assert int(settings["retention.ms"]) == days * day_ms
        assert int(settings["max.message.bytes"]) >= 2 << 20
        assert settings["cleanup.policy"] == "delete"

    before = {name: topic_settings(system, name) for name in (system.events, system.dead_letters)}
    again = system.operator("topics", "create", "--partitions", str(PARTITIONS))
    assert again.returncode == 0, again.stderr
    assert {name: topic_settings(system, name) for name in before} == before


def test_status_is_healthy_until_a_letter_is_open(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    send(receiver, history, *stories("status", 60))
    system.wait_drained()
    system.wait_committed()
    healthy = system.operator("status")
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr
    for part in ("HEALTHY", system.events, system.dead_letters, system.group):
        assert part in healthy.stdout
    began = time.monotonic()
    assert {system.operator("status").returncode for _ in range(5)} == {0}
    assert time.monotonic() - began < 5, "somebody waits for this, in an incident"

    send(receiver, history, [delivery.unreadable("{")])
    system.wait_drained()
    system.wait_committed()
    degraded = system.operator("status", "--output", "json")
    assert degraded.returncode == 1, degraded.stdout + degraded.stderr
    told = json.loads(degraded.stdout)
    assert told["status"] == "degraded"
    assert told["dead_letters"]["by_error_code"][0]["error_code"] == "malformed"
    assert told["backlog"]["events"] == 0


def test_event_show_joins_inbox_object_and_record(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    nowhere = world("show")
    event = nowhere.tell("customer.created", nowhere.make("customer", name="Émilie du Châtelet"))
    send_events(receiver, history, event)
    system.wait_drained()

    shown = system.operator("event", "show", event["id"])
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for part in (event["id"], "customer.created", "applied", f"test/self/{event['data']['object']['id']}"):
        assert part in shown.stdout
    assert "Émilie" not in shown.stdout, "personal data is not shown unasked"


def test_payload_is_shown_byte_for_byte_and_leaves_an_audit_row(
        system: System, receiver: Program, worker: Program, history: History) -> None:
    nowhere = world("payload")
    event = nowhere.tell("customer.created", nowhere.make("customer", name="Émilie du Châtelet"))
    send_events(receiver, history, event)
    system.wait_drained()

    refused = system.operator("event", "show", event["id"], "--payload")
    assert refused.returncode != 0 and not refused.stdout
    shown = system.operator("event", "show", event["id"], "--payload", "--reason", "a test", "--actor", "tester")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.encode() == delivery.render(event)
    actions = system.rows("SELECT actor, reason FROM keystrand.operator_actions WHERE action LIKE 'event%%'")
    assert actions == [{"actor": "tester", "reason": "a test"}]


def test_event_that_nobody_sent_is_said_to_be_unknown(system: System) -> None:
    shown = system.operator("event", "show", "evt_never_sent")
    assert shown.returncode != 0
    assert "evt_never_sent" in shown.stderr


def test_unreachable_broker_and_database_are_named_without_secrets(system: System) -> None:
    unreachable = {"KEYSTRAND_KAFKA_BROKERS": "127.0.0.1:1", "KEYSTRAND_DATABASE_URL": "postgresql://a:hidden@127.0.0.1:1/x"}
    shown = system.operator("status", **unreachable)
    assert shown.returncode != 0
    assert shown.stderr.strip()
    assert "hidden" not in shown.stdout + shown.stderr
