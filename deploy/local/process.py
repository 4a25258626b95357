"""Servers that outlive the command which started them, and how to find, freeze and end exactly those again.

A server is remembered in a pid file together with the start time of that process and the boot it belongs to. A pid that
the kernel has given to another program since is therefore "stopped", and no signal of ours can reach that program.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

POLL_S = 0.02


class StackError(Exception):
    """What a person must do something about: one line with the remedy, sometimes followed by a server's last words."""


@dataclasses.dataclass(frozen=True)
class ProcessId:
    """One process, once and for all: pid numbers come again, (boot, pid, start) never does."""

    pid: int
    start: int  # clock ticks after boot, field 22 of /proc/PID/stat
    boot: str

    @staticmethod
    def of(pid: int) -> ProcessId | None:
        """The process that has this pid now; None if there is none, or it has ended and was not yet collected."""
        stat = _stat(pid)
        if stat is None or stat.ended:
            return None
        return ProcessId(pid, stat.start, _boot())

    @property
    def alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    @property
    def frozen(self) -> bool:
        stat = _stat(self.pid)
        return self.alive and stat is not None and stat.state in "Tt"

    def signal(self, number: signal.Signals) -> bool:
        """Signals this process or, if it has ended, nobody: the pidfd pins the process before its start is compared."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.alive:
                return False
            signal.pidfd_send_signal(handle, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)

    def children(self) -> list[ProcessId]:
        found = []
        for entry in os.listdir("/proc"):
            stat = _stat(int(entry)) if entry.isdigit() else None
            if stat is not None and stat.parent == self.pid and not stat.ended:
                found.append(ProcessId(int(entry), stat.start, _boot()))
        return found


@dataclasses.dataclass(frozen=True)
class _Stat:
    state: str
    parent: int
    threads: int
    start: int

    @property
    def ended(self) -> bool:
        """A zombie whose other threads still run has not: it holds its ports until the last one is gone."""
        return self.state in "ZX" and self.threads <= 1


def _stat(pid: int) -> _Stat | None:
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks and brackets
    return _Stat(state=fields[0], parent=int(fields[1]), threads=int(fields[17]), start=int(fields[19]))


def _boot() -> str:
    return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Server:
    """A long-running program of the stack: `<name>.pid` in its folder says which process it is, `<name>.log` what it
    says."""

    stop_signal = signal.SIGTERM

    def __init__(self, folder: pathlib.Path, name: str):
        self.name = name
        self.pid_file = folder / f"{name}.pid"
        self.log_file = folder / f"{name}.log"

    @property
    def process(self) -> ProcessId | None:
        """The running process; None if it was never started, has ended, or its pid belongs to another program now."""
        try:
            process = ProcessId(**json.loads(self.pid_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError):  # a half-written pid file names nobody
            return None
        _collect(process.pid)
        return process if process.alive else None

    @property
    def running(self) -> bool:
        return self.process is not None

    def spawn(self, argv: Sequence[str], cwd: pathlib.Path | None = None) -> None:
        """Starts the program in a session of its own, so that neither a closed terminal nor Ctrl-C ends it."""
        self.forget()
        with open(self.log_file, "ab") as log:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                     cwd=cwd)
        child.returncode = 0  # Popen need not warn about it: _collect and /proc watch it from here on
        process = ProcessId.of(child.pid)
        if process is not None:
            write_atomically(self.pid_file, json.dumps(dataclasses.asdict(process)))

    def wait_until(self, ready: Callable[[], bool], deadline_s: float, what: str) -> None:
        """Returns once `ready()`; raises, with the end of the log, if the server ends first or the time is over."""
        end = time.monotonic() + deadline_s
        while not ready():
            process = self.process
            if process is None:
                raise StackError(f"{self.name} ended while it started\n{self.last_words()}")
            if process.frozen:
                raise StackError(f"{self.name} (pid {process.pid}) was frozen by someone: `kill -CONT {process.pid}`")
            if time.monotonic() > end:
                raise StackError(f"{self.name} was not {what} within {deadline_s:g} s\n{self.last_words()}")
            time.sleep(POLL_S)

    def last_words(self, lines: int = 12) -> str:
        try:
            with open(self.log_file, "rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - 65536))
                tail = log.read().decode(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            tail = []
        return "\n".join([f"  its log, {self.log_file}, ends:"] + [f"    {line}" for line in tail])

    def request_stop(self) -> None:
        """Asks once; a frozen process is thawed, or it could not hear."""
        self.signal(self.stop_signal)
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a power cut of this server would: it gets no chance to write or say anything more."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        process = self.process
        if process is not None:
            process.signal(number)

    def forget(self) -> None:
        self.pid_file.unlink(missing_ok=True)


def stop_all(servers: Sequence[Server], grace_s: float) -> list[str]:
    """Stops them at the same time; whatever still runs after the grace is killed. Returns the names of the killed."""
    for server in servers:
        server.request_stop()
    await_end(servers, grace_s)
    killed = [server for server in servers if server.running]
    for server in killed:
        server.kill()
    await_end(killed, 10)
    for server in servers:
        if server.running:
            raise StackError(f"{server.name} (pid {server.process.pid}) does not end, even when killed")
        server.forget()
    return [server.name for server in killed]


def await_end(servers: Sequence[Server], deadline_s: float) -> None:
    end = time.monotonic() + deadline_s
    while any(server.running for server in servers) and time.monotonic() < end:
        time.sleep(POLL_S)


def _collect(pid: int) -> None:
    """If that is our own child and has ended, takes its exit code, so that no zombie stays."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def run(argv: Sequence[str], what: str, deadline_s: float = 60, environment: dict[str, str] | None = None) -> str:
    """Runs a short command and returns its output; a failure becomes one line and the end of what it printed."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=deadline_s, env=environment, check=False)
    except FileNotFoundError as error:
        raise StackError(f"{what}: {error.filename} is missing: run deploy/local/setup") from error
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{what}: no end after {deadline_s:g} s") from error
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-12:])
        raise StackError(f"{what} failed with exit code {done.returncode}\n{tail}")
    return done.stdout


def write_atomically(path: pathlib.Path, text: str) -> None:
    """Only its owner may read it: these files hold the password of the local database."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    os.replace(fresh, path)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free_port(port: int, server: str, remedy: str) -> None:
    if not port_is_free(port):
        raise StackError(f"port {port}, wanted by {server}, is taken by another program: stop that, or {remedy}")


def free_port_block(count: int) -> int:
    """The first of `count` free ports in a row, below the range that outgoing connections draw from: a port there can
    be lost to a client while its server is down, even to the very client that is trying to reach it."""
    lowest_ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    lowest, highest = (15000, lowest_ephemeral - count) if lowest_ephemeral > 20000 else (20000, 65535 - count)
    for _ in range(1000):
        first = lowest + int.from_bytes(os.urandom(4), "big") % (highest - lowest)
        if all(port_is_free(first + offset) for offset in range(count)):
            return first
    raise StackError("found no free ports on 127.0.0.1")


@contextlib.contextmanager
def exclusive(lock_file: pathlib.Path, deadline_s: float) -> Iterator[None]:
    """Holds the lock of a folder, or says after the deadline who to wait for."""
    import fcntl

    with open(lock_file, "w") as lock:
        end = time.monotonic() + deadline_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StackError(f"another command has been at work on {lock_file.parent} for {deadline_s:g} s: "
                                     "wait for it, or end it") from None
                time.sleep(POLL_S)
        yield
