"""The broker does not let the receiver in, does not show who it is, or takes a right away."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable

from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient,
                                   ResourcePatternType, ResourceType)

from broker.conftest import PASSWORD, ROTATING_USER, USER, Users, Ways, brokers
from broker.test_broker_topics import done
from keystrand_e2e.outage import Traffic, between, check_answers, first_200_after, statuses, unready_because
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic.sender import History

Tell = Callable[[str, object], None]

DETECTED_S = 5
NEXT_PASSWORD, WRONG_PASSWORD = "invented-for-tests-2", "invented-and-never-set"


def start_as(system: System, ways: Ways, password: str, user: str = USER, name: str = "receiver") -> Program:
    return system.start_receiver(name, KEYSTRAND_KAFKA_BROKERS=brokers(ways.sasl), KEYSTRAND_KAFKA_SASL_PASSWORD=password,
                                 flags=["--kafka.security.protocol=SASL_PLAINTEXT", "--kafka.sasl.mechanism=PLAIN",
                                        f"--kafka.sasl.username={user}"])


def start_tls(system: System, ways: Ways, authority: pathlib.Path) -> Program:
    return system.start_receiver(KEYSTRAND_KAFKA_BROKERS=brokers(ways.tls), flags=[
        "--kafka.security.protocol=SSL", f"--kafka.ssl.ca.location={authority}"])


def refused(system: System, receiver: Program, history: History, code: str) -> None:
    """Live, not ready, each delivery 503 at once, and both /readyz and the metrics say why."""
    with Traffic(receiver, history) as traffic:
        began = time.time()
        eventually(lambda: receiver.metrics().sum("keystrand_kafka_client_errors_total", code=code), code, DETECTED_S)
        unready_because(receiver, "kafka", code, DETECTED_S)
        print(f"refused, and said so {time.time() - began:.1f} s after it was live")
        traffic.fails(50)
        assert not receiver.ready()
    assert set(statuses(history.attempts)) == {503}
    assert max(attempt.seconds for attempt in history.attempts) < 1
    assert check_answers(system, history) == []


def test_wrong_password_means_not_ready_and_503(system: System, ways: Ways, history: History) -> None:
    receiver = start_as(system, ways, WRONG_PASSWORD)
    refused(system, receiver, history, "_AUTHENTICATION")
    assert WRONG_PASSWORD not in receiver.log.read_text()


def test_broker_certificate_of_another_authority_means_not_ready_and_503(
        system: System, ways: Ways, history: History) -> None:
    refused(system, start_tls(system, ways, ways.other_authority), history, "_SSL")


def test_tls_with_the_right_authority_serves(system: System, ways: Ways, history: History) -> None:
    receiver = start_tls(system, ways, ways.authority).wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
    check_answers(system, history)


def test_password_changed_under_a_receiver_costs_no_accepted_delivery(
        system: System, ways: Ways, users: Users, history: History) -> None:
    old = start_as(system, ways, PASSWORD, ROTATING_USER).wait_ready()
    with Traffic(old, history) as traffic:
        traffic.flows()
        users.set(**{**users.passwords, ROTATING_USER: NEXT_PASSWORD})
        system.stack.stop_broker()
        system.stack.start_broker()
        began = time.time()
        eventually(lambda: old.metrics().sum("keystrand_kafka_client_errors_total", code="_AUTHENTICATION"), "told",
                   DETECTED_S)
        print(f"refused, and said so {time.time() - began:.1f} s after the broker was up")
        traffic.fails(50)
        eventually(lambda: not old.ready(), "not ready")
    assert set(statuses(between(history, began, time.time()))) == {503}
    new = start_as(system, ways, NEXT_PASSWORD, ROTATING_USER, "receiver-2").wait_ready()
    with Traffic(new, history) as traffic:
        traffic.flows()
    check_answers(system, history)


def rule(system: System, operation: AclOperation, user: str = USER, topic_name: str = "") -> AclBinding:
    """That the user may do so with a topic: with the events if none is named."""
    return AclBinding(ResourceType.TOPIC, topic_name or system.events, ResourcePatternType.LITERAL, f"User:{user}", "*", operation,
                      AclPermissionType.ALLOW)


def take_away(admin: AdminClient, binding: AclBinding) -> None:
    done(admin.delete_acls([AclBindingFilter(binding.restype, binding.name, binding.resource_pattern_type, binding.principal,
                                             binding.host, binding.operation, binding.permission_type)]))


def test_right_to_write_taken_away_means_not_ready_and_503_until_it_is_back(
        system: System, ways: Ways, admin: AdminClient, history: History, tell: Tell) -> None:
    rules = [rule(system, each) for each in (AclOperation.WRITE, AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)]
    done(admin.create_acls(rules))
    receiver = start_as(system, ways, PASSWORD).wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        take_away(admin, rules[0])
        taken = time.time()
        unready_because(receiver, "kafka", "lacks the right to write", DETECTED_S)
        print(f"not ready {time.time() - taken:.1f} s after the right was gone")
        without_from = time.time()
        traffic.fails(50)
        without_until = time.time()
        assert receiver.metrics().sum("keystrand_produce_total", result="auth") > 0
        done(admin.create_acls(rules[:1]))
        assert first_200_after(history, time.time(), tell) < 3
        receiver.wait_ready()
        traffic.flows()

    assert set(statuses(between(history, without_from, without_until))) == {503}
    check_answers(system, history)


def test_receiver_needs_no_right_to_see_the_dead_letters(
        system: System, ways: Ways, admin: AdminClient, history: History) -> None:
    done(admin.create_acls([rule(system, AclOperation.DESCRIBE, "someone-else", system.dead_letters)]))
    receiver = start_as(system, ways, PASSWORD).wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
    check_answers(system, history)


def test_right_to_see_the_topic_missing_at_start_is_named(
        system: System, ways: Ways, admin: AdminClient, history: History, tell: Tell) -> None:
    someone_else = [rule(system, AclOperation.WRITE, "someone-else")]
    done(admin.create_acls(someone_else))
    receiver = start_as(system, ways, PASSWORD)
    with Traffic(receiver, history) as traffic:
        unready_because(receiver, "topic", "TOPIC_AUTHORIZATION_FAILED: grant", DETECTED_S)
        traffic.fails(50)
        assert set(statuses(between(history, 0, time.time()))) == {503}
        done(admin.create_acls([rule(system, each) for each in (AclOperation.WRITE, AclOperation.DESCRIBE_CONFIGS)]))
        assert first_200_after(history, time.time(), tell) < 5
        receiver.wait_ready()
        traffic.flows()
    check_answers(system, history)
