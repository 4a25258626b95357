"""That a receiver checks signatures: one that leaves the check out would be fast, and no receiver."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import time

from runner.stage import SECRET, TEMPLATE, BenchError
from runner.subjects import RunningReceiver

OLDER_THAN_ANY_TOLERANCE_S = 3600


def require_refusal(name: str, receiver: RunningReceiver) -> None:
    """Posts an event with a wrong signature, with a right but old one, and with none: each must be answered 400."""
    body = TEMPLATE.read_bytes()
    now = int(time.time())
    other = body.replace(b'"livemode": false', b'"livemode": true ')
    forgeries = {"a body that was not signed": header(now, other), "no signature": None,
                 "a signature of an hour ago": header(now - OLDER_THAN_ANY_TOLERANCE_S, body)}
    for what, signature in forgeries.items():
        status = post(receiver, body, signature)
        if status != 400:
            raise BenchError(f"{name} answered {status} to {what}: it is no receiver")


def header(signed_at: int, body: bytes) -> str:
    digest = hmac.new(SECRET.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={signed_at},v1={digest}"


def post(receiver: RunningReceiver, body: bytes, signature: str | None) -> int:
    headers = {"Content-Type": "application/json", **({"Stripe-Signature": signature} if signature else {})}
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    try:
        connection.request("POST", receiver.path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
