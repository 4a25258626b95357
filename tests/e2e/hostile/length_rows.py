"""H29 to H63: where a request ends, and what is said on one connection."""

from __future__ import annotations

from collections.abc import Callable

from hostile.message import Moment, good, signed
from hostile.row import (
    ACCEPTED,
    BAD_REQUEST,
    BODY_TOO_LARGE,
    CONTINUE,
    INVALID_SIGNATURE,
    LENGTH_REQUIRED,
    UNSUPPORTED_ENCODING,
    Ending,
    Input,
    Part,
    Variant,
    one,
    rows,
)
from hostile.spoiling import (
    BODY_BYTES_MAX,
    Build,
    Spoil,
    accepted,
    answered,
    coded,
    length,
    method,
    plus,
)


def lengths() -> list[Variant]:
    no_length = lambda request: request.without(b"Content-Length")  # noqa: E731

    def own(form: bytes) -> Spoil:
        return lambda request: length(form % len(request.body))(request)

    def twice(second: Callable[[int], int]) -> Spoil:
        return lambda request: length(b"%d" % len(request.body), b"%d" % second(len(request.body)))(request)

    return [
        *rows(
            "H29",
            no_length=answered(LENGTH_REQUIRED, no_length),
            misspelled=answered(
                LENGTH_REQUIRED, lambda request: request.changed(b"Content-Length", b"Content_Length: 2")
            ),
        ),
        *rows("H30", zero=lambda word, moment: one(signed(b"", moment).bytes, INVALID_SIGNATURE)),
        *rows("H31", plus_sign=answered(BAD_REQUEST, own(b"+%d"))),
        *rows("H32", negative=answered(BAD_REQUEST, length(b"-1"))),
        *rows(
            "H33",
            hex=answered(BAD_REQUEST, own(b"0x%x")),
            fraction=answered(BAD_REQUEST, own(b"%d.0")),
            exponent=answered(BAD_REQUEST, own(b"%de0")),
            underscore=answered(BAD_REQUEST, length(b"1_0")),
            inner_space=answered(BAD_REQUEST, length(b"1 0")),
            arabic_digits=answered(BAD_REQUEST, length("٢".encode())),
        ),
        *rows("H34", empty=answered(BAD_REQUEST, length(b""))),
        *rows(
            "H35",
            two_to_64=answered(BAD_REQUEST, length(b"%d" % (1 << 64))),
            two_to_64_and_body=answered(
                BAD_REQUEST, lambda request: length(b"%d" % ((1 << 64) + len(request.body)))(request)
            ),
            thirty_digits=answered(BAD_REQUEST, length(b"9" * 30)),
            largest_of_64_bits=answered(BODY_TOO_LARGE, length(b"%d" % ((1 << 64) - 1))),
        ),
        *rows(
            "H36",
            list_of_equals=answered(BAD_REQUEST, lambda r: length(b"%d, %d" % (len(r.body), len(r.body)))(r)),
            trailing_comma=answered(BAD_REQUEST, own(b"%d,")),
        ),
        *rows(
            "H37",
            equal=answered(BAD_REQUEST, twice(lambda size: size)),
            equal_in_other_case=answered(BAD_REQUEST, lambda r: r.plus(b"content-length: %d" % len(r.body))),
        ),
        *rows(
            "H38",
            shorter=answered(BAD_REQUEST, twice(lambda size: 0)),
            longer=answered(BAD_REQUEST, twice(lambda size: size + 9)),
        ),
        *rows(
            "H39",
            one_more=answered(BODY_TOO_LARGE, length(b"%d" % (BODY_BYTES_MAX + 1))),
            one_more_in_silence=answered(
                BODY_TOO_LARGE, lambda r: length(b"%d" % (BODY_BYTES_MAX + 1))(r).head, Ending.SILENCE
            ),
        ),
        *rows(
            "H40",
            ten_gib=answered(BODY_TOO_LARGE, length(b"%d" % (10 << 30))),
            ten_gib_in_silence=answered(BODY_TOO_LARGE, lambda r: length(b"%d" % (10 << 30))(r).head, Ending.SILENCE),
        ),
    ]


