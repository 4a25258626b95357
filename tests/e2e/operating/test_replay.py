"""`keystrand dead-letters replay`: what the topic, the tables and the audit hold after it, also when it is killed."""

from __future__ import annotations

import random
import time

import confluent_kafka

from keystrand_e2e.system import PARTITIONS
from keystrand_e2e.waiting import eventually
from operating.desk import Dead, Desk
from traffic import delivery

REPLAY = ("replay-id", "replay-count", "replay-actor", "source-position")
MANY = 3000


def position(letter: dict[str, object]) -> str:
    return f"{letter['source_topic']}/{letter['source_partition']}/{letter['source_offset']}"


def test_real_letters_are_produced_as_they_were_with_the_headers_of_a_replay(desk: Desk, dead: Dead) -> None:
    before = {(record.partition, record.offset): record for record in desk.records()}
    answer = desk.run("dead-letters", "replay", "--status", "open", "--reason", "mended", "--actor", "sam").ok()
    assert "2 replayed" in answer.text

    replays = desk.replays()
    assert len(replays) == 2
    for record in replays:
        _, partition, offset = record.headers["source-position"].rsplit("/", 2)
        first = before[int(partition), int(offset)]
        assert (record.partition, record.key, record.value) == (first.partition, first.key, first.value)
        assert {name: value for name, value in record.headers.items() if name not in REPLAY} == first.headers
        assert record.headers["replay-count"] == "1" and record.headers["replay-actor"] == "sam"

    known, unknown = desk.letter(dead.event["id"]), desk.letter()
    ids = {record.headers["source-position"]: record.headers["replay-id"] for record in replays}
    assert known["status"] == unknown["status"] == "replaying"
    assert ids == {position(known): known["replay_id"], position(unknown): unknown["replay_id"]}
    assert known["replay_id"] != unknown["replay_id"]
    event = desk.inbox(dead.event["id"])
    assert (event["status"], event["replay_id"]) == ("replaying", known["replay_id"])
    assert {(row["actor"], row["action"], row["reason"], row["replay_id"], row["subject"]["event_id"])
            for row in desk.actions()} == {
        ("sam", "dead_letter.replayed", "mended", known["replay_id"], dead.event["id"]),
        ("sam", "dead_letter.replayed", "mended", unknown["replay_id"], position(unknown))}
    assert "did dead_letter.replayed" in desk.run("event", "show", dead.event["id"]).ok().text


def test_a_dry_run_names_what_would_be_done_and_does_nothing(desk: Desk, dead: Dead) -> None:
    answer = desk.json("dead-letters", "replay", "--status", "open", "--dry-run").ok()
    assert {line["result"] for line in answer.lines} == {"would be replayed"}
    assert {line["event_id"] for line in answer.lines} == {dead.event["id"], None}
    assert desk.replays() == [] and desk.actions() == []
    assert {letter["status"] for letter in desk.all_letters()} == {"open"}


def test_what_still_replays_is_sent_again_under_the_same_id(desk: Desk) -> None:
    first, second = desk.seed_letter(1, event_id="evt_1"), desk.seed_letter(2, event_id="evt_2")
    desk.run("dead-letters", "replay", "evt_1", second, "--reason", "mended").ok()
    letters = desk.letters()

    by_id = desk.json("dead-letters", "replay", first, "--reason", "again").ok()
    assert [line["result"] for line in by_id.lines] == ["sent again"]
    resumed = desk.json("dead-letters", "replay", "--resume").ok()
    assert [line["result"] for line in resumed.lines] == ["sent again", "sent again"]

    assert desk.letters() == letters, "resuming changes no letter"
    sent = [(record.headers["source-position"], record.headers["replay-id"]) for record in desk.replays()]
    assert sorted(sent) == sorted([(first, letters[1]["replay_id"])] * 3 + [(second, letters[2]["replay_id"])] * 2)
    assert [row["action"] for row in desk.actions()] == ["dead_letter.replayed"] * 2 + ["dead_letter.resumed"] * 3


