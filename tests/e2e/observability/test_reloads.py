"""What the receiver reads again while it runs, TLS, and the proxy in front of it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

from observability import marked
from observability.conftest import Start
from observability.wire import connected, head, signed
from keystrand_e2e.waiting import eventually


def make_certificate(folder: pathlib.Path) -> dict[str, str]:
    """The settings that name it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=hooks.test", "-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")],
        check=True, capture_output=True)
    return {"KEYSTRAND_TLS_CERTIFICATE_FILE": str(folder / "server.crt"), "KEYSTRAND_TLS_KEY_FILE": str(folder / "server.key")}


def test_secrets_reloaded(start: Start, tmp_path: pathlib.Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(marked.SECRET)
    receiver = start(KEYSTRAND_SIGNING_SECRETS="", KEYSTRAND_SIGNING_SECRETS_FILE=str(secrets))
    os.kill(receiver.program.pid, signal.SIGHUP)
    receiver.wait_value("keystrand_signing_secrets_reloads_total", 1, result="ok")
    secrets.write_text("whsec_canary")
    receiver.wait_value("keystrand_signing_secrets_reloads_total", 1, result="refused")
    assert receiver.deliver(marked.sample()) == 200
    [refused] = eventually(lambda: receiver.lines("secrets.refused"), "the refusal in the log")
    assert refused["level"] == "error"


def test_tls(start: Start, tmp_path: pathlib.Path) -> None:
    receiver = start(KEYSTRAND_TLS_HANDSHAKE_TIMEOUT_MS="100", **make_certificate(tmp_path))
    assert receiver.first.value("keystrand_tls_reloads_total") == 0
    assert 86400 < receiver.first.value("keystrand_tls_certificate_expiry_timestamp_seconds") - time.time() < 2 * 86400 + 60
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tmp_path / "server.crt")
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname="hooks.test") as wrapped:
        wrapped.sendall(signed(marked.sample()))
        assert wrapped.recv(100).startswith(b"HTTP/1.1 200 ")
    receiver.wait_value("keystrand_tls_handshakes_total", 1, result="completed")
    with connected(receiver.port) as clear:
        with contextlib.suppress(ConnectionError):
            clear.send(head())
        receiver.wait_value("keystrand_tls_handshakes_total", 1, result="failed")
    with connected(receiver.port) as silent:
        assert silent.ended()
    assert receiver.value("keystrand_bound_hits_total", bound="tls_handshake_seconds") == 1
    before = receiver.value("keystrand_tls_certificate_expiry_timestamp_seconds")
    eventually(lambda: make_certificate(tmp_path) and receiver.value(
        "keystrand_tls_certificate_expiry_timestamp_seconds") > before, "the new certificate's expiry", 10)
    assert receiver.value("keystrand_tls_reloads_total", result="ok") >= 1
    (tmp_path / "server.crt").write_text("canary")
    receiver.wait_value("keystrand_tls_reloads_total", 1, result="refused")


def test_proxy_headers_refused(start: Start) -> None:
    receiver = start(KEYSTRAND_CLIENT_ADDRESS="proxy-protocol", KEYSTRAND_TRUSTED_PROXIES="127.0.0.1")
    with connected(receiver.port) as wire:
        wire.send(head())
        assert wire.ended()
    assert receiver.value("keystrand_proxy_headers_refused_total") == 1


def test_draining(start: Start) -> None:
    receiver = start(KEYSTRAND_DRAIN_GRACE_MS="5000")
    receiver.program.request_stop()
    receiver.wait_value("keystrand_draining", 1)
    assert receiver.value("keystrand_ready", check="serving") == 0
    assert receiver.program.get("/readyz")[0] == 503
    assert receiver.deliver(marked.sample()) == 200  # load balancers have not noticed yet
    receiver.program.request_stop()  # ends the grace
    assert receiver.program.wait_end() == 0
