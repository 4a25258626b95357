"""The workers against a backlog that is there before they start; beside them, PostgreSQL writing the same rows alone."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess
import time
import urllib.parse

from runner.results import Results
from runner.stage import BenchError, Stage, TEMPLATE, client_environment, query, say
from runner.subjects import Backlog, RunningWorker, Worker, commit_times, wrong_tables

SCENARIO = "drain"
PGBENCH = pathlib.Path("/usr/lib/postgresql/15/bin/pgbench")
FLOOR_CONNECTIONS = 8
FLOOR_BATCH = 200


@dataclasses.dataclass
class Plan:
    records: int = 200_000
    warm_up_records: int = 20_000
    deadline_s: float = 240

    @staticmethod
    def quick() -> Plan:
        return Plan(records=20_000, warm_up_records=5_000, deadline_s=60)


def run(stage: Stage, workers: list[Worker], plan: Plan, rounds: int, results: Results) -> None:
    stage.record_commit_times()
    warm_up = fill(stage, "bench.drain-warm-up", plan.warm_up_records)
    backlog = fill(stage, "bench.drain", plan.records)
    for worker in workers:
        say(f"{worker.name}: warming up with {warm_up.records} records")
        drain(stage, worker, warm_up, plan.deadline_s)
    for _ in range(rounds):
        for worker in workers:
            say(f"{worker.name}: draining {backlog.records} records")
            results.add(SCENARIO, worker.name, f"{backlog.records} records", drain(stage, worker, backlog, plan.deadline_s))
        say("the same SQL from memory")
        results.add(SCENARIO, "same SQL from memory", f"{backlog.records} records", from_memory(stage, backlog))
        say("PostgreSQL alone")
        results.add(SCENARIO, "PostgreSQL alone", f"{backlog.records} records", floor(stage, backlog))


def fill(stage: Stage, topic: str, records: int) -> Backlog:
    say(f"filling {topic} with {records} records")
    names = stage.create_topics(topic)
    report = stage.prefill(topic, ["--records", records])
    return Backlog(names, report["records"], report["events"], report["duplicates"], report["objects"])


def drain(stage: Stage, worker: Worker, backlog: Backlog, deadline_s: float) -> dict:
    """From the first commit to the last, as PostgreSQL recorded them, and whether the tables are right."""
    with worker.run(stage, backlog.names) as subject:
        wait_settled(subject, backlog.records, deadline_s)
        cpu_seconds = subject.program.cpu_seconds
        peak_rss_mib = subject.program.peak_rss_mib
        problems = worker.problems(subject, backlog)
        committed = commit_times(subject.database_url).values()
    if problems:
        raise BenchError(f"{worker.name} drained to wrong tables: {'; '.join(problems)}")
    seconds = max(committed) - min(committed)
    return {"rate": backlog.records / seconds, "seconds": seconds,
            "first_commit_s": min(committed) - subject.program.started,
            "cpu_s_per_1000": cpu_seconds * 1000 / backlog.records, "peak_rss_mib": peak_rss_mib,
            "backlog": dataclasses.asdict(backlog)}


def wait_settled(worker: RunningWorker, records: int, deadline_s: float) -> None:
    """Asked seldom at first: an answer costs the worker CPU."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        worker.program.require_running()
        settled = worker.settled()
        if settled >= records:
            return
        time.sleep(0.5 if settled < 0.8 * records else 0.05)
    raise BenchError(f"{worker.program.name} settled {settled} of {records} records within {deadline_s:g} s")


def from_memory(stage: Stage, backlog: Backlog) -> dict:
    """The limit of a worker with these statements: they alone, as ours sends them, on the same load, with as many
    connections and batches of the same size, nothing consumed, parsed or dispatched."""
    url = stage.new_database()
    report = stage.settle_from_memory(url, ["--records", backlog.records, "--connections", FLOOR_CONNECTIONS, "--batch", FLOOR_BATCH])
    problems = wrong_tables(url, Backlog({}, report["records"], report["events"], report["duplicates"], report["objects"]))
    if problems:
        raise BenchError(f"the same SQL from memory wrote wrong tables: {'; '.join(problems)}")
    return report


