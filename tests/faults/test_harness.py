"""The parts of the harness that need no server."""

from __future__ import annotations

import json
import struct

from keystrand_faults import history, load
from keystrand_faults.group_offsets import GroupCommit, parsed
from traffic import delivery, semantics


def test_history_tells_each_operation_before_and_after(tmp_path) -> None:
    kept = history.RecordedHistory(tmp_path / "history.jsonl")
    event = load.payer(load.World("history", load.START), 1)[0]
    attempt = kept.begin(delivery.of(event))
    assert [json.loads(line)["kind"] for line in (tmp_path / "history.jsonl").read_text().splitlines()] == ["invoke"]
    attempt.status = 503
    kept.end(attempt)
    with kept.fault("kill_worker"):
        kept.produced("d" * 64, "test/self/x", "bytes")
    kept.close()
    told = history.read(tmp_path / "history.jsonl")
    assert [line["kind"] for line in told.lines] == ["invoke", "info", "fault", "produce", "heal"]
    [read] = told.attempts
    assert (read.status, read.delivery.event_id) == (503, event["id"])
    assert read.delivery.record_key == semantics.record_key_of(delivery.render(event))
    assert told.planted == {"d" * 64: "bytes"} and told.broken is None


def test_history_that_was_cut_off_says_so(tmp_path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"kind": "note", "wall": 1, "mono": 1}\n{"kind": "inv')
    told = history.read(path)
    assert len(told.lines) == 1 and "line 2" in told.broken


def test_equal_seeds_make_equal_segments() -> None:
    bodies = [[item.body for strand in load.segment("a", load.Mix(120)) for item in strand] for _ in range(2)]
    assert bodies[0] == bodies[1]
    other = {item.body for strand in load.segment("b", load.Mix(120)) for item in strand}
    assert not other & set(bodies[0])


def test_segments_share_no_event_with_one_another_or_within() -> None:
    identities = []
    for seed in ("a/0", "a/1"):
        seen: dict[str, str] = {}
        for item in (item for strand in load.segment(seed, load.Mix(300)) for item in strand):
            event = semantics.read(item.body)
            if event:
                assert seen.setdefault(event["id"], item.record_key) == item.record_key
        identities.append(seen.keys())
    assert not identities[0] & identities[1]


def test_segment_has_the_poison_that_it_was_asked_for() -> None:
    mix = load.Mix(200, cured=3, stubborn=1, deadly=2, aborting=1, unreadable=2, too_large=1)
    items = {item.body: item for strand in load.segment("poison", mix) for item in strand}.values()
    events = {}
    for item in items:
        event = semantics.read(item.body)
        if event:
            events[event["id"]] = event
    assert sum(semantics.read(item.body) is None for item in items) == 2
    assert sum(load.may_die(event) for event in events.values()) == 2 + 1
    wishes = [load.wish_of(event) for event in events.values() if load.wish_of(event)]
    assert len(wishes) == 3 + 1 + 2 + 1 and load.STUBBORN in wishes and load.ABORTING in wishes


def test_garbage_is_of_every_kind() -> None:
    planted = load.garbage("kinds", 12, 6)
    assert {record.what for record in planted} == {"bytes", "null value", "foreign schema", "wrong partition", "cut off",
                                                   "id twice"}
    for record in planted:
        home = semantics.partition_of(record.key, 6)
        assert (record.partition == home) == (record.what != "wrong partition")


def test_group_commits_are_read_from_kafkas_own_log() -> None:
    def text(value: str) -> bytes:
        return struct.pack(">h", len(value)) + value.encode()

    key = struct.pack(">h", 1) + text("group") + text("topic") + struct.pack(">i", 4)
    value = struct.pack(">hqi", 3, 70, -1) + text("") + struct.pack(">q", 1)
    assert parsed(key, value, 99, "group", "topic") == GroupCommit(4, 70, 99)
    assert parsed(key, value, 99, "other", "topic") is None
    assert parsed(key, None, 99, "group", "topic") is None
    assert parsed(struct.pack(">h", 2) + text("group"), value, 99, "group", "topic") is None
