"""Where an operator sits, and something to repair."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import time
from typing import Any

import confluent_kafka
import psycopg

from keystrand_e2e import programs, topic
from keystrand_e2e.system import COMMAND_DEADLINE_S, System
from keystrand_e2e.topic import Record

LOGIN = "tests_operator"
PASSWORD = "invented-for-tests"

# The tests' own triggers on our tables write there, as whoever is at it.
OBSERVED = """
GRANT USAGE ON SCHEMA observed TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA observed TO PUBLIC;
GRANT ALL ON ALL SEQUENCES IN SCHEMA observed TO PUBLIC;
"""

# What dies of this is dead at once, and its event is known: PostgreSQL itself refuses the row.
POISON = """
CREATE FUNCTION stripe.refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id LIKE 'cus_poison%' THEN
    RAISE EXCEPTION 'refused by a test' USING ERRCODE = '22023';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_poison BEFORE INSERT OR UPDATE ON stripe.objects
  FOR EACH ROW EXECUTE FUNCTION stripe.refuse_poison();
"""


@dataclasses.dataclass
class Answer:
    """Of one run of `keystrand`."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Of --output json."""
        return [json.loads(line) for line in self.text.splitlines()]

    def ok(self) -> Answer:
        assert self.code == 0, f"exit code {self.code}\n{self.text}\n{self.err}"
        return self


class Desk:
    """Where an operator sits: `keystrand` with a login of its own, and a look at what it did."""

    def __init__(self, system: System):
        self.system = system

    def settings(self, **settings: str) -> dict[str, str]:
        url = f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{self.system.stack.database.port}/{self.system.database}?sslmode=disable"
        return {**self.system.settings, "KEYSTRAND_DATABASE_URL": url, "USER": "jenny", **settings}

    def argv(self, *arguments: object) -> list[str]:
        return [str(programs.BINARIES / "keystrand"), *map(str, arguments)]

    def run(self, *arguments: object, **settings: str) -> Answer:
        done = subprocess.run(self.argv(*arguments), env=self.settings(**settings), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=COMMAND_DEADLINE_S, check=False)
        return Answer(done.returncode, done.stdout, done.stderr.decode())

    def start(self, *arguments: object, **settings: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.argv(*arguments), env=self.settings(**settings), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def json(self, *arguments: object, **settings: str) -> Answer:
        return self.run(*arguments, "--output", "json", **settings)

    # --- what there is ---

    def execute(self, statement: str, *parameters: Any) -> None:
        with psycopg.connect(self.system.url(), connect_timeout=5) as connection:
            connection.execute(statement, parameters or None)

    def all_letters(self) -> list[dict[str, Any]]:
        return self.system.rows("SELECT * FROM keystrand.dead_letters")

    def letters(self) -> dict[int, dict[str, Any]]:
        """By source offset: the seeded ones have one each."""
        rows = self.all_letters()
        letters = {row["source_offset"]: row for row in rows}
        assert len(letters) == len(rows), "real letters may share an offset"
        return letters

    def letter(self, event_id: str | None = None) -> dict[str, Any]:
        [row] = self.system.rows(
            "SELECT * FROM keystrand.dead_letters WHERE event_id IS NOT DISTINCT FROM %s", event_id)
        return row

    def inbox(self, event_id: str) -> dict[str, Any]:
        [row] = self.system.rows("SELECT * FROM keystrand.inbox WHERE event_id = %s", event_id)
        return row

    def actions(self, action: str = "%") -> list[dict[str, Any]]:
        """But for that of the system's set-up."""
        return self.system.rows("SELECT * FROM keystrand.operator_actions WHERE action LIKE %s AND action <> "
                                "'topics.create' ORDER BY id", action)

    def records(self) -> list[Record]:
        return topic.read(self.system.stack.kafka_brokers, self.system.events)

    def replays(self) -> list[Record]:
        return [record for record in self.records() if "replay-id" in record.headers]

    # --- what is put there ---

    def produce(self, key: str, value: bytes, headers: dict[str, str] | None = None) -> None:
        """Into the events topic, where a Java client would put it."""
        producer = confluent_kafka.Producer({"bootstrap.servers": self.system.stack.kafka_brokers,
                                             "partitioner": "murmur2_random", "log_level": 0})
        producer.produce(self.system.events, value, key, headers=list((headers or {}).items()))
        assert producer.flush(10) == 0

    def seed_letter(self, offset: int, *, event_id: str | None = None, inbox: str | None = "dead", partition: int = 1,
                    key: str = "test/self/cus_1", status: str = "open", failed_at: str = "now()", **columns: Any) -> str:
        """A letter as the worker would write it, and its event's inbox row. Its id."""
        body = json.dumps({"id": event_id or f"body-{offset}", "n": offset}).encode()
        row: dict[str, Any] = {
            "source_topic": self.system.events, "source_partition": partition, "source_offset": offset, "cycle": 0,
            "scope": "test/self" if event_id else None, "event_id": event_id, "event_type": "customer.updated" if event_id
            else None, "ordering_key": key, "record_key": key.encode(), "headers": json.dumps(headers_of(body, event_id)),
            "payload": body, "stage": "store" if event_id else "parse", "error_code": "rejected" if event_id else
            "malformed", "error_message": "SQLSTATE 22023", "fingerprint": "0123456789abcdef", "attempts": 1,
            "worker": "worker-1", "status": status, **columns}
        names = ", ".join(row)
        self.execute(f"INSERT INTO keystrand.dead_letters ({names}, record_timestamp, first_failed_at, failed_at, published_at) "
                     f"VALUES ({', '.join(['%s'] * len(row))}, now(), {failed_at}, {failed_at}, now())", *row.values())
        if event_id and inbox:
            self.seed_event(event_id, inbox, offset=offset, partition=partition, key=key)
        return f"{self.system.events}/{partition}/{offset}"

    def seed_letters(self, count: int) -> None:
        """Letters of events evt_0 to evt_<count - 1> at these offsets, all of one customer."""
        self.seed_letter(0, event_id="evt_0")
        for table in ("dead_letters", "inbox"):
            self.execute(
                f"INSERT INTO keystrand.{table} SELECT (made).* FROM (SELECT jsonb_populate_record(r, jsonb_build_object("
                f"'source_offset', n, 'event_id', 'evt_' || n)) AS made FROM keystrand.{table} r, generate_series(1, %s) n) x",
                count - 1)

    def seed_event(self, event_id: str, status: str, *, offset: int = 0, partition: int = 1, key: str = "test/self/cus_1",
                   settled_at: str = "now()") -> None:
        self.execute(
            "INSERT INTO keystrand.inbox (scope, event_id, event_type, ordering_key, event_created, received_at, "
            "source_topic, source_partition, source_offset, status, settled_at) VALUES "
            f"('test/self', %s, 'customer.updated', %s, now(), now(), %s, %s, %s, %s, {settled_at})",
            event_id, key, self.system.events, partition, offset, status)


def headers_of(body: bytes, event_id: str | None) -> list[list[str]]:
    named = [["event-id", event_id], ["event-type", "customer.updated"]] if event_id else []
    return [*named, ["received-at", str(int(time.time() * 1000))], ["request-id", "0123456789abcdef"],
            ["endpoint", "default"], ["expected-mode", "any"], ["body-sha256", hashlib.sha256(body).hexdigest()],
            ["signed-with", "primary"], ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]]


@dataclasses.dataclass(frozen=True)
class Dead:
    """Real letters, made by a worker that is stopped again: one of an event, one of a body that nobody can read."""

    event: dict[str, Any]
    garbage: bytes
