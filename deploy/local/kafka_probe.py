"""Asks a Kafka broker whether it is ready for work: the few requests this takes, spoken directly, so that the stack
needs nothing beyond Python's own library. https://kafka.apache.org/protocol
"""

from __future__ import annotations

import socket
import struct

METADATA, FIND_COORDINATOR, DESCRIBE_GROUPS, INIT_PRODUCER_ID = 3, 10, 15, 22
WARM_UP_GROUP = "keystrand-warm-up"


class NotReady(Exception):
    pass


def known_brokers(port: int) -> set[int]:
    """The node ids that the broker at this port lists; empty while it does not answer."""
    try:
        reply = _Reply(_ask(port, METADATA, 1, struct.pack(">i", 0)))  # of no topic
        return {reply.broker() for _ in range(reply.int32())}
    except (OSError, NotReady, struct.error):
        return set()


def in_sync(port: int) -> bool:
    """True if each partition of each topic has a leader and all its replicas are in sync."""
    try:
        reply = _Reply(_ask(port, METADATA, 1, struct.pack(">i", -1)))  # of all topics
        for _ in range(reply.int32()):
            reply.broker()
        reply.int32()  # controller
        return all([reply.topic_in_sync() for _ in range(reply.int32())])  # a list: reads all of them
    except (OSError, NotReady, struct.error):
        return False


def takes_producers(port: int) -> bool:
    """True once the broker hands out ids to idempotent producers."""
    try:
        reply = _Reply(_ask(port, INIT_PRODUCER_ID, 0, struct.pack(">hi", -1, 60000)))
        reply.int32()  # throttle time
        return reply.int16() == 0
    except (OSError, NotReady, struct.error):
        return False


def takes_groups(port: int) -> bool:
    """True once groups can join: their coordinator is elected and has loaded its topic (made by the first ask)."""
    try:
        reply = _Reply(_ask(port, FIND_COORDINATOR, 1, _string(WARM_UP_GROUP) + struct.pack(">b", 0)))
        reply.int32()
        if reply.int16() != 0:
            return False
        reply.string()
        reply.int32()
        reply.string()
        coordinator_port = reply.int32()
        reply = _Reply(_ask(coordinator_port, DESCRIBE_GROUPS, 0, struct.pack(">i", 1) + _string(WARM_UP_GROUP)))
        return reply.int32() == 1 and reply.int16() == 0
    except (OSError, NotReady, struct.error):
        return False


def _ask(port: int, api: int, version: int, body: bytes) -> bytes:
    request = struct.pack(">hhi", api, version, 1) + _string("keystrand-stack") + body
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", _exactly(connection, 4))
        return _exactly(connection, length)[4:]  # behind the correlation id


def _exactly(connection: socket.socket, count: int) -> bytes:
    taken = b""
    while len(taken) < count:
        part = connection.recv(count - len(taken))
        if not part:
            raise NotReady("the broker hung up")
        taken += part
    return taken


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


class _Reply:
    """Reads a reply's fields in their order."""

    def __init__(self, data: bytes):
        self._data = data
        self._at = 0

    def _take(self, layout: str) -> int:
        (value,) = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return value

    def int16(self) -> int:
        return self._take(">h")

    def int32(self) -> int:
        return self._take(">i")

    def string(self) -> str | None:
        length = self.int16()
        if length < 0:
            return None
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def int32_list(self) -> list[int]:
        return [self.int32() for _ in range(self.int32())]

    def topic_in_sync(self) -> bool:
        """One topic of a metadata reply: error, name, internal, partitions."""
        error = self.int16()
        self.string()
        self._take(">b")
        return error == 0 and all([self._partition_in_sync() for _ in range(self.int32())])  # a list: reads all of them

    def _partition_in_sync(self) -> bool:
        self.int16()
        self.int32()
        leader = self.int32()
        replicas, present = self.int32_list(), self.int32_list()
        return leader >= 0 and set(replicas) == set(present)

    def broker(self) -> int:
        """One entry of a metadata reply: id, host, port, rack."""
        node = self.int32()
        self.string()
        self.int32()
        self.string()
        return node
