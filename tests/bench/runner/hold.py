"""Memory under connections that only cost: idle ones, and slow ones whose heads never end; and what the slow ones do to
good traffic."""

from __future__ import annotations

import dataclasses
import json
import select
import subprocess

from runner.receive import load_of, require_all_measured, require_durable, warm_broker
from runner.results import Results
from runner.stage import TEMPLATE, BenchError, Stage, say
from runner.subjects import Receiver, RunningReceiver

SCENARIO = "hold"
SUBJECTS = ["keystrand", "go"]  # unless others are asked for
IDLE_GOAL_MIB = 64
SLOW_GOAL_MIB = 256
P99_RATIO_GOAL = 2.0
SOURCES = 8  # addresses that the connections come from: a receiver may bound how many one address has
OPEN_DEADLINE_S = 60
HOLD_MAX_S = 120


@dataclasses.dataclass
class Plan:
    idle: int = 1_000
    slow: int = 5_000
    good_connections: int = 64
    good_rate: int = 2_000
    warm_up_s: float = 3
    duration_s: float = 10

    @staticmethod
    def quick() -> Plan:
        return Plan(idle=200, slow=1_000, warm_up_s=1, duration_s=3)


def run(stage: Stage, receivers: list[Receiver], plan: Plan, rounds: int, results: Results) -> None:
    warm_broker(stage)
    names = stage.create_topics("bench.hold")
    for _ in range(rounds):
        for receiver in receivers:
            case = f"{plan.idle} idle connections"
            say(f"{receiver.name}: {case}")
            results.add(SCENARIO, receiver.name, case, hold_idle(stage, receiver, names, plan))
            case = f"{plan.slow} slow connections"
            say(f"{receiver.name}: {case}")
            results.add(SCENARIO, receiver.name, case, hold_slow(stage, receiver, names, plan))


def hold_idle(stage: Stage, receiver: Receiver, names: dict[str, str], plan: Plan) -> dict:
    """Each connection has done one request and waits."""
    topic = names["KEYSTRAND_EVENTS_TOPIC"]
    before = stage.records_in(topic)
    with receiver.run(stage, names) as subject:
        empty_mib = subject.program.rss_mib
        with Holding(stage, subject, "idle", plan.idle) as holding:
            rss_mib = subject.program.rss_mib
        require_held(receiver.name, holding.end, plan.idle)
    records = stage.records_in(topic) - before
    if records != plan.idle:
        raise BenchError(f"{receiver.name} answered {plan.idle} requests with 200, but the topic grew by {records}")
    return {"rss_mib": rss_mib, "goal_mib": IDLE_GOAL_MIB, "empty_mib": empty_mib,
            "kib_per_connection": 1024 * (rss_mib - empty_mib) / plan.idle, "held": holding.end}


def hold_slow(stage: Stage, receiver: Receiver, names: dict[str, str], plan: Plan) -> dict:
    """The heads arrive a byte a second; good traffic is measured without them, and then beside them."""
    with receiver.run(stage, names) as subject:
        alone = good_traffic(stage, receiver, subject, names, plan)
        empty_mib = subject.program.rss_mib
        with Holding(stage, subject, "slow", plan.slow) as holding:
            rss_mib = subject.program.rss_mib
            beside = good_traffic(stage, receiver, subject, names, plan)
            rss_mib = max(rss_mib, subject.program.rss_mib)
    p99_ms, p99_alone_ms = beside["latency_ms"]["p99"], alone["latency_ms"]["p99"]
    return {"rss_mib": rss_mib, "goal_mib": SLOW_GOAL_MIB, "empty_mib": empty_mib,
            "kib_per_connection": 1024 * (rss_mib - empty_mib) / plan.slow,
            "p99_ms": p99_ms, "p99_alone_ms": p99_alone_ms, "p99_ratio": p99_ms / p99_alone_ms,
            "p99_ratio_goal": P99_RATIO_GOAL, "not_200": beside["due"] - beside["statuses"].get("200", 0),
            "held_at_end": holding.end["held"], "held": holding.end, "report": beside, "report_alone": alone}


def good_traffic(stage: Stage, receiver: Receiver, subject: RunningReceiver, names: dict[str, str], plan: Plan) -> dict:
    topic = names["KEYSTRAND_EVENTS_TOPIC"]
    before = stage.records_in(topic)
    report = stage.load(subject.port, [*load_of(stage, receiver, subject), "--connections", plan.good_connections,
                                       "--rate", plan.good_rate, "--warm-up", plan.warm_up_s, "--duration",
                                       plan.duration_s])
    require_all_measured(receiver.name, report)
    require_durable(receiver.name, report, stage.records_in(topic) - before)
    return report


def require_held(name: str, held: dict, connections: int) -> None:
    if held["held"] != connections:
        raise BenchError(f"{name} still held {held['held']} of {connections} idle connections: {held}")


class Holding:
    """bench_holdopen beside the receiver: entered once all connections are held; then `end` is its last report."""

    def __init__(self, stage: Stage, subject: RunningReceiver, mode: str, connections: int):
        self.end: dict = {}
        arguments = ["--port", subject.port, "--path", subject.path, "--mode", mode, "--connections", connections,
                     "--sources", SOURCES, "--template", TEMPLATE, "--tag", stage.next_tag(), "--open-deadline-ms",
                     1000 * OPEN_DEADLINE_S, "--seconds-max", HOLD_MAX_S]
        self._argv = [stage.tool("bench_holdopen"), *map(str, arguments)]
        self._environment = stage.tool_environment()

    def __enter__(self) -> Holding:
        self._process = subprocess.Popen(self._argv, env=self._environment, text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self._read_line(OPEN_DEADLINE_S + 10)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Ends it; if the block was left normally, it must have held until now."""
        if kind is not None:
            return self._kill()
        if self._process.poll() is not None:
            raise BenchError(f"bench_holdopen ended after {HOLD_MAX_S} s: what was measured beside it took too long")
        self._process.stdin.close()
        try:
            self.end = self._read_line(10)
        finally:
            self._kill()

    def _read_line(self, deadline_s: float) -> dict:
        ready, _, _ = select.select([self._process.stdout], [], [], deadline_s)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._kill()
            raise BenchError(f"bench_holdopen failed: {self._process.stderr.read().strip() or 'no answer in time'}")
        return json.loads(line)

    def _kill(self) -> None:
        """Also after its own end, to collect it."""
        self._process.kill()
        self._process.wait()
