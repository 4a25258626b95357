"""The table of hostile inputs, whole."""

from __future__ import annotations

from hostile.body_rows import BODY_ROWS
from hostile.framing_rows import FRAMING_ROWS
from hostile.length_rows import LENGTH_ROWS
from hostile.row import Variant
from hostile.signature_rows import SIGNATURE_ROWS

VARIANTS: list[Variant] = [*FRAMING_ROWS, *LENGTH_ROWS, *SIGNATURE_ROWS, *BODY_ROWS]

ALL_IDS = [*(f"H{n}" for n in range(1, 66)), *(f"S{n}" for n in range(1, 35)), *(f"J{n}" for n in range(1, 38))]

# Rows that need a set-up of their own: the test that has them, or where else they are proven.
ELSEWHERE = {
    "H54": "test_bounds.test_thousandth_answer_closes_the_connection",
    "H55": "test_bounds.test_head_that_trickles_in_is_answered_408",
    "H56": "test_bounds.test_body_that_trickles_in_is_answered_408",
    "H57": "test_bounds.test_reader_that_does_not_read_is_cut_off_and_its_event_kept",
    "H64": "test_handshakes.test_handshake_is_refused_with_an_alert",
    "H65": "test_bounds.test_one_address_cannot_take_all_connections",
    "S26": "test_secrets.test_revoked_secret_is_refused",
    "S27": "test_secrets.test_secret_of_another_endpoint_is_refused",
    "S28": "test_secrets.test_empty_secret_is_refused_at_start",
    "S32": "test_secrets.test_captured_request_passes_while_it_is_fresh_and_has_one_effect",
    "J35": "test_effects.test_event_of_the_other_mode_is_ignored_as_wrong_mode",
}

# Proven in process, where a clock can be trusted: a socket's noise is a thousand times what is measured.
IN_BENCH = {
    "S33": "a million guesses that share 0 to 31 digits take equal time: a matter of nanoseconds, so of the benchmark"
}
