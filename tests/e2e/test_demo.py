"""`make demo`, as far as it is not make: it tells the truth, leaves nothing behind without a terminal, and can be repeated."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from demo_programs import Demo
from demo_report import Figure
from stack import ROOT, Stack
from throwaway import throwaway_folder

DEADLINE_S = 120

# As if the worker took older snapshots for newer ones.
CALL_STALE_APPLIED = """
    CREATE FUNCTION public.call_it_applied() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.status := 'applied'; RETURN NEW; END $$;
    CREATE TRIGGER call_it_applied BEFORE INSERT ON keystrand.inbox FOR EACH ROW WHEN (NEW.status = 'stale')
      EXECUTE FUNCTION public.call_it_applied();"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Made by the first test that needs it, and stopped whenever a test begins."""
    with throwaway_folder() as folder:
        yield Stack(folder)


@pytest.fixture
def demo(stack: Stack, tmp_path: pathlib.Path) -> Iterator[Demo]:
    """Not started yet; stopped at the end, whatever the test did."""
    demo = Demo(stack, tmp_path / "demo")
    yield demo
    demo.stop()
    stack.down()


def command(demo: Demo, *arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "deploy/local/demo.py"), "--dir", str(demo.folder),
            "--stack-dir", str(demo.stack.folder), *arguments]


def run_demo(demo: Demo, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(demo, *arguments), env={**os.environ, **environment}, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False)


def test_without_a_terminal_it_exits_0_leaves_nothing_running_and_can_be_repeated(demo: Demo) -> None:
    for _ in range(2):
        shown = run_demo(demo, "up", "--events", "400")
        assert shown.returncode == 0, shown.stdout + shown.stderr
        for part in ("accepted (200)", "duplicates", "dead letters", "answer to commit", "keystrand.inbox"):
            assert part in shown.stdout
        assert "MISMATCH" not in shown.stdout
        assert not demo.running and not demo.stack.running


def test_on_a_terminal_it_stays_up_until_it_is_stopped(demo: Demo) -> None:
    master, terminal = pty.openpty()
    shown = subprocess.run(command(demo, "up", "--events", "200"), stdin=terminal, capture_output=True, text=True,
                           timeout=DEADLINE_S, check=False)
    os.close(terminal)
    os.close(master)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "event show evt_" in shown.stdout
    assert demo.receiver.get("/readyz")[0] == demo.worker.get("/readyz")[0] == 200

    assert run_demo(demo, "stop").returncode == 0
    assert not demo.running and not demo.stack.running
    assert run_demo(demo, "stop").stdout == "nothing was running\n"


def test_interrupted_demo_stops_everything(demo: Demo) -> None:
    run = subprocess.Popen(command(demo, "up"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        while "sending" not in run.stdout.readline():
            assert run.poll() is None
        run.send_signal(signal.SIGTERM)
        assert run.wait(DEADLINE_S) == 128 + signal.SIGTERM
    finally:
        run.stdout.close()
        run.kill()
        run.wait()
    assert not demo.running and not demo.stack.running


def test_second_demo_at_the_same_time_is_refused(demo: Demo) -> None:
    with demo.exclusive():
        refused = run_demo(demo, "up")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert not demo.stack.running


def test_missing_programs_are_named_with_the_remedy(demo: Demo, tmp_path: pathlib.Path) -> None:
    refused = run_demo(demo, "up", KEYSTRAND_BIN_DIR=str(tmp_path))
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "keystrand-worker" in refused.stderr and "make build" in refused.stderr


def test_taken_port_is_named_and_nothing_is_left_running(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"receiver": port, "receiver_admin": port + 1, "worker_admin": port + 2}
        demo.folder.mkdir()
        (demo.folder / "ports.json").write_text(json.dumps(ports))
        refused = run_demo(demo, "up")
    assert refused.returncode == 1
    assert f"port {port}" in refused.stderr and "ports.json" in refused.stderr
    assert not demo.running and not demo.stack.running


def test_figure_is_right_only_if_it_is_what_was_sent() -> None:
    assert Figure("applied", wanted=7, seen=7).right
    assert not Figure("applied", wanted=7, seen=6).right
    assert not Figure("applied", wanted=7, seen=8).right
    # An answer that never came may have been a delivery all the same, and its next try a repeat.
    assert Figure("duplicates", wanted=7, seen=8, most=8).right
    assert not Figure("duplicates", wanted=7, seen=9, most=8).right


def test_wrong_figure_is_named_and_ends_with_1(demo: Demo) -> None:
    with demo.stack:
        demo.stack.migrate()
        with psycopg.connect(demo.stack.database_url) as connection:
            connection.execute(CALL_STALE_APPLIED)
    shown = run_demo(demo, "up", "--events", "400")
    with demo.stack, psycopg.connect(demo.stack.database_url) as connection:
        connection.execute("DROP FUNCTION public.call_it_applied CASCADE")
    assert shown.returncode == 1
    named = [line for line in shown.stdout.splitlines() if line.startswith("MISMATCH")]
    assert [line.split(":")[1].strip() for line in named] == ["applied", "stale"]
    assert not demo.running and not demo.stack.running
