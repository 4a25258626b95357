"""The stacks that tests share: made when the first one asks, gone after the last."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator, Mapping

import psycopg
import pytest

import kafka
from keystrand_e2e import programs
from stack import Stack
from throwaway import keep_logs, throwaway_stack

OBSERVER = pathlib.Path(programs.__file__).parent / "observer.sql"
FAILED = pytest.StashKey[bool]()  # of a test, and of the session


def observe(url: str, *observers: pathlib.Path) -> None:
    """Adds to a migrated database what the tests see of the worker's transactions by: `observers`, or the usual one."""
    with psycopg.connect(url) as connection:
        for observer in observers or (OBSERVER,):
            connection.execute(observer.read_text())


@contextlib.contextmanager
def observed_stack(session: pytest.Session, brokers: int = 1,
                   special: Mapping[int, kafka.Special] | None = None) -> Iterator[Stack]:
    """Kafka and PostgreSQL, with a migrated and observed database that nobody is connected to. The servers' logs stay if
    a test of the session has failed by its end."""
    missing = [name for name in ("keystrand-receiver", "keystrand-worker", "keystrand")
               if not (programs.BINARIES / name).exists()]
    if missing:
        pytest.fail(f"{programs.BINARIES} lacks {', '.join(missing)}: `make build` first", pytrace=False)
    with throwaway_stack(brokers, special) as stack:
        observe(stack.database_url)
        yield stack
        if session.stash.get(FAILED, False):
            keep_logs(stack)
