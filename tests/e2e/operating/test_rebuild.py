"""`keystrand dead-letters rebuild`: rows made from the topic are those that the worker wrote."""

from __future__ import annotations

import json
from typing import Any

import confluent_kafka

from operating.desk import Dead, Desk


def lose(desk: Desk) -> None:
    desk.execute("DELETE FROM keystrand.dead_letters")


def by_event(desk: Desk) -> dict[str | None, dict[str, Any]]:
    """But for the moment of publication, which is Kafka's word instead of the database's."""
    return {row["event_id"]: {name: value for name, value in row.items() if name != "published_at"}
            for row in desk.all_letters()}


def test_rows_are_made_as_they_were(desk: Desk, dead: Dead) -> None:
    before = by_event(desk)
    lose(desk)
    dry = desk.json("dead-letters", "rebuild", "--dry-run").ok()
    assert sorted(line["result"] for line in dry.lines) == ["would be made, open"] * 2
    assert desk.all_letters() == [] and desk.actions() == []

    assert "2 made, open" in desk.run("dead-letters", "rebuild", "--reason", "restored").ok().text
    assert by_event(desk) == before
    assert all(letter["published_at"] for letter in desk.all_letters())
    assert [(row["actor"], row["action"], row["reason"]) for row in desk.actions()] == [
        ("jenny", "dead_letter.rebuilt", "restored")] * 2
    again = desk.run("dead-letters", "rebuild").ok()
    assert "no row is missing" in again.text and by_event(desk) == before


def test_rows_that_exist_stay(desk: Desk, dead: Dead) -> None:
    desk.execute("UPDATE keystrand.dead_letters SET status = 'resolved', cycle = 7 WHERE event_id IS NULL")
    desk.execute("DELETE FROM keystrand.dead_letters WHERE event_id IS NOT NULL")
    assert "1 made, open" in desk.run("dead-letters", "rebuild").ok().text
    assert (desk.letter()["status"], desk.letter()["cycle"]) == ("resolved", 7)


STATUSES = {"dead": "open", "parked": "open", "replaying": "replaying", "applied": "resolved", "stale": "resolved",
            "ignored": "resolved", "discarded": "discarded"}


def test_the_status_is_that_of_the_event(desk: Desk, dead: Dead) -> None:
    for inbox, status in STATUSES.items():
        desk.execute("UPDATE keystrand.inbox SET status = %s, replay_id = 'r-1' WHERE event_id = %s", inbox,
                     dead.event["id"])
        lose(desk)
        desk.run("dead-letters", "rebuild").ok()
        letter = desk.letter(dead.event["id"])
        assert (inbox, letter["status"], letter["replay_id"]) == (inbox, status, "r-1")


def test_the_status_of_a_body_without_an_id_is_what_operators_did(desk: Desk, dead: Dead) -> None:
    position = "{source_topic}/{source_partition}/{source_offset}".format(**desk.letter())
    desk.run("dead-letters", "replay", position, "--reason", "mended").ok()
    replay_id = desk.letter()["replay_id"]
    lose(desk)
    desk.run("dead-letters", "rebuild").ok()
    assert (desk.letter()["status"], desk.letter()["replay_id"]) == ("replaying", replay_id)

    desk.execute("UPDATE keystrand.dead_letters SET status = 'open' WHERE event_id IS NULL")
    desk.run("dead-letters", "discard", position, "--reason", "given up").ok()
    lose(desk)
    desk.run("dead-letters", "rebuild").ok()
    assert desk.letter()["status"] == "discarded"


def test_of_a_letter_that_died_again_the_row_is_the_last_death(desk: Desk, dead: Dead) -> None:
    """A record of the next cycle, as a worker publishes it after a replay that failed."""
    row = desk.letter(dead.event["id"])
    replay_id = "5b0a2c1e-7f7c-4a57-9d3e-0f6a1c2b3d4e"
    source = [row["source_topic"], str(row["source_partition"]), str(row["source_offset"])]
    headers = {**dict(row["headers"]), "replay-id": replay_id, "replay-count": "1", "replay-actor": "sam",
               "source-position": "/".join(source), "dlq-id": "/".join([*source, "1"]), "dlq-stage": "handle",
               "dlq-error-code": "timeout", "dlq-error-message": "took 2 s", "dlq-fingerprint": "feedfeedfeedfeed",
               "dlq-attempts": "13", "dlq-first-failed-at": "1793168452130", "dlq-failed-at": "1793168452999",
               "dlq-source-topic": source[0], "dlq-source-partition": source[1], "dlq-source-offset": source[2],
               "dlq-source-timestamp": "1793168452124", "dlq-worker": "worker-2", "dlq-cycle": "1"}
    producer = confluent_kafka.Producer({"bootstrap.servers": desk.system.stack.kafka_brokers, "log_level": 0})
    for _ in range(2):  # published twice, after a worker died in between
        producer.produce(desk.system.dead_letters, bytes(row["payload"]), bytes(row["record_key"]),
                         int(source[1]), headers=list(headers.items()))
    assert producer.flush(10) == 0
    lose(desk)
    desk.run("dead-letters", "rebuild").ok()
    made = desk.letter(dead.event["id"])
    assert (made["cycle"], made["error_code"], made["attempts"], made["worker"]) == (1, "timeout", 13, "worker-2")
    [earlier] = desk.system.rows("SELECT * FROM keystrand.dead_letter_attempts")
    assert (earlier["cycle"], earlier["error_code"], earlier["error_message"], earlier["failed_at"]) == (
        0, "rejected", row["error_message"], row["failed_at"])


def test_a_record_that_is_no_letter_is_named_and_left_out(desk: Desk, dead: Dead) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": desk.system.stack.kafka_brokers, "log_level": 0})
    producer.produce(desk.system.dead_letters, b"x", b"y", 0, headers=[("dlq-source-topic", "t")])
    assert producer.flush(10) == 0
    lose(desk)
    answer = desk.run("dead-letters", "rebuild")
    assert answer.code == 1 and f"{desk.system.dead_letters}/0/" in answer.err and "dlq-source-partition" in answer.err
    assert len(desk.all_letters()) == 2


def test_kafka_away_is_said(desk: Desk) -> None:
    answer = desk.run("dead-letters", "rebuild", "--timeout-ms", 500, KEYSTRAND_KAFKA_BROKERS="127.0.0.1:1")
    assert answer.code == 1 and "127.0.0.1:1" in answer.err


def test_json_has_a_line_for_each_row(desk: Desk, dead: Dead) -> None:
    lose(desk)
    lines = desk.json("dead-letters", "rebuild").ok().lines
    assert {line["result"] for line in lines} == {"made, open"}
    assert json.dumps(lines).count("evt_") == 1