def test_the_order_of_a_customers_events_is_kept(desk: Desk) -> None:
    desk.seed_letters(250)  # more than one transaction takes
    desk.execute("UPDATE keystrand.dead_letters SET failed_at = failed_at - random() * interval '1 day'")
    desk.run("dead-letters", "replay", "--key", "test/self/cus_1", "--reason", "mended").ok()
    assert [record.headers["source-position"].rsplit("/", 1)[1] for record in desk.replays()] == [
        str(offset) for offset in range(250)]


def test_what_is_settled_is_refused_and_the_others_go(desk: Desk) -> None:
    refused = [desk.seed_letter(1, event_id="evt_1", status="resolved", inbox="applied"),
               desk.seed_letter(2, event_id="evt_2", status="discarded", inbox="discarded"),
               desk.seed_letter(3, event_id="evt_3", inbox="applied")]
    good = desk.seed_letter(4, event_id="evt_4")
    before = desk.letters()
    answer = desk.json("dead-letters", "replay", *refused, good, "evt_unknown", "--reason", "mended")
    assert answer.code == 1 and "evt_unknown is no dead letter" in answer.err
    for letter, words in zip(refused, ("went through", "import its event", "discard it")):
        [line] = [line for line in answer.lines if line["id"] == letter]
        assert line["failed"] and line["result"] == "refused" and words in line["detail"]
    after = desk.letters()
    assert after[4]["status"] == "replaying"
    assert [after[n] for n in (1, 2, 3)] == [before[n] for n in (1, 2, 3)]
    assert [record.headers["source-position"] for record in desk.replays()] == [good]


def test_a_letter_that_is_not_published_yet_may_be_replayed(desk: Desk) -> None:
    desk.seed_letter(1)
    desk.execute("UPDATE keystrand.dead_letters SET published_at = NULL")
    desk.run("dead-letters", "replay", "--code", "malformed", "--reason", "mended").ok()
    assert len(desk.replays()) == 1


def test_a_letter_that_died_again_gets_a_fresh_id_and_a_higher_count(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1", cycle=2, replay_id="an-older-one", headers='[["endpoint", "default"], '
                     '["replay-id", "an-older-one"], ["replay-count", "2"], ["replay-actor", "a"], ["source-position", "b/1/1"]]')
    desk.run("dead-letters", "replay", "evt_1", "--reason", "mended").ok()
    letter = desk.letters()[1]
    assert letter["replay_id"] != "an-older-one"
    consumer = confluent_kafka.Consumer({"bootstrap.servers": desk.system.stack.kafka_brokers, "group.id": "raw"})
    consumer.assign([confluent_kafka.TopicPartition(desk.system.events, 1, 0)])
    message = eventually(lambda: consumer.poll(1), "the record")
    consumer.close()
    assert message.headers() == [("endpoint", b"default"), ("replay-id", letter["replay_id"].encode()),
                                 ("replay-count", b"3"), ("replay-actor", b"jenny"),
                                 ("source-position", f"{desk.system.events}/1/1".encode())]


def test_nothing_is_begun_while_kafka_is_away(desk: Desk) -> None:
    desk.seed_letter(1, event_id="evt_1")
    answer = desk.run("dead-letters", "replay", "evt_1", "--reason", "mended", "--timeout-ms", 500,
                      KEYSTRAND_KAFKA_BROKERS="127.0.0.1:1")
    assert answer.code == 1 and "127.0.0.1:1" in answer.err and "nothing was replayed" in answer.err
    assert desk.letters()[1]["status"] == "open" and desk.actions() == []


def test_letters_of_another_topic_or_partition_are_refused(desk: Desk) -> None:
    strange = desk.seed_letter(1, event_id="evt_1", partition=PARTITIONS)
    answer = desk.run("dead-letters", "replay", strange, "--reason", "mended")
    assert answer.code == 1 and f"only {PARTITIONS} partitions" in answer.err
    desk.seed_letter(2, event_id="evt_2", source_topic="other")
    answer = desk.run("dead-letters", "replay", "evt_2", "--reason", "mended")
    assert answer.code == 1 and "KEYSTRAND_EVENTS_TOPIC" in answer.err
    assert {letter["status"] for letter in desk.letters().values()} == {"open"}


