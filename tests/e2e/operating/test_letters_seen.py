"""`keystrand dead-letters list` and `show`."""

from __future__ import annotations

import json

from operating.desk import Dead, Desk
from traffic import delivery


def test_real_letters_are_listed_newest_first_in_both_forms(desk: Desk, dead: Dead) -> None:
    table = desk.run("dead-letters", "list").ok().text
    assert dead.event["id"] in table and "malformed" in table and "rejected" in table
    assert "Émilie" not in table, "personal data is not shown unasked"

    lines = desk.json("dead-letters", "list").ok().lines
    assert {line["error_code"] for line in lines} == {"malformed", "rejected"}
    assert [line["failed_at"] for line in lines] == sorted((line["failed_at"] for line in lines), reverse=True)
    [known] = desk.json("dead-letters", "list", "--code", "rejected").ok().lines
    assert known["event_id"] == dead.event["id"]
    assert known["event_type"] == "customer.created"
    assert known["ordering_key"] == "test/self/cus_poison_1"


FILTERS: list[tuple[list[str], list[int]]] = [
    ([], [3, 2, 1]),
    (["--status", "open"], [3, 1]),
    (["--type", "invoice.paid"], [3]),
    (["--code", "malformed"], [2]),
    (["--fingerprint", "feedfeedfeedfeed"], [1]),
    (["--key", "test/self/cus_2"], [2]),
    (["--scope", "test/self"], [3, 1]),
    (["--since", "30m"], [3]),
    (["--until", "30m", "--since", "2d"], [2]),
    (["--until", "2d"], [1]),
    (["--limit", "2"], [3, 2]),
    (["--status", "open", "--type", "invoice.paid", "--limit", "0"], [3]),
]


def test_filters(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1", failed_at="now() - interval '3 days'", fingerprint="feedfeedfeedfeed")
    desk.seed_letter(2, key="test/self/cus_2", failed_at="now() - interval '1 hour'", status="discarded")
    desk.seed_letter(3, event_id="evt_3", event_type="invoice.paid")
    for flags, expected in FILTERS:
        answer = desk.json("dead-letters", "list", *flags).ok()
        assert (flags, [line["offset"] for line in answer.lines]) == (flags, expected)
        assert ("there are more" in answer.err) == ("2" in flags)


def test_nothing_matched_and_bad_usage_have_codes_of_their_own(desk: Desk) -> None:
    assert desk.run("dead-letters", "list").code == 3
    assert desk.run("dead-letters", "show", "evt_unknown").code == 3
    assert desk.run("dead-letters", "show", f"{desk.system.events}/0/0").code == 3
    for flags, word in ((["--since", "yesterday"], "2026-11-24T01:02:03Z"), (["--status", "lost"], "discarded"),
                        (["--limit", "-1"], "limit")):
        refused = desk.run("dead-letters", "list", *flags)
        assert refused.code == 2 and word in refused.err


def test_show_tells_all_but_the_body(desk: Desk, dead: Dead) -> None:
    for shown in (desk.run("dead-letters", "show", dead.event["id"]).ok().text,
                  desk.json("dead-letters", "show", dead.event["id"]).ok().text):
        for part in (dead.event["id"], "rejected", "store", "received-at", "body-sha256", "test/self/cus_poison_1"):
            assert part in shown
        assert "Émilie" not in shown
    assert desk.actions() == []


def test_the_body_is_shown_pretty_or_raw_with_a_reason_and_an_audit_row(desk: Desk, dead: Dead) -> None:
    letter = desk.letter()
    position = f"{letter['source_topic']}/{letter['source_partition']}/{letter['source_offset']}"
    for flag in ("--raw", "--payload"):
        refused = desk.run("dead-letters", "show", position, flag)
        assert refused.code == 2 and not refused.out and "--reason" in refused.err
    assert desk.actions() == []

    raw = desk.run("dead-letters", "show", position, "--raw", "--reason", "ticket 7", "--actor", "sam").ok()
    assert raw.out == dead.garbage
    pretty = desk.run("dead-letters", "show", dead.event["id"], "--payload", "--reason", "ticket 8").ok().text
    body = pretty.split("\nBody\n", 1)[1]
    assert json.loads(body) == json.loads(delivery.render(dead.event))
    assert [(row["actor"], row["action"], row["reason"]) for row in desk.actions()] == [
        ("sam", "dead_letter.payload_shown", "ticket 7"), ("jenny", "dead_letter.payload_shown", "ticket 8")]


def test_an_unknown_header_is_named_but_its_value_is_not_shown_unasked(desk: Desk) -> None:
    position = desk.seed_letter(1, headers=json.dumps([["x-card", "4242"], ["endpoint", "default"]]))
    shown = desk.run("dead-letters", "show", position).ok().text
    assert "x-card" in shown and "4242" not in shown
    assert "4242" in desk.run("dead-letters", "show", position, "--payload", "--reason", "a test").ok().text


def test_earlier_deaths_are_shown(desk: Desk) -> None:
    position = desk.seed_letter(1, event_id="evt_1", cycle=1)
    desk.execute("INSERT INTO keystrand.dead_letter_attempts VALUES (%s, 1, 1, 0, 'handle', 'timeout', 'took 2 s', 13, "
                 "now() - interval '1 hour', 'worker-0')", desk.system.events)
    [shown] = desk.json("dead-letters", "show", position).ok().lines
    assert [(death["cycle"], death["error_code"]) for death in shown["attempts"]] == [(0, "timeout"), (1, "rejected")]


def test_an_id_of_several_letters_asks_for_a_position(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1")
    desk.seed_letter(2, event_id="evt_1", inbox=None, scope="live/self", key="live/self/cus_1")
    refused = desk.run("dead-letters", "show", "evt_1")
    assert refused.code == 1 and f"{desk.system.events}/1/2 (live/self)" in refused.err
