"""A TCP proxy in front of PostgreSQL that reads what the clients say, so that it can cut a connection at a batch's COMMIT:
before the server sees it, or after the server has answered it and before the client hears of that.

A batch's transaction is one that runs the statement by which the tests' worker notes its outcomes.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

BATCH = b"faults_outcomes"
CALL_DEADLINE_S = 5
PIECE_BYTES = 65536


class Side(enum.Enum):
    BEFORE = "before"  # the server never sees the COMMIT
    AFTER = "after"  # it has committed, and nobody is told


class PostgresProxy:
    """Passes everything as it is until told otherwise. `target`: a port on 127.0.0.1. Methods are for any thread. Close
    it: `with PostgresProxy(…) as proxy`."""

    def __init__(self, target: int, port: int):
        self.target = target
        self.port = port
        self.latency_s = 0.0  # each way
        self.cut_at_commit = {Side.BEFORE: 0, Side.AFTER: 0}  # so many
        self._to_cut = {Side.BEFORE: 0, Side.AFTER: 0}
        self._lines: set[_Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres-proxy")

    def __enter__(self) -> PostgresProxy:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- faults ---

    def cut_commits(self, side: Side, count: int) -> None:
        """The next so many COMMITs of batches, on whatever connection they come."""
        self._to_cut[side] = count

    def cut(self) -> int:
        """Resets every connection; returns how many. New ones are taken."""
        return self._call(self._cut())

    def heal(self) -> None:
        self.latency_s = 0.0
        self._to_cut = {Side.BEFORE: 0, Side.AFTER: 0}

    # --- for the lines, on the loop's thread ---

    def takes(self, side: Side) -> bool:
        """Whether the COMMIT at hand is to be cut so; counts it if it is."""
        if self._to_cut[side] == 0:
            return False
        self._to_cut[side] -= 1
        self.cut_at_commit[side] += 1
        return True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(self, (reader, writer), upstream)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)

    async def _cut(self) -> int:
        lines = list(self._lines)
        for line in lines:
            line.abort()
        return len(lines)

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        while self._lines:
            await asyncio.sleep(0)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_DEADLINE_S)


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Line:
    """One client's connection and ours to the server for it."""

    def __init__(self, proxy: PostgresProxy, client: Ends, server: Ends):
        self._proxy = proxy
        self._client = client
        self._server = server
        self._in_batch = False
        self._swallow = False  # the next that the server says is the answer to a COMMIT that is to be cut

    async def run(self) -> None:
        ways = [asyncio.create_task(way) for way in (self._pass_messages(), self._pass_answers())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def abort(self) -> None:
        self._client[1].transport.abort()
        self._server[1].transport.abort()

    async def _pass_messages(self) -> None:
        """The first message has no type; the clients of the tests ask for no TLS."""
        reader, writer = self._client[0], self._server[1]
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._forward(writer, await _message(reader, b""))
            while True:
                kind = await reader.readexactly(1)
                message = await _message(reader, kind)
                if not self._may_pass(kind, message):
                    return
                await self._forward(writer, message)

    def _may_pass(self, kind: bytes, message: bytes) -> bool:
        if kind in b"BP" and BATCH in message:
            self._in_batch = True
        if kind != b"P":
            return True
        name, statement = message[5:].split(b"\0")[:2]
        if name:  # prepared to be used again
            return True
        commits_batch = self._in_batch and statement == b"COMMIT"
        if statement in (b"COMMIT", b"ROLLBACK", b"BEGIN"):
            self._in_batch = False
        if commits_batch and self._proxy.takes(Side.BEFORE):
            return False
        self._swallow = commits_batch and self._proxy.takes(Side.AFTER)
        return True

    async def _pass_answers(self) -> None:
        reader, writer = self._server[0], self._client[1]
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                if self._swallow:
                    return
                await self._forward(writer, piece)

    async def _forward(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        if self._proxy.latency_s:
            await asyncio.sleep(self._proxy.latency_s)
        writer.write(piece)
        await writer.drain()


async def _message(reader: asyncio.StreamReader, kind: bytes) -> bytes:
    size = await reader.readexactly(4)
    return kind + size + await reader.readexactly(int.from_bytes(size, "big") - 4)
