"""J1 to J37: rightly signed bodies, so each of them is queued and answered 200; and what the worker makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hostile.message import Moment, customer_event, encoded, signed
from hostile.row import ACCEPTED, BODY_TOO_LARGE, Effect, Fate, Input, Variant, one
from hostile.spoiling import BODY_BYTES_MAX

MakeBody = Callable[[str, Moment], bytes]
MakeEffect = Callable[[str, Moment], Effect]

# Text that would mean something to whoever pastes it into SQL, a shell, a log line or a terminal.
SQL = "'; DROP TABLE keystrand.inbox; -- $(touch x) `id` %s {0} $1"
FAKE_LINE = 'x\r\n{"level":"error","action":"fake.line"}\n'
ANSI = "\x1b[2J\x1b[31mred\x1b]0;title\x07"
NEXT_TO_INT64 = 1 << 63


def accepted(body: bytes, moment: Moment) -> Input:
    return one(signed(body, moment).bytes, ACCEPTED, body)


def queued(id: str, name: str, body: MakeBody, effect: MakeEffect) -> Variant:
    word = f"{id.lower()}_{name}"
    return Variant(
        id,
        name.replace("_", "-"),
        lambda moment: accepted(body(word, moment), moment),
        lambda moment: effect(word, moment),
    )


def malformed(id: str, **bodies: bytes | MakeBody) -> list[Variant]:
    """Queued under an unreadable key, and given up by the worker at once."""

    def make(body: bytes | MakeBody) -> MakeBody:
        return body if callable(body) else lambda word, moment: body

    return [
        queued(id, name, make(body), lambda word, moment: Effect(Fate.MALFORMED, key="unreadable/"))
        for name, body in bodies.items()
    ]


def applied(id: str, body: MakeBody, name: str, key: str = "test/self/cus_{word}", **shown: str) -> Variant:
    """`key`, and the values of `shown`, may name the {word} of the row's ids."""

    def effect(word: str, moment: Moment) -> Effect:
        unique = f"{word}_{moment.run}"
        return Effect(
            Fate.APPLIED, key.replace("{word}", unique), {k: v.replace("{word}", unique) for k, v in shown.items()}
        )

    return queued(id, name, body, effect)


def good(word: str, moment: Moment) -> bytes:
    return encoded(customer_event(word, moment))


def edited(change: Callable[[bytes], bytes]) -> MakeBody:
    """The bytes of a good body, changed."""
    return lambda word, moment: change(good(word, moment))


def with_customer(**values: Any) -> MakeBody:
    return lambda word, moment: encoded(customer_event(word, moment, **values))


def with_raw(text: bytes) -> MakeBody:
    """The customer has a field `x` with this text for its value."""
    return lambda word, moment: encoded(customer_event(word, moment, x="{x}")).replace(b'"{x}"', text)


def with_event(**values: Any) -> MakeBody:
    """The event has these fields; None takes one away."""

    def make(word: str, moment: Moment) -> bytes:
        event = customer_event(word, moment) | values
        return encoded({name: value for name, value in event.items() if value is not None})

    return make


def with_object(**values: Any) -> MakeBody:
    """The event is about this object. `{word}` in a text becomes the row's own."""

    def make(word: str, moment: Moment) -> bytes:
        text = json.dumps(values).replace("{word}", f"{word}_{moment.run}")
        event = customer_event(word, moment)
        return encoded(event | {"data": {"object": json.loads(text)}, "type": f"{values['object']}.updated"})

    return make


def nested(levels: int) -> MakeBody:
    """So many in all: the event, its data and the customer are three of them."""
    inner = levels - 3
    return with_raw(b"[" * inner + b"]" * inner)


