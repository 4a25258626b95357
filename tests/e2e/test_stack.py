"""The local stack itself: what it says, and that it neither hangs nor harms when something is in its way."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import confluent_kafka.admin
import psycopg
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "local"))

import postgres  # noqa: E402
from process import ProcessId, Server, StackError, stop_all  # noqa: E402
from stack import Stack  # noqa: E402
from throwaway import STACKS, throwaway_folder  # noqa: E402

COMMAND_DEADLINE_S = 60  # a command that takes longer counts as one that hangs


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One stack for the tests that leave it running as they found it."""
    with throwaway_folder() as folder:
        stack = Stack(folder)
        stack.up()
        yield stack


@pytest.fixture
def folder() -> Iterator[pathlib.Path]:
    with throwaway_folder() as folder:
        yield folder


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else."""
    process = subprocess.Popen(["sleep", "300"])
    yield process
    process.kill()
    process.wait()


def command(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / "deploy/local/stack.py"), "--dir", str(folder), *arguments], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_DEADLINE_S, check=False)


def pids(stack: Stack) -> list[int | None]:
    return [server.process.pid if server.process else None for server in stack.servers]


@contextlib.contextmanager
def listener(port: int) -> Iterator[None]:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield


def select_one(url: str, timeout_s: int = 5) -> int:
    with psycopg.connect(url, connect_timeout=timeout_s) as connection:
        return connection.execute("SELECT 1").fetchone()[0]


def admin_of(stack: Stack) -> confluent_kafka.admin.AdminClient:
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": stack.kafka_brokers, "log_level": 0})


def broker_count(stack: Stack, timeout_s: float = 10) -> int:
    return len(admin_of(stack).list_topics(timeout=timeout_s).brokers)


# --- a running stack ---

def test_env_lines_lead_to_kafka_and_postgres(stack: Stack) -> None:
    shown = command(stack.folder, "env")
    settings = dict(line.split("=", 1) for line in shown.stdout.splitlines())
    assert set(settings) == {"KEYSTRAND_KAFKA_BROKERS", "KEYSTRAND_DATABASE_URL", "KEYSTRAND_DURABILITY"}
    assert settings["KEYSTRAND_DURABILITY"] == "single-broker"
    assert settings == stack.env()
    assert select_one(settings["KEYSTRAND_DATABASE_URL"]) == 1
    assert broker_count(stack) == 1


def test_database_asks_for_the_password(stack: Stack) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        select_one(stack.database_url.replace(stack.settings.password, "wrong"))
    assert (stack.folder / "stack.json").stat().st_mode & 0o077 == 0


def test_second_up_changes_nothing(stack: Stack) -> None:
    before = pids(stack)
    again = command(stack.folder, "up")
    assert again.returncode == 0
    assert "already" in again.stdout
    assert pids(stack) == before


def test_status_tells_each_server_and_fails_if_one_is_down(stack: Stack) -> None:
    running = command(stack.folder, "status")
    assert running.returncode == 0
    assert running.stdout.count(" running ") == 2
    stack.stop_broker()
    stopped = command(stack.folder, "status")
    stack.start_broker()
    assert stopped.returncode == 1
    assert stopped.stdout.count(" running ") == 1
    assert stopped.stdout.count(" stopped ") == 1
    assert command(stack.folder, "status").returncode == 0


def test_up_starts_only_what_is_down(stack: Stack) -> None:
    stack.kill_broker()
    database = stack.database.process
    assert stack.up() == ["kafka-0"]
    assert stack.database.process == database
    assert broker_count(stack) == 1


def test_paused_broker_keeps_the_port_but_does_not_answer(stack: Stack) -> None:
    stack.pause_broker()
    assert " frozen " in command(stack.folder, "status").stdout
    with pytest.raises(confluent_kafka.KafkaException):
        broker_count(stack, timeout_s=1)
    refused = command(stack.folder, "up")
    assert refused.returncode == 1
    assert "kill -CONT" in refused.stderr
    stack.resume_broker()
    assert broker_count(stack) == 1


def test_up_waits_for_servers_that_an_interrupted_one_started(folder: pathlib.Path) -> None:
    stack = Stack(folder)
    stack._settle()
    for server in stack.servers:
        server.start()
    assert stack.up() == []
    assert broker_count(stack) == 1
    assert select_one(stack.database_url) == 1


def test_database_keeps_committed_rows_through_stop_and_kill(stack: Stack) -> None:
    url = stack.create_database("kept")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE rows AS SELECT 7 AS x")
    for end in (stack.stop_database, stack.kill_database):
        end()
        with pytest.raises(psycopg.OperationalError):
            select_one(url)
        stack.start_database()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT x FROM rows").fetchall() == [(7,)]


def test_paused_database_freezes_open_sessions_too(stack: Stack) -> None:
    with psycopg.connect(stack.database_url) as session:
        stack.pause_database()
        try:
            session.pgconn.send_query(b"SELECT 2")
            session.pgconn.flush()
            answered, _, _ = select.select([session.pgconn.socket], [], [], 0.5)
        finally:
            stack.resume_database()
        assert answered == []
        assert session.pgconn.get_result().get_value(0, 0) == b"2"
        assert session.pgconn.get_result() is None


def test_foreign_postmaster_pid_does_not_prevent_a_start(stack: Stack, bystander: subprocess.Popen[bytes]) -> None:
    stack.kill_database()
    lock = stack.database.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
    stack.start_database()
    assert select_one(stack.database_url) == 1


def test_other_broker_count_is_refused_with_the_remedy(stack: Stack) -> None:
    refused = command(stack.folder, "up", "--brokers", "3")
    assert refused.returncode == 1
    assert "1 broker(s), not 3" in refused.stderr
    assert "stack-wipe" in refused.stderr


def test_other_port_is_refused_while_it_runs(stack: Stack) -> None:
    refused = command(stack.folder, "up", "--postgres-port", "1")
    assert refused.returncode == 1
    assert "stack-down" in refused.stderr
    assert stack.running


def test_ports_lie_below_those_of_outgoing_connections(stack: Stack) -> None:
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if lowest <= 20000:
        pytest.skip("this machine leaves no room below them")
    assert all(server.port < lowest for server in stack.servers)


# --- something is in the way ---

def test_taken_port_is_named_with_the_remedy(folder: pathlib.Path) -> None:
    stack = Stack(folder)
    stack.up()
    chosen = stack.settings
    stack.down()
    with listener(chosen.postgres_port):
        refused = command(folder, "up")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert f"port {chosen.postgres_port}" in refused.stderr
    assert "--postgres-port" in refused.stderr
    with listener(chosen.kafka_port):
        refused = command(folder, "up")
    assert f"port {chosen.kafka_port}" in refused.stderr
    assert "--kafka-port" in refused.stderr
    assert pids(stack) == [None, None]  # PostgreSQL had been started by then

    with listener(chosen.postgres_port):
        assert command(folder, "up", "--postgres-port", "0").returncode == 0
    assert stack.settings.postgres_port != chosen.postgres_port
    assert stack.settings.kafka_port == chosen.kafka_port


def test_recycled_pid_is_neither_a_server_nor_killed(stack: Stack, bystander: subprocess.Popen[bytes]) -> None:
    stack.kill_broker()
    now = ProcessId.of(bystander.pid)
    earlier = dataclasses.replace(now, start=now.start - 1)
    stack.brokers[0].pid_file.write_text(json.dumps(dataclasses.asdict(earlier)))
    assert not stack.brokers[0].running
    stack.kill_broker()
    assert bystander.poll() is None
    assert stack.up() == ["kafka-0"]


def test_server_that_ignores_the_request_is_killed_after_the_grace(folder: pathlib.Path) -> None:
    deaf, polite = Server(folder, "kafka-0"), Server(folder, "kafka-1")
    deaf.spawn(["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"])
    polite.spawn(["sleep", "300"])
    deaf.wait_until(lambda: b"deaf" in deaf.log_file.read_bytes(), COMMAND_DEADLINE_S, "deaf")
    process = deaf.process
    assert stop_all([deaf, polite], grace_s=0.5) == ["kafka-0"]
    assert not process.alive


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "12345\n"])
def test_half_written_pid_file_means_stopped(folder: pathlib.Path, content: str) -> None:
    stack = Stack(folder)
    stack._settle()
    stack.database.pid_file.write_text(content)
    assert not stack.database.running


@pytest.mark.parametrize("server", ["postgres", "kafka-0"])
def test_half_made_data_folder_is_named_and_left_alone(folder: pathlib.Path, server: str) -> None:
    Stack(folder)._settle()
    (folder / server).mkdir()
    (folder / server / "something").write_text("of value?")
    refused = command(folder, "up")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert f"{folder / server} is no complete" in refused.stderr
    assert "stack-wipe" in refused.stderr
    assert (folder / server / "something").exists()
    assert command(folder, "wipe").returncode == 0
    folder.mkdir()


def test_interrupted_first_start_is_made_up_for(folder: pathlib.Path) -> None:
    for name, file in {"postgres.new": "PG_VERSION", "kafka-0.new": "meta.properties"}.items():
        (folder / name).mkdir()
        (folder / name / file).touch()
    stack = Stack(folder)
    stack.up()
    assert select_one(stack.database_url) == 1
    assert broker_count(stack) == 1


def test_data_without_its_settings_is_refused(folder: pathlib.Path) -> None:
    (folder / "postgres").mkdir()
    with pytest.raises(StackError, match="no stack.json"):
        Stack(folder).up()


def test_unreadable_settings_are_refused(folder: pathlib.Path) -> None:
    (folder / "stack.json").write_text('{"brokers": 1,')
    refused = command(folder, "up")
    assert refused.returncode == 1
    assert "stack.json cannot be read" in refused.stderr
    assert "stack-wipe" in refused.stderr
    assert command(folder, "wipe").returncode == 0
    folder.mkdir()


def test_down_needs_no_settings(folder: pathlib.Path) -> None:
    stack = Stack(folder)
    stack.up()
    processes = [server.process for server in stack.servers]
    (folder / "stack.json").unlink()
    assert command(folder, "down").returncode == 0
    assert not any(process.alive for process in processes)


def test_server_that_dies_at_start_shows_its_last_words(folder: pathlib.Path) -> None:
    stack = Stack(folder)
    stack.up()
    stack.down()
    with open(stack.database.data / "postgresql.conf", "a", encoding="utf-8") as settings:
        settings.write("no_such_setting = 1\n")
    refused = command(folder, "up")
    assert refused.returncode == 1
    assert "postgres ended while it started" in refused.stderr
    assert "no_such_setting" in refused.stderr
    assert pids(stack) == [None, None]


def test_wipe_deletes_nothing_if_the_folder_holds_something_else(folder: pathlib.Path) -> None:
    (folder / "thesis.txt").touch()
    refused = command(folder, "wipe")
    assert refused.returncode == 1
    assert "thesis.txt" in refused.stderr
    assert (folder / "thesis.txt").exists()
    (folder / "thesis.txt").unlink()


def test_status_without_a_stack_says_how_to_make_one(folder: pathlib.Path) -> None:
    refused = command(folder, "status")
    assert refused.returncode == 1
    assert "make stack-up" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for PostgreSQL")
def test_root_without_user_namespaces_runs_postgres_as_its_own_user(folder: pathlib.Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "user_namespaces_work", lambda: False)
    stack = Stack(folder)
    stack._settle()
    stack.start_database()
    assert select_one(stack.database_url) == 1
    data = stack.database.data
    assert data.owner() == "postgres"
    stack.wipe()
    assert not data.parent.exists()
    folder.mkdir()


# --- three brokers ---

def test_three_brokers_survive_the_loss_of_one(folder: pathlib.Path) -> None:
    stack = Stack(folder, brokers=3)
    stack.up()
    assert broker_count(stack) == 3
    assert "KEYSTRAND_DURABILITY" not in stack.env()
    admin = admin_of(stack)  # kept: its results end with it
    admin.create_topics([confluent_kafka.admin.NewTopic("survives", 3)])["survives"].result(30)
    stack.wait_in_sync()
    stack.kill_broker(0)
    producer = confluent_kafka.Producer({"bootstrap.servers": stack.kafka_brokers, "acks": "all", "log_level": 0})
    failures: list[object] = []
    for partition in range(3):
        producer.produce("survives", b"x", partition=partition, on_delivery=lambda error, _: failures.append(error))
    assert producer.flush(30) == 0
    assert failures == [None, None, None]
    stack.start_broker(0)
    stack.wait_in_sync()
    started = time.monotonic()
    stack.down()
    assert time.monotonic() - started < 15


# --- setup and with-stack ---

def change(jars: pathlib.Path) -> None:
    with open(jars / "kafka-clients-4.1.0.jar", "ab") as jar:
        jar.write(b"x")


def drop(jars: pathlib.Path) -> None:
    (jars / "kafka-clients-4.1.0.jar").unlink()


def add(jars: pathlib.Path) -> None:
    shutil.copy(jars / "slf4j-api-1.7.36.jar", jars / "foreign.jar")


@pytest.mark.parametrize(("harm", "named"), [(change, "kafka-clients-4.1.0.jar: FAILED"),
                                             (drop, "kafka-clients-4.1.0.jar: FAILED"),
                                             (add, "foreign.jar: not listed")])
def test_jars_other_than_the_pinned_are_refused_by_name(tmp_path: pathlib.Path, harm: Callable[[pathlib.Path], None],
                                                        named: str) -> None:
    verify = [str(ROOT / "deploy/local/kafka/verify"), str(tmp_path / "jars")]
    shutil.copytree(ROOT / ".local" / "kafka", tmp_path / "jars")
    assert subprocess.run(verify, check=False).returncode == 0
    harm(tmp_path / "jars")
    refused = subprocess.run(verify, text=True, capture_output=True, check=False)
    assert refused.returncode == 1
    assert named in refused.stderr


def test_setup_without_rights_prints_the_apt_line(tmp_path: pathlib.Path) -> None:
    for name, body in {"id": "echo 1000", "sudo": "exit 1", "dpkg-query": "echo clang-tidy-14 installed"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    refused = subprocess.run([str(ROOT / "deploy/local/setup"), "lint"], text=True, capture_output=True, check=False,
                             stdin=subprocess.DEVNULL, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert refused.returncode == 1
    lines = [line for line in refused.stderr.splitlines() if line.startswith("apt-get ")]
    assert lines == ["apt-get update && apt-get install --yes --no-install-recommends clang-format-14"]


def with_stack(*arguments: str) -> list[str]:
    return [str(ROOT / "tests/with-stack"), *arguments]


def test_with_stack_passes_settings_and_exit_code_and_cleans_up() -> None:
    script = 'test -n "$KEYSTRAND_KAFKA_BROKERS" && test -n "$KEYSTRAND_DATABASE_URL" || exit 1; echo "$PPID"; exit 42'
    done = subprocess.run(with_stack("sh", "-c", script), text=True, capture_output=True, timeout=COMMAND_DEADLINE_S,
                          check=False)
    assert done.returncode == 42
    kept = pathlib.Path(done.stderr.split("kept in ")[1].strip())
    assert {log.name for log in kept.iterdir()} == {"kafka-0.log", "postgres.log"}
    assert not kept.with_name(kept.name.removesuffix(".logs")).exists()
    shutil.rmtree(kept)


def test_with_stack_stops_its_servers_when_it_is_terminated() -> None:
    with running_with_stack() as (run, folder):
        stack = Stack(folder)
        processes = [server.process for server in stack.servers]
        run.send_signal(signal.SIGTERM)
        assert run.wait(COMMAND_DEADLINE_S) == 128 + signal.SIGTERM
    assert not any(process.alive for process in processes)
    assert not folder.exists()
    shutil.rmtree(folder.with_name(folder.name + ".logs"))


def test_stack_of_a_killed_run_is_removed_by_the_next() -> None:
    with running_with_stack() as (run, folder):
        processes = [server.process for server in Stack(folder).servers]
        run.kill()
        run.wait(COMMAND_DEADLINE_S)
    assert all(process.alive for process in processes)
    with throwaway_folder():
        assert not any(process.alive for process in processes)
    assert not folder.exists()


@contextlib.contextmanager
def running_with_stack() -> Iterator[tuple[subprocess.Popen[str], pathlib.Path]]:
    """A with-stack whose command has begun, and the folder of its stack."""
    run = subprocess.Popen(with_stack("sh", "-c", "echo ready; read forever"), text=True, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE)
    try:
        assert run.stdout.readline() == "ready\n"
        owners = {json.loads(owner.read_text())["pid"]: owner.parent for owner in STACKS.glob("*/owner.json")}
        yield run, owners[run.pid]
    finally:
        run.stdin.close()
        run.stdout.close()
        run.wait(COMMAND_DEADLINE_S)
