"""How much /metrics says, and what is said about settings."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from keystrand_e2e import programs
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from observability import marked
from observability.conftest import Start
from observability.record import Record
from observability.test_reloads import make_certificate

SERIES_MAX = 400
ENDPOINTS = ("one", "two", "three", "four")


def endpoints_file(folder: pathlib.Path) -> pathlib.Path:
    """Settings of four endpoints, each with secrets of its own."""
    settings = folder / "receiver.toml"
    settings.write_text("\n".join(
        f'[endpoint.{name}]\npath = "/{name}"\nsigning-secrets = ["{marked.SECRET}_{name}", "{marked.SECOND_SECRET}_{name}"]'
        for name in ENDPOINTS) + f'\n[kafka]\n"sasl.password" = "{marked.KAFKA_PASSWORD}"\n')
    return settings


def test_series_stay_within_their_budget(start: Start, tmp_path: pathlib.Path) -> None:
    one = start(**make_certificate(tmp_path))
    four = start(["--config", str(endpoints_file(tmp_path))], KEYSTRAND_SIGNING_SECRETS="", **make_certificate(tmp_path))
    counted = {}
    for count, receiver in ((1, one), (4, four)):
        eventually(lambda receiver=receiver: "keystrand_kafka_broker_up" in receiver.scrape().types, "the broker's series")
        counted[count] = receiver.scrape().samples
    print(f"series: {counted}")
    assert counted[1] < counted[4] <= SERIES_MAX, counted


@pytest.mark.parametrize("program", ["keystrand-receiver", "keystrand-worker"])
@pytest.mark.parametrize("good", [True, False])
def test_check_shows_no_secret(stage: System, record: Record, tmp_path: pathlib.Path, program: str, good: bool) -> None:
    environment = {
        **stage.settings, "KEYSTRAND_KAFKA_SASL_PASSWORD": marked.KAFKA_PASSWORD,
        "KEYSTRAND_DATABASE_URL": f"postgresql://observed:{marked.DATABASE_PASSWORD}@127.0.0.1:1/observed",
        "KEYSTRAND_SIGNING_SECRETS": f"{marked.SECRET},{marked.SECOND_SECRET if good else marked.SECRET}"}
    flags = ["--check"] if good else ["--check", f"--kafka.sasl.password={marked.KAFKA_PASSWORD}", "--kafka.acks=0"]
    if program == "keystrand-receiver":
        flags += ["--config", str(endpoints_file(tmp_path))]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYSTRAND_")}
    ended = subprocess.run([str(programs.BINARIES / program), *flags], env={**kept, **environment}, text=True,
                           capture_output=True, stdin=subprocess.DEVNULL, timeout=10, check=False)
    record.said.append((f"{program} --check", ended.stdout + ended.stderr))
    assert ended.returncode == (0 if good else 2), ended.stderr
    assert ("***" in ended.stdout) == good
    assert marked.MARK not in ended.stdout + ended.stderr
