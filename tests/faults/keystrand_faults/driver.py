"""One run: traffic and faults, then everything healed, the last deliveries sent until they have their 200, all of it worked
off, the evidence kept, and judged."""

from __future__ import annotations

import dataclasses
import pathlib
import random
import threading
import time
from collections.abc import Callable, Sequence

from keystrand_e2e.waiting import eventually
from keystrand_faults import evidence, load, schedule
from keystrand_faults.evidence import Run, RunEvidence
from keystrand_faults.invariants.running import DRAIN_MAX_S
from keystrand_faults.stage import Stage, set_stage
from traffic.sender import Background, Pace, Persistence

SEGMENT_S = 15.0
RESEND = Persistence(for_s=600, pause_s=0.25)  # as Stripe, which goes on for days
CONNECTIONS = 24
SETTLE_S = 10.0  # healed, before the last deliveries are waited for
RESEND_DEADLINE_S = 120


@dataclasses.dataclass(frozen=True)
class Plan:
    """`faults`: what is done once the traffic flows. `per_s`: deliveries. `warm_up_s`: without any fault."""

    seed: str
    name: str
    faults: Callable[[Stage, random.Random], None]
    per_s: float = 40
    warm_up_s: float = 5
    settle_s: float = SETTLE_S
    aborting: int = 1  # events a segment at which a worker dies
    stubborn: int = 0  # events of the first segment that have to wait for long


def directed(seed: str, steps: Sequence[str]) -> Plan:
    return Plan(seed, "directed", lambda stage, dice: schedule.directed(stage, dice, steps), warm_up_s=2, settle_s=1)


def mixed(seed: str, minutes: float) -> Plan:
    return Plan(seed, f"mix of {minutes:g} min", lambda stage, dice: schedule.mix(stage, dice, minutes * 60), stubborn=1)


class Traffic:
    """Segment after segment, each on connections of its own, until told to begin no more."""

    def __init__(self, stage: Stage, plan: Plan):
        self._stage = stage
        self._plan = plan
        self._enough = threading.Event()
        self._segments: list[Background] = []
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="traffic")
        self._thread.start()

    def stop(self) -> None:
        """What was begun goes on."""
        self._enough.set()
        self._thread.join()

    def wait_sent(self, timeout_s: float) -> None:
        if self._fault:
            raise self._fault
        eventually(lambda: not any(segment.sending for segment in self._segments), "all sent", timeout_s)

    def give_up(self) -> None:
        self.stop()
        for segment in self._segments:
            segment.stop()

    def _run(self) -> None:
        try:
            number = 0
            while not self._enough.is_set():
                began = time.monotonic()
                self._begin(number)
                number += 1
                self._enough.wait(max(0.0, began + SEGMENT_S - time.monotonic()))
        except BaseException as error:  # told by wait_sent
            self._fault = error

    def _begin(self, number: int) -> None:
        mix = load.Mix(round(self._plan.per_s * SEGMENT_S), stubborn=self._plan.stubborn if number == 0 else 0,
                       aborting=self._plan.aborting)
        segment = Background(self._stage.webhook, load.segment(f"{self._plan.seed}/{number}", mix), self._stage.history,
                             persistence=RESEND, pace=Pace(self._plan.per_s), connections=CONNECTIONS)
        segment.__enter__()
        self._segments.append(segment)


def run(plan: Plan, folder: pathlib.Path, workers: int = 2, bug: str = "") -> RunEvidence:
    """`folder`: empty; history, logs and evidence are left there."""
    with set_stage(folder, workers, bug) as stage:
        stage.history.note(seed=plan.seed, schedule=plan.name, bug=bug, replays=stage.can_replay)
        traffic = Traffic(stage, plan)
        try:
            time.sleep(plan.warm_up_s)
            plan.faults(stage, random.Random(plan.seed))
            traffic.stop()
            ended = _end(stage, traffic, plan)
        finally:
            traffic.give_up()
        stage.fleet.scrape_finally()
        stage.history.note(refused_by_key=stage.refused_by_key(), refused_by_row=stage.refused_by_row(),
                           outdated=stage.outdated())
        found = evidence.collect(stage.system, stage.fleet, ended)
    evidence.save(found, folder)
    return found


def _end(stage: Stage, traffic: Traffic, plan: Plan) -> Run:
    """What is not worked off in time is for the checker to say."""
    stage.heal()
    stage.history.note(healed=True)
    healed = time.monotonic()
    drained = None
    ready = False
    try:
        stage.wait_ready()
        ready = True
        time.sleep(plan.settle_s)
        traffic.wait_sent(RESEND_DEADLINE_S)
        eventually(stage.worked_off, "all worked off", DRAIN_MAX_S)
        drained = time.monotonic() - healed
    except AssertionError as error:
        stage.history.note(not_in_time=str(error))
    return Run(plan.seed, plan.name, drained, ready)
