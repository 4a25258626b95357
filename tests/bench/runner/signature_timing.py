"""Whether the time of the signature check tells how much of a guess is right: bench_signature_timing, in process."""

from __future__ import annotations

import dataclasses
import json
import subprocess

from runner.results import Results
from runner.stage import BenchError, Folders, existing, say

SCENARIO = "timing"
DEADLINE_S = 300


@dataclasses.dataclass
class Plan:
    guesses: int = 1_000_000

    @staticmethod
    def quick() -> Plan:
        return Plan(guesses=100_000)


def run(folders: Folders, plan: Plan, rounds: int, results: Results) -> None:
    program = existing(folders.tools / "bench_signature_timing", "make bench builds it")
    for round_ in range(rounds):
        say(f"signature check: {plan.guesses} timed guesses")
        done = subprocess.run([program, "--guesses", str(plan.guesses), "--seed", str(round_ + 1)], capture_output=True,
                              text=True, timeout=DEADLINE_S, check=False)
        if done.returncode != 0:
            raise BenchError(f"bench_signature_timing failed: {done.stderr.strip()}")
        results.add(SCENARIO, "keystrand", f"{plan.guesses} guesses", json.loads(done.stdout))
