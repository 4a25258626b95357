"""Every outcome of a delivery that the receiver alone decides, in its metrics."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time

import pytest

from keystrand_e2e.waiting import eventually
from observability import marked
from observability.conftest import Start
from observability.record import Watched, content_type
from observability.scrape import CONTENT_TYPE
from observability.wire import PATH, connected, head, signed
from traffic import delivery

TYPES = ["charge.dispute.created", "charge.failed", "charge.refunded", "charge.succeeded", "checkout.session.completed",
         "customer.created", "customer.deleted", "customer.subscription.created", "customer.subscription.deleted",
         "customer.subscription.updated", "customer.updated", "invoice.created", "invoice.finalized", "invoice.paid",
         "invoice.payment_failed", "payment_intent.payment_failed", "payment_intent.succeeded", "payment_method.attached",
         "refund.created"]
FOREIGN = ["ping", "customer.created.", "a.type.of.tomorrow"]  # counted as other


def assert_conserved(receiver: Watched) -> None:
    """Each request to an endpoint has exactly one outcome, and what was accepted was produced."""
    seen = receiver.scrape()
    assert seen.value("keystrand_http_requests_total", handler="stripe") == seen.value("keystrand_receiver_events_total")
    accepted = seen.value("keystrand_receiver_events_total", outcome="accepted")
    assert accepted == seen.value("keystrand_receiver_accepted_events_total")
    assert accepted <= seen.value("keystrand_produce_total", result="ok")
    assert seen.value("keystrand_http_requests_in_flight") == 0
    assert seen.value("keystrand_http_bytes_in_flight") == 0


def test_accepted(start: Start) -> None:
    receiver = start()
    before = time.time()
    for event_type in [*TYPES, FOREIGN[0]]:
        for livemode in (True, False):
            assert receiver.deliver(marked.sample(event_type=event_type, livemode=livemode, age_s=100)) == 200
    for event_type in FOREIGN[1:]:
        assert receiver.deliver(marked.sample(event_type=event_type)) == 200
    assert receiver.deliver(marked.of(marked.event(), marked.SECOND_SECRET)) == 200
    total = 2 * len(TYPES) + 2 + 2 + 1

    seen = receiver.scrape()
    for event_type in TYPES:
        for livemode in ("true", "false"):
            expected = 2 if (event_type, livemode) == ("charge.succeeded", "false") else 1
            assert seen.value("keystrand_receiver_accepted_events_total", event_type=event_type, livemode=livemode) == expected
    assert seen.value("keystrand_receiver_accepted_events_total", event_type="other") == 4
    assert seen.value("keystrand_receiver_events_total", outcome="accepted", reason="none") == total
    assert seen.value("keystrand_signature_verifications_total", result="valid", secret="primary") == total - 1
    assert seen.value("keystrand_signature_verifications_total", result="valid", secret="secondary") == 1
    assert seen.value("keystrand_http_requests_total", handler="stripe", method="POST", code="200") == total
    for histogram in ("keystrand_source_delay_seconds", "keystrand_produce_duration_seconds", "keystrand_http_request_body_bytes"):
        assert seen.value(histogram) == total
    assert seen.value("keystrand_http_request_duration_seconds", handler="stripe", code_class="2xx") == total
    assert seen.value("keystrand_produce_total", result="ok") == total
    assert before - 1 < seen.value("keystrand_receiver_last_accepted_timestamp_seconds") < time.time() + 1
    assert seen.value("keystrand_http_connections_accepted_total") == total
    assert_conserved(receiver)
    eventually(lambda: receiver.value("keystrand_kafka_broker_rtt_avg_seconds") > 0, "a round trip in the statistics")


def test_refused_for_the_signature(start: Start) -> None:
    receiver = start()
    event = marked.sample()
    now = int(time.time())

    def refused(result: str, *signatures: str) -> None:
        before = receiver.value("keystrand_signature_verifications_total", result=result, secret="none")
        lines = [f"Stripe-Signature: {signature}" for signature in signatures]
        assert receiver.ask(head("POST", PATH, len(event.body), *lines) + event.body).status == 400
        assert receiver.value("keystrand_signature_verifications_total", result=result, secret="none") == before + 1

    genuine = event.headers()["Stripe-Signature"]
    refused("missing_header")
    refused("malformed_header", "t=canary,v1=canary")
    refused("malformed_header", f"t={now},v0={'ca' * 32}")
    refused("malformed_header", genuine, genuine)
    refused("mismatch", f"t={now},v1={'ca' * 32}")
    refused("mismatch", delivery.Delivery(event.body, secret=delivery.WRONG_SECRET).headers()["Stripe-Signature"])
    for off in (-302, 302):
        refused("timestamp_outside_tolerance", event.headers(now + off)["Stripe-Signature"])
    seen = receiver.scrape()
    assert seen.value("keystrand_receiver_events_total", outcome="rejected", reason="signature") == 8
    assert seen.value("keystrand_http_requests_total", code="400", handler="stripe", method="POST") == 8
    assert seen.value("keystrand_http_request_duration_seconds", handler="stripe", code_class="4xx") == 8
    assert len(receiver.lines("delivery.refused")) == 8
    assert_conserved(receiver)


# What the head alone gives away, whatever the path and the method: status and request.
FRAMING = {
    400: ((0,), ("X-No-Colon",)), 411: ((None,), ("Transfer-Encoding: chunked",)),
    415: ((5,), ("Content-Encoding: gzip",)), 417: ((5,), ("Expect: the unexpected",)),
    431: ((0,), ("X-Large: " + "canary" * 800,))}


def test_refused_for_the_head(start: Start) -> None:
    receiver = start()
    for handler, path in (("stripe", PATH), ("other", "/canary/wp-login.php")):
        for label, method in (("POST", "POST"), ("other", "PUT")):
            for status, (length, lines) in FRAMING.items():
                assert receiver.ask(head(method, path, *length, *lines)).status == status, (method, path, status)
                counted = {"handler": handler, "method": label, "code": str(status)}
                assert receiver.value("keystrand_http_requests_total", **counted) == 1, counted
    assert receiver.ask(head("GET")).status == 405
    for method in ("POST", "GET"):
        assert receiver.ask(head(method, "/canary")).status == 404
        assert receiver.ask(head(method, "/" + "canary" * 400)).status == 414
    seen = receiver.scrape()
    assert seen.value("keystrand_receiver_events_total", reason="bad_request") == 2 * len(FRAMING) + 1
    assert seen.value("keystrand_http_requests_total", handler="other") == 2 * len(FRAMING) + 4
    assert seen.value("keystrand_bound_hits_total", bound="target_bytes") == 2
    assert seen.value("keystrand_bound_hits_total", bound="head_bytes") == 4
    assert_conserved(receiver)


def test_refused_for_a_slow_head(start: Start) -> None:
    receiver = start(KEYSTRAND_HEADER_TIMEOUT_MS="200")
    begun = [head(method, path)[:-2] for path in (PATH, "/canary") for method in ("POST", "PUT")]
    with contextlib.ExitStack() as held:
        wires = [held.enter_context(connected(receiver.port)).send(data) for data in [*begun, b"PO"]]
        assert [receiver.answer(wire).status for wire in wires] == [408] * 5
    seen = receiver.scrape()
    for handler, method, count in (("stripe", "POST", 1), ("stripe", "other", 1), ("other", "POST", 1), ("other", "other", 2)):
        assert seen.value("keystrand_http_requests_total", handler=handler, method=method, code="408") == count
    assert seen.value("keystrand_receiver_events_total", outcome="rejected", reason="deadline") == 2
    assert seen.value("keystrand_bound_hits_total", bound="header_seconds") == 5
    assert_conserved(receiver)


def test_refused_for_the_body(start: Start) -> None:
    receiver = start(KEYSTRAND_BODY_BYTES_MAX="4096", KEYSTRAND_BODY_TIMEOUT_MS="200")
    assert receiver.ask(signed(marked.sample(padding=4096))).status == 413
    assert receiver.ask(head("POST", PATH, 100) + b"canary").status == 408
    with connected(receiver.port) as wire:
        wire.send(head("POST", PATH, 100) + b"canary")
        eventually(lambda: receiver.value("keystrand_http_requests_in_flight") == 1, "the request in flight", 0.19)
        assert receiver.scrape().value("keystrand_http_connections") >= 1
    receiver.wait_value("keystrand_receiver_events_total", 1, outcome="rejected", reason="client_gone")
    seen = receiver.scrape()
    assert seen.value("keystrand_http_requests_total", handler="stripe", method="POST", code="499") == 1
    assert seen.value("keystrand_receiver_events_total", outcome="rejected", reason="body_too_large") == 1
    assert seen.value("keystrand_receiver_events_total", outcome="rejected", reason="deadline") == 1
    for bound in ("body_bytes", "body_seconds"):
        assert seen.value("keystrand_bound_hits_total", bound=bound) == 1, bound
    assert_conserved(receiver)


def test_scrape_answers_within_100_ms_under_load_and_holds_nothing_up(start: Start) -> None:
    receiver = start()
    events = [marked.sample() for _ in range(400)]
    took: list[float] = []
    with concurrent.futures.ThreadPoolExecutor(8) as senders:
        sent = [senders.submit(receiver.deliver, event) for event in events]
        while not all(each.done() for each in sent):
            began = time.perf_counter()
            receiver.scrape_now()
            took.append(time.perf_counter() - began)
    assert {each.result() for each in sent} == {200}
    assert len(took) >= 10
    # Python and the senders share the machine with the receiver: its own share is below the median.
    assert sorted(took)[len(took) // 2] < 0.1, sorted(took)
    assert content_type(receiver.program) == CONTENT_TYPE
    assert receiver.scrape().value("keystrand_receiver_events_total", outcome="accepted") == len(events)
    assert_conserved(receiver)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/version", "/metrics"])
def test_health_and_metrics_are_not_public(start: Start, path: str) -> None:
    receiver = start()
    assert receiver.program.get(path)[0] == 200
    assert receiver.ask(head("GET", path)).status == 404
