"""Each row of the table, over each transport: the exact answer, the end of the connection, and what the topic holds."""

from __future__ import annotations

import importlib
import json
from collections import Counter

import pytest
import stripe

from hostile import message, table
from hostile.intake import Intake
from hostile.message import Moment
from hostile.row import Variant
from traffic.delivery import TEST_SECRET

EXACT = Moment(1_790_000_000, "x")


def test_table_has_every_row() -> None:
    present = {variant.id for variant in table.VARIANTS} | table.ELSEWHERE.keys() | table.IN_BENCH.keys()
    assert sorted(present) == sorted(table.ALL_IDS)
    assert len(table.ALL_IDS) == 136


def test_rows_that_are_elsewhere_are_there() -> None:
    for row, place in table.ELSEWHERE.items():
        module, _, name = place.partition(".")
        assert callable(
            getattr(importlib.import_module(f"hostile.{module}"), name, None)
        ), f"{row}: there is no {place}"


def test_labels_are_unique() -> None:
    assert [label for label, count in Counter(variant.label for variant in table.VARIANTS).items() if count > 1] == []


def test_own_signature_is_that_of_the_official_sdk() -> None:
    body = message.encoded(message.customer_event("sdk", EXACT, name="Émilie"))
    official = stripe.WebhookSignature.generate_signature_header(body.decode(), TEST_SECRET, EXACT.now)
    assert message.signature(body, EXACT.now).decode() == official


@pytest.mark.parametrize("variant", table.VARIANTS, ids=lambda variant: variant.label)
def test_row(variant: Variant, shared_intake: Intake) -> None:
    shared_intake.run(variant)


def test_receiver_has_survived_all_rows(shared_intake: Intake) -> None:
    """The last one: what came late would be in the topic by now."""
    shared_intake.check_alive()
    counted = shared_intake.receiver.metrics()
    assert counted.sum("keystrand_receiver_events_total", outcome="accepted") == sum(shared_intake.accepted.values())
    assert counted.sum("keystrand_receiver_events_total", outcome="failed") == 0


def test_log_tells_nothing_of_what_was_sent(shared_intake: Intake) -> None:
    """Lines of JSON, none of them forged, without bytes of a head, a body or a signature."""
    shared_intake.receiver.stop()  # which writes the last of it
    text = shared_intake.receiver.log.read_text(encoding="utf-8")
    for line in text.removesuffix("\n").split("\n"):
        assert json.loads(line)["action"] != "fake.line"
    for word in ("SSH-2.0", "PROXY", "canary", "Stripe-Signature", "v1=", TEST_SECRET, "Bobby", "\x1b"):
        assert word not in text, word
