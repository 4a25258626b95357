"""A customer with half of the load, and what the others notice of it."""

from __future__ import annotations

import dataclasses

from runner import end_to_end
from runner.results import Results
from runner.stage import Stage, say
from runner.subjects import Receiver, Worker

SCENARIO = "hot key"
SUBJECTS = ("keystrand", "go")  # unless others are asked for


@dataclasses.dataclass
class Plan:
    load: end_to_end.Plan = dataclasses.field(default_factory=lambda: end_to_end.Plan(rate=2000))
    hot_share: float = 0.5

    @staticmethod
    def quick() -> Plan:
        return Plan(load=dataclasses.replace(end_to_end.Plan.quick(), rate=2000))


def run(stage: Stage, pairs: list[tuple[Receiver, Worker]], plan: Plan, rounds: int, results: Results) -> None:
    stage.record_commit_times()
    stage.prefill("bench.warm", ["--create", 12, "--records", 100_000])
    for round_ in range(rounds):
        for receiver, worker in pairs:
            for share in (0.0, plan.hot_share):
                case = f"{plan.load.rate} events/s, {share:.0%} on one key"
                say(f"{receiver.name}: {case}")
                names = stage.create_topics(f"bench.hot-key-{receiver.name}-{round_}-{share:.0%}".replace("%", ""))
                results.add(SCENARIO, receiver.name, case, measure(stage, receiver, worker, names, plan, share))


def measure(stage: Stage, receiver: Receiver, worker: Worker, names: dict[str, str], plan: Plan, share: float) -> dict:
    """The figures are those of all customers but the busiest one, which has its own with `hot_`."""
    way = end_to_end.send(stage, receiver, worker, names, plan.load, ["--hot-share", share])
    of_busiest = [delay for event, delay in way.delays_ms.items() if event in way.busiest]
    others = [delay for event, delay in way.delays_ms.items() if event not in way.busiest]
    return {"rate": way.report["rate_achieved"], "events": len(others), **end_to_end.figures(others),
            **{f"hot_{name}": value for name, value in end_to_end.figures(of_busiest).items()}, "hot_events": len(of_busiest)}
