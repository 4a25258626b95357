"""A backlog of an outage's size: what the worker keeps of it in memory."""

from __future__ import annotations

import dataclasses

from runner import drain
from runner.results import Results
from runner.stage import Stage, say
from runner.subjects import Worker

SCENARIO = "backlog"
SUBJECTS = ("keystrand",)  # unless others are asked for


@dataclasses.dataclass
class Plan:
    records: int = 1_000_000
    deadline_s: float = 400

    @staticmethod
    def quick() -> Plan:
        return Plan(records=50_000, deadline_s=60)


def run(stage: Stage, workers: list[Worker], plan: Plan, rounds: int, results: Results) -> None:
    stage.record_commit_times()
    backlog = drain.fill(stage, "bench.backlog", plan.records)
    for _ in range(rounds):
        for worker in workers:
            say(f"{worker.name}: draining {backlog.records} records")
            results.add(SCENARIO, worker.name, f"{backlog.records} records", drain.drain(stage, worker, backlog, plan.deadline_s))
