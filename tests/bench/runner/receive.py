"""The receiver under load: rate, latency of the answer, CPU time and memory; beside it, librdkafka alone."""

from __future__ import annotations

import dataclasses

from runner.results import Results
from runner.stage import BenchError, Stage, say
from runner.subjects import Receiver

SCENARIO = "receive"


@dataclasses.dataclass
class Plan:
    connections: tuple[int, ...] = (16, 64, 256)
    warm_up_s: float = 3
    duration_s: float = 10
    floor_records: int = 100_000

    @staticmethod
    def quick() -> Plan:
        return Plan(connections=(16, 64), warm_up_s=1, duration_s=3, floor_records=20_000)


def run(stage: Stage, receivers: list[Receiver], plan: Plan, rounds: int, results: Results) -> None:
    warm_broker(stage)
    names = stage.create_topics("bench.receive")
    peaks = dict.fromkeys((receiver.name for receiver in receivers), 0.0)
    for connections in plan.connections:
        for _ in range(rounds):
            for receiver in receivers:
                load = ["--connections", connections]
                figures = measure(stage, receiver, names, plan, load, f"closed loop, {connections} connections", results)
                peaks[receiver.name] = max(peaks[receiver.name], figures["rate"])
            floor(stage, connections, plan, results)
    for _ in range(rounds):
        for receiver in receivers:
            rate = round(peaks[receiver.name] / 2)
            load = ["--connections", 256, "--rate", rate]
            measure(stage, receiver, names, plan, load, "open loop, half of its peak", results)


def measure(stage: Stage, receiver: Receiver, names: dict[str, str], plan: Plan, load: list[object], case: str,
            results: Results) -> dict:
    say(f"{receiver.name}: {case}")
    topic = names["KEYSTRAND_EVENTS_TOPIC"]
    before = stage.records_in(topic)
    with receiver.run(stage, names) as subject:
        report = stage.load(subject.port, ["--path", subject.path, "--warm-up", plan.warm_up_s, "--duration",
                                           plan.duration_s, "--cpu-of", f"receiver={subject.program.pid}",
                                           "--cpu-of", f"broker={stage.broker_pid}", *load])
        peak_rss_mib = subject.program.peak_rss_mib
    require_durable(receiver.name, report, stage.records_in(topic) - before)
    figures = {**figures_of(report), "peak_rss_mib": peak_rss_mib, "report": report}
    results.add(SCENARIO, receiver.name, case, figures)
    return figures


def figures_of(report: dict) -> dict:
    """The load generator's report in the terms of the table."""
    per_1000 = 1000 / max(1, report["answers_in_window"])
    latency = report["latency_ms"]
    return {"rate": report["rate_achieved"], "p50_ms": latency["p50"], "p99_ms": latency["p99"],
            "p99.9_ms": latency["p99.9"], "max_ms": latency["max"],
            "cpu_s_per_1000": report["cpu_s"]["receiver"] * per_1000,
            "broker_cpu_s_per_1000": report["cpu_s"]["broker"] * per_1000,
            "generator_cores": report["generator_cpu_s"] / report["window_s"] * report["answers_in_window"] / report["sent"],
            "not_200": report["due"] - report["statuses"].get("200", 0)}


def require_durable(name: str, report: dict, records: int) -> None:
    """Each 200 is in the topic, and nothing is there twice: a fast receiver that breaks this is no result."""
    if not report["accepted"] <= records <= report["sent"]:
        raise BenchError(f"{name} answered 200 to {report['accepted']} of {report['sent']} requests, "
                         f"but the topic grew by {records}")
    if report["ran_out_of_requests"]:
        raise BenchError(f"{name} was faster than requests were signed for: raise the load generator's limit")


def floor(stage: Stage, outstanding: int, plan: Plan, results: Results) -> None:
    """librdkafka alone with as many records under way as there are connections: no HTTP, no signature check."""
    report = stage.prefill("bench.floor", ["--create", 12, "--records", plan.floor_records, "--outstanding", outstanding,
                                           "--linger-ms", 0.2])
    results.add(SCENARIO, "librdkafka alone", f"closed loop, {outstanding} connections",
                {"rate": report["rate"], "cpu_s_per_1000": report["cpu_s_per_1000"], "report": report})


def warm_broker(stage: Stage) -> None:
    """A broker that has just started costs two to three times the CPU."""
    say("warming the broker")
    stage.prefill("bench.warm", ["--create", 12, "--records", 100_000])
