"""A receiver under test, and what its topic holds: each exchange is followed by a look at both."""

from __future__ import annotations

import dataclasses
import pathlib
import socket
import time
from collections import Counter

import confluent_kafka

from hostile import message
from hostile.message import Moment
from hostile.row import ACCEPTED, Answer, Ending, Input, Variant
from hostile.wire import Answers, Transport, reset, send, shut_down
from keystrand_e2e import topic
from keystrand_e2e.programs import Program
from keystrand_e2e.system import System
from traffic.delivery import TEST_SECRET

RECORD_DEADLINE_S = 15
SECOND_BEGINS_WITHIN_S = 0.3
LISTENING = "0A"  # in /proc/net/tcp
EXACT_SECOND_TRIES = 5  # a busy machine may need more than what is left of a second


class Tail:
    """Reads a topic from its beginning, as far as it goes at each look."""

    def __init__(self, brokers: str, name: str):
        self._consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "hostile-tail",
                "enable.auto.commit": False,
                "log_level": 0,
                "fetch.message.max.bytes": 4 << 20,
            }
        )
        # Another connection: on one, a question waits behind a fetch that waits for records.
        self._ends = confluent_kafka.Consumer(
            {"bootstrap.servers": brokers, "group.id": "hostile-tail", "log_level": 0}
        )
        self._partitions = topic.partitions(self._consumer, name)
        self._next = {each.partition: 0 for each in self._partitions}
        self._consumer.assign(self._partitions)

    def look(self) -> list[confluent_kafka.Message]:
        """What has come since the last look, up to the end that the broker names now."""
        ends = {each.partition: self._ends.get_watermark_offsets(each, timeout=10)[1] for each in self._partitions}
        found: list[confluent_kafka.Message] = []
        end = time.monotonic() + RECORD_DEADLINE_S
        while any(self._next[partition] < offset for partition, offset in ends.items()):
            assert time.monotonic() < end, f"the topic could not be read within {RECORD_DEADLINE_S} s"
            if (record := self._consumer.poll(0.2)) is not None:
                assert record.error() is None, record.error()
                found.append(record)
                self._next[record.partition()] = record.offset() + 1
        return found

    def close(self) -> None:
        self._consumer.close()
        self._ends.close()


@dataclasses.dataclass
class Intake:
    """One receiver over one transport, and the tail of its topic."""

    system: System
    receiver: Program
    transport: Transport
    tail: Tail
    accepted: Counter[bytes] = dataclasses.field(default_factory=Counter)  # bodies that got a 200
    held: Counter[bytes] = dataclasses.field(default_factory=Counter)  # values in the topic
    followers: int = 0
    pid: int = 0  # of the receiver as it was started

    def __post_init__(self) -> None:
        self.pid = self.receiver.pid

    def check_topic_from_here(self) -> None:
        """Leaves out of account what the topic holds already."""
        self.held.update(record.value() for record in self.tail.look())
        self.accepted = Counter(self.held)

    @property
    def port(self) -> int:
        return self.receiver.admin_port - 1

    def connections(self) -> int:
        """How many the receiver holds open, as the kernel sees it: one that a process has closed has no inode."""
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] != LISTENING and row[9] != "0" for row in rows)

    def moment(self, exact_second: bool = False) -> Moment:
        """Now. Exact: at the beginning of a second, so that the receiver's clock shows the same one."""
        into = time.time() % 1
        if exact_second and into > SECOND_BEGINS_WITHIN_S:
            time.sleep(1 - into)
        return Moment(int(time.time()), self.transport.name)

    def follower(self, moment: Moment) -> message.Request:
        """A good request that no other one equals."""
        self.followers += 1
        return message.good(f"follower_{self.followers}", moment)

    def run(self, variant: Variant) -> None:
        """Sends it and checks answers, the connection's end, and the topic."""
        for _ in range(EXACT_SECOND_TRIES):
            moment = self.moment(variant.exact_second)
            try:
                return self._run(variant.build(moment), self.follower(moment))
            except AssertionError:
                self.check_topic_from_here()  # the next input is judged by itself
                if not variant.exact_second or int(time.time()) == moment.now:
                    raise
        raise AssertionError("no answer came within the second that its request was made for")

    def _run(self, given: Input, follower: message.Request) -> None:
        wanted = [answer for answer in given.answers if answer.status != 100]
        self.accepted.update(given.records)
        if given.follows and not given.closes:
            wanted.append(ACCEPTED)
            self.accepted[follower.body] += 1
        with self.transport.connect(self.port) as connection:
            answers = Answers(connection)
            last = self._send_until_continue(given, connection, answers)
            send(connection, last + (follower.bytes if given.follows else b""))
            if given.ending is Ending.RST:
                reset(connection)
            else:
                self._check_answers(given, wanted, connection, answers)
        self.check_topic()

    @staticmethod
    def _send_until_continue(given: Input, connection: socket.socket, answers: Answers) -> bytes:
        """What is left to be sent: all of it, or what comes after the answer 100."""
        pending = b""
        for part in given.parts:
            pending += part.bytes
            if part.answer is not None and part.answer.status == 100:
                send(connection, pending)
                answers.expect(part.answer)
                pending = b""
        return pending

    @staticmethod
    def _check_answers(given: Input, wanted: list[Answer], connection: socket.socket, answers: Answers) -> None:
        """All of them and no other, and then the end of the connection: by us only where it would live on."""
        if given.ending is Ending.FIN:
            shut_down(connection)
        for answer in wanted:
            answers.expect(answer)
        if not given.closes:
            shut_down(connection)
        assert (more := list(answers.rest())) == [], f"an answer too many: {more}"

    def send(self, request: message.Request, source: str = "127.0.0.1") -> int:
        """One request on a connection of its own; the status. A 200 is noted as a promise."""
        with self.transport.connect(self.port, source) as connection:
            send(connection, request.bytes)
            seen = Answers(connection).next()
        assert seen is not None, "no answer"
        if seen.status == 200:
            self.accepted[request.body] += 1
        return seen.status

    def check_topic(self) -> None:
        """It holds what got a 200, byte for byte and as often, and nothing else."""
        self.held.update(record.value() for record in self.tail.look())
        missing, foreign = self.accepted - self.held, self.held - self.accepted
        assert (
            not missing and not foreign
        ), f"not in the topic: {_shown(missing)}; should not be there: {_shown(foreign)}"

    def check_alive(self) -> None:
        """Running since its start, ready, and it takes a request."""
        assert self.receiver.running and self.receiver.pid == self.pid, self.receiver.last_words()
        assert self.receiver.ready()
        assert self.send(self.follower(self.moment())) == 200
        self.check_topic()


def _shown(values: Counter[bytes]) -> list[bytes]:
    return [value[:80] for value in values.elements()][:3]


def start(system: System, transport: Transport, **settings: str) -> Intake:
    """A receiver with two secrets: the second is the one that is being rotated out."""
    receiver = system.start_receiver(
        transport.name,
        **{"KEYSTRAND_SIGNING_SECRETS": f"{TEST_SECRET},{message.OLD_SECRET}", **transport.settings(), **settings},
    ).wait_ready()
    return Intake(system, receiver, transport, Tail(system.stack.kafka_brokers, system.events))
