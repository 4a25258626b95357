"""One JSON line per result, on stdout and at the end of .local/bench/results.jsonl; a table for people at the end."""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
import time


RATIOS = {"rate": "rate", "cpu_s_per_1000": "cpu", "p99_ms": "p99"}  # figure → its name in a ratio


class Results:
    """`baseline`: the subject that the ratios of all others refer to; where it took no part there are none."""

    def __init__(self, path: pathlib.Path, machine_facts: dict[str, object], baseline: str = ""):
        self._path = path
        self._facts = machine_facts
        self._baseline = baseline
        self._rows: list[dict] = []
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, scenario: str, subject: str, case: str, figures: dict[str, object]) -> None:
        """`figures` that are numbers go to the table too, as medians over the rounds."""
        rounded = {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in figures.items()}
        row = {"scenario": scenario, "subject": subject, "case": case, **rounded}
        self._rows.append(row)
        self._write(row)

    def add_ratios(self) -> None:
        """A line per case and subject with its medians' ratios to the baseline's: once, when all is measured."""
        keys = dict.fromkeys((row["scenario"], row["case"], row["subject"]) for row in self._rows)
        for scenario, case, subject in keys:
            ratios = _ratios(self._of(scenario), case, subject, self._baseline)
            if ratios and subject != self._baseline:
                self._write({"scenario": scenario, "subject": subject, "case": case, "ratios_to": self._baseline,
                             **ratios})

    def _of(self, scenario: str) -> list[dict]:
        return [row for row in self._rows if row["scenario"] == scenario]

    def _write(self, row: dict) -> None:
        line = json.dumps({**row, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": self._facts})
        print(line, flush=True)
        with open(self._path, "a") as file:
            file.write(line + "\n")

    def table(self) -> str:
        """Per scenario: a line per case and subject, medians over the rounds."""
        parts = [f"{self._facts['cores']} cores, {self._facts['cpu']}, commit {self._facts['commit']}"]
        for scenario in dict.fromkeys(row["scenario"] for row in self._rows):
            parts.append(f"\n{scenario}\n" + _table(self._of(scenario), self._baseline))
        return "\n".join(parts)

    def print_table(self) -> None:
        print(self.table(), file=sys.stderr)


def _table(rows: list[dict], baseline: str) -> str:
    keys = list(dict.fromkeys((row["case"], row["subject"]) for row in rows))
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if _is_number(value)))
    ratios = {(case, subject): _ratios(rows, case, subject, baseline) for case, subject in keys}
    ratio_columns = list(dict.fromkeys(name for of_row in ratios.values() for name in of_row))
    lines = [["case", "subject", *columns, *ratio_columns]]
    for case, subject in keys:
        figures = [_cell(_median(rows, case, subject, column)) for column in columns]
        figures += [_cell(ratios[case, subject].get(column)) for column in ratio_columns]
        lines.append([case, subject, *figures])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  " + _aligned(line, widths) for line in lines)


def _aligned(line: list[str], widths: list[int]) -> str:
    texts = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2])]
    numbers = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:])]
    return "  ".join([*texts, *numbers])


def _ratios(rows: list[dict], case: str, subject: str, baseline: str) -> dict[str, float]:
    """The subject's medians over the baseline's in the same case: 2 in "rate/go" is twice as fast as go."""
    found = {}
    for column, name in RATIOS.items():
        own, others = _median(rows, case, subject, column), _median(rows, case, baseline, column)
        if own is not None and others:
            found[f"{name}/{baseline}"] = float(f"{own / others:.4g}")
    return found


def _median(rows: list[dict], case: str, subject: str, column: str) -> float | None:
    same = [row for row in rows if (row["case"], row["subject"]) == (case, subject)]
    values = [row[column] for row in same if _is_number(row.get(column))]
    return statistics.median(values) if values else None


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
