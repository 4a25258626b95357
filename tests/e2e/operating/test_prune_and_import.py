"""`keystrand prune` and `keystrand import`."""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import time
from typing import Any

import confluent_kafka.admin
import pytest

from contract import records
from keystrand_e2e import topic
from keystrand_e2e.load import send_events, world
from keystrand_e2e.programs import Program
from keystrand_e2e.waiting import eventually
from operating.desk import Desk
from traffic import delivery
from traffic.sender import History

OLD = "now() - interval '101 days'"
PRUNABLE = ("applied", "stale", "ignored", "discarded")
KEPT = ("dead", "parked", "replaying")


def configure(desk: Desk, name: str, **settings: str) -> None:
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": desk.system.stack.kafka_brokers, "log_level": 0})
    entries = [confluent_kafka.admin.ConfigEntry(key.replace("_", "."), value) for key, value in settings.items()]
    resource = confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ConfigResource.Type.TOPIC, name,
                                                    incremental_configs=[*map(alter, entries)])
    [altered] = admin.incremental_alter_configs([resource]).values()
    altered.result(10)


def alter(entry: confluent_kafka.admin.ConfigEntry) -> confluent_kafka.admin.ConfigEntry:
    entry.incremental_operation = confluent_kafka.admin.AlterConfigOpType.SET
    return entry


def statuses(desk: Desk) -> dict[str, int]:
    return {row["status"]: row["count"] for row in
            desk.system.rows("SELECT status, count(*) FROM keystrand.inbox GROUP BY status")}


@pytest.fixture
def old_rows(desk: Desk) -> Desk:
    """Of each kind one that is old and one that is not."""
    for n, status in enumerate(PRUNABLE + KEPT):
        desk.seed_event(f"evt_old_{n}", status, settled_at=OLD)
        desk.seed_event(f"evt_new_{n}", status, settled_at="now() - interval '99 days'")
    for n, status in enumerate(("open", "replaying", "resolved", "discarded")):
        desk.seed_letter(n, status=status, failed_at=OLD)
        desk.seed_letter(10 + n, status=status)
    desk.execute("INSERT INTO keystrand.dead_letter_attempts VALUES (%s, 1, 2, 0, 'handle', 'timeout', '', 1, now(), 'w')",
                 desk.system.events)
    for n, (status, at) in enumerate((status, at) for status in ("pending", "delivered", "dead") for at in (OLD, "now()")):
        desk.execute(
            "INSERT INTO keystrand.outbox (scope, fact_key, target, topic, \"partition\", ordering_key, payload, status, "
            f"next_attempt_at) VALUES ('test/self', %s, 'topic', 't', 1, 'k', '{{}}', %s, {at})", f"fact_{n}", status)
    return desk


def test_only_what_is_old_and_settled_goes(old_rows: Desk) -> None:
    desk = old_rows
    dry = desk.json("prune", "--dry-run").ok().lines[0]
    assert (dry["events"], dry["dead_letters"], dry["outbox"]) == (4, 2, 1)
    assert desk.actions() == [] and statuses(desk) == {status: 2 for status in PRUNABLE + KEPT}

    done = desk.json("prune", "--reason", "monthly").ok().lines[0]
    assert (done["events"], done["dead_letters"], done["outbox"]) == (4, 2, 1)
    assert statuses(desk) == {**{status: 1 for status in PRUNABLE}, **{status: 2 for status in KEPT}}
    assert sorted(desk.letters()) == [0, 1, 10, 11, 12, 13]
    assert desk.system.value("SELECT count(*) FROM keystrand.dead_letter_attempts") == 0
    assert desk.system.value("SELECT count(*) FROM keystrand.outbox") == 5
    [action] = desk.actions()
    assert (action["action"], action["reason"], action["subject"]["events"]) == ("rows.pruned", "monthly", 4)
    assert desk.run("prune").ok().text.count(" 0\n") == 3


