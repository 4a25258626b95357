"""Several endpoints in one receiver, what it reads again while it runs, and the front that it can be: TLS, a proxy."""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from keystrand_e2e import programs, topic
from keystrand_e2e.load import world
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from keystrand_e2e.waiting import eventually
from process import free_port_block
from traffic import delivery

# Invented, for tests only.
LIVE, TEST, NEXT = (f"whsec_test_invented_for_the_{name}_endpoint" for name in ("live", "test", "next"))
NAMES = ("live", "test")


def post(port: int, path: str, secret: str, body: bytes | None = None, context: ssl.SSLContext | None = None,
         first: bytes = b"") -> int:
    """Status of one delivery on a connection of its own. `first`: sent before anything else."""
    event = delivery.Delivery(body or event_body(), secret=secret)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.connect()
        connection.sock.sendall(first)
        if context is not None:
            connection.sock = context.wrap_socket(connection.sock, server_hostname="hooks.test")
        return answer_to(connection, path, event)


def answer_to(connection: http.client.HTTPConnection, path: str, event: delivery.Delivery) -> int:
    connection.request("POST", path, event.body, event.headers())
    with connection.getresponse() as answer:
        answer.read()
        return answer.status


def event_body() -> bytes:
    teller = world("endpoints")
    return delivery.render(teller.tell("customer.created", teller.make("customer")))


def secrets_file(folder: pathlib.Path, name: str, *secrets: str) -> pathlib.Path:
    file = folder / f"{name}.secrets"
    file.write_text("".join(f"{secret}\n" for secret in secrets))
    return file


@pytest.fixture
def files(tmp_path: pathlib.Path) -> dict[str, pathlib.Path]:
    return {"live": secrets_file(tmp_path, "live", LIVE), "test": secrets_file(tmp_path, "test", TEST)}


@pytest.fixture
def both(system: System, tmp_path: pathlib.Path, files: dict[str, pathlib.Path]) -> Program:
    """A receiver with two endpoints, and none of flags or environment."""
    settings = tmp_path / "receiver.toml"
    settings.write_text("\n".join(
        f'[endpoint.{name}]\npath = "/{name}"\nsigning-secrets-file = "{files[name]}"\nexpected-mode = "{name}"'
        for name in NAMES))
    return system.start_receiver(flags=["--config", str(settings)], KEYSTRAND_SIGNING_SECRETS="").wait_ready()


def public_port(receiver: Program) -> int:
    return receiver.admin_port - 1


def test_each_endpoint_has_its_own_secret_mode_and_name(system: System, both: Program) -> None:
    port = public_port(both)
    assert [post(port, "/live", LIVE), post(port, "/test", TEST)] == [200, 200]
    assert [post(port, "/live", TEST), post(port, "/test", LIVE)] == [400, 400]
    assert post(port, "/webhooks/stripe", LIVE) == 404
    records = topic.read(system.stack.kafka_brokers, system.events)
    assert {(record.headers["endpoint"], record.headers["expected-mode"]) for record in records} == {
        ("live", "live"), ("test", "test")}
    assert len(records) == 2
    scraped = both.metrics()
    for name in NAMES:
        matched = {"endpoint": name, "result": "valid", "secret": "primary"}
        assert scraped.sum("keystrand_signature_verifications_total", **matched) == 1
        assert scraped.sum("keystrand_signature_verifications_total", endpoint=name, result="mismatch") == 1
        assert scraped.sum("keystrand_http_requests_total", endpoint=name, code="200") == 1


def test_event_of_the_other_mode_is_kept_and_ignored(system: System, both: Program, worker: Program) -> None:
    assert post(public_port(both), "/live", LIVE, event_body()) == 200  # the body says livemode false
    system.wait_drained()
    assert system.rows("SELECT status, reason FROM keystrand.inbox") == [{"status": "ignored", "reason": "wrong_mode"}]


