"""A system for all tests of a module: there are hundreds of inputs, and none of them needs one of its own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator

import pytest

from keystrand_e2e.programs import ROOT
from keystrand_e2e.system import System
from stack import Stack


@contextlib.contextmanager
def module_system(servers: Stack, request: pytest.FixtureRequest) -> Iterator[System]:
    """For all tests of a module. Its logs stay if one of them fails."""
    folder = (
        ROOT
        / ".local"
        / "e2e"
        / f"{time.strftime('%Y%m%dT%H%M%S')}-{request.node.name.replace('/', '-')}-{secrets.token_hex(2)}"
    )
    folder.mkdir(parents=True)
    failed = request.session.testsfailed
    running = System(servers, f"t{secrets.token_hex(4)}", folder, "keystrand")
    try:
        yield running
    finally:
        running.close()
    if request.session.testsfailed == failed:
        shutil.rmtree(folder)
