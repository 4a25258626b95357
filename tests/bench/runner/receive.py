"""The receivers under load: rate, latency of the answer, CPU time and memory; beside them, librdkafka alone."""

from __future__ import annotations

import dataclasses

from runner.forgeries import require_refusal
from runner.results import Results
from runner.stage import BenchError, Stage, say
from runner.subjects import Receiver, RunningReceiver

SCENARIO = "receive"
OPEN_LOOP_CONNECTIONS = 256


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
    for case, rates in open_loops(peaks).items():
        for _ in range(rounds):
            for receiver in receivers:
                load = ["--connections", OPEN_LOOP_CONNECTIONS, "--rate", rates[receiver.name]]
                measure(stage, receiver, names, plan, load, case, results)


def open_loops(peaks: dict[str, float]) -> dict[str, dict[str, int]]:
    """Case → receiver → requests a second. Latencies of different rates do not compare, so there is a second case with
    one rate for all: half of what the slowest of them can do."""
    cases = {"open loop, half of its peak": {name: round(peak / 2) for name, peak in peaks.items()}}
    if len(peaks) > 1:
        slowest = min(peaks, key=peaks.__getitem__)
        cases[f"open loop, half of {slowest}'s peak"] = dict.fromkeys(peaks, round(peaks[slowest] / 2))
    return cases


def measure(stage: Stage, receiver: Receiver, names: dict[str, str], plan: Plan, load: list[object], case: str,
            results: Results) -> dict:
    say(f"{receiver.name}: {case}")
    topic = names["KEYSTRAND_EVENTS_TOPIC"]
    before = stage.records_in(topic)
    with receiver.run(stage, names) as subject:
        if receiver.keeps_records:
            require_refusal(receiver.name, subject)
        report = stage.load(subject.port, [*load_of(stage, receiver, subject), "--warm-up", plan.warm_up_s,
                                           "--duration", plan.duration_s, *load])
        memory = {"peak_rss_mib": subject.program.peak_rss_mib, "pss_mib": subject.program.pss_mib}
    require_all_measured(receiver.name, report)
    if receiver.keeps_records:
        require_durable(receiver.name, report, stage.records_in(topic) - before)
    figures = {**figures_of(report), **memory, "report": report}
    results.add(SCENARIO, receiver.name, case, figures)
    return figures


def load_of(stage: Stage, receiver: Receiver, subject: RunningReceiver) -> list[object]:
    """Where the load goes, how much is signed for it, and whose CPU time is read: that of each process of the receiver."""
    receiver_cpu = [word for pid in subject.program.pids for word in ("--cpu-of", f"receiver={pid}")]
    return ["--path", subject.path, "--rate-max", receiver.rate_max, *receiver_cpu,
            "--cpu-of", f"broker={stage.broker_pid}"]


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


def require_all_measured(name: str, report: dict) -> None:
    """The load lasted as long as it should, and no process of the program ended meanwhile."""
    if "receiver" not in report["cpu_s"]:
        raise BenchError(f"a process of {name} ended under load")
    if report["ran_out_of_requests"]:
        raise BenchError(f"{name} was faster than requests were signed for: raise its rate_max")


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