def test_workers_prune_by_themselves_one_at_a_time(old_rows: Desk) -> None:
    desk = old_rows
    workers = [desk.system.start_worker(name, KEYSTRAND_PRUNE_INTERVAL_SECONDS="1") for name in ("first", "second")]
    eventually(lambda: sum(statuses(desk).values()) == len(PRUNABLE) + 2 * len(KEPT), "old events gone")
    eventually(lambda: desk.system.value("SELECT count(*) FROM keystrand.outbox") == 5, "the delivered row gone")
    assert sorted(desk.letters()) == [0, 1, 10, 11, 12, 13]
    assert statuses(desk) == {**{status: 1 for status in PRUNABLE}, **{status: 2 for status in KEPT}}
    eventually(lambda: sum(line["count"] for worker in workers for line in worker.log_lines("rows.pruned")) == 7, "told")


def test_worker_prunes_nothing_that_a_topic_could_bring_back(old_rows: Desk) -> None:
    desk = old_rows
    before = statuses(desk)
    careless = desk.system.start_worker("careless", KEYSTRAND_PRUNE_INTERVAL_SECONDS="1", KEYSTRAND_INBOX_DAYS="50")
    eventually(lambda: len(careless.log_lines("rows.kept")) >= 2, "two refusals")
    assert "set KEYSTRAND_INBOX_DAYS to 98 or more" in str(careless.log_lines("rows.kept")[0]["detail"])
    desk.system.start_worker("told not to", KEYSTRAND_PRUNE_INTERVAL_SECONDS="1", KEYSTRAND_INBOX_DAYS="0").wait_ready()
    assert statuses(desk) == before


def test_each_transaction_deletes_a_chunk(desk: Desk) -> None:
    desk.seed_event("evt_0", "applied", settled_at=OLD)
    desk.execute("INSERT INTO keystrand.inbox SELECT (made).* FROM (SELECT jsonb_populate_record(i, jsonb_build_object("
                 "'event_id', 'evt_' || n)) AS made FROM keystrand.inbox i, generate_series(1, 999) n) x")
    desk.execute("CREATE TABLE observed.deletions (transaction xid8 DEFAULT pg_current_xact_id(), id text)")
    desk.execute("GRANT ALL ON observed.deletions TO PUBLIC")
    desk.execute("CREATE FUNCTION observed.count_deletion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO "
                 "observed.deletions (id) VALUES (OLD.event_id); RETURN NULL; END $$")
    desk.execute("CREATE TRIGGER count_deletion AFTER DELETE ON keystrand.inbox FOR EACH ROW "
                 "EXECUTE FUNCTION observed.count_deletion()")
    desk.run("prune", "--chunk", 7).ok()
    assert desk.system.value("SELECT count(*) FROM keystrand.inbox") == 0
    chunks = [row["count"] for row in desk.system.rows("SELECT count(*) FROM observed.deletions GROUP BY transaction")]
    assert sum(chunks) == 1000 and max(chunks) == 7 and len(chunks) == 143


def test_it_is_refused_while_a_topic_keeps_records_longer(old_rows: Desk) -> None:
    desk = old_rows
    shorter = desk.run("prune", KEYSTRAND_INBOX_DAYS="97")
    for part in (desk.system.events, desk.system.dead_letters, "KEYSTRAND_INBOX_DAYS to 98 or more", "90 d", "7 d"):
        assert shorter.code == 1 and part in shorter.err
    desk.run("prune", "--dry-run", KEYSTRAND_INBOX_DAYS="98").ok()
    configure(desk, desk.system.events, retention_ms=str(94 * 86_400_000))
    refused = desk.run("prune")
    assert refused.code == 1 and "to 102 or more" in refused.err
    configure(desk, desk.system.events, retention_ms="-1")
    refused = desk.run("prune")
    assert refused.code == 1 and "for ever" in refused.err and "give the topic a retention.ms" in refused.err
    away = desk.run("prune", "--timeout-ms", 500, KEYSTRAND_KAFKA_BROKERS="127.0.0.1:1")
    assert away.code == 1 and "127.0.0.1:1" in away.err
    assert statuses(desk) == {status: 2 for status in PRUNABLE + KEPT} and desk.actions() == []


