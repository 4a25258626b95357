"""What the tests of operators share."""

from __future__ import annotations

import hashlib

import pytest

from keystrand_e2e.load import world
from keystrand_e2e.system import System
from operating.desk import LOGIN, OBSERVED, PASSWORD, POISON, Dead, Desk, headers_of
from stack import Stack
from traffic import delivery


@pytest.fixture(scope="session")
def operator_login(servers: Stack) -> None:
    """What an installation grants to its operators, and nothing more."""
    servers.database.query(f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{PASSWORD}' IN ROLE keystrand_operator")


@pytest.fixture
def desk(system: System, operator_login: None) -> Desk:
    desk = Desk(system)
    desk.execute(OBSERVED)
    return desk


@pytest.fixture
def dead(desk: Desk) -> Dead:
    nowhere = world("operator")
    customer = nowhere.make("customer", name="Émilie du Châtelet")
    customer["id"] = "cus_poison_1"
    event = nowhere.tell("customer.created", customer)
    body, garbage = delivery.render(event), b"\x00\xff{ no event"
    desk.execute(POISON)
    desk.produce("test/self/cus_poison_1", body, dict(headers_of(body, event["id"])))
    desk.produce(f"unreadable/default/{hashlib.sha256(garbage).hexdigest()[:16]}", garbage, dict(headers_of(garbage, None)))
    worker = desk.system.start_worker().wait_ready()
    desk.system.wait_drained()
    worker.stop()
    return Dead(event, garbage)
