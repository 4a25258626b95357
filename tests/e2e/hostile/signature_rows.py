"""S1 to S34: requests whose framing is right and whose signature is not, and the few at the edge that are good."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

from hostile.message import (
    OLD_SECRET,
    Moment,
    Request,
    customer_event,
    digest,
    encoded,
    request_of,
    signature,
    signed,
)
from hostile.row import (
    ACCEPTED,
    HEAD_TOO_LARGE,
    INVALID_SIGNATURE,
    Answer,
    Input,
    Variant,
    one,
    rows,
)
from traffic.delivery import TEST_SECRET, WRONG_SECRET

Build = Callable[[str, Moment], Input]
Header = Callable[[bytes, int], str]  # the field's value, of body and now

TOLERANCE_S = 300
V1_MAX = 16


def posted(change: Callable[[Request], Request], answer: Answer = INVALID_SIGNATURE) -> Build:
    """A request that was good before the change."""

    def build(word: str, moment: Moment) -> Input:
        request = signed(encoded(customer_event(word, moment)), moment)
        return one(change(request).bytes, answer, request.body if answer is ACCEPTED else None)

    return build


def headed(header: Header, answer: Answer = INVALID_SIGNATURE) -> Build:
    """A request with this signature header."""

    def build(word: str, moment: Moment) -> Input:
        body = encoded(customer_event(word, moment))
        request = request_of(body, header(body, moment.now).encode("latin-1"))
        return one(request.bytes, answer, body if answer is ACCEPTED else None)

    return build


def stamped(text: Callable[[int], str], answer: Answer = INVALID_SIGNATURE) -> Build:
    """Rightly signed over exactly this `t`, so that whoever reads it leniently would let it pass."""
    return headed(lambda body, now: f"t={text(now)},v1={digest(body, text(now))}", answer)


def aged(seconds: int, answer: Answer) -> Build:
    return stamped(lambda now: str(now + seconds), answer)


def altered(v1: Callable[[str], str]) -> Build:
    """The right digest, spoiled."""
    return headed(lambda body, now: f"t={now},v1={v1(digest(body, now))}")


def sent_instead(change: Callable[[bytes], bytes]) -> Build:
    """Signed for one body, sent with another."""

    def build(word: str, moment: Moment) -> Input:
        body = encoded(customer_event(word, moment))
        return one(request_of(change(body), signature(body, moment.now)).bytes, INVALID_SIGNATURE)

    return build


def flipped(at: Callable[[int], int], bit: int = 0) -> Callable[[bytes], bytes]:
    def flip(body: bytes) -> bytes:
        place = at(len(body))
        return body[:place] + bytes([body[place] ^ (1 << bit)]) + body[place + 1 :]

    return flip


def several(count: int, right_at: int, version: str = "v1") -> Header:
    """So many elements of that version, one of them right."""

    def header(body: bytes, now: int) -> str:
        wrong = "0" * 64
        return f"t={now}," + ",".join(
            f"{version}={digest(body, now) if n == right_at else wrong}" for n in range(count)
        )

    return header


def of_another_event(word: str, moment: Moment) -> Input:
    other = encoded(customer_event(f"{word}_other", moment))
    return one(request_of(encoded(customer_event(word, moment)), signature(other, moment.now)).bytes, INVALID_SIGNATURE)


def missing() -> list[Variant]:
    name = b"Stripe-Signature"
    wrong = name + b": t=1,v1=" + b"0" * 64
    return [
        *rows("S1", no_signature=posted(lambda r: r.without(name))),
        *rows(
            "S2",
            empty=headed(lambda body, now: ""),
            blank=headed(lambda body, now: " \t "),
            comma=headed(lambda body, now: ","),
        ),
        *rows(
            "S3",
            both_right=posted(lambda r: r.plus(r.fields[-1])),
            second_wrong=posted(lambda r: r.plus(wrong)),
            first_wrong=posted(lambda r: r.changed(name, wrong, r.fields[-1])),
            parts_in_two=posted(
                lambda r: r.changed(name, *(name + b": " + part for part in r.fields[-1][18:].split(b",")))
            ),
        ),
        *rows(
            "S4",
            underscore=posted(lambda r: r.changed(name, r.fields[-1].replace(name, b"Stripe_Signature"))),
            other_name=posted(lambda r: r.changed(name, r.fields[-1].replace(name, b"X-Stripe-Signature"))),
        ),
    ]


def stamps() -> list[Variant]:
    bad = {
        "text": lambda now: "now",
        "signed": lambda now: f"+{now}",
        "space_before": lambda now: f" {now}",
        "space_inside": lambda now: f"{now // 10} {now % 10}",
        "hex": lambda now: hex(now),
        "milliseconds": lambda now: f"{now}000",
        "nineteen_digits": lambda now: f"{now:019d}",
        "leading_zero": lambda now: f"0{now}",
        "fraction": lambda now: f"{now}.5",
        "exponent": lambda now: f"{now}e0",
        "letters_after": lambda now: f"{now}abc",
        "underscore": lambda now: f"{now // 1000}_{now % 1000:03d}",
    }
    return [
        *rows(
            "S5",
            no_t=headed(lambda body, now: f"v1={digest(body, now)}"),
            bare_t=headed(lambda body, now: f"t,v1={digest(body, now)}"),
            upper_case_t=headed(lambda body, now: f"T={now},v1={digest(body, now)}"),
        ),
        *rows(
            "S6",
            equal=headed(lambda body, now: f"t={now},t={now},v1={digest(body, now)}"),
            other_first=headed(lambda body, now: f"t={now - 900},t={now},v1={digest(body, now)}"),
            other_last=headed(lambda body, now: f"t={now},v1={digest(body, now)},t={now - 900}"),
        ),
        *rows("S7", empty_t=headed(lambda body, now: f"t=,v1={digest(body, '')}")),
        *rows("S8", **{name: stamped(text) for name, text in bad.items()}),
        *rows(
            "S9",
            negative=stamped(lambda now: f"-{now}"),
            minus_one=stamped(lambda now: "-1"),
            zero=stamped(lambda now: "0"),
        ),
        *rows("S10", exact_second=True, now_minus_300=aged(-TOLERANCE_S, ACCEPTED)),
        *rows("S11", exact_second=True, now_minus_301=aged(-TOLERANCE_S - 1, INVALID_SIGNATURE)),
        *rows("S12", exact_second=True, now_plus_300=aged(TOLERANCE_S, ACCEPTED)),
        *rows("S13", exact_second=True, now_plus_301=aged(TOLERANCE_S + 1, INVALID_SIGNATURE)),
    ]


def digests() -> list[Variant]:
    schemes = {
        scheme: headed(lambda body, now, scheme=scheme: f"t={now},{scheme}={digest(body, now)}")
        for scheme in ("v0", "v2", "v10", "v1a", "V1")
    }
    lengths = {
        "63_digits": lambda v1: v1[:-1],
        "65_digits": lambda v1: v1 + "0",
        "no_digits": lambda v1: "",
        "first_half": lambda v1: v1[:32],
        "twice": lambda v1: v1 + v1,
    }
    odd = {
        "non_hex": lambda v1: "g" + v1[1:],
        "quoted": lambda v1: f'"{v1}"',
        "prefixed": lambda v1: f"0x{v1}",
        "labelled": lambda v1: f"sha256={v1}",
        "base64": lambda v1: base64.b64encode(bytes.fromhex(v1)).decode(),
        "space_before": lambda v1: f" {v1}",
        "equals_after": lambda v1: f"{v1}=",
        "first_digit_off": lambda v1: f"{int(v1[0], 16) ^ 1:x}{v1[1:]}",
        "last_digit_off": lambda v1: f"{v1[:-1]}{int(v1[-1], 16) ^ 1:x}",
    }
    return [
        *rows(
            "S14",
            **{f"only_{name.lower()}{'_upper' if name == 'V1' else ''}": build for name, build in schemes.items()},
            bare_v1=headed(lambda body, now: f"t={now},v1"),
        ),
        *rows("S15", **{name: altered(v1) for name, v1 in lengths.items()}),
        *rows(
            "S16",
            upper_case=altered(lambda v1: v1.upper()),
            mixed_case=altered(lambda v1: "".join(c.upper() if c.isalpha() and n % 2 else c for n, c in enumerate(v1))),
        ),
        *rows("S17", **{name: altered(v1) for name, v1 in odd.items()}),
        *rows(
            "S18",
            last_of_16=headed(several(V1_MAX, V1_MAX - 1), ACCEPTED),
            first_of_16=headed(several(V1_MAX, 0), ACCEPTED),
        ),
        *rows("S19", last_of_17=headed(several(V1_MAX + 1, V1_MAX)), first_of_17=headed(several(V1_MAX + 1, 0))),
        *rows("S20", right_v0=headed(lambda body, now: f"t={now},v1={'0' * 64},v0={digest(body, now)}")),
    ]


def bodies() -> list[Variant]:
    bits = {
        "first_bit": flipped(lambda size: 0),
        "middle_bit": flipped(lambda size: size // 2, 3),
        "last_bit": flipped(lambda size: size - 1, 7),
    }
    spaces = {"newline": b"\n", "crlf": b"\r\n", "space": b" ", "nul": b"\0"}
    indented = lambda body: json.dumps(json.loads(body), indent=2).encode()  # noqa: E731
    reordered = lambda body: json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()  # noqa: E731
    return [
        *rows("S21", **{name: sent_instead(flip) for name, flip in bits.items()}),
        *rows(
            "S22",
            **{f"{name}_added": sent_instead(lambda body, tail=tail: body + tail) for name, tail in spaces.items()},
            one_byte_less=sent_instead(lambda body: body[:-1]),
        ),
        *rows("S23", indented=sent_instead(indented), reordered=sent_instead(reordered)),
        *rows("S24", other_event=of_another_event),
    ]


def keyed(secret: str, answer: Answer = INVALID_SIGNATURE) -> Build:
    return headed(lambda body, now: f"t={now},v1={digest(body, now, secret)}", answer)


def both_secrets(body: bytes, now: int) -> str:
    """As Stripe signs while a secret rotates."""
    return f"t={now},v1={digest(body, now)},v1={digest(body, now, OLD_SECRET)}"


def secrets() -> list[Variant]:
    """S26 and S27 need other settings: test_secrets. What any stranger can try is here."""
    return [
        *rows("S25", old_in_overlap=keyed(OLD_SECRET, ACCEPTED), both_in_overlap=headed(both_secrets, ACCEPTED)),
        *rows("S27", secret_of_another_endpoint=keyed(WRONG_SECRET)),
        *rows(
            "S28",
            empty_secret=keyed(""),
            without_prefix=keyed(TEST_SECRET.removeprefix("whsec_")),
            newline=keyed(TEST_SECRET + "\n"),
            name_for_secret=keyed("Stripe-Signature"),
        ),
    ]


def schemes() -> list[Variant]:
    def mac(payload: bytes, algorithm: str = "sha256") -> str:
        return hmac.new(TEST_SECRET.encode(), payload, getattr(hashlib, algorithm)).hexdigest()

    junk = "v1=" + "0" * 61 + ","
    return [
        *rows("S29", body_only=headed(lambda body, now: f"t={now},v1={mac(body)}")),
        *rows(
            "S30",
            t_comma_body=headed(lambda body, now: f"t={now},v1={mac(b'%d,' % now + body)}"),
            body_then_t=headed(lambda body, now: f"t={now},v1={mac(body + b'.%d' % now)}"),
            no_separator=headed(lambda body, now: f"t={now},v1={mac(b'%d' % now + body)}"),
        ),
        *rows(
            "S31",
            sha1=headed(lambda body, now: f"t={now},v1={digest(body, now, algorithm='sha1')}"),
            sha512=headed(lambda body, now: f"t={now},v1={digest(body, now, algorithm='sha512')}"),
            no_key=headed(lambda body, now: f"t={now},v1={hashlib.sha256(b'%d.' % now + body).hexdigest()}"),
        ),
        *rows(
            "S34",
            junk_of_8_kib=headed(lambda body, now: (junk * 126)[:8192], HEAD_TOO_LARGE),
            junk_of_4_kib=headed(lambda body, now: (junk * 63)[:4000]),
            commas=headed(lambda body, now: "," * 2000),
            commas_then_good=headed(lambda body, now: "," * 2000 + signature(body, now).decode(), ACCEPTED),
        ),
    ]


SIGNATURE_ROWS = [*missing(), *stamps(), *digests(), *bodies(), *secrets(), *schemes()]
