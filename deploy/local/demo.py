#!/usr/bin/env python3
"""make demo: starts everything, sends signed events of many customers, and shows what became of them.

    deploy/local/demo.py up [--events N]     deploy/local/demo.py stop

On a terminal the system stays up until `stop`; without one it is stopped at the end. The exit code is 0 only if every
figure is what was sent. Rows of earlier runs stay, and each run sends events of its own.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import secrets
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import demo_report  # noqa: E402
from demo_programs import DEFAULT_DIR, Demo  # noqa: E402
from demo_report import Baseline  # noqa: E402
from process import StackError  # noqa: E402
from stack import DEFAULT_DIR as STACK_DIR, Stack  # noqa: E402
from traffic import delivery, plan  # noqa: E402
from traffic.sender import Background, History, Pace, Persistence  # noqa: E402

EVENTS = 2000
PER_S = 400  # so that answers tell the receiver's time and not that of a queue in front of it
SETTLE_DEADLINE_S = 60
UNREADABLE = ['{"id": "evt_cut_off_in_the_mid', "[]", '{"object": "event", "type": "customer.created"}']


class Interrupted(Exception):
    """SIGINT, SIGTERM or SIGHUP."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


def interrupt(number: int, _frame: object) -> None:
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # once is enough: everything is being stopped
    raise Interrupted(number)


class Progress:
    """What is being done, and how far it is: on a terminal one line that changes, elsewhere a line every five seconds."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._began = time.monotonic()
        self._told = self._began
        self._unfinished = False  # the last line has no end yet

    def step(self, text: str) -> None:
        """A new thing begins."""
        self.end_line()
        print(f"[{time.monotonic() - self._began:5.1f} s] {text}", flush=True)

    def count(self, text: str, done: bool = False) -> None:
        if self._live:
            print(f"\r          {text}", end="\033[K", flush=True)
            self._unfinished = True
        elif done or time.monotonic() - self._told >= 5:
            self._told = time.monotonic()
            print(f"          {text}", flush=True)

    def end_line(self) -> None:
        if self._unfinished:
            print()
            self._unfinished = False


def planned(run: str, events: int) -> list[plan.Strand]:
    """Deliveries of that many events or a few more, with repeats, late ones, unreadable ones and forgeries."""
    told = plan.tell(run, int(time.time()) - 90 * 86400, events)
    strands = plan.strands(told, run, duplicates=0.05, late=0.05)
    dice = random.Random(run)
    strands += [[delivery.unreadable(text + f"\n// {run}")] for text in UNREADABLE]
    strands += [[delivery.forged(dice.choice(told)[0])] for _ in range(3)]
    return strands


def start_everything(demo: Demo, progress: Progress) -> list[str]:
    """Returns the servers of the stack that it had to start."""
    demo.prepare()
    progress.step("Kafka and PostgreSQL")
    started = demo.stack.up()
    try:
        progress.step("database migrations, topics")
        demo.stack.migrate()
        demo.create_topics()
        progress.step("keystrand-receiver and keystrand-worker")
        demo.restart()
        demo.wait_idle()
    except BaseException:
        stop_everything(demo, started)
        raise
    return started


def stop_everything(demo: Demo, servers: list[str]) -> None:
    """The programs, and the stack if it was us who started it."""
    demo.stop()
    if servers:
        demo.stack.down()


def run(demo: Demo, events: int, progress: Progress) -> bool:
    """Sends, waits, shows; whether every figure is right."""
    name = f"demo-{secrets.token_hex(8)}"
    progress.step("making events")
    strands = planned(name, events)
    expected = plan.expected(strands)
    ids = sorted({item.event["id"] for strand in strands for item in strand if item.event and item.genuine})
    before = Baseline.of(demo)
    total = sum(map(len, strands))

    progress.step(f"sending {total:,} deliveries to {demo.url}, {PER_S} a second")
    history, began = History(), time.monotonic()
    with Background(demo.url, strands, history, persistence=Persistence(for_s=30), pace=Pace(PER_S)) as sending:
        while sending.sending:
            progress.count(f"{len(history.attempts):,} sent, {demo_report.settled(demo, before, ids):,} settled")
            sending.last(0.25)
    await_settled(demo, before, ids, expected, history, progress)
    seconds = time.monotonic() - began

    outcome = demo_report.measure(demo, before, expected, history)
    progress.end_line()
    print(demo_report.screen(demo, outcome, expected, history, seconds))
    return not outcome.mismatches


def await_settled(demo: Demo, before: Baseline, ids: list[str], expected: plan.Expected, history: History,
                  progress: Progress) -> None:
    """Until as much is settled as was accepted, or for as long as one would wait."""
    wanted = sum(expected.statuses.values()) + expected.duplicates + expected.dead_letters
    end = time.monotonic() + SETTLE_DEADLINE_S
    while (settled := demo_report.settled(demo, before, ids)) < wanted and time.monotonic() < end:
        progress.count(f"{len(history.attempts):,} sent, {settled:,} of {wanted:,} settled")
        time.sleep(0.1)
    progress.count(f"{len(history.attempts):,} sent, {settled:,} of {wanted:,} settled", done=True)


def up(demo: Demo, events: int) -> int:
    stays = sys.stdin.isatty()
    progress = Progress()
    with demo.exclusive():
        servers = start_everything(demo, progress)
        try:
            right = run(demo, events, progress)
        except BaseException:
            progress.end_line()
            stop_everything(demo, servers)
            raise
        if stays:
            print(demo_report.directions(demo))
        else:
            progress.step("no terminal: stopping")
            stop_everything(demo, servers)
    return 0 if right else 1


def stop(demo: Demo) -> int:
    running = demo.running or demo.stack.running
    for name in demo.stop():
        print(f"killed {name}: it did not stop in time")
    demo.stack.down()
    print("stopped; data and logs stay in .local" if running else "nothing was running")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Shows Keystrand at work on this machine.")
    parser.add_argument("--stack-dir", type=pathlib.Path, default=STACK_DIR, help="of the local stack (default: %(default)s)")
    parser.add_argument("--dir", type=pathlib.Path, default=DEFAULT_DIR, help="for logs, pids, ports (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start everything, send events, show what became of them")
    start.add_argument("--events", type=int, default=EVENTS, help="how many to send at least (default: %(default)s)")
    commands.add_parser("stop", help="stop what `up` left running")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    demo = Demo(Stack(chosen.stack_dir), chosen.dir.resolve())
    try:
        return up(demo, chosen.events) if chosen.command == "up" else stop(demo)
    except (StackError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print(f"demo: ended by {interruption}", file=sys.stderr)
        return 128 + interruption.number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
