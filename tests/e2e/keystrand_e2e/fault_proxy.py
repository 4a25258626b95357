"""TCP proxies that delay, narrow, hold or cut what passes. They pass whole messages, so nothing they drop leaves half of
one behind. `FaultProxy` stands in front of a Kafka listener and can put another error into a broker's answers; the one
for PostgreSQL is in postgres_proxy.py.

The broker must send its clients here: kafka.Listener(advertised=proxy.port).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

PRODUCE = 0  # the API key of produce requests
PIECE_BYTES = 4096  # what a narrowed line lets through at a time
FRAMES_UNDER_WAY = 64  # per connection and direction; beyond it the sender is made to wait
CALL_DEADLINE_S = 5


class Proxy:
    """Passes everything as it is until told otherwise; faults hold for all connections, open ones included. `target`: a
    port on 127.0.0.1. `host`: its own address. Methods are for any thread. Close it: `with FaultProxy(…) as proxy`. What a
    message is, its `line` knows."""

    line: type[Line]  # of one connection

    def __init__(self, target: int, port: int, host: str = "127.0.0.1"):
        self.target = target
        self.port = port
        self.host = host
        self.latency_s = 0.0
        self.jitter_s = 0.0  # either way
        self.bytes_per_s = 0  # each way of each connection; 0: all there is
        self.accepted = 0  # connections, so far
        self._holding = False
        self._dice = random.Random("fault proxy")
        self._lines: set[Line] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, self.host, self.port))
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- faults ---

    def heal(self) -> None:
        """As at the start, but for what was cut."""
        self.latency_s = self.jitter_s = 0.0
        self.bytes_per_s = 0
        self._call(self._set_holding(False))

    def hold_answers(self) -> None:
        """Requests still reach the server; nothing that it says comes back. Healed: all of it comes, late."""
        self._call(self._set_holding(True))

    def cut(self) -> int:
        """Resets every connection, and drops what is held; returns how many. New ones are taken."""
        return self._call(self._cut())

    @property
    def connections(self) -> int:
        return len(self._lines)

    def delay_s(self) -> float:
        """Of the next frame."""
        return max(0.0, self.latency_s + self._dice.uniform(-self.jitter_s, self.jitter_s))

    # --- on the loop's thread ---

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self.accepted += 1
        line = self.line(self, reader, writer, *upstream)
        self._lines.add(line)
        try:
            await line.run(self._holding)
        finally:
            self._lines.discard(line)

    async def _set_holding(self, holding: bool) -> None:
        self._holding = holding
        for line in self._lines:
            line.hold(holding)

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


class Line:
    """One client's connection and ours to the server for it."""

    def __init__(self, proxy: Proxy, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter,
                 server_reader: asyncio.StreamReader, server_writer: asyncio.StreamWriter):
        self._proxy = proxy
        self._client = client_reader, client_writer
        self._server = server_reader, server_writer
        self._requests_pass = asyncio.Event()
        self._requests_pass.set()
        self._answers_pass = asyncio.Event()

    async def run(self, holding: bool) -> None:
        self.hold(holding)
        ways = [asyncio.create_task(way) for way in (self._requests(), self._answers())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    def hold(self, holding: bool) -> None:
        if holding:
            self._answers_pass.clear()
        else:
            self._answers_pass.set()

    def abort(self) -> None:
        self._client[1].transport.abort()
        self._server[1].transport.abort()

    async def next_request(self, reader: asyncio.StreamReader) -> bytes:
        """One message of the client, as it is to be passed on."""
        raise NotImplementedError

    async def next_answer(self, reader: asyncio.StreamReader) -> bytes:
        """One message of the server, likewise."""
        raise NotImplementedError

    async def _requests(self) -> None:
        await self._pass(self._client[0], self._server[1], self.next_request, self._requests_pass)

    async def _answers(self) -> None:
        await self._pass(self._server[0], self._client[1], self.next_answer, self._answers_pass)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                    take: Callable[[asyncio.StreamReader], Awaitable[bytes]], gate: asyncio.Event) -> None:
        """A frame waits its own delay but never overtakes; several are under way at once, as on a long line."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(FRAMES_UNDER_WAY)
        delivery = asyncio.create_task(self._deliver(under_way, writer, gate))
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while not delivery.done():
                    frame = await take(reader)
                    due = asyncio.get_running_loop().time() + self._proxy.delay_s()
                    await under_way.put((due, frame))
        finally:
            delivery.cancel()
            await asyncio.gather(delivery, return_exceptions=True)

    async def _deliver(self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter,
                       gate: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, frame = await under_way.get()
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                await gate.wait()
                for piece in _pieces(frame) if self._proxy.bytes_per_s else [frame]:
                    writer.write(piece)
                    await writer.drain()
                    if self._proxy.bytes_per_s:
                        await asyncio.sleep(len(piece) / self._proxy.bytes_per_s)


class FaultProxy(Proxy):
    """In front of a Kafka listener."""

    def __init__(self, target: int, port: int, host: str = "127.0.0.1"):
        super().__init__(target, port, host)
        self.produce_error = 0  # a Kafka error code: put into each answer to a produce request
        self.errors_put = 0

    def __enter__(self) -> FaultProxy:
        super().__enter__()
        return self

    def heal(self) -> None:
        self.produce_error = 0
        super().heal()


class _KafkaLine(Line):
    """Frames of a length and so many bytes, either way."""

    _proxy: FaultProxy

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self._produces: set[int] = set()  # correlation ids that wait for their answer

    async def next_request(self, reader: asyncio.StreamReader) -> bytes:
        size, frame = await _kafka_frame(reader)
        api, _, correlation = struct.unpack_from(">hhi", frame)
        if api == PRODUCE:
            self._produces.add(correlation)
        return size + frame

    async def next_answer(self, reader: asyncio.StreamReader) -> bytes:
        size, frame = await _kafka_frame(reader)
        (correlation,) = struct.unpack_from(">i", frame)
        if correlation not in self._produces:
            return size + frame
        self._produces.discard(correlation)
        if not self._proxy.produce_error:
            return size + frame
        self._proxy.errors_put += 1
        return size + with_produce_error(frame, self._proxy.produce_error)


FaultProxy.line = _KafkaLine


async def _kafka_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    size = await reader.readexactly(4)
    return size, await reader.readexactly(int.from_bytes(size, "big"))


def _pieces(frame: bytes) -> Iterator[bytes]:
    for start in range(0, len(frame), PIECE_BYTES):
        yield frame[start : start + PIECE_BYTES]


def with_produce_error(answer: bytes, code: int) -> bytes:
    """A produce response (version 5 to 7: correlation id, topics of partitions) in which each partition failed so."""
    altered = bytearray(answer)
    (topics,) = struct.unpack_from(">i", answer, 4)
    at = 8
    for _ in range(topics):
        (name_bytes,) = struct.unpack_from(">h", answer, at)
        at += 2 + name_bytes
        (partitions,) = struct.unpack_from(">i", answer, at)
        at += 4
        for _ in range(partitions):
            struct.pack_into(">h", altered, at + 4, code)  # behind the partition's number
            struct.pack_into(">q", altered, at + 6, -1)  # no offset
            at += 4 + 2 + 3 * 8  # number, error, base offset, append time, log start
    assert at + 4 == len(answer), "no produce response of version 5 to 7"
    return bytes(altered)