def test_bad_usage_and_nothing_matched(desk: Desk) -> None:
    for arguments, word in ((["--reason", "why"], "give IDs"), (["evt_1"], "--reason"),
                            (["evt_1", "--code", "x", "--reason", "why"], "not both"),
                            (["--status", "resolved", "--reason", "why"], "only letters that are open"),
                            (["evt_1", "--reason", "why", "--actor", "a" * 256], "actor")):
        answer = desk.run("dead-letters", "replay", *arguments)
        assert answer.code == 2 and word in answer.err
    for arguments in (["--status", "open", "--reason", "why"], ["--resume"], ["evt_unknown", "--reason", "why"]):
        assert desk.run("dead-letters", "replay", *arguments).code == 3


def check_each_letter_has_one_id(desk: Desk) -> None:
    """In its row, in its event's, in the audit and in each record of it."""
    letters = desk.letters()
    assert {letter["status"] for letter in letters.values()} == {"replaying"}
    replayed = desk.actions("dead_letter.replayed")
    assert {row["subject"]["offset"]: row["replay_id"] for row in replayed} == {
        offset: letter["replay_id"] for offset, letter in letters.items()}
    assert len(replayed) == len(letters), "a letter was replayed afresh twice"
    for row in desk.system.rows("SELECT * FROM keystrand.inbox"):
        assert (row["status"], row["replay_id"]) == ("replaying", letters[row["source_offset"]]["replay_id"])
    sent = {int(record.headers["source-position"].rsplit("/", 1)[1]): record.headers["replay-id"]
            for record in desk.replays()}
    assert sent == {offset: letter["replay_id"] for offset, letter in letters.items()}
    for record in desk.replays():
        assert sent[int(record.headers["source-position"].rsplit("/", 1)[1])] == record.headers["replay-id"]


def replaying(desk: Desk) -> int:
    return desk.system.value("SELECT count(*) FROM keystrand.dead_letters WHERE status = 'replaying'")


def test_killed_anywhere_and_run_again_sends_each_letter_under_one_id(desk: Desk) -> None:
    dice = random.Random("killed replays")
    desk.seed_letters(MANY)
    arguments = ("dead-letters", "replay", "--status", "open", "--reason", "mended")
    kills = 0
    while (done := replaying(desk)) < MANY:
        running = desk.start(*arguments)
        eventually(lambda: replaying(desk) > done, "another transaction")
        time.sleep(dice.uniform(0, 0.03))  # where the kill hits is the dice's
        running.kill()
        running.communicate()
        kills += 1
    assert kills >= 3, "most of the letters went at once"
    desk.run("dead-letters", "replay", "--resume").ok()
    check_each_letter_has_one_id(desk)


def test_two_operators_at_once_do_no_harm(desk: Desk) -> None:
    desk.seed_letters(MANY)
    running = [desk.start("dead-letters", "replay", "--code", "rejected", "--reason", f"by {n}") for n in range(3)]
    for each in running:
        out, err = each.communicate(timeout=60)
        assert each.returncode in (0, 3), err.decode()
    check_each_letter_has_one_id(desk)


def test_what_no_broker_acknowledges_is_told_and_sent_later(desk: Desk) -> None:
    """A record that the topic does not take stands for any that is not acknowledged."""
    big = desk.seed_letter(1, event_id="evt_1", payload=b"x" * (3 << 20))
    answer = desk.run("dead-letters", "replay", big, "--reason", "mended")
    assert answer.code == 1
    assert "not sent" in answer.text and "--resume" in answer.err
    assert desk.letters()[1]["status"] == "replaying" and desk.replays() == []
    desk.execute("UPDATE keystrand.dead_letters SET payload = '\\x7b7d', headers = '[]'")
    assert desk.run("dead-letters", "replay", "--resume").code == 0


def test_a_body_of_the_largest_size_goes_through(desk: Desk, dead: Dead) -> None:
    body = delivery.render(dead.event) + b" " * (1 << 20)
    desk.execute("UPDATE keystrand.dead_letters SET payload = %s WHERE event_id = %s", body, dead.event["id"])
    desk.run("dead-letters", "replay", dead.event["id"], "--reason", "mended").ok()