def test_secret_is_rolled_without_a_refusal_and_without_a_dropped_connection(
        system: System, both: Program, files: dict[str, pathlib.Path]) -> None:
    port = public_port(both)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as kept:

        def through_kept(secret: str) -> int:
            return answer_to(kept, "/live", delivery.Delivery(event_body(), secret=secret))

        assert through_kept(LIVE) == 200
        before = kept.sock.getsockname()
        files["live"].write_text(f"{NEXT}\n{LIVE}\n")
        eventually(lambda: through_kept(NEXT) == 200, "the new secret in force by the change of its file")
        assert through_kept(LIVE) == 200  # the overlap
        assert post(port, "/test", TEST) == 200
        files["live"].write_text(f"{NEXT}\n")
        os.kill(both.pid, signal.SIGHUP)
        eventually(lambda: through_kept(LIVE) == 400, "the old secret revoked on SIGHUP")
        assert through_kept(NEXT) == 200
        assert kept.sock.getsockname() == before, "the connection was dropped"
    scraped = both.metrics()
    assert scraped.sum("keystrand_signature_verifications_total", endpoint="live", secret="secondary") >= 1
    assert scraped.sum("keystrand_signing_secrets_reloads_total", result="ok") >= 2


def test_refused_reload_of_one_endpoint_leaves_all_as_they_were(
        both: Program, files: dict[str, pathlib.Path]) -> None:
    files["live"].write_text("whsec_short\n")
    [line] = eventually(lambda: both.log_lines("secrets.refused"), "the refusal in the log")
    assert line["endpoint"] == "live" and "whsec_short" not in str(line)
    assert both.metrics().sum("keystrand_signing_secrets_reloads_total", result="refused") >= 1
    assert [post(public_port(both), "/live", LIVE), post(public_port(both), "/test", TEST)] == [200, 200]


def test_every_problem_of_every_endpoint_is_told_at_start(system: System, tmp_path: pathlib.Path) -> None:
    settings = tmp_path / "receiver.toml"
    settings.write_text(f"""
tolerance-seconds = 0
[endpoint.live]
path = "/hook"
signing-secrets = ["{LIVE}", "{LIVE}"]
[endpoint.test]
path = "/hook"
signing-secrets = [""]
[endpoint.connect]
path = "/connect"
signing-secrets = ["whsec_short"]
""")
    port = free_port_block(2)
    ended = subprocess.run(
        [str(programs.BINARIES / "keystrand-receiver"), "--config", str(settings)], text=True, capture_output=True,
        env={**system.settings, "KEYSTRAND_LISTEN": f"127.0.0.1:{port}", "KEYSTRAND_ADMIN_LISTEN": f"127.0.0.1:{port + 1}"},
        stdin=subprocess.DEVNULL, timeout=10, check=False)
    assert ended.returncode == 2
    for problem in ("tolerance-seconds", "endpoint.live.signing-secrets: signing secret 2 is given twice",
                    "endpoint.test.signing-secrets: signing secret 1 is empty",
                    "endpoint.connect.signing-secrets: signing secret 1 is too short",
                    "/hook is also the path of endpoint"):
        assert problem in ended.stderr, ended.stderr
    assert LIVE not in ended.stderr


# --- TLS ---

def make_certificate(folder: pathlib.Path, common_name: str) -> None:
    """Both files replaced whole, the key first: for a moment they do not belong together."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={common_name}", "-addext", "subjectAltName=DNS:hooks.test", "-keyout", str(folder / "key.new"),
         "-out", str(folder / "crt.new")], check=True, capture_output=True)
    (folder / "key.new").rename(folder / "server.key")
    (folder / "crt.new").rename(folder / "server.crt")


@pytest.fixture
def tls_receiver(system: System, tmp_path: pathlib.Path) -> Program:
    make_certificate(tmp_path, "first")
    return system.start_receiver(KEYSTRAND_TLS_CERTIFICATE_FILE=str(tmp_path / "server.crt"),
                                 KEYSTRAND_TLS_KEY_FILE=str(tmp_path / "server.key")).wait_ready()


def unverified() -> ssl.SSLContext:
    """The certificates are self-signed, and replaced while connections come."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def served_name(port: int) -> str:
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=10)
    return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=shown, text=True, capture_output=True,
                          check=True).stdout.rsplit("=", 1)[1].strip()


