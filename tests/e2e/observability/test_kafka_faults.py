"""What Kafka refuses, and clients that cannot reach it, in the receiver's metrics."""

from __future__ import annotations

import confluent_kafka
import confluent_kafka.admin
import pytest

from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability import marked
from observability.conftest import Start

DEADLINE_S = 10


@pytest.fixture(scope="module")
def admin(stage: System) -> confluent_kafka.admin.AdminClient:
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": stage.stack.kafka_brokers, "log_level": 0})


def make_topic(stage: System, name: str) -> dict[str, str]:
    """Topics of its own, and the settings that name them."""
    settings = {"KEYSTRAND_EVENTS_TOPIC": f"{stage.name}.{name}",
                "KEYSTRAND_DEAD_LETTERS_TOPIC": f"{stage.name}.{name}.dead-letters"}
    created = stage.operator("topics", "create", "--partitions", "1", **settings)
    assert created.returncode == 0, created.stderr
    return settings


def alter_topic(admin: confluent_kafka.admin.AdminClient, topic: str, name: str, value: str) -> None:
    entry = confluent_kafka.admin.ConfigEntry(
        name, value, incremental_operation=confluent_kafka.admin.AlterConfigOpType.SET)
    resource = confluent_kafka.admin.ConfigResource(
        confluent_kafka.admin.ResourceType.TOPIC, topic, incremental_configs=[entry])
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(DEADLINE_S)


def test_topic_missing(start: Start) -> None:
    receiver = start(KEYSTRAND_EVENTS_TOPIC="observed.nowhere", ready=False)
    eventually(lambda: receiver.lines("topic.unsafe"), "the topic's problem in the log")
    assert receiver.deliver(marked.sample()) == 503
    seen = receiver.scrape()
    assert seen.value("keystrand_receiver_events_total", outcome="failed", reason="queue_error") == 1
    assert seen.value("keystrand_ready", check="topic") == 0
    assert seen.value("keystrand_ready", check="settings") == seen.value("keystrand_ready", check="serving") == 1
    [line] = receiver.lines("delivery.failed")
    assert line["reason"] == "queue_error" and line["error_code"] == "misdeployed"


def test_record_refused_by_the_broker(
        start: Start, stage: System, admin: confluent_kafka.admin.AdminClient) -> None:
    setting = make_topic(stage, "refusing")
    topic = setting["KEYSTRAND_EVENTS_TOPIC"]
    receiver = start(**setting)
    assert receiver.deliver(marked.sample()) == 200
    alter_topic(admin, topic, "max.message.bytes", "200")
    eventually(lambda: receiver.deliver(marked.sample()) == 503, "too large for the topic", DEADLINE_S)
    assert receiver.value("keystrand_produce_total", result="too_large") >= 1
    alter_topic(admin, topic, "max.message.bytes", str(2 << 20))
    alter_topic(admin, topic, "message.timestamp.before.max.ms", "0")
    eventually(lambda: receiver.deliver(marked.sample()) and receiver.value("keystrand_produce_total", result="broker"),
               "a timestamp that the topic does not take", DEADLINE_S)
    reasons = {line["reason"] for line in receiver.lines("delivery.failed")}
    assert reasons == {"queue_error"}


def test_topic_taken_away(
        start: Start, stage: System, admin: confluent_kafka.admin.AdminClient) -> None:
    setting = make_topic(stage, "vanishing")
    receiver = start(["--kafka.topic.metadata.propagation.max.ms=100", "--kafka.topic.metadata.refresh.interval.ms=1000"], **setting)
    assert receiver.deliver(marked.sample()) == 200
    for deleted in admin.delete_topics([setting["KEYSTRAND_EVENTS_TOPIC"]]).values():
        deleted.result(DEADLINE_S)
    eventually(lambda: receiver.deliver(marked.sample()) == 503 and receiver.value("keystrand_produce_total", result="other"),
               "no topic", DEADLINE_S)


def test_brokers_out_of_reach(start: Start) -> None:
    """Each kind of trouble is counted by its name, and logged by it."""
    receivers = {
        "_RESOLVE": start(ready=False, KEYSTRAND_KAFKA_BROKERS="no-such-broker.invalid:9092"),
        "_SSL": start(["--kafka.security.protocol=ssl"], ready=False),
        "_AUTHENTICATION": start(["--kafka.security.protocol=sasl_plaintext", "--kafka.sasl.mechanism=PLAIN",
                                  "--kafka.sasl.username=observed"],
                                 ready=False, KEYSTRAND_KAFKA_SASL_PASSWORD=marked.KAFKA_PASSWORD)}
    for code, receiver in receivers.items():
        receiver.wait_value("keystrand_kafka_client_errors_total", 1, DEADLINE_S, code=code)
        assert receiver.value("keystrand_ready", check="kafka") == 0
        codes = eventually(lambda receiver=receiver: {line["code"] for line in receiver.lines("kafka.error")}, "a line about it")
        assert code in codes
