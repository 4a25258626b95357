"""A stack for one test run, in .local/test-stacks: gone when the run ends or, if it was killed, at the next one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping

import kafka
from process import ProcessId, StackError, exclusive, write_atomically
from stack import LOCK_DEADLINE_S, ROOT, Stack

STACKS = ROOT / ".local" / "test-stacks"


@contextlib.contextmanager
def throwaway_folder() -> Iterator[pathlib.Path]:
    """An empty folder for a Stack; whatever runs there is stopped at the end, and the folder removed."""
    STACKS.mkdir(parents=True, exist_ok=True)
    remove_abandoned()
    folder = STACKS / secrets.token_hex(4)
    folder.mkdir(mode=0o700)
    write_atomically(folder / "owner.json", json.dumps(dataclasses.asdict(ProcessId.of(os.getpid()))))
    try:
        yield folder
    finally:
        Stack(folder).wipe()


@contextlib.contextmanager
def throwaway_stack(brokers: int = 1, special: Mapping[int, kafka.Special] | None = None) -> Iterator[Stack]:
    """A running stack with a migrated database. If the block raises, the logs are kept and their place printed."""
    with throwaway_folder() as folder:
        stack = Stack(folder, brokers=brokers, special=special)
        try:
            stack.up()
            stack.migrate()
            yield stack
        except BaseException:
            keep_logs(stack)
            raise


def keep_logs(stack: Stack) -> None:
    """Copies the servers' logs to where they outlive the stack."""
    kept = stack.folder.with_name(stack.folder.name + ".logs")
    kept.mkdir(exist_ok=True)
    for log in stack.folder.glob("*.log"):
        shutil.copy(log, kept)
    print(f"the servers' logs are kept in {kept}", file=sys.stderr)


def remove_abandoned() -> None:
    """Ends the stacks of runs that were killed before they could do so themselves."""
    with exclusive(STACKS / "lock", LOCK_DEADLINE_S):
        for owner in STACKS.glob("*/owner.json"):
            if ProcessId(**json.loads(owner.read_text())).alive:
                continue
            print(f"removing {owner.parent}, which a killed run left behind", file=sys.stderr)
            try:
                Stack(owner.parent).wipe()
            except StackError as error:  # no reason for this run to fail
                print(error, file=sys.stderr)
