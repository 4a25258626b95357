"""The broker's disk is full. Its logs lie on a file system of 64 MiB in memory, mounted where only a helper process sees
it; whoever may look into that process reaches it under /proc.

    what it needs                                       where it is missing
    root, or user namespaces for everyone               the fixture fails: `unshare` says why
    (kernel.unprivileged_userns_clone, seccomp allow)   run as root, or in a container with CAP_SYS_ADMIN
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from kafka import Special
from keystrand_e2e.outage import Traffic, between, check_answers, first_200_after, statuses
from keystrand_e2e.programs import Program
from keystrand_e2e.servers import observed_stack
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from stack import Stack
from traffic.sender import History

DISK_BYTES = 64 << 20
MOUNT = 'mount -t tmpfs -o size="$1",mode=700 keystrand-disk "$2" && echo mounted && exec cat'


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """A small file system of its own, which goes away with the process that holds it."""
    place = tmp_path_factory.mktemp("disk")
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    holder = subprocess.Popen(["unshare", *rights, "--mount", "sh", "-c", MOUNT, "sh", str(DISK_BYTES), str(place)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        if holder.stdout.readline() != b"mounted\n":
            pytest.fail(f"no file system could be mounted: {holder.communicate(timeout=10)[1].decode().strip()}", pytrace=False)
        yield pathlib.Path(f"/proc/{holder.pid}/root{place}")
    finally:
        holder.communicate(timeout=10)  # its end of input is its end


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest, disk: pathlib.Path) -> Iterator[Stack]:
    with observed_stack(request.session, special={0: Special(data=disk)}) as stack:
        yield stack


def fill(disk: pathlib.Path) -> pathlib.Path:
    """Takes all the room that is left."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    return ballast


def test_full_disk_means_503_and_room_means_200(
        system: System, disk: pathlib.Path, receiver: Program, history: History,
        record_property: Callable[[str, object], None]) -> None:
    with Traffic(receiver, history) as traffic:
        traffic.flows()
        ballast = fill(disk)
        # A broker that cannot write gives its folder up, and with its only folder itself.
        eventually(lambda: not system.stack.running, "the broker's end")
        traffic.fails(50)
        eventually(lambda: not receiver.ready(), "not ready")
        began = time.time()
        traffic.last(2)
        ended = time.time()
        ballast.unlink()
        system.stack.start_broker()
        assert first_200_after(history, time.time(), record_property) < 3
        receiver.wait_ready()
        traffic.flows()

    assert set(statuses(between(history, began, ended))) == {503}
    check_answers(system, history)
