"""The broker's name: not resolved, resolved late, or resolved to somewhere else than before."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator

import dns.rcode
import pytest

from broker.conftest import BROKER_NAME, Ways
from keystrand_e2e.fault_proxy import FaultProxy
from keystrand_e2e.name_server import NameServer, under_name_server
from keystrand_e2e.outage import Traffic, between, check_answers, first_200_after, statuses
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from traffic.sender import History

Tell = Callable[[str, object], None]

HERE, THERE = "127.0.0.2", "127.0.0.3"  # where the broker can be reached
RECOVERED_S = 10


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer(BROKER_NAME, HERE) as names:
        yield names


@pytest.fixture
def here(ways: Ways, system: System) -> Iterator[FaultProxy]:
    with FaultProxy(ways.named, ways.named, HERE) as proxy:
        yield proxy


def start(system: System, ways: Ways, tmp_path: pathlib.Path) -> Program:
    return system.start_receiver(under=under_name_server(tmp_path), KEYSTRAND_KAFKA_BROKERS=f"{BROKER_NAME}:{ways.named}")


def answered_meanwhile(names: NameServer, proxy: FaultProxy, traffic: Traffic, history: History) -> None:
    """Although the connections have to be made anew, and the name is asked for in vain."""
    asked, began = names.asked, time.time()

    def cut_and_asked() -> bool:  # not at once: librdkafka itself knows an address for a second
        proxy.cut()
        return names.asked > asked

    eventually(cut_and_asked, "the name asked for", RECOVERED_S)
    traffic.flows(200)
    slowest = max(attempt.seconds for attempt in between(history, began, time.time()) if attempt.accepted)
    assert slowest < 5, f"a delivery waited for {slowest:.1f} s"


@pytest.mark.parametrize("fault", ["SERVFAIL", "silence"])
def test_address_that_is_known_is_used_while_names_cannot_be_resolved(
        system: System, ways: Ways, names: NameServer, here: FaultProxy, tmp_path: pathlib.Path, history: History,
        fault: str) -> None:
    receiver = start(system, ways, tmp_path).wait_ready()
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        if fault == "silence":
            names.silent = True
        else:
            names.rcode = dns.rcode.SERVFAIL
        answered_meanwhile(names, here, traffic, history)
        assert receiver.ready()
    check_answers(system, history)


def test_slow_answer_is_awaited_by_nobody_and_used_when_it_comes(
        system: System, ways: Ways, names: NameServer, here: FaultProxy, tmp_path: pathlib.Path, history: History,
        tell: Tell) -> None:
    names.delay_s = 4
    began = time.time()
    receiver = start(system, ways, tmp_path)
    with Traffic(receiver, history) as traffic:
        assert receiver.get("/livez")[0] == 200
        assert 4 < first_200_after(history, began, tell) < 4 + RECOVERED_S
        traffic.flows()
        answered_meanwhile(names, here, traffic, history)
    check_answers(system, history)


def test_broker_that_moved_while_its_name_could_not_be_resolved_is_found_once_it_can(
        system: System, ways: Ways, names: NameServer, tmp_path: pathlib.Path, history: History, tell: Tell) -> None:
    with contextlib.ExitStack() as place:
        place.enter_context(FaultProxy(ways.named, ways.named, HERE))
        receiver = start(system, ways, tmp_path).wait_ready()
        with Traffic(receiver, history) as traffic:
            traffic.flows()
            names.rcode = dns.rcode.SERVFAIL
            place.close()
            with FaultProxy(ways.named, ways.named, THERE):
                away_from = time.time()
                traffic.fails(50)
                away_until = time.time()
                names.address = THERE
                names.heal()
                assert first_200_after(history, time.time(), tell) < RECOVERED_S
                receiver.wait_ready()
                traffic.flows()
    assert set(statuses(between(history, away_from, away_until))) == {503}
    check_answers(system, history)
