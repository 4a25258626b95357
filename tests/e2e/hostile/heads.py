"""Writes the heads of all inputs to tests/data/hostile/heads.txt, where the framing policy's unit test reads them:

    PYTHONPATH=deploy/local:tests/e2e .local/venv/bin/python -m hostile.heads

A line per head: its name, the status that the policy must give (0: none, the bytes end before a verdict), and the bytes,
printable ASCII as it is but for the backslash, everything else as \\xNN, \\r, \\n, \\t or \\\\.
"""

from __future__ import annotations

import pathlib

from hostile import table
from hostile.message import Moment
from hostile.row import Input

FILE = pathlib.Path(__file__).resolve().parents[2] / "data" / "hostile" / "heads.txt"
MOMENT = Moment(1_790_000_000, "export")  # the signatures are right at this time, and stale ever since
BEYOND_BYTES = 32  # of what follows a head, to show that it is left alone

# Answers of the framing policy itself. The others (400 for a signature, 404, 405, 413) come after it has accepted.
REFUSALS = {
    b'{"error":"bad_request"}',
    b'{"error":"length_required"}',
    b'{"error":"target_too_long"}',
    b'{"error":"unsupported_encoding"}',
    b'{"error":"head_too_large"}',
}


def escaped(data: bytes) -> str:
    short = {0x5C: "\\\\", 0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t"}
    return "".join(short.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}") for byte in data)


def head_of(data: bytes) -> bytes:
    """To the empty line, and a little of what follows it."""
    end = data.find(b"\r\n\r\n")
    return data if end < 0 else data[: end + 4 + BEYOND_BYTES]


def verdict_of(given: Input) -> int:
    """On the first request of the input."""
    answer = next(iter(given.answers), None)
    if answer is None:  # cut off in its body
        return 200
    return answer.status if answer.body in REFUSALS else 200


def render() -> str:
    lines = []
    for variant in table.VARIANTS:
        given = variant.build(MOMENT)
        lines.append(f"{variant.label} {verdict_of(given)} {escaped(head_of(given.bytes))}\n")
    return "".join(lines)


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(), encoding="ascii")
