"""One JSON line per result, on stdout and at the end of .local/bench/results.jsonl; a table for people at the end."""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
import time


class Results:
    def __init__(self, path: pathlib.Path, machine_facts: dict[str, object]):
        self._path = path
        self._facts = machine_facts
        self._rows: list[dict] = []
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, scenario: str, subject: str, case: str, figures: dict[str, object]) -> None:
        """`figures` that are numbers go to the table too, as medians over the rounds."""
        rounded = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in figures.items()}
        row = {"scenario": scenario, "subject": subject, "case": case, **rounded}
        self._rows.append(row)
        line = json.dumps({**row, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": self._facts})
        print(line, flush=True)
        with open(self._path, "a") as file:
            file.write(line + "\n")

    def table(self) -> str:
        """Per scenario: a line per case and subject, medians over the rounds."""
        parts = [f"{self._facts['cores']} cores, {self._facts['cpu']}, commit {self._facts['commit']}"]
        for scenario in dict.fromkeys(row["scenario"] for row in self._rows):
            rows = [row for row in self._rows if row["scenario"] == scenario]
            parts.append(f"\n{scenario}\n" + _table(rows))
        return "\n".join(parts)

    def print_table(self) -> None:
        print(self.table(), file=sys.stderr)


def _table(rows: list[dict]) -> str:
    keys = list(dict.fromkeys((row["case"], row["subject"]) for row in rows))
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if _is_number(value)))
    lines = [["case", "subject", *columns]]
    for case, subject in keys:
        same = [row for row in rows if (row["case"], row["subject"]) == (case, subject)]
        lines.append([case, subject, *(_median(same, column) for column in columns)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  " + _aligned(line, widths) for line in lines)


def _aligned(line: list[str], widths: list[int]) -> str:
    texts = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2])]
    numbers = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:])]
    return "  ".join([*texts, *numbers])


def _median(rows: list[dict], column: str) -> str:
    values = [row[column] for row in rows if _is_number(row.get(column))]
    if not values:
        return "-"
    value = statistics.median(values)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