def codings() -> list[Variant]:
    last_chunk = b"0\r\n\r\n"
    trailer = lambda r: coded(
        b"chunked", chunks=b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(r.body), r.body, r.fields[-1])  # noqa: E731
    )(r.without(b"Stripe-Signature").plus(b"Trailer: Stripe-Signature"))
    return [
        *rows(
            "H41",
            chunked=answered(LENGTH_REQUIRED, coded(b"chunked")),
            upper_case=answered(LENGTH_REQUIRED, coded(b"CHUNKED")),
            on_get=answered(LENGTH_REQUIRED, lambda r: coded(b"chunked")(method(b"GET")(r))),
        ),
        *rows(
            "H42",
            with_length=answered(BAD_REQUEST, coded(b"chunked", keep_length=True)),
            length_zero=answered(BAD_REQUEST, lambda r: coded(b"chunked", keep_length=True)(length(b"0")(r))),
        ),
        *rows(
            "H43",
            http_1_0=answered(BAD_REQUEST, coded(b"chunked", version=b"1.0")),
            http_1_0_with_length=answered(BAD_REQUEST, coded(b"chunked", version=b"1.0", keep_length=True)),
        ),
        *rows(
            "H44",
            gzip=answered(BAD_REQUEST, coded(b"gzip")),
            empty=answered(BAD_REQUEST, coded(b"")),
            gzip_with_length=answered(BAD_REQUEST, coded(b"gzip", keep_length=True)),
        ),
        *rows(
            "H45",
            chunked_then_gzip=answered(BAD_REQUEST, coded(b"chunked, gzip")),
            gzip_then_chunked=answered(BAD_REQUEST, coded(b"gzip, chunked")),
        ),
        *rows(
            "H46",
            xchunked=answered(BAD_REQUEST, coded(b"xchunked")),
            parameter=answered(BAD_REQUEST, coded(b"chunked;q=1")),
            vertical_tab=answered(BAD_REQUEST, coded(b"\x0bchunked")),
            quoted=answered(BAD_REQUEST, coded(b'"chunked"')),
        ),
        *rows(
            "H47",
            identity_with_length=answered(BAD_REQUEST, coded(b"identity", keep_length=True)),
            identity=answered(BAD_REQUEST, coded(b"identity")),
        ),
        *rows(
            "H48",
            in_two_fields=answered(BAD_REQUEST, coded(b"chunked", b"chunked")),
            in_one_field=answered(BAD_REQUEST, coded(b"chunked, chunked")),
            beside_identity=answered(BAD_REQUEST, coded(b"identity", b"chunked")),
        ),
        *rows(
            "H49",
            chunk_extension=answered(
                LENGTH_REQUIRED, coded(b"chunked", chunks=b"2;" + b"x" * 100_000 + b"\r\n{}\r\n" + last_chunk)
            ),
        ),
        *rows("H50", signature_in_trailer=answered(LENGTH_REQUIRED, trailer)),
        *rows(
            "H51",
            chunk_of_2_to_64=answered(
                LENGTH_REQUIRED, coded(b"chunked", chunks=b"10000000000000000\r\n{}\r\n" + last_chunk)
            ),
        ),
    ]


def pipelined(*, garbage: bytes = b"", requests: int = 2) -> Build:
    def build(word: str, moment: Moment) -> Input:
        several = [good(f"{word}_{n}", moment) for n in range(requests)]
        parts = [Part(request.bytes, ACCEPTED, request.body) for request in several]
        return Input((*parts, Part(garbage, BAD_REQUEST)) if garbage else tuple(parts))

    return build


def cut_off(ending: Ending) -> Build:
    """A hundred bytes announced, fifty sent."""
    return answered(None, lambda r: length(b"100")(r).with_body(r.body[:50]), ending)


def expecting(word: str, moment: Moment) -> Input:
    request = good(word, moment)
    head = request.plus(b"Expect: 100-continue").head
    return Input((Part(head.bytes, CONTINUE), Part(request.body, ACCEPTED, request.body)))


def talk() -> list[Variant]:
    expect = b"Expect: 100-continue"
    too_long = lambda r: length(b"%d" % (BODY_BYTES_MAX + 1))(r).plus(expect).head  # noqa: E731
    websocket = (
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    h2c = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    return [
        *rows("H52", two=pipelined(), five=pipelined(requests=5)),
        *rows(
            "H53",
            valid_and_garbage=pipelined(garbage=b"\x00garbage\r\n\r\n", requests=1),
            valid_and_body_too_many=pipelined(garbage=b"}\r\n", requests=1),
            valid_and_smuggled=pipelined(garbage=b"0\r\n\r\n", requests=1),
        ),
        *rows("H58", fin=cut_off(Ending.FIN), rst=cut_off(Ending.RST)),
        *rows(
            "H59",
            with_valid_length=expecting,
            body_sent_at_once=accepted(plus(expect)),
            too_long=answered(BODY_TOO_LARGE, too_long, Ending.SILENCE),
            too_long_and_more=answered(BODY_TOO_LARGE, too_long),
        ),
        *rows("H60", h2c=accepted(plus(*h2c))),
        *rows("H61", websocket=accepted(plus(*websocket))),
        *rows(
            "H62",
            text_plain=accepted(lambda r: r.changed(b"Content-Type", b"Content-Type: text/plain")),
            missing=accepted(lambda r: r.without(b"Content-Type")),
        ),
        *rows(
            "H63",
            gzip=answered(UNSUPPORTED_ENCODING, plus(b"Content-Encoding: gzip")),
            identity=accepted(plus(b"Content-Encoding: identity")),
        ),
    ]


LENGTH_ROWS = [*lengths(), *codings(), *talk()]
