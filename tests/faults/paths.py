"""Where the harness finds what it shares with the end-to-end tests and the demo. Import it first."""

from __future__ import annotations

import pathlib
import sys

FAULTS = pathlib.Path(__file__).resolve().parent
ROOT = FAULTS.parents[1]
sys.path[:0] = [str(ROOT / "deploy" / "local"), str(ROOT / "tests"), str(ROOT / "tests" / "e2e"), str(FAULTS)]