def everywhere(text: str, name_ids: bool) -> MakeBody:
    """The text in every string, after what makes ids unique. `name_ids`: also in those that name things."""

    def spoil(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {name: spoil(each, (*path, name)) for name, each in value.items()}
        named = path[-1] in ("id", "type", "object") and path[0] != "metadata"
        return f"{value}{text}" if isinstance(value, str) and (name_ids or not named) else value

    def make(word: str, moment: Moment) -> bytes:
        event = customer_event(word, moment, name="n", description="d", email="e", metadata={f"k{text}": "v"})
        return encoded({name: spoil(value, (name,)) for name, value in event.items()})

    return make


def padded(size: int) -> MakeBody:
    def make(word: str, moment: Moment) -> bytes:
        event = customer_event(word, moment, description="")
        event["data"]["object"]["description"] = "x" * (size - len(encoded(event)))
        return encoded(event)

    return make


def many_keys(names: list[str]) -> MakeBody:
    return with_raw(b"{" + b",".join(b'"%s":0' % name.encode() for name in names) + b"}")


def colliding(count: int) -> list[str]:
    """Distinct names that are equal to the hash of Java's strings: "Aa" and "BB" are, in any combination."""
    digits = (count - 1).bit_length()
    return ["".join("BB" if n >> bit & 1 else "Aa" for bit in range(digits)) for n in range(count)]


def base36(count: int) -> list[str]:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return [
        digits[n // 36**3 % 36] + digits[n // 36**2 % 36] + digits[n // 36 % 36] + digits[n % 36] for n in range(count)
    ]


def twice(name: str, value: str) -> MakeBody:
    return edited(lambda body: body[:-1] + b',"%s":"%s"}' % (name.encode(), value.encode()))


def unparsable() -> list[Variant]:
    return [
        *malformed("J1", empty_object=b"{}"),
        *malformed("J2", array=edited(lambda body: b"[" + body + b"]"), empty_array=b"[]"),
        *malformed("J3", string=b'"evt_1"'),
        *malformed("J4", null=b"null", number=b"42", blanks=b" \n\t "),
        *malformed("J5", truncated=edited(lambda body: body[:-1]), half=edited(lambda body: body[: len(body) // 2])),
        *malformed(
            "J6",
            trailing_letter=edited(lambda body: body + b"x"),
            trailing_object=edited(lambda body: body + b"{}"),
            trailing_nul=edited(lambda body: body + b"\0"),
        ),
        *malformed("J7", bom=edited(lambda body: b"\xef\xbb\xbf" + body)),
        *malformed(
            "J8",
            block_comment=edited(lambda body: b"/* */" + body),
            line_comment=edited(lambda body: body + b"// end"),
            hash_comment=edited(lambda body: body + b"# end"),
        ),
        *malformed(
            "J9",
            nan=with_raw(b"NaN"),
            infinity=with_raw(b"Infinity"),
            leading_zero=with_raw(b"01"),
            plus=with_raw(b"+1"),
            hex_number=with_raw(b"0x1"),
            undefined=with_raw(b"undefined"),
            single_quotes=with_raw(b"'x'"),
            comma=with_raw(b"[1,]"),
        ),
        *malformed(
            "J10",
            utf16=edited(lambda body: body.decode().encode("utf-16")),
            utf16_without_bom=edited(lambda body: body.decode().encode("utf-16-le")),
        ),
        *malformed("J11", nesting_65=nested(65)),
        applied("J11", nested(64), "nesting_64"),
        *malformed("J12", brackets_200_000=b"[" * 200_000, braces_200_000=b'{"a":' * 200_000),
        *malformed(
            "J13",
            mebibyte_of_brackets=b"[" * BODY_BYTES_MAX,
            mebibyte_in_place=edited(lambda body: body[:-2] + b',"x":' + b"[" * (BODY_BYTES_MAX - len(body) - 3)),
        ),
    ]


def numbers() -> list[Variant]:
    digits = "9" * 400
    return [
        *malformed("J14", exponent_body=b"[1.00000000001e-2147483638]"),
        applied("J15", with_raw(b"1e400"), "exponent_400", **{"data ->> 'x'": "1" + "0" * 400}),
        applied("J16", with_raw(digits.encode()), "digits_400", **{"data ->> 'x'": digits}),
        applied("J36", with_raw(b"-1"), "minus_one", **{"data ->> 'x'": "-1"}),
        applied("J36", with_raw(b"0"), "zero", **{"data ->> 'x'": "0"}),
        applied(
            "J36", with_raw(b"%d" % (NEXT_TO_INT64 - 1)), "largest_int64", **{"data ->> 'x'": str(NEXT_TO_INT64 - 1)}
        ),
        applied("J36", with_raw(b"%d" % NEXT_TO_INT64), "beyond_int64", **{"data ->> 'x'": str(NEXT_TO_INT64)}),
        applied("J36", with_raw(b"1.5"), "fraction", **{"data ->> 'x'": "1.5"}),
        applied("J36", with_raw(b'"100"'), "text", **{"jsonb_typeof(data -> 'x') || (data ->> 'x')": "string100"}),
    ]


def encodings() -> list[Variant]:
    return [
        *malformed(
            "J17",
            lone_byte=with_raw(b'"\xff"'),
            latin1=with_raw(b'"\xe9"'),
            cut_sequence=with_raw(b'"\xe2\x82"'),
            in_a_key=edited(lambda body: body[:-1] + b',"\xff":1}'),
            beyond_unicode=with_raw(b'"\xf4\x90\x80\x80"'),
        ),
        *malformed(
            "J18",
            high_escape=with_raw(rb'"\ud83d"'),
            low_escape=with_raw(rb'"\ude00"'),
            reversed_pair=with_raw(rb'"\ude00\ud83d"'),
            in_utf8=with_raw(b'"\xed\xa0\x80"'),
        ),
        *malformed(
            "J19", slash=with_raw(b'"\xc0\xaf"'), nul=with_raw(b'"\xc0\x80"'), three_bytes=with_raw(b'"\xe0\x80\xaf"')
        ),
        applied("J20", with_customer(name="Bobby\0Tables"), "nul_escape", **{"data ->> 'name'": "Bobby\ufffdTables"}),
        applied("J20", with_customer(name="a\\u0000b"), "nul_as_text", **{"data ->> 'name'": "a\\u0000b"}),
    ]


def envelopes() -> list[Variant]:
    same_thing = {"id": "{word}", "object": "hyperspace.jump", "speed": 9}
    thin = {
        "object": "v2.core.event",
        "type": "v1.billing.meter.no_meter_found",
        "created": "2026-11-24T10:00:00.123Z",
        "data": None,
        "api_version": None,
        "pending_webhooks": None,
        "request": None,
    }
    return [
        *malformed("J21", id_twice=twice("id", "evt_2"), id_twice_in_disguise=twice("\\u0069d", "evt_2")),
        *malformed(
            "J22",
            type_twice=twice("type", "ping"),
            livemode_twice=edited(lambda body: body[:-1] + b',"livemode":true}'),
        ),
        *malformed("J23", id_missing=with_event(id=None)),
        *malformed("J24", id_number=with_event(id=7)),
        *malformed("J25", id_empty=with_event(id=""), id_of_256=with_event(id="e" * 256)),
        applied(
            "J25",
            lambda word, moment: with_event(id=f"evt_{word}_{moment.run}_".ljust(255, "e"))(word, moment),
            "id_of_255",
        ),
        *malformed(
            "J26",
            id_not_ascii=with_event(id="evt_ä"),
            id_with_slash=with_event(id="evt/1"),
            id_with_newline=with_event(id="evt\n1"),
        ),
        applied("J27", with_object(**same_thing), "unknown_type", "test/self/{word}", **{"data ->> 'speed'": "9"}),
        queued(
            "J28",
            "thin",
            with_event(**thin),
            lambda word, moment: Effect(Fate.NO_OBJECT, f"test/self/evt_{word}_{moment.run}"),
        ),
        applied("J29", with_object(id="{word}", object="payout"), "no_customer", "test/self/{word}"),
        applied("J29", with_object(object="balance"), "no_customer_no_id", "test/self/balance"),
        applied("J30", with_object(id="{word}", object="payout", customer=7), "customer_number", "test/self/{word}"),
        applied("J30", with_object(id="{word}", object="payout", customer=[]), "customer_list", "test/self/{word}"),
        applied(
            "J30",
            with_object(id="{word}", object="payout", customer={"id": 7}),
            "customer_object_without_text",
            "test/self/{word}",
        ),
    ]


def injections() -> list[Variant]:
    shown = {"data ->> 'name'": "n{0}", "data ->> 'description'": "d{0}"}
    in_names = {name: value.replace("{0}", SQL) for name, value in shown.items()}
    return [
        applied("J31", everywhere(SQL, name_ids=True), "sql_everywhere", "test/self/cus_{word}" + SQL, **in_names),
        applied(
            "J32",
            everywhere(FAKE_LINE, name_ids=False),
            "fake_line",
            **{n: v.replace("{0}", FAKE_LINE) for n, v in shown.items()},
        ),
        *malformed("J32", fake_line_in_ids=everywhere(FAKE_LINE, name_ids=True)),
        applied(
            "J33", everywhere(ANSI, name_ids=False), "ansi", **{n: v.replace("{0}", ANSI) for n, v in shown.items()}
        ),
        *malformed("J33", ansi_in_ids=everywhere(ANSI, name_ids=True)),
    ]


def sizes() -> list[Variant]:
    too_large = lambda moment: one(
        signed(padded(BODY_BYTES_MAX + 1)("j37_too_large", moment), moment).bytes, BODY_TOO_LARGE
    )  # noqa: E731
    return [
        applied("J34", many_keys(base36(100_000)), "keys_100_000"),
        applied("J34", many_keys(colliding(1 << 14)), "equal_hashes"),
        applied("J37", padded(BODY_BYTES_MAX), "one_mebibyte"),
        Variant("J37", "one-mebibyte-and-one", too_large),
    ]


BODY_ROWS = [*unparsable(), *numbers(), *encodings(), *envelopes(), *injections(), *sizes()]
