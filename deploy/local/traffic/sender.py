"""Posts deliveries over many connections at once and remembers what became of each attempt."""

from __future__ import annotations

import dataclasses
import http.client
import json
import pathlib
import queue
import threading
import time
import urllib.parse
from collections.abc import Iterable, Sequence
from typing import Any

from traffic.delivery import Delivery

PATH = "/webhooks/stripe"
CONNECTIONS = 32
TIMEOUT_S = 20.0  # above the receiver's own deadline: what it answers late is still an answer


@dataclasses.dataclass
class Attempt:
    """One request. `status` 0: no answer came, so nobody knows whether the event is kept."""

    delivery: Delivery
    began: float  # Unix s
    ended: float = 0.0  # Unix s
    seconds: float = 0.0  # head sent to answer read
    status: int = 0
    retry_after: str | None = None
    fault: str = ""

    @property
    def accepted(self) -> bool:
        return self.status == 200

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500

    @property
    def in_doubt(self) -> bool:
        return not self.accepted and not self.refused


class History:
    """All attempts, entered before the request goes out. Appending to a list is atomic, so no lock is needed."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def begin(self, delivery: Delivery) -> Attempt:
        attempt = Attempt(delivery, time.time())
        self.attempts.append(attempt)
        return attempt

    def end(self, attempt: Attempt) -> None:
        """Told once its answer, or the want of one, is entered in it."""

    def accepted(self) -> list[Attempt]:
        return [attempt for attempt in list(self.attempts) if attempt.accepted]

    def refused(self) -> list[Attempt]:
        return [attempt for attempt in list(self.attempts) if attempt.refused]

    def in_doubt(self) -> list[Attempt]:
        return [attempt for attempt in list(self.attempts) if attempt.in_doubt]

    def write(self, path: pathlib.Path) -> None:
        """One JSON line per attempt, for whoever looks into a failure."""
        with open(path, "w", encoding="utf-8") as file:
            for attempt in list(self.attempts):
                event = attempt.delivery.event or {}
                file.write(json.dumps({"event_id": event.get("id"), "type": event.get("type"),
                                       "sha256": attempt.delivery.digest, "began": attempt.began, "ended": attempt.ended,
                                       "status": attempt.status, "fault": attempt.fault}) + "\n")


class Connection:
    """A kept-alive connection to a receiver. For one thread."""

    def __init__(self, url: str, history: History):
        address = urllib.parse.urlsplit(url)
        self._http = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
        self._history = history

    def post(self, delivery: Delivery) -> Attempt:
        """One attempt; a connection that fails is an attempt without an answer, not an exception."""
        headers = delivery.headers()
        attempt = self._history.begin(delivery)
        began = time.perf_counter()
        try:
            self._http.request("POST", PATH, body=delivery.body, headers=headers)
            answer = self._http.getresponse()
            answer.read()
            attempt.retry_after = answer.getheader("Retry-After")
            attempt.status = answer.status
        except (OSError, http.client.HTTPException) as error:
            attempt.fault = f"{type(error).__name__}: {error}"
            self.close()
        attempt.seconds = time.perf_counter() - began
        attempt.ended = time.time()
        self._history.end(attempt)
        return attempt

    def close(self) -> None:
        self._http.close()


@dataclasses.dataclass(frozen=True)
class Persistence:
    """How long an event is sent again while its answer is neither 200 nor a refusal, as Stripe does for three days."""

    for_s: float = 0.0  # 0: one attempt
    pause_s: float = 0.1


class Pace:
    """Lets through so many deliveries a second, over all connections together; they do not catch up on lost time."""

    def __init__(self, per_s: float):
        self._gap_s = 1 / per_s
        self._lock = threading.Lock()
        self._next = time.monotonic()

    def wait(self, stop: threading.Event) -> None:
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._gap_s
        stop.wait(max(0.0, turn - time.monotonic()))


def deliver(url: str, strands: Iterable[Sequence[Delivery]], history: History, connections: int = CONNECTIONS,
            persistence: Persistence = Persistence(), pace: Pace | None = None, stop: threading.Event | None = None) -> None:
    """Sends the strands, several at once, each in its order. A delivery that stays without a 200 or a refusal ends its
    strand: what comes after it was not to overtake it. Returns when all are sent, or soon after `stop` is set."""
    waiting: queue.SimpleQueue[Sequence[Delivery]] = queue.SimpleQueue()
    count = 0
    for strand in strands:
        waiting.put(strand)
        count += 1
    stop = stop or threading.Event()
    faults: list[BaseException] = []

    def work() -> None:
        connection = Connection(url, history)
        try:
            while not stop.is_set():
                _send_strand(connection, waiting.get_nowait(), persistence, pace, stop)
        except queue.Empty:
            pass
        except BaseException as error:  # a fault of this program: told to whoever called
            faults.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, name=f"sender-{n}") for n in range(min(connections, count))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if faults:
        raise faults[0]


class Background:
    """Deliveries that go on while something else happens: `with Background(url, strands, history, pace=…): …`.
    The end of the block waits until all are sent, or stops them if the block failed."""

    def __init__(self, url: str, strands: Iterable[Sequence[Delivery]], history: History, **options: Any):
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(url, strands, history, options), name="senders")

    @property
    def sending(self) -> bool:
        return self._thread.is_alive()

    def last(self, seconds: float) -> None:
        """Lets them go on for so long, or until all are sent."""
        self._thread.join(max(0.0, seconds))

    def stop(self) -> None:
        """Sends no more; what is under way is still answered."""
        self._stop.set()
        self._thread.join()

    def __enter__(self) -> Background:
        self._thread.start()
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed:
            self._stop.set()
        self._thread.join()
        if self._fault and not failed:
            raise self._fault

    def _run(self, url: str, strands: Iterable[Sequence[Delivery]], history: History, options: dict[str, Any]) -> None:
        try:
            deliver(url, strands, history, stop=self._stop, **options)
        except BaseException as error:
            self._fault = error


def _send_strand(connection: Connection, strand: Sequence[Delivery], persistence: Persistence, pace: Pace | None,
                 stop: threading.Event) -> None:
    for item in strand:
        if pace:
            pace.wait(stop)
        if stop.is_set() or not _send_until_final(connection, item, persistence, stop):
            return


def _send_until_final(connection: Connection, item: Delivery, persistence: Persistence, stop: threading.Event) -> bool:
    end = time.monotonic() + persistence.for_s
    while connection.post(item).in_doubt:
        if time.monotonic() >= end or stop.wait(persistence.pause_s):
            return False
    return True
