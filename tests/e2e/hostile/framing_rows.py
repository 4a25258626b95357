"""H1 to H28: request lines and fields that are wrong or too large, and some that only look so."""

from __future__ import annotations

from hostile.message import HOST, PATH, Moment, good
from hostile.row import (
    BAD_REQUEST,
    HEAD_TOO_LARGE,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TARGET_TOO_LONG,
    Answer,
    Input,
    Variant,
    one,
    rows,
)
from hostile.spoiling import (
    BLOCK_BYTES_MAX,
    FIELD_BYTES_MAX,
    FIELDS_MAX,
    TARGET_BYTES_MAX,
    Build,
    Spoil,
    accepted,
    answered,
    line,
    method,
    pad_block,
    pad_field,
    pad_fields,
    pad_query,
    plus,
    raw,
    target,
    without_body,
)

# The beginning of a TLS 1.2 ClientHello: handshake record of 512 bytes, random, no session, two suites.
CLIENT_HELLO = (
    bytes.fromhex("1603010200010001fc0303") + bytes(range(32)) + bytes.fromhex("000004130113020100") + bytes(64)
)
PROXY_V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n" + bytes.fromhex("2111000c") + bytes([192, 0, 2, 1, 192, 0, 2, 2, 0x1F, 0x90, 0, 80])
)


