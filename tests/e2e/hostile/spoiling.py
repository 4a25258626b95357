"""Small functions that make a good request into a hostile one."""

from __future__ import annotations

from collections.abc import Callable

from hostile.message import HOST, PATH, Moment, Request, good
from hostile.row import ACCEPTED, METHOD_NOT_ALLOWED, Answer, Ending, Input, one

Build = Callable[[str, Moment], Input]
Spoil = Callable[[Request], Request]

BODY_BYTES_MAX = 1 << 20
TARGET_BYTES_MAX = 2048
BLOCK_BYTES_MAX = 8192
FIELD_BYTES_MAX = 4096
FIELDS_MAX = 64


def answered(answer: Answer, spoil: Spoil, ending: Ending = Ending.FOLLOW) -> Build:
    """A good request, spoiled."""
    return lambda word, moment: one(spoil(good(word, moment)).bytes, answer, None, ending)


def accepted(change: Spoil) -> Build:
    """A good request, changed, and still good."""

    def build(word: str, moment: Moment) -> Input:
        request = good(word, moment)
        return one(change(request).bytes, ACCEPTED, request.body)

    return build


def raw(answer: Answer, before: bytes, after: bytes = b"") -> Build:
    """Foreign bytes around a good request."""
    return lambda word, moment: one(before + good(word, moment).bytes + after, answer)


def line(text: bytes) -> Spoil:
    return lambda request: request.with_line(text)


def method(name: bytes) -> Spoil:
    return line(name + b" " + PATH + b" HTTP/1.1")


def target(text: bytes) -> Spoil:
    return line(b"POST " + text + b" HTTP/1.1")


def plus(*fields: bytes) -> Spoil:
    return lambda request: request.plus(*fields)


def length(*values: bytes) -> Spoil:
    """These in the place of the one right Content-Length."""
    return lambda request: request.changed(b"Content-Length", *(b"Content-Length: " + value for value in values))


def coded(*codings: bytes, keep_length: bool = False, version: bytes = b"1.1", chunks: bytes | None = None) -> Spoil:
    """Transfer-Encoding with these values; the body in chunks."""

    def spoil(request: Request) -> Request:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(request.body), request.body) if chunks is None else chunks
        request = request.plus(*(b"Transfer-Encoding: " + coding for coding in codings))
        request = request.with_line(request.line.replace(b"1.1", version))
        return (request if keep_length else request.without(b"Content-Length")).with_body(body)

    return spoil


def without_body(name: bytes, at: bytes = PATH) -> Build:
    """As browsers and probes send it. The follower shows that the connection lives on."""
    return lambda word, moment: one(name + b" " + at + b" HTTP/1.1\r\n" + HOST + b"\r\n\r\n", METHOD_NOT_ALLOWED)


def pad_fields(to: int) -> Spoil:
    """More fields, until there are so many."""
    return lambda request: request.plus(*(b"X-%d: y" % n for n in range(to - len(request.fields))))


def pad_block(to: int) -> Spoil:
    """Three more fields, until all field lines with their CRLFs have so many bytes."""

    def spoil(request: Request) -> Request:
        left = to - sum(len(field) + 2 for field in request.fields)
        sizes = [left // 3, left // 3, left - 2 * (left // 3)]
        return request.plus(*(b"X-Pad: " + b"a" * (size - len("X-Pad: ") - 2) for size in sizes))

    return spoil


def pad_field(to: int) -> Spoil:
    return plus(b"X-Pad: " + b"a" * (to - len("X-Pad: ")))


def pad_query(to: int) -> Spoil:
    return target(PATH + b"?" + b"q" * (to - len(PATH) - 1))
