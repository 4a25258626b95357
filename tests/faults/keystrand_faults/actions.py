"""What is done to a running system. Each action takes a stage and dice, lasts seconds, and leaves its target healed; what it
draws from the dice is all that differs between two runs of it."""

from __future__ import annotations

import pathlib
import random
import time
from collections.abc import Callable

from keystrand_e2e.postgres_proxy import Side
from keystrand_e2e.system import PARTITIONS
from keystrand_e2e.waiting import eventually
from keystrand_faults import load
from keystrand_faults.fleet import Slot
from keystrand_faults.stage import POLL_INTERVAL_S, Stage
from traffic.delivery import Delivery
from traffic.plan import Strand
from traffic.sender import Persistence, deliver

Action = Callable[[Stage, random.Random], None]
ACTIONS: dict[str, Action] = {}

SESSION_S = 1.0  # of the workers' consumers: a frozen one is missed after it
TRIP_DEADLINE_S = 20
RESEND = Persistence(for_s=60, pause_s=0.2)
TRANSACTION_DEADLINE_S = 5.0  # then PostgreSQL ends one whose client says nothing
SETTLE_DEADLINE_S = 20
STRANGERS = 12
STRANGER_PAUSE_S = 0.5  # in which a worker sees enough others to trust its guesses
GIVEN_UP_S = 8.0  # a worker has given up on an answer by then, and is connected again

POINTS = ("before_commit", "after_commit", "before_letter_commit", "after_letter_commit", "after_letter_publish",
          "after_letter_mark", "after_progress", "after_lease")


def action(act: Action) -> Action:
    ACTIONS[act.__name__] = act
    return act


def _worker(stage: Stage, dice: random.Random) -> Slot:
    return dice.choice(stage.fleet.starting_with("worker"))


def _send(stage: Stage, strands: list[Strand]) -> None:
    deliver(stage.webhook, strands, stage.history, persistence=RESEND)


# --- processes ---

@action
def kill_worker(stage: Stage, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 3)):
        slot = _worker(stage, dice)
        with stage.history.fault("kill_worker", target=slot.program.name):
            slot.kill()
            time.sleep(dice.uniform(0.2, 2))


@action
def kill_receiver(stage: Stage, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 3)):
        [slot] = stage.fleet.starting_with("receiver")
        with stage.history.fault("kill_receiver", target=slot.program.name):
            slot.kill()
            time.sleep(dice.uniform(0.2, 2))


@action
def stop_worker(stage: Stage, dice: random.Random) -> None:
    slot = _worker(stage, dice)
    with stage.history.fault("stop_worker", target=slot.program.name):
        slot.stop()


@action
def stop_receiver(stage: Stage, dice: random.Random) -> None:
    [slot] = stage.fleet.starting_with("receiver")
    with stage.history.fault("stop_receiver", target=slot.program.name):
        slot.stop()


@action
def come_and_go(stage: Stage, dice: random.Random) -> None:
    """A guest joins while commits are slow, so that partitions are taken from workers in the middle of their batches."""
    name = f"guest{dice.getrandbits(32):08x}"
    with stage.history.fault("come_and_go", target=name):
        stage.dawdle(0.05)
        _send(stage, load.backlog(f"{dice.getrandbits(64)}", 300))
        slot = stage.add_worker(name)
        slot.program.wait_ready()
        time.sleep(dice.uniform(1, 3))
        if dice.random() < 0.5:
            slot.wanted = False
            slot.kill()
        else:
            slot.leave()
        stage.dawdle(0)


@action
def freeze_worker(stage: Stage, dice: random.Random) -> None:
    """Past its session, with full lanes and right after a commit: others take its partitions over, and what it begins
    after the thaw is fenced, unless it hears of the takeover first."""
    with stage.history.fault("freeze_worker"):
        stage.dawdle(0.1)
        _send(stage, load.backlog(f"{dice.getrandbits(64)}", 200))
        armed = stage.arm("after_commit", "stop")
        pid = _wait_tripped(stage, armed)
        time.sleep(SESSION_S + dice.uniform(1, 3))
        stage.thaw(pid)
        stage.disarm(armed)
        stage.dawdle(0)


@action
def stall_poll_thread(stage: Stage, dice: random.Random) -> None:
    """Past max.poll.interval.ms: the group gives the partitions to others while the executors here work on, and whatever
    they commit then is fenced. Their lanes are full, so there is something to commit."""
    with stage.history.fault("stall_poll_thread"):
        before = stage.fenced()
        stage.dawdle(0.1)
        _send(stage, load.backlog(f"{dice.getrandbits(64)}", 1200))
        armed = stage.arm("poll", "stall")
        try:
            _wait_tripped(stage, armed)
            eventually(lambda: stage.fenced() > before, "a fenced commit", POLL_INTERVAL_S + 15)
        finally:
            stage.disarm(armed)
            stage.dawdle(0)