def methods() -> list[Variant]:
    refused = {name.lower(): without_body(name.encode()) for name in ("GET", "PUT", "PATCH", "DELETE")}
    refused |= {
        f"{name.lower()}_with_body": answered(METHOD_NOT_ALLOWED, method(name.encode()))
        for name in ("GET", "PUT", "PATCH", "DELETE")
    }
    to_head = Answer(405, METHOD_NOT_ALLOWED.body, fields=METHOD_NOT_ALLOWED.fields, to_head=True)
    head = b"HEAD " + PATH + b" HTTP/1.1\r\n" + HOST + b"\r\n\r\n"
    return [
        *rows("H1", **refused),
        *rows(
            "H2",
            post_in_lowercase=answered(METHOD_NOT_ALLOWED, method(b"post")),
            post_capitalised=answered(METHOD_NOT_ALLOWED, method(b"Post")),
        ),
        *rows(
            "H3",
            foo=answered(METHOD_NOT_ALLOWED, method(b"FOO")),
            foo_without_body=without_body(b"FOO"),
            overlong=answered(BAD_REQUEST, method(b"A" * 33)),
        ),
        *rows("H4", head=lambda word, moment: one(head, to_head)),
        *rows("H5", trace=without_body(b"TRACE"), trace_with_body=answered(METHOD_NOT_ALLOWED, method(b"TRACE"))),
        *rows(
            "H6",
            options=without_body(b"OPTIONS"),
            options_of_the_server=lambda word, moment: one(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n\r\n", NOT_FOUND),
        ),
    ]


def targets() -> list[Variant]:
    elsewhere = {"unknown": b"/", "admin": b"/metrics", "longer": PATH + b"/", "upper_case": PATH.upper(), "star": b"*"}
    climbing = {
        "dots": PATH + b"/../admin",
        "encoded_dots": PATH + b"/%2e%2e/admin",
        "encoded_slashes": PATH + b"%2f..%2fadmin",
        "back_again": b"/x/../webhooks/stripe",
        "dot": b"/./webhooks/stripe",
        "double_slash": b"//webhooks/stripe",
        "encoded_letter": b"/webhooks/strip%65",
        "backslash": b"\\webhooks\\stripe",
        "fragment": PATH + b"#x",
    }
    absolute = {
        "other_host": b"http://other.example.test" + PATH,
        "own_host": b"http://hooks.example.test" + PATH,
        "authority": b"hooks.example.test:443",
    }
    control = {
        "nul": b"\x00",
        "control": b"\x01",
        "tab": b"\t",
        "delete": b"\x7f",
        "latin1": b"\xe9",
        "utf8": "é".encode(),
    }
    bad = {f"{name}_byte": target(PATH + byte) for name, byte in control.items()}
    return [
        *rows("H7", **{name: answered(NOT_FOUND, target(path)) for name, path in elsewhere.items()}),
        *rows("H8", **{name: answered(NOT_FOUND, target(path)) for name, path in climbing.items()}),
        *rows("H9", **{name: answered(NOT_FOUND, target(path)) for name, path in absolute.items()}),
        *rows(
            "H10",
            target_of_2049=answered(TARGET_TOO_LONG, pad_query(TARGET_BYTES_MAX + 1)),
            target_of_2048=accepted(pad_query(TARGET_BYTES_MAX)),
        ),
        *rows(
            "H11",
            **{name: answered(BAD_REQUEST, spoil) for name, spoil in bad.items()},
            space=answered(BAD_REQUEST, target(PATH + b" x")),
            no_target=answered(BAD_REQUEST, line(b"POST  HTTP/1.1")),
            two_spaces=answered(BAD_REQUEST, line(b"POST  " + PATH + b" HTTP/1.1")),
        ),
    ]


def sizes() -> list[Variant]:
    return [
        *rows(
            "H12",
            block_of_8193=answered(HEAD_TOO_LARGE, pad_block(BLOCK_BYTES_MAX + 1)),
            block_of_8192=accepted(pad_block(BLOCK_BYTES_MAX)),
        ),
        *rows(
            "H13",
            fields_65=answered(HEAD_TOO_LARGE, pad_fields(FIELDS_MAX + 1)),
            fields_64=accepted(pad_fields(FIELDS_MAX)),
        ),
        *rows(
            "H14",
            field_of_4097=answered(HEAD_TOO_LARGE, pad_field(FIELD_BYTES_MAX + 1)),
            field_of_4096=accepted(pad_field(FIELD_BYTES_MAX)),
            name_of_4097=answered(HEAD_TOO_LARGE, plus(b"X" * (FIELD_BYTES_MAX + 1))),
        ),
    ]


def bare(ending: bytes) -> Build:
    """All lines of the head end so."""

    def build(word: str, moment: Moment) -> Input:
        request = good(word, moment)
        return one(request.head.bytes.replace(b"\r\n", ending) + request.body, BAD_REQUEST)

    return build


def foreign() -> list[Variant]:
    versions = {"1_2": b"1.2", "2_0": b"2.0", "0_9": b"0.9", "1_10": b"1.10", "01_1": b"01.1"}
    bad = {f"http_{name}": line(b"POST " + PATH + b" HTTP/" + version) for name, version in versions.items()}
    bad |= {
        "lower_case": line(b"POST " + PATH + b" http/1.1"),
        "no_version": line(b"POST " + PATH),
        "space_after": line(b"POST " + PATH + b" HTTP/1.1 "),
    }
    return [
        *rows("H15", **{name: answered(BAD_REQUEST, spoil) for name, spoil in bad.items()}),
        *rows(
            "H16",
            http2_preface=raw(BAD_REQUEST, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
        ),
        *rows(
            "H17",
            bare_lf=bare(b"\n"),
            bare_cr_lines=bare(b"\r"),
            one_bare_lf=answered(BAD_REQUEST, plus(b"X-A: b\nX-C: d")),
            lf_after_the_request_line=answered(BAD_REQUEST, line(b"POST " + PATH + b" HTTP/1.1\nX-A: b")),
        ),
        *rows(
            "H18",
            leading_crlf=raw(BAD_REQUEST, b"\r\n"),
            leading_lf=raw(BAD_REQUEST, b"\n"),
            leading_space=raw(BAD_REQUEST, b" "),
        ),
        *rows(
            "H19", client_hello=raw(BAD_REQUEST, CLIENT_HELLO), sslv2_hello=raw(BAD_REQUEST, b"\x80\x2e\x01\x00\x02")
        ),
        *rows("H20", ssh_banner=raw(BAD_REQUEST, b"SSH-2.0-OpenSSH_9.2 canary\r\n")),
        *rows(
            "H21",
            proxy_v1=raw(BAD_REQUEST, b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 8080\r\n"),
            proxy_v1_unknown=raw(BAD_REQUEST, b"PROXY UNKNOWN\r\n"),
            proxy_v2=raw(BAD_REQUEST, PROXY_V2),
        ),
    ]


def fields() -> list[Variant]:
    def host(*lines: bytes) -> Spoil:
        return lambda request: request.changed(b"Host", *lines)

    spaced = {"length": b"Content-Length :", "tab": b"Content-Length\t:", "host": b"Host :"}
    bad = {
        "nul_in_name": b"X\x00: a",
        "nul_in_value": b"X: a\x00b",
        "control_in_value": b"X: a\x01b",
        "delete_in_value": b"X: \x7f",
    }
    folded = {
        "by_space": b"X: a\r\n b",
        "by_tab": b"X: a\r\n\tb",
        "first_line": b" X: a",
        "length": b"X: a\r\n Content-Length: 0",
        "blank": b"X: a\r\n ",
    }
    names = {"empty": b": a", "spaced": b"X Y: a", "no_colon": b"XY", "latin1": b"X\xe9: a", "bracket": b"X[0]: a"}

    def space_before_colon(name: bytes) -> Spoil:
        word = name.rstrip(b" \t:")
        return lambda request: request.changed(
            word, *(f.replace(word + b":", name) for f in request.fields if f.startswith(word))
        )

    return [
        *rows(
            "H22",
            no_host=answered(BAD_REQUEST, lambda request: request.without(b"Host")),
            empty_host=answered(BAD_REQUEST, host(b"Host:")),
            two_names=answered(BAD_REQUEST, host(b"Host: a, b")),
        ),
        *rows(
            "H23",
            equal=answered(BAD_REQUEST, host(HOST, HOST)),
            different=answered(BAD_REQUEST, host(HOST, b"Host: other")),
            other_case=answered(BAD_REQUEST, plus(b"HOST: other")),
        ),
        *rows("H24", **{name: answered(BAD_REQUEST, space_before_colon(field)) for name, field in spaced.items()}),
        *rows("H25", **{name: answered(BAD_REQUEST, plus(field)) for name, field in bad.items()}),
        *rows(
            "H26",
            in_value=answered(BAD_REQUEST, plus(b"X: a\rb")),
            before_a_field=answered(BAD_REQUEST, plus(b"X: a\rX: b")),
            before_crlf=answered(BAD_REQUEST, plus(b"X: a\r")),
            empty_line=answered(BAD_REQUEST, plus(b"\rX: a")),
        ),
        *rows("H27", **{name: answered(BAD_REQUEST, plus(field)) for name, field in folded.items()}),
        *rows("H28", **{name: answered(BAD_REQUEST, plus(field)) for name, field in names.items()}),
    ]


FRAMING_ROWS = [*methods(), *targets(), *sizes(), *foreign(), *fields()]
