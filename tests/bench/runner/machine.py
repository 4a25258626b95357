"""What the machine is, and what a process has used: from /proc, for this machine only."""

from __future__ import annotations

import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time since the process began, in steps of 10 ms."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def peak_rss_mib(pid: int) -> float:
    """The most memory the process ever held (VmHWM), in MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def facts() -> dict[str, object]:
    """What a figure means nothing without."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "kernel": platform.release(),
        "commit": _commit(),
        "librdkafka": _package_version("librdkafka1"),
        "postgresql": _package_version("postgresql-15"),
        "kafka": _kafka_version(),
        "load_before": os.getloadavg()[0],
    }


def _cpu_model() -> str:
    names = re.findall(r"model name\s*: (.+)", pathlib.Path("/proc/cpuinfo").read_text())
    return names[0] if names else platform.machine()


def _commit() -> str:
    commit = _output(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"])
    changed = _output(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return commit + ("+changes" if changed else "")


def _package_version(package: str) -> str:
    return _output(["dpkg-query", "--show", "--showformat=${Version}", package])


def _kafka_version() -> str:
    jars = sorted((ROOT / ".local" / "kafka").rglob("kafka_2.13-*.jar"))
    return jars[0].stem.removeprefix("kafka_2.13-") if jars else "unknown"


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