def test_a_table_without_statistics_is_no_slower(desk: Desk) -> None:
    desk.seed_event("evt_0", "applied", settled_at=OLD)
    desk.execute("INSERT INTO keystrand.inbox SELECT (made).* FROM (SELECT jsonb_populate_record(i, jsonb_build_object("
                 "'event_id', 'evt_' || n)) AS made FROM keystrand.inbox i, generate_series(1, 29999) n) x")
    began = time.monotonic()
    assert desk.json("prune").ok().lines[0]["events"] == 30000
    assert time.monotonic() - began < 15, "a chunk reads more than its rows"


# --- import ---


def events(name: str, count: int) -> list[dict[str, Any]]:
    nowhere = world(name)
    return [nowhere.tell("customer.created", nowhere.make("customer")) for _ in range(count)]


def write(tmp_path: pathlib.Path, text: bytes) -> pathlib.Path:
    path = tmp_path / "events.jsonl"
    path.write_bytes(text)
    return path


def lines_of(told: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in told)


def test_imported_events_are_applied_once_and_again_change_nothing(
        desk: Desk, receiver: Program, worker: Program, history: History, tmp_path: pathlib.Path) -> None:
    told = events("import", 20)
    send_events(receiver, history, told[0])  # which came by itself as well
    desk.system.wait_drained()
    text = lines_of(told)
    path = write(tmp_path, text)
    answer = desk.run("import", path, "--reason", "an endpoint was down", "--actor", "sam").ok()
    assert "20 events; 20 queued" in answer.text and hashlib.sha256(text).hexdigest() in answer.text
    desk.system.wait_drained()
    rows = desk.system.rows("SELECT event_id, status FROM keystrand.inbox")
    assert {row["event_id"]: row["status"] for row in rows} == {event["id"]: "applied" for event in told}
    assert desk.system.value("SELECT count(*) FROM stripe.customers") == 20

    desk.run("import", path).ok()
    desk.system.wait_drained()
    assert desk.system.rows("SELECT event_id, status FROM keystrand.inbox") == rows
    assert desk.all_letters() == []
    first, second = desk.actions("events.imported")
    assert (first["actor"], first["reason"], second["reason"]) == ("sam", "an endpoint was down", None)
    assert first["subject"] == {"file": str(path), "sha256": hashlib.sha256(text).hexdigest(), "events": 20, "bad_lines": 0,
                                "topic": desk.system.events}


def test_the_record_is_the_receivers(desk: Desk, receiver: Program, history: History, tmp_path: pathlib.Path) -> None:
    [event] = events("record", 1)
    send_events(receiver, history, event)
    desk.run("import", write(tmp_path, delivery.render(event))).ok()  # a file that is one event over many lines
    received, imported = desk.records()
    assert (imported.key, imported.partition, imported.value) == (received.key, received.partition, received.value)
    assert imported.headers.keys() == received.headers.keys()
    differing = {name for name in received.headers if received.headers[name] != imported.headers[name]}
    assert differing == {"received-at", "request-id", "endpoint", "signed-with", "traceparent"}
    assert (imported.headers["endpoint"], imported.headers["signed-with"]) == ("import", "none")
    records.validate_event(imported.contract)


def test_lists_and_lines_of_any_shape(desk: Desk, tmp_path: pathlib.Path) -> None:
    told = events("shapes", 6)
    page = {"object": "list", "url": "/v1/events", "has_more": True, "data": told[1:3]}
    mixed = json.dumps(told[0]).encode() + b"\r\n\n" + json.dumps(page).encode() + b"\n" + json.dumps(told[3]).encode()
    answer = desk.run("import", write(tmp_path, mixed)).ok()
    assert "4 events; 4 queued" in answer.text and "has_more" in answer.err
    whole = json.dumps({"object": "list", "data": told[4:]}, indent=2).encode()
    desk.run("import", write(tmp_path, whole)).ok()
    assert {record.headers["event-id"] for record in desk.records()} == {event["id"] for event in told}
    assert {json.dumps(json.loads(record.value)) for record in desk.records()} == {json.dumps(event) for event in told}


