"""What the hostile tests share: transports, and a receiver that outlives a single input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hostile import intake
from hostile.intake import Intake
from hostile.systems import module_system
from hostile.wire import Plain, Tls, Transport
from keystrand_e2e.system import System
from stack import Stack

TRANSPORTS = ["plain", "tls"]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    return Plain() if request.param == "plain" else request.getfixturevalue("certificates")


@pytest.fixture(scope="module")
def shared_system(servers: Stack, request: pytest.FixtureRequest, transport: Transport) -> Iterator[System]:
    with module_system(servers, request) as running:
        yield running


@pytest.fixture(scope="module")
def shared_intake(shared_system: System, transport: Transport) -> Iterator[Intake]:
    started = intake.start(shared_system, transport)
    yield started
    started.tail.close()
