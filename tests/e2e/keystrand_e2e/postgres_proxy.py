"""A TCP proxy in front of PostgreSQL that understands enough of its protocol (version 3, without TLS) to see transactions:
it can break a connection exactly at a commit, leave it hanging in the middle of a COPY, and counts what a transaction costs
in round trips."""

from __future__ import annotations

import asyncio
import enum
from collections import Counter
from typing import Any

from keystrand_e2e.fault_proxy import Line, Proxy

CHUNK_BYTES = 1 << 16
INBOX_INSERT, INBOX_COPY = "inbox_insert", "COPY keystrand.inbox"
COMMITTED = b"C\0\0\0\x0bCOMMIT\0"  # the server's word that it has


class Side(enum.Enum):
    """Of the commit: on which the connection breaks."""

    BEFORE = "before"  # the server never hears of it, and rolls back
    AFTER = "after"  # the server has committed and said so; the client never hears of that


class PostgresProxy(Proxy):
    """`statement`: the prepared one whose transactions are of interest here: by its name, the inbox's insert, which is a COPY
    where there are many rows."""

    def __init__(self, target: int, port: int, statement: str = INBOX_INSERT):
        super().__init__(target, port)
        self.statement = statement
        self.left_in_copy = 0  # connections
        self.cuts: Counter[Side] = Counter()
        self.round_trips: list[int] = []  # of each transaction that wrote `statement`, from its begin to its commit
        self._to_cut: Counter[Side] = Counter()
        self._to_leave = 0

    def __enter__(self) -> PostgresProxy:
        super().__enter__()
        return self

    def heal(self) -> None:
        self._to_cut.clear()
        self._to_leave = 0
        super().heal()

    def cut_commits(self, side: Side, count: int) -> None:
        """So many COMMITs from now on, in turns with those of the other side. Each connection's first passes: a client
        that never gets one through pauses ever longer."""
        self._to_cut[side] = count

    def leave_in_copy(self, count: int) -> None:
        """So many connections from now on hang once they copy into the inbox: the server waits for the rows, which never come,
        nor does the client's end of the connection."""
        self._to_leave = count

    def leaves_now(self) -> bool:
        """Whether the COPY at hand is to hang; for the lines."""
        if self._to_leave == 0:
            return False
        self._to_leave -= 1
        self.left_in_copy += 1
        return True

    def next_side(self) -> Side | None:
        """How the COMMIT at hand is to be cut; for the lines."""
        side = max(Side, key=lambda each: self._to_cut[each])
        return side if self._to_cut[side] > 0 else None

    def count(self, side: Side) -> None:
        self._to_cut[side] -= 1
        self.cuts[side] += 1


class _PostgresLine(Line):
    """The client's messages one by one, each a type, a length and the rest; the server's bytes as they come."""

    _proxy: PostgresProxy

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self._started = False  # the first message has no type
        self._left = False  # in a COPY
        self._writes = False  # the transaction has run the statement in question
        self._written = 0  # such transactions so far
        self._round_trips = 0  # of this transaction
        self._committing = False
        self._cuts_committed = False
        self._answered = b""  # the end of what the server has said: a message may come in two parts

    async def next_request(self, reader: asyncio.StreamReader) -> bytes:
        if self._left:
            await asyncio.Event().wait()  # until the line ends
        kind = await reader.readexactly(1) if self._started else b""
        self._started = True
        size = await reader.readexactly(4)
        message = await reader.readexactly(int.from_bytes(size, "big") - 4)
        if kind == b"P":
            self._parse(message.split(b"\0")[1].strip())
        elif kind == b"B":
            self._writes |= message.split(b"\0")[1].decode() == self._proxy.statement
        elif kind == b"Q":
            self._copy(message.split(b"\0")[0].strip().decode())
        elif kind in (b"S", b"c"):
            self._round_trip()
        return kind + size + message

    async def next_answer(self, reader: asyncio.StreamReader) -> bytes:
        answer = await reader.read(CHUNK_BYTES)
        if not answer:
            raise asyncio.IncompleteReadError(b"", 1)
        self._answered = self._answered[-len(COMMITTED):] + answer
        if self._cuts_committed and COMMITTED in self._answered:
            self._cut()
        return answer

    def _parse(self, sql: bytes) -> None:
        if sql.startswith(b"BEGIN"):
            self._round_trips, self._writes, self._committing = 0, False, False
        elif sql == b"COMMIT":
            self._committing = True
            self._written += self._writes
            side = self._proxy.next_side() if self._writes and self._written > 1 else None
            if side is not None:
                self._break_commit(side)

    def _copy(self, sql: str) -> None:
        """Of simple queries, the client sends only copies: a round trip until the server is ready for the rows."""
        self._round_trip()
        if sql.startswith(INBOX_COPY):
            self._writes |= self._proxy.statement == INBOX_INSERT
            self._left = self._proxy.leaves_now()

    def _break_commit(self, side: Side) -> None:
        self._proxy.count(side)
        if side is Side.BEFORE:
            self._cut()
        self._cuts_committed = True

    def _round_trip(self) -> None:
        self._round_trips += 1
        if self._committing and self._writes:
            self._proxy.round_trips.append(self._round_trips)
        if self._committing:
            self._committing = self._writes = False

    def _cut(self) -> None:
        self.abort()
        raise asyncio.IncompleteReadError(b"", 1)


PostgresProxy.line = _PostgresLine
