"""Secrets that come and go or should never have been one, and requests that are sent again."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from hostile import intake, message
from hostile.intake import Intake
from hostile.message import OLD_SECRET, Moment, Request
from hostile.wire import Plain, Transport
from keystrand_e2e import programs
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from process import free_port_block
from traffic.delivery import TEST_SECRET

TOLERANCE_S = 300
START_DEADLINE_S = 10


@pytest.fixture
def secrets_file(tmp_path: pathlib.Path) -> pathlib.Path:
    """While a secret is being rotated: the new one, and the old one that still counts."""
    file = tmp_path / "signing-secrets"
    file.write_text(f"{TEST_SECRET}\n{OLD_SECRET}\n")
    return file


@pytest.fixture
def file_intake(shared_system: System, transport: Transport, secrets_file: pathlib.Path) -> Iterator[Intake]:
    made = intake.start(
        shared_system, transport, KEYSTRAND_SIGNING_SECRETS="", KEYSTRAND_SIGNING_SECRETS_FILE=str(secrets_file)
    )
    made.check_topic_from_here()
    yield made
    made.tail.close()
    made.receiver.stop()


def of_secret(name: str, at: Intake, secret: str) -> Request:
    return message.signed(message.encoded(message.customer_event(name, at.moment())), at.moment(), secret)


@pytest.mark.parametrize("told", [True, False], ids=["told-by-sighup", "seen-in-the-file"])
def test_revoked_secret_is_refused(file_intake: Intake, secrets_file: pathlib.Path, told: bool) -> None:
    """S26. The overlap is S25's."""
    assert file_intake.send(of_secret("s26_overlap", file_intake, OLD_SECRET)) == 200
    secrets_file.write_text(f"{TEST_SECRET}\n")
    if told:
        os.kill(file_intake.pid, signal.SIGHUP)
    numbers = iter(range(10_000))
    eventually(
        lambda: file_intake.send(of_secret(f"s26_{next(numbers)}", file_intake, OLD_SECRET)) == 400,
        "the old secret revoked",
    )
    assert file_intake.send(of_secret("s26_again", file_intake, OLD_SECRET)) == 400
    assert file_intake.send(of_secret("s26_new", file_intake, TEST_SECRET)) == 200
    file_intake.check_topic()


@pytest.mark.parametrize("broken", ["", "\n\n", "whsec_short\n"], ids=["empty", "blank", "short"])
def test_reload_without_a_usable_secret_keeps_the_old_ones(
    file_intake: Intake, secrets_file: pathlib.Path, broken: str
) -> None:
    secrets_file.write_text(broken)
    os.kill(file_intake.pid, signal.SIGHUP)
    eventually(lambda: file_intake.receiver.log_lines("secrets.refused"), "the refusal in the log")
    assert file_intake.send(of_secret("kept_empty", file_intake, "")) == 400
    assert file_intake.send(of_secret("kept", file_intake, TEST_SECRET)) == 200
    file_intake.check_topic()


@pytest.mark.parametrize(
    "secrets",
    ["", ",", f"{TEST_SECRET},", f"{TEST_SECRET},,{OLD_SECRET}"],
    ids=["none", "two-empty", "last-empty", "middle-empty"],
)
def test_empty_secret_is_refused_at_start(shared_system: System, secrets: str) -> None:
    """S28. Signing with the empty key, where it is not configured, is a row of the table."""
    port = free_port_block(2)
    environment = {
        **shared_system.settings,
        "KEYSTRAND_LISTEN": f"127.0.0.1:{port}",
        "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{port + 1}",
        "KEYSTRAND_SIGNING_SECRETS": secrets,
    }
    ended = subprocess.run(
        [str(programs.BINARIES / "keystrand-receiver")],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 2, ended
    assert "signing-secrets" in ended.stderr and TEST_SECRET not in ended.stderr + ended.stdout


def test_captured_request_passes_while_it_is_fresh_and_has_one_effect(system: System) -> None:
    """S32: an observer sends again what it has seen, a minute and five minutes after it was signed."""
    at = intake.start(system, Plain())
    system.start_worker().wait_ready()
    minute_old = replayed("s32_minute", 60)
    aging = replayed("s32_aging", TOLERANCE_S - 1)
    stale_at = int(time.time()) - (TOLERANCE_S - 1) + TOLERANCE_S + 1
    assert [at.send(request) for request in (minute_old, minute_old, aging)] == [200, 200, 200]
    eventually(lambda: time.time() >= stale_at, "the capture is 301 s old", timeout_s=5)
    assert at.send(aging) == 400
    at.check_topic()
    at.tail.close()

    system.wait_drained()
    inbox = system.rows("SELECT event_id, status FROM keystrand.inbox ORDER BY event_id")
    assert inbox == [{"event_id": f"evt_{word}_replay", "status": "applied"} for word in ("s32_aging", "s32_minute")]
    assert system.value("SELECT count(*) FROM observed.settlements") == 2


def replayed(word: str, age_s: int) -> Request:
    """As it was captured so long ago."""
    return message.good(word, Moment(int(time.time()) - age_s, "replay"))


ENDPOINTS = """
[endpoint.live]
path = "/webhooks/live"
signing-secrets = ["whsec_test_invented_for_the_live_path_1"]
expected-mode = "live"

[endpoint.test]
path = "/webhooks/test"
signing-secrets = ["whsec_test_invented_for_the_test_path_1"]
expected-mode = "test"
"""


def test_secret_of_another_endpoint_is_refused(
    shared_system: System, transport: Transport, tmp_path: pathlib.Path
) -> None:
    """S27: the test secret on the live path, and the reverse."""
    (tmp_path / "keystrand.toml").write_text(ENDPOINTS)
    at = intake.start(shared_system, transport, KEYSTRAND_CONFIG=str(tmp_path / "keystrand.toml"))
    at.check_topic_from_here()
    for path in ("live", "test"):
        for signed_for in ("live", "test"):
            request = of_secret(f"s27_{path}_{signed_for}", at, f"whsec_test_invented_for_the_{signed_for}_path_1")
            request = request.with_line(f"POST /webhooks/{path} HTTP/1.1".encode())
            assert at.send(request) == (200 if path == signed_for else 400)
    at.check_topic()
    at.tail.close()
    at.receiver.stop()
