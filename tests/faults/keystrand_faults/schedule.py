"""Which faults come when. The directed schedule forces each rare path once, by name; the mix draws from a seed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from keystrand_e2e.postgres_proxy import Side
from keystrand_faults import actions
from keystrand_faults.actions import ACTIONS, POINTS
from keystrand_faults.stage import Stage

WINDOW_S = 30.0
QUIET_SHARE = 0.25  # of the windows
DIRECTED_CUTS = 6

Step = Callable[[Stage, random.Random], None]


# --- directed ---

def _trip(point: str) -> Step:
    return lambda stage, dice: actions.trip(stage, point)


def _cut(side: Side) -> Step:
    return lambda stage, dice: actions.cut_at_commit(stage, side, DIRECTED_CUTS)


DIRECTED: dict[str, Step] = {
    "send_stubborn": actions.send_stubborn,
    "duplicate_burst": actions.duplicate_burst,
    "resend_to_strangers": actions.resend_to_strangers,
    "late_to_strangers": actions.late_to_strangers,
    "outdate_memory": actions.outdate_memory,
    "plant_garbage": actions.plant_garbage,
    **{f"trip_{point}": _trip(point) for point in POINTS},
    "cut_before_commit": _cut(Side.BEFORE),
    "cut_after_commit": _cut(Side.AFTER),
    "leave_in_copy": actions.leave_in_copy,
    "stall_poll_thread": actions.stall_poll_thread,
    "freeze_worker": actions.freeze_worker,
    "freeze_in_transaction": actions.freeze_worker_in_transaction,
    "come_and_go": actions.come_and_go,
    "stop_worker": actions.stop_worker,
    "lose_acknowledgements": actions.lose_acknowledgements,
    "kill_receiver": actions.kill_receiver,
    "kill_receiver_in_outage": actions.kill_receiver_in_outage,
    "restart_broker": actions.restart_broker,
    "kill_database": actions.kill_database,
    "replay_letters": actions.replay_letters,
}


def directed(stage: Stage, dice: random.Random, steps: Sequence[str]) -> None:
    for name in steps:
        perform(stage, name, DIRECTED[name], dice)


# --- the mix ---

def mix(stage: Stage, dice: random.Random, seconds: float) -> None:
    """Windows of faults, up to two at a time; each kind comes once before any comes again, so that a run of a few minutes
    meets them all."""
    end = time.monotonic() + seconds
    bag: list[str] = []
    while time.monotonic() < end:
        window = time.monotonic() + WINDOW_S
        if dice.random() < QUIET_SHARE:
            stage.history.note(window="quiet")
            time.sleep(max(0.0, min(window, end) - time.monotonic()))
            continue
        while time.monotonic() < min(window, end):
            names = [_drawn(bag, dice) for _ in range(dice.choice([1, 1, 2]))]
            at_once(stage, names, dice)
            time.sleep(dice.uniform(0, 2))


def _drawn(bag: list[str], dice: random.Random) -> str:
    if not bag:
        bag += sorted(ACTIONS)
        dice.shuffle(bag)
    return bag.pop()


def at_once(stage: Stage, names: Sequence[str], dice: random.Random) -> None:
    """Each with dice of its own: what one draws does not depend on how fast the other is."""
    seeds = [dice.getrandbits(64) for _ in names]
    threads = [threading.Thread(target=perform, args=(stage, name, ACTIONS[name], random.Random(seed)), name=name)
               for name, seed in zip(names, seeds, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def perform(stage: Stage, name: str, step: Step, dice: random.Random) -> None:
    """A step that did not come off in time is noted: whether the run counts all the same is for the coverage to say."""
    try:
        step(stage, dice)
        stage.history.note(step=name)
    except Exception as error:  # noqa: BLE001: on a thread of its own, nobody else would hear of it
        stage.history.note(step=name, missed=f"{type(error).__name__}: {error}")