BAD = [b"{", b'"text"', b'{"id":"pm_1","object":"payment_method","type":"card","livemode":false}',
       b'{"id":"evt_1","object":"event","type":"t"}', b"\xff"]


def test_bad_lines_are_named_and_stop_nothing(desk: Desk, tmp_path: pathlib.Path) -> None:
    good = events("bad", 2)
    path = write(tmp_path, lines_of(good[:1]) + b"".join(line + b"\n" for line in BAD) + lines_of(good[1:]))
    strict = desk.run("import", path, "--strict")
    assert strict.code == 1 and "--strict" in strict.err and desk.records() == [] and desk.actions() == []
    dry = desk.json("import", path, "--dry-run")
    assert dry.code == 1 and desk.records() == [] and desk.actions() == []
    assert [bad["line"] for bad in dry.lines[0]["bad_lines"]] == [2, 3, 4, 5, 6]

    answer = desk.run("import", path)
    assert answer.code == 1 and "2 events, 5 bad lines; 2 queued" in answer.text
    for line, words in ((2, "at byte"), (3, "no JSON object"), (4, "no event"), (5, "livemode"), (6, "")):
        assert any(told.startswith(f"keystrand: {path}:{line}: ") and words in told for told in answer.err.splitlines())
    assert {record.headers["event-id"] for record in desk.records()} == {event["id"] for event in good}


def test_what_cannot_be_read_or_queued_is_said(desk: Desk, tmp_path: pathlib.Path) -> None:
    missing = desk.run("import", tmp_path / "nothing.jsonl")
    assert missing.code == 1 and "nothing.jsonl" in missing.err
    assert desk.run("import", tmp_path).code == 1
    assert desk.run("import", write(tmp_path, b"\n \n")).code == 3
    assert desk.run("import", write(tmp_path, b"")).code == 3
    assert desk.run("import").code == 2
    path = write(tmp_path, lines_of(events("away", 1)))
    away = desk.run("import", path, "--timeout-ms", 500, KEYSTRAND_KAFKA_BROKERS="127.0.0.1:1")
    assert away.code == 1 and "nothing was imported" in away.err
    large = desk.run("import", write(tmp_path, delivery.render(events("large", 1)[0]) + b" " * 1024 + b"\n"),
                     KEYSTRAND_BODY_BYTES_MAX="1024")
    assert large.code == 1 and "body-bytes-max" in large.err
    assert desk.actions() == []


def test_an_import_that_is_killed_is_run_again(desk: Desk, worker: Program, tmp_path: pathlib.Path) -> None:
    told = events("killed", 3000)
    path = write(tmp_path, lines_of(told))
    running = desk.start("import", path)
    eventually(lambda: sum(topic.ends(desk.system.stack.kafka_brokers, desk.system.events).values()), "the first records")
    running.kill()
    running.communicate()
    desk.run("import", path).ok()
    desk.system.wait_drained()
    rows = desk.system.rows("SELECT event_id, status FROM keystrand.inbox")
    assert {row["event_id"]: row["status"] for row in rows} == {event["id"]: "applied" for event in told}
    assert desk.all_letters() == []


def test_a_pipe_is_refused(desk: Desk) -> None:
    """A pipe has no bytes to map and no digest that an audit could name."""
    done = subprocess.run(desk.argv("import", "/dev/stdin"), env=desk.settings(), input=b"{}", capture_output=True,
                          timeout=30, check=False)
    assert done.returncode == 1 and b"not a file" in done.stderr
