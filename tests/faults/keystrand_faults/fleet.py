"""The programs of a run, each in a slot: started, watched, and started again when they end, as a supervisor would."""

from __future__ import annotations

import dataclasses
import pathlib
import signal
import threading
import time
from collections.abc import Callable

from keystrand_e2e.programs import Program

WATCH_S = 0.1
SCRAPE_S = 1.0


@dataclasses.dataclass(frozen=True)
class End:
    """How one incarnation ended. `why`: killed or stopped by the driver, tripped, aborted (poison), or unplanned."""

    name: str
    code: int
    why: str
    at: float  # Unix s


@dataclasses.dataclass
class Scrape:
    """The last that an incarnation said of itself, and whether nothing came after it."""

    text: str
    at: float
    final: bool = False


class Slot:
    """A place that a program fills; each incarnation has a name of its own. `make`: starts the one of that name."""

    def __init__(self, name: str, make: Callable[[str], Program], control: pathlib.Path):
        self.name = name
        self._make = make
        self._control = control
        self._lock = threading.RLock()
        self._count = 0
        self._why: str | None = None  # of the end that the driver is about to bring
        self.wanted = True
        self.ends: list[End] = []
        self.program = self._next()

    def _next(self) -> Program:
        self._count += 1
        return self._make(f"{self.name}-{self._count}")

    # --- what the driver does ---

    def kill(self) -> None:
        with self._lock:
            self._why = "killed"
            self.program.kill()

    def stop(self) -> None:
        """SIGTERM; the end must be a clean one, in time."""
        with self._lock:
            if not self.program.running:
                return
            self._why = "stopped"
            self.program.request_stop()
        self.program.wait_end()

    def leave(self) -> None:
        """Stopped for good."""
        self.wanted = False
        self.stop()

    def freeze(self) -> Program:
        with self._lock:
            self.program.freeze()
            return self.program

    # --- what the supervisor does ---

    def watch(self) -> None:
        with self._lock:
            if self.program.running:
                return
            if not self.ends or self.ends[-1].name != self.program.name:
                self.ends.append(End(self.program.name, self.program.wait_end(), self._reason(), time.time()))
                self._why = None
            if self.wanted:
                self.program = self._next()

    def _reason(self) -> str:
        code = self.program.wait_end()
        if self._why == "stopped":
            return "stopped" if code == 0 else "unplanned"
        if code == -signal.SIGKILL:
            tripped = any((self._control / "points").glob(f"*.kill.{self.program.pid}"))
            return "tripped" if tripped else self._why or "unplanned"
        if code == -signal.SIGABRT and self._aborted():
            return "aborted"
        return "unplanned"

    def _aborted(self) -> bool:
        """Whether an event asked that process to die."""
        line = f" {self.program.pid} abort"
        return any(line in file.read_text() for file in (self._control / "attempts").iterdir())


class Fleet:
    """Watches its slots on a thread of its own, and asks each program for its metrics every second on another."""

    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        self.scrapes: dict[str, Scrape] = {}  # by incarnation
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._watch, name="fleet-watch"),
                         threading.Thread(target=self._scrape, name="fleet-scrape")]

    def __enter__(self) -> Fleet:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def add(self, slot: Slot) -> Slot:
        self.slots[slot.name] = slot
        return slot

    def starting_with(self, prefix: str) -> list[Slot]:
        return [slot for slot in self.slots.values() if slot.wanted and slot.name.startswith(prefix)]

    def ends(self) -> list[End]:
        return [end for slot in self.slots.values() for end in slot.ends]

    def scrape_finally(self) -> None:
        """Nothing happens any more: what the running programs say now is all that they will ever say."""
        for slot in self.slots.values():
            if slot.wanted and self._ask(slot.program):
                self.scrapes[slot.program.name].final = True

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            for slot in list(self.slots.values()):
                slot.watch()

    def _scrape(self) -> None:
        while not self._stopping.wait(SCRAPE_S):
            for slot in list(self.slots.values()):
                self._ask(slot.program)

    def _ask(self, program: Program) -> bool:
        """A frozen one does not answer, which takes a while."""
        status, text = program.get("/metrics")
        if status == 200:
            self.scrapes[program.name] = Scrape(text, time.time())
        return status == 200