def test_certificate_is_replaced_under_load_without_a_failed_handshake(
        system: System, tls_receiver: Program, tmp_path: pathlib.Path) -> None:
    port = public_port(tls_receiver)
    stop = threading.Event()
    statuses: list[object] = []
    body = event_body()

    def deliver() -> None:
        while not stop.is_set():
            try:
                statuses.append(post(port, "/webhooks/stripe", delivery.TEST_SECRET, body, unverified()))
            except OSError as error:
                statuses.append(error)

    senders = [threading.Thread(target=deliver) for _ in range(4)]
    for sender in senders:
        sender.start()
    try:
        for name in ("second", "third"):
            before = len(statuses)
            make_certificate(tmp_path, name)
            eventually(lambda name=name: served_name(port) == name, f"the certificate of {name} served")
            eventually(lambda before=before: len(statuses) > before + 20, "deliveries after the change")
    finally:
        stop.set()
        for sender in senders:
            sender.join()
    assert set(statuses) == {200}
    scraped = tls_receiver.metrics()
    assert scraped.sum("keystrand_tls_reloads_total", result="ok") >= 2
    assert scraped.sum("keystrand_tls_handshakes_total", result="failed") == 0
    assert scraped.sum("keystrand_tls_certificate_expiry_timestamp_seconds") > 0
    records = topic.read(system.stack.kafka_brokers, system.events)
    assert len(records) == len(statuses)


def test_unusable_certificate_leaves_the_old_one_in_force(tls_receiver: Program, tmp_path: pathlib.Path) -> None:
    (tmp_path / "server.crt").write_text("no certificate\n")
    eventually(lambda: tls_receiver.log_lines("tls.refused"), "the refusal in the log")
    port = public_port(tls_receiver)
    assert post(port, "/webhooks/stripe", delivery.TEST_SECRET, context=unverified()) == 200
    assert tls_receiver.metrics().sum("keystrand_tls_reloads_total", result="refused") >= 1


def test_certificate_with_another_ones_key_is_refused_at_start(system: System, tmp_path: pathlib.Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make_certificate(tmp_path / name, name)
    refused = system.start_receiver(KEYSTRAND_TLS_CERTIFICATE_FILE=str(tmp_path / "one" / "server.crt"),
                                    KEYSTRAND_TLS_KEY_FILE=str(tmp_path / "other" / "server.key"))
    assert refused.wait_end() == 2
    assert "is not the key of" in refused.last_words()


# --- behind a proxy ---

def proxy_v2(client: str) -> bytes:
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(client) + socket.inet_aton("127.0.0.1")
            + (40000).to_bytes(2, "big") + (443).to_bytes(2, "big"))


def test_proxy_names_the_client_and_nobody_else_is_served(system: System) -> None:
    receiver = system.start_receiver(KEYSTRAND_CLIENT_ADDRESS="proxy-protocol", KEYSTRAND_TRUSTED_PROXIES="127.0.0.1",
                                     KEYSTRAND_CONNECTIONS_PER_ADDRESS_MAX="8").wait_ready()
    port = public_port(receiver)
    header = proxy_v2("203.0.113.7")
    assert post(port, "/webhooks/stripe", delivery.TEST_SECRET, first=header) == 200
    assert post(port, "/webhooks/stripe", delivery.WRONG_SECRET, first=header) == 400
    [refused] = eventually(lambda: receiver.log_lines("delivery.refused"), "the refusal in the log")
    assert refused["client_ip"] == "203.0.113.7"
    with pytest.raises((http.client.HTTPException, OSError)):
        post(port, "/webhooks/stripe", delivery.TEST_SECRET)
    assert receiver.metrics().sum("keystrand_proxy_headers_refused_total") == 1