@action
def freeze_worker_in_transaction(stage: Stage, dice: random.Random) -> None:
    """The transaction stays open until PostgreSQL ends it."""
    with stage.history.fault("freeze_worker_in_transaction"):
        armed = stage.arm("before_commit", "stop")
        pid = _wait_tripped(stage, armed)
        time.sleep(TRANSACTION_DEADLINE_S + dice.uniform(0.5, 1.5))
        stage.thaw(pid)
        stage.disarm(armed)


@action
def trip_worker(stage: Stage, dice: random.Random) -> None:
    trip(stage, dice.choice(POINTS))


def trip(stage: Stage, point: str) -> None:
    """The next worker that comes to that point dies there. What would bring one there is done here, if it is not in the
    usual traffic."""
    with stage.history.fault("trip_worker", point=point):
        armed = stage.arm(point, "kill")
        if "letter" in point:
            stage.plant(load.garbage(f"trip {time.monotonic_ns()}", 1, PARTITIONS))
        if point == "after_lease":
            stage.fleet.starting_with("worker")[0].kill()
        _wait_tripped(stage, armed)
        stage.disarm(armed)


def _wait_tripped(stage: Stage, armed: pathlib.Path) -> int:
    try:
        return eventually(lambda: stage.tripped(armed), f"a worker tripped at {armed.name}", TRIP_DEADLINE_S)
    except AssertionError:
        armed.unlink(missing_ok=True)
        raise


# --- Kafka ---

@action
def restart_broker(stage: Stage, dice: random.Random) -> None:
    with stage.history.fault("restart_broker"), stage.servers:
        if dice.random() < 0.5:
            stage.stack.kill_broker()
        else:
            stage.stack.stop_broker()
        time.sleep(dice.uniform(0, 3))
        stage.stack.start_broker()


@action
def freeze_broker(stage: Stage, dice: random.Random) -> None:
    """Longer than the receiver waits for an acknowledgement."""
    with stage.history.fault("freeze_broker"), stage.servers:
        stage.stack.pause_broker()
        time.sleep(dice.uniform(1, 9))
        stage.stack.resume_broker()


@action
def kill_receiver_in_outage(stage: Stage, dice: random.Random) -> None:
    """With records in its queue that no broker has seen."""
    [slot] = stage.fleet.starting_with("receiver")
    with stage.history.fault("kill_receiver_in_outage"), stage.servers:
        stage.stack.pause_broker()
        time.sleep(dice.uniform(2, 4))
        slot.kill()
        stage.stack.resume_broker()


@action
def lose_acknowledgements(stage: Stage, dice: random.Random) -> None:
    """The broker takes what the receiver produces, and the receiver does not learn of it: it answers 503."""
    with stage.history.fault("lose_acknowledgements"):
        stage.receiver_line.hold_answers()
        time.sleep(dice.uniform(6, 8))
        stage.receiver_line.cut()
        stage.receiver_line.heal()


@action
def cut_kafka(stage: Stage, dice: random.Random) -> None:
    line = dice.choice([stage.receiver_line, stage.worker_line])
    with stage.history.fault("cut_kafka", line="receiver" if line is stage.receiver_line else "worker"):
        for _ in range(dice.randint(1, 10)):
            line.cut()
            time.sleep(dice.uniform(0.05, 0.6))


@action
def slow_kafka(stage: Stage, dice: random.Random) -> None:
    with stage.history.fault("slow_kafka"):
        for line in (stage.receiver_line, stage.worker_line):
            line.latency_s, line.jitter_s = 0.1, 0.1
        time.sleep(dice.uniform(2, 6))
        for line in (stage.receiver_line, stage.worker_line):
            line.heal()


# --- PostgreSQL ---

@action
def kill_database(stage: Stage, dice: random.Random) -> None:
    """SIGKILL of the server and its sessions, as a crash of the machine is."""
    with stage.history.fault("kill_database"), stage.servers:
        stage.stack.kill_database()
        time.sleep(dice.uniform(0, 2))
        stage.stack.start_database()


@action
def freeze_database(stage: Stage, dice: random.Random) -> None:
    with stage.history.fault("freeze_database"), stage.servers:
        stage.stack.pause_database()
        # Not for as long as a statement may take, 4 s: a server that stops just then looks like a slow statement, and costs
        # it an attempt.
        time.sleep(dice.choice([dice.uniform(1, 3.9), dice.uniform(4.6, 7)]))
        stage.stack.resume_database()


@action
def cut_database(stage: Stage, dice: random.Random) -> None:
    with stage.history.fault("cut_database"):
        for _ in range(dice.randint(1, 10)):
            stage.database_line.cut()
            time.sleep(dice.uniform(0.05, 0.6))


@action
def cut_commits(stage: Stage, dice: random.Random) -> None:
    for side in Side:
        cut_at_commit(stage, side, dice.randint(3, 12))


