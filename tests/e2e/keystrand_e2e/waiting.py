"""Waiting for what must become true, never longer than it may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.05


def eventually(observe: Callable[[], T], what: str, timeout_s: float = 30.0) -> T:
    """The first true value of `observe`; fails, with the last value seen, if there is none in time."""
    end = time.monotonic() + timeout_s
    while not (seen := observe()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:g} s: {what} (last seen: {seen!r})")
        time.sleep(POLL_S)
    return seen
