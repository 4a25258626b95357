"""What a row of the table is: bytes to send, the answers they get, and what is in the topic afterwards."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping

from hostile.message import Moment


@dataclasses.dataclass(frozen=True)
class Answer:
    """One response, to the letter. `closes`: nothing after it is read as a request, and the connection ends."""

    status: int
    body: bytes = b""
    closes: bool = False
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)  # beside those that every answer has
    to_head: bool = False  # announces its body, and does not send it
    shed: bool = False  # before there was a request: without date and request id


def error(status: int, word: str, closes: bool = False, **fields: str) -> Answer:
    return Answer(
        status, b'{"error":"%s"}' % word.encode(), closes, {k.replace("_", "-"): v for k, v in fields.items()}
    )


ACCEPTED = Answer(200, b'{"status":"accepted"}')
CONTINUE = Answer(100)
INVALID_SIGNATURE = error(400, "invalid_signature")
NOT_FOUND = error(404, "not_found")
METHOD_NOT_ALLOWED = error(405, "method_not_allowed", Allow="POST")
BAD_REQUEST = error(400, "bad_request", closes=True)
TIMEOUT = error(408, "timeout", closes=True)
LENGTH_REQUIRED = error(411, "length_required", closes=True)
BODY_TOO_LARGE = error(413, "body_too_large", closes=True)
TARGET_TOO_LONG = error(414, "target_too_long", closes=True)
UNSUPPORTED_ENCODING = error(415, "unsupported_encoding", closes=True)
TOO_MANY_CONNECTIONS = Answer(429, b'{"error":"too_many_connections"}', True, {"Retry-After": "1"}, shed=True)
HEAD_TOO_LARGE = error(431, "head_too_large", closes=True)


class Ending(enum.Enum):
    """What the client does after its bytes."""

    FOLLOW = "a good request follows at once: answered, unless the connection must be closed before it"
    SILENCE = "nothing follows until the answer is there"
    FIN = "the sending side is shut down"
    RST = "the connection is reset"


@dataclasses.dataclass(frozen=True)
class Part:
    """Bytes, and the answer to them. None: no answer; the connection ends without one."""

    bytes: bytes
    answer: Answer | None
    record: bytes | None = None  # the value that the topic holds because of it


@dataclasses.dataclass(frozen=True)
class Input:
    """What goes over one connection."""

    parts: tuple[Part, ...]
    ending: Ending = Ending.FOLLOW

    @property
    def bytes(self) -> bytes:
        return b"".join(part.bytes for part in self.parts)

    @property
    def answers(self) -> list[Answer]:
        return [part.answer for part in self.parts if part.answer is not None]

    @property
    def records(self) -> list[bytes]:
        return [part.record for part in self.parts if part.record is not None]

    @property
    def follows(self) -> bool:
        return self.ending is Ending.FOLLOW

    @property
    def closes(self) -> bool:
        return any(answer.closes for answer in self.answers)


class Fate(enum.Enum):
    """What the worker makes of a queued body."""

    MALFORMED = "a dead letter"
    APPLIED = "an inbox row, and data.object in stripe.objects"
    NO_OBJECT = "an inbox row: ignored, no_object"


@dataclasses.dataclass(frozen=True)
class Effect:
    fate: Fate
    key: str = ""  # of the record; empty: not looked at
    shown: Mapping[str, str] = dataclasses.field(default_factory=dict)  # column text by SQL expression over `data`


@dataclasses.dataclass(frozen=True)
class Variant:
    """One input of a row. `build` makes its bytes when they are sent, since they are signed."""

    id: str  # H22
    name: str
    build: Callable[[Moment], Input]
    effect: Callable[[Moment], Effect] | None = None
    exact_second: bool = False  # made at the beginning of a second, and answered within it

    @property
    def label(self) -> str:
        return f"{self.id}-{self.name}"


def one(data: bytes, answer: Answer | None, record: bytes | None = None, ending: Ending = Ending.FOLLOW) -> Input:
    return Input((Part(data, answer, record),), ending)


def rows(id: str, exact_second: bool = False, **variants: Callable[[str, Moment], Input]) -> list[Variant]:
    """Variants by name, each built from a word for the ids in its body, and the moment."""

    def variant(name: str, build: Callable[[str, Moment], Input]) -> Variant:
        word = f"{id.lower()}_{name}"
        return Variant(id, name.replace("_", "-"), lambda moment: build(word, moment), exact_second=exact_second)

    return [variant(name, build) for name, build in variants.items()]