def cut_at_commit(stage: Stage, side: Side, count: int) -> None:
    with stage.history.fault("cut_commits", side=side.value, count=count):
        goal = stage.database_line.cuts[side] + count
        stage.database_line.cut_commits(side, count)
        eventually(lambda: stage.database_line.cuts[side] >= goal, f"{count} commits cut {side.value}", 30)


@action
def leave_in_copy(stage: Stage, dice: random.Random) -> None:
    """Connections that hang once the server waits for the rows of a COPY: it would do so for ever."""
    count = dice.randint(1, 3)
    with stage.history.fault("leave_in_copy", count=count):
        goal = stage.database_line.left_in_copy + count
        stage.database_line.leave_in_copy(count)
        eventually(lambda: stage.database_line.left_in_copy >= goal, f"{count} connections left in a copy", 30)
        stage.history.note(left_in_copy=count)
        time.sleep(GIVEN_UP_S)


@action
def slow_database(stage: Stage, dice: random.Random) -> None:
    with stage.history.fault("slow_database"):
        stage.database_line.latency_s = dice.uniform(0.01, 0.05)
        time.sleep(dice.uniform(2, 6))
        stage.database_line.latency_s = 0.0


# --- traffic ---

def send_stubborn(stage: Stage, dice: random.Random) -> None:
    """An event that fails more often than it is tried while its key waits."""
    with stage.history.fault("send_stubborn"):
        _send(stage, load.poison(f"{dice.getrandbits(64)}", load.STUBBORN))


@action
def plant_garbage(stage: Stage, dice: random.Random) -> None:
    with stage.history.fault("plant_garbage"):
        stage.plant(load.garbage(f"{dice.getrandbits(64)}", dice.randint(6, 30), PARTITIONS))


@action
def replay_letters(stage: Stage, dice: random.Random) -> None:
    """As an operator does who believes that the cause is gone: for some it is, others die again."""
    if not stage.can_replay:
        return
    rows = stage.system.rows("SELECT source_topic, source_partition, source_offset FROM keystrand.dead_letters"
                             " WHERE status = 'open' ORDER BY 2, 3")
    letters = dice.sample(rows, min(len(rows), 8))
    with stage.history.fault("replay_letters", letters=len(letters)):
        names = ["/".join(map(str, row.values())) for row in letters]
        done = stage.system.operator("dead-letters", "replay", *names, "--reason", "fault harness", "--actor", "faults")
        assert done.returncode == 0, done.stdout + done.stderr


@action
def duplicate_burst(stage: Stage, dice: random.Random) -> None:
    """Fifty times at once, and again a second later."""
    strands = load.burst(f"{dice.getrandbits(64)}", 50)
    with stage.history.fault("duplicate_burst"):
        for _ in range(2):
            _send(stage, strands)
            time.sleep(1)


@action
def resend_to_strangers(stage: Stage, dice: random.Random) -> None:
    """Events come again when no worker is left that has seen them, one by one, until one is taken for new. They have no
    object, by which they would be found out first."""
    events = [load.notice(f"{dice.getrandbits(64)}") for _ in range(STRANGERS)]
    with stage.history.fault("resend_to_strangers"):
        _to_strangers(stage, events, events, stage.refused_by_key)


@action
def late_to_strangers(stage: Stage, dice: random.Random) -> None:
    """An object's event comes after a later one that no worker is left to remember, until one is taken for the newest."""
    changes = [load.change(f"{dice.getrandbits(64)}") for _ in range(STRANGERS)]
    with stage.history.fault("late_to_strangers"):
        _to_strangers(stage, [later for _, later in changes], [earlier for earlier, _ in changes], stage.refused_by_row)


@action
def outdate_memory(stage: Stage, dice: random.Random) -> None:
    """Another key's event changes a row of which a worker remembers what it wrote, until one decides from such a memory."""
    before = stage.outdated()
    with stage.history.fault("outdate_memory"):
        for _ in range(STRANGERS):
            time.sleep(STRANGER_PAUSE_S)
            for event in load.crossed(f"{dice.getrandbits(64)}"):
                _send(stage, [[event]])
                _wait_settled(stage, [event])
            if stage.outdated() > before:
                return


def _to_strangers(stage: Stage, known: list[Delivery], then: list[Delivery], refused: Callable[[], int]) -> None:
    _send(stage, [[event] for event in known])
    _wait_settled(stage, known)
    for slot in stage.fleet.starting_with("worker"):
        slot.stop()
    stage.wait_ready()
    before = refused()
    for event in then:
        time.sleep(STRANGER_PAUSE_S)
        _send(stage, [[event]])
        if refused() > before:
            return


def _wait_settled(stage: Stage, events: list[Delivery]) -> None:
    ids = [event.event["id"] for event in events]
    eventually(lambda: stage.settled(ids), "the events settled", SETTLE_DEADLINE_S)
