"""A program under test: a process of ours, with its settings in the environment and its log in a file."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence

from keystrand_e2e.waiting import eventually

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARIES = pathlib.Path(os.environ.get("KEYSTRAND_BIN_DIR", ROOT / "build" / "bin"))

READY_DEADLINE_S = 30
STOP_DEADLINE_S = 30  # what a stop may take: then Kubernetes and systemd would kill

_SAMPLE = re.compile(r'^(?P<name>[a-z0-9_]+)(\{(?P<labels>.*)\})? (?P<value>\S+)$')
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape."""

    def __init__(self, text: str):
        self._samples = [self._parse(line) for line in text.splitlines() if line and not line.startswith("#")]

    @staticmethod
    def _parse(line: str) -> tuple[str, dict[str, str], float]:
        sample = _SAMPLE.match(line)
        assert sample is not None, f"no line of Prometheus' text format: {line!r}"
        return sample["name"], dict(_LABEL.findall(sample["labels"] or "")), float(sample["value"])

    def sum(self, name: str, **labels: str) -> float:
        """Over all series of that name with these labels. A name that does not exist is a mistake of the caller."""
        found = [(has, value) for series, has, value in self._samples if series == name]
        assert found, f"no series {name}"
        return sum(value for has, value in found if labels.items() <= has.items())


class Program:
    """Started at once. Ends, at the latest, with `kill`, which the owner calls."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], folder: pathlib.Path,
                 admin_port: int):
        self.name = name
        self.admin_port = admin_port
        self.log = folder / f"{name}.log"
        self._argv = list(argv)
        self._environment = {**{k: v for k, v in os.environ.items() if not k.startswith("KEYSTRAND_")}, **environment}
        self.start()

    def start(self) -> None:
        """Again, after an end, with the same settings; its log goes on."""
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(self._argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    # --- what it says of itself ---

    def wait_ready(self, timeout_s: float = READY_DEADLINE_S) -> Program:
        eventually(self._ready_or_ended, f"{self.name} ready", timeout_s)
        return self

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def checks(self) -> dict[str, dict[str, object]]:
        """Those of /readyz, by name."""
        return json.loads(self.get("/readyz")[1])["checks"]

    def metrics(self) -> Metrics:
        return Metrics(self.get("/metrics")[1])

    def get(self, path: str) -> tuple[int, str]:
        """Status and body from the admin port; (0, why) if it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def log_lines(self, action: str) -> list[dict[str, object]]:
        """Its log lines with that action. Lines that are no JSON (a crash's last words) are passed over."""
        lines = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("action") == action:
                lines.append(entry)
        return lines

    # --- what is done to it ---

    def kill(self) -> None:
        """SIGKILL: no chance to say or write anything more. Also for one that has ended."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def request_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait_end(self, timeout_s: float = STOP_DEADLINE_S) -> int:
        """The exit code; fails if it does not end in time."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} (pid {self.pid}) did not end within {timeout_s:g} s: {self.log}") from None

    def stop(self) -> None:
        """A clean end: SIGTERM, exit 0 in time."""
        self.request_stop()
        code = self.wait_end()
        assert code == 0, f"{self.name} ended with {code}: {self.log}"

    def _ready_or_ended(self) -> bool:
        if not self.running:
            raise AssertionError(f"{self.name} ended with {self._process.returncode} at its start:\n{self.last_words()}")
        return self.ready()

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
