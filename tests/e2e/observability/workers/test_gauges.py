"""What waits in the database, as gauges of the whole system: seeded by hand, since most of it takes hours to come about."""

from __future__ import annotations

from observability.workers.conftest import REFRESH_S, Start
from operating.desk import Desk

CODES = ("malformed", "unsupported", "rejected", "missing_reference", "timeout", "unavailable", "conflict", "misdeployed",
         "unauthenticated", "internal", "crashed")
WAITING = {"retry": "parked", "hold": "held", "breaker": "parked", "operator": "parked"}  # the state of each reason


def park(desk: Desk, number: int, reason: str, state: str) -> None:
    key = f"test/self/cus_{reason}"
    desk.execute("INSERT INTO keystrand.strands VALUES (%s, 1, %s, %s, %s, now())", desk.system.events, key, state, reason)
    held = state == "held"
    desk.execute("INSERT INTO keystrand.parked_events VALUES (%s, 1, %s, 'test/self', %s, %s, '[]', '{}', %s, 1, "
                 "now() + interval '1 hour' * %s, NULL)", desk.system.events, number, f"evt_{reason}", key,
                 "held" if held else "waiting", None if held else 1)


def test_gauges(desk: Desk, start: Start) -> None:
    worker = start()
    for number, code in enumerate(CODES):
        desk.seed_letter(number, event_id=f"evt_{code}", error_code=code)
    for number, (reason, state) in enumerate(WAITING.items()):
        park(desk, number, reason, state)
    for code in CODES:
        assert worker.wait_value("keystrand_dead_letters_open", 1, REFRESH_S, error_code=code) == 1
    for reason in WAITING:
        assert worker.wait_value("keystrand_parked_events", 1, REFRESH_S, reason=reason) == 1
    seen = worker.scrape()
    assert seen.value("keystrand_strands_on_hold") == 1
    assert seen.value("keystrand_parked_oldest_timestamp_seconds") > 0