def floor(stage: Stage, backlog: Backlog) -> dict:
    """The fewest rows that a correct worker can write, made inside the server: an inbox row per event and one snapshot per
    object, 200 events a transaction, 8 connections, the product's own tables and indexes. Nothing is consumed, sent,
    looked up or locked, so no worker with these tables can be faster on this machine. In records a second, as if
    duplicates cost nothing."""
    url = stage.new_database()
    query(url, floor_tables())
    transactions = backlog.events // (FLOOR_BATCH * FLOOR_CONNECTIONS)
    begin = time.monotonic()
    pgbench(url, FLOOR_TRANSACTION.format(last_event=FLOOR_BATCH - 1, events=FLOOR_BATCH,
                                          objects=round(FLOOR_BATCH * backlog.objects / backlog.events)), transactions)
    seconds = time.monotonic() - begin
    events = int(query(url, "SELECT count(*) FROM bench.inbox")[0][0])
    return {"rate": events / seconds * backlog.records / backlog.events, "seconds": seconds}


def floor_tables() -> str:
    return f"""
        CREATE SCHEMA bench;
        CREATE TABLE bench.inbox (LIKE keystrand.inbox INCLUDING ALL);
        CREATE TABLE bench.objects (LIKE stripe.objects INCLUDING ALL) WITH (fillfactor = 85);
        CREATE SEQUENCE bench.batch;
        CREATE TABLE bench.template AS SELECT $body${TEMPLATE.read_text()}$body$::text AS body;"""


# `object` is the text between the braces of data.object: the server parses and compresses each snapshot anew.
FLOOR_TRANSACTION = r"""
SELECT nextval('bench.batch') * {events} AS first \gset
BEGIN;
INSERT INTO bench.inbox (scope, event_id, event_type, ordering_key, object_type, object_id, api_version, event_created,
                         received_at, source_topic, source_partition, source_offset, status)
SELECT 'test/self', 'evt_' || lpad(n::text, 24, '0'), 'charge.succeeded', 'test/self/cus_' || lpad((n % 10000)::text, 14, '0'),
       'charge', 'ch_' || lpad(n::text, 24, '0'), '2026-10-28.endive', now(), now(), 'keystrand.events', n % 12, n, 'applied'
FROM generate_series(:first, :first + {last_event}) AS n;
INSERT INTO bench.objects (scope, object, id, data, api_version, event_id, event_type, event_created)
SELECT 'test/self', 'charge', 'ch_' || lpad(n::text, 24, '0'),
       replace(body, 'ch_3PgafuB7WZ01zgkWXYmPNZs8', 'ch_' || lpad(n::text, 24, '0'))::jsonb #> '{{data,object}}',
       '2026-10-28.endive', 'evt_' || lpad(n::text, 24, '0'), 'charge.succeeded', now()
FROM bench.template, generate_series(:first, :first + {objects} - 1) AS n;
COMMIT;
"""


def pgbench(url: str, script: str, transactions_per_connection: int, connections: int = FLOOR_CONNECTIONS) -> str:
    """Runs the script so often on each connection; what pgbench reports."""
    if not PGBENCH.exists():
        raise BenchError(f"{PGBENCH} is missing: run deploy/local/setup")
    done = subprocess.run([str(PGBENCH), "--no-vacuum", "--client", str(connections), "--protocol", "prepared",
                           "--transactions", str(transactions_per_connection), "--file", "-"],
                          env=client_environment(urllib.parse.urlsplit(url)), input=script, capture_output=True, text=True,
                          timeout=600, check=False)
    if done.returncode != 0 or re.search(r"failed transactions: [1-9]", done.stdout):
        raise BenchError(f"pgbench failed: {done.stderr.strip()[-500:]}")
    return done.stdout
