"""What the machine is, and what a process has used: from /proc, for this machine only."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import re
import resource
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all that descend from it: a program under measurement may be several processes."""
    children: dict[int, list[int]] = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if entry.name.isdigit():
                children.setdefault(int(_stat_fields(int(entry.name))[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time since the processes began, in steps of 10 ms."""
    fields = [_stat_fields(pid) for pid in pids]
    return sum(int(of_one[11]) + int(of_one[12]) for of_one in fields) / TICKS_PER_SECOND


def peak_rss_mib(pids: list[int]) -> float:
    """The most memory each process ever held (VmHWM), added up, in MiB. Pages that they share count in each."""
    return _sum_mib(pids, "status", "VmHWM")


def rss_mib(pids: list[int]) -> float:
    """What they hold now (VmRSS), in MiB. Pages that they share count in each."""
    return _sum_mib(pids, "status", "VmRSS")


def pss_mib(pids: list[int]) -> float:
    """What they hold now, in MiB; a page that n processes of this machine share counts 1/n in each."""
    return _sum_mib(pids, "smaps_rollup", "Pss")


def raise_descriptor_limit() -> None:
    """To what the machine allows: for us and, by inheritance, for every program that we start."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the state on: [1] is the parent, [11] and [12] are user and system ticks."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _sum_mib(pids: list[int], file: str, field: str) -> float:
    texts = [pathlib.Path(f"/proc/{pid}/{file}").read_text() for pid in pids]
    return sum(int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)[1]) for text in texts) / 1024


def facts() -> dict[str, object]:
    """What a figure means nothing without."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "kernel": platform.release(),
        "commit": commit(),
        "librdkafka": _package_version("librdkafka1"),
        "postgresql": _package_version("postgresql-15"),
        "kafka": _kafka_version(),
        "load_before": os.getloadavg()[0],
    }


def _cpu_model() -> str:
    names = re.findall(r"model name\s*: (.+)", pathlib.Path("/proc/cpuinfo").read_text())
    return names[0] if names else platform.machine()


def commit(root: pathlib.Path = ROOT) -> str:
    """What the folder's files are: a commit, with "+changes" if they differ from it."""
    name = _output(["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"])
    same = subprocess.run(["git", "-C", str(root), "diff", "--quiet", "HEAD"], capture_output=True, check=False)
    return name + ("+changes" if same.returncode == 1 else "")


def _package_version(package: str) -> str:
    return _output(["dpkg-query", "--show", "--showformat=${Version}", package])


def _kafka_version() -> str:
    jars = sorted((ROOT / ".local" / "kafka").rglob("kafka_2.13-*.jar"))
    return jars[0].stem.removeprefix("kafka_2.13-") if jars else "unknown"


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
