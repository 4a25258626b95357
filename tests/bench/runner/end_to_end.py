"""From the POST that was due to the committed row, at a steady rate that leaves the machine room."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import re
import tempfile
import time
from collections.abc import Iterable, Sequence

from runner import drain
from runner.results import Results
from runner.stage import BenchError, Stage, query, say
from runner.subjects import Receiver, RunningWorker, Worker, commit_times

SCENARIO = "end to end"
CONNECTIONS = 32
SETTLE_DEADLINE_S = 30


@dataclasses.dataclass
class Plan:
    rate: int = 500
    warm_up_s: float = 8
    duration_s: float = 20

    @staticmethod
    def quick() -> Plan:
        return Plan(warm_up_s=3, duration_s=5)


def run(stage: Stage, pairs: list[tuple[Receiver, Worker]], plan: Plan, rounds: int, results: Results) -> None:
    stage.record_commit_times()
    stage.prefill("bench.warm", ["--create", 12, "--records", 100_000])
    case = f"{plan.rate} events/s"
    for round_ in range(rounds):
        for receiver, worker in pairs:
            say(f"{receiver.name}: {case} from POST to commit")
            names = stage.create_topics(f"bench.end-to-end-{receiver.name}-{round_}")
            results.add(SCENARIO, receiver.name, case, measure(stage, receiver, worker, names, plan))
        results.add(SCENARIO, "one-row commits", case, commit_floor(stage))


@dataclasses.dataclass
class Way:
    """What became of a load between its due times and PostgreSQL."""

    report: dict  # of the load
    delays_ms: dict[str, float]  # event id → from its due time to its commit
    busiest: set[str]  # events of the customer that has most


def measure(stage: Stage, receiver: Receiver, worker: Worker, names: dict[str, str], plan: Plan) -> dict:
    way = send(stage, receiver, worker, names, plan)
    return {"rate": way.report["rate_achieved"], "events": len(way.delays_ms), **figures(way.delays_ms.values()),
            "answer_p50_ms": way.report["latency_ms"]["p50"], "answer_p99_ms": way.report["latency_ms"]["p99"],
            "report": way.report}


def send(stage: Stage, receiver: Receiver, worker: Worker, names: dict[str, str], plan: Plan,
         arguments: Sequence[object] = ()) -> Way:
    """`arguments`: more of the load's."""
    with tempfile.TemporaryDirectory() as folder, worker.run(stage, names) as consumer, receiver.run(stage, names) as producer:
        deliveries = pathlib.Path(folder) / "deliveries"
        report = stage.load(producer.port, ["--path", producer.path, "--connections", CONNECTIONS, "--rate", plan.rate, "--duplicates", 0,
                                            "--warm-up", plan.warm_up_s, "--duration", plan.duration_s,
                                            "--deliveries", deliveries, *arguments])
        due = due_times(deliveries)
        committed = wait_committed(consumer, due)
        busiest = {row[0] for row in query(consumer.database_url, OF_THE_BUSIEST)}
    return Way(report, {event: 1000 * (committed[event] - due[event]) for event in due}, busiest)


def figures(delays_ms: Iterable[float]) -> dict[str, float]:
    delays = sorted(delays_ms)
    return {"p50_ms": percentile(delays, 50), "p90_ms": percentile(delays, 90), "p99_ms": percentile(delays, 99),
            "max_ms": delays[-1]}


OF_THE_BUSIEST = """
SELECT event_id FROM keystrand.inbox WHERE ordering_key =
  (SELECT ordering_key FROM keystrand.inbox GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)"""


def due_times(deliveries: pathlib.Path) -> dict[str, float]:
    """Event id → when its delivery was due. Without duplicates in the load each event has one such time."""
    due: dict[str, float] = {}
    for line in deliveries.read_text().splitlines():
        event, due_at, _, status = line.split()
        if status != "200":
            raise BenchError(f"{event} was answered {status}")
        due[event] = float(due_at)
    return due


def wait_committed(consumer: RunningWorker, due: dict[str, float]) -> dict[str, float]:
    end = time.monotonic() + SETTLE_DEADLINE_S
    while True:
        consumer.program.require_running()
        committed = commit_times(consumer.database_url)
        missing = due.keys() - committed.keys()
        if not missing:
            return committed
        if time.monotonic() > end:
            raise BenchError(f"{len(missing)} of {len(due)} accepted events have no row after {SETTLE_DEADLINE_S} s")
        time.sleep(0.5)


def commit_floor(stage: Stage) -> dict:
    """One row inserted and committed with fsync, one connection: the part of the way that the disk owns."""
    url = stage.new_database()
    query(url, "CREATE TABLE public.floor (n bigint PRIMARY KEY); CREATE SEQUENCE public.floor_n")
    output = drain.pgbench(url, "INSERT INTO public.floor VALUES (nextval('public.floor_n'));", 500, connections=1)
    return {"mean_ms": float(re.search(r"latency average = ([\d.]+) ms", output)[1])}


def percentile(sorted_values: list[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed."""
    return sorted_values[max(0, math.ceil(percent / 100 * len(sorted_values)) - 1)]
