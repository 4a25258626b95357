"""The contracts of the records: the schemas are schemas, take what is promised and refuse what is not."""

from __future__ import annotations

import copy
import pathlib
import re
from collections.abc import Callable

import jsonschema
import pytest
from records import ContractError, Record, load_schema, record_of, validate_dead_letter, validate_event

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGEST = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of b"abc"

HEADERS = {
    "event-id": "evt_1",
    "event-type": "customer.updated",
    "received-at": "1793168452123",
    "request-id": "0197b1c2d3e4f5a6",
    "endpoint": "default",
    "expected-mode": "any",
    "body-sha256": DIGEST,
    "signed-with": "primary",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
REPLAY_HEADERS = {
    "replay-id": "5b0a2c1e-7f7c-4a57-9d3e-0f6a1c2b3d4e",
    "replay-count": "1",
    "replay-actor": "jenny",
    "source-position": "keystrand.events/3/41",
}
LETTER_HEADERS = {
    "dlq-id": "keystrand.events/3/41/0",
    "dlq-stage": "handle",
    "dlq-error-code": "rejected",
    "dlq-error-message": "22P05: unsupported Unicode escape sequence",
    "dlq-fingerprint": "0123456789abcdef",
    "dlq-attempts": "1",
    "dlq-first-failed-at": "1793168452130",
    "dlq-failed-at": "1793168452130",
    "dlq-source-topic": "keystrand.events",
    "dlq-source-partition": "3",
    "dlq-source-offset": "41",
    "dlq-source-timestamp": "1793168452124",
    "dlq-worker": "worker-1",
    "dlq-cycle": "0",
}


def event(**headers: str) -> Record:
    return {
        "topic": "keystrand.events",
        "partition": 3,
        "offset": 41,
        "timestamp": 1793168452124,
        "key": "live/self/cus_1",
        "headers": HEADERS | {name.replace("_", "-"): value for name, value in headers.items()},
        "value_sha256": DIGEST,
        "value_bytes": 3,
    }


def replayed() -> Record:
    return event(**REPLAY_HEADERS)


def letter(**headers: str) -> Record:
    return event(**LETTER_HEADERS, **headers) | {"topic": "keystrand.dead-letters", "offset": 0}


def unreadable(record: Record) -> Record:
    """The same record, had its body been unreadable."""
    headers = {name: value for name, value in record["headers"].items() if name not in ("event-id", "event-type")}
    return record | {"key": f"unreadable/default/{DIGEST[:16]}", "headers": headers}


def with_key(key: str) -> Callable[[Record], Record]:
    return lambda record: record | {"key": key}


def with_header(name: str, value: object) -> Callable[[Record], Record]:
    return lambda record: record | {"headers": record["headers"] | {name: value}}


def without_header(name: str) -> Callable[[Record], Record]:
    return lambda record: record | {"headers": {key: value for key, value in record["headers"].items() if key != name}}


@pytest.mark.parametrize("name", ["event", "dead-letter"])
def test_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema(name))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(event(), id="event"),
        pytest.param(event(signed_with="secondary", expected_mode="live"), id="with the other secret"),
        pytest.param(event(signed_with="none", endpoint="import"), id="imported"),
        pytest.param(event() | {"key": "test/acct_1/pi_1"}, id="of a connected account"),
        pytest.param(event() | {"key": f"test/{'a' * 255}/{'~' * 255}"}, id="with the longest key"),
        pytest.param(unreadable(event()), id="of an unreadable body"),
        pytest.param(replayed(), id="replayed"),
    ],
)
def test_event_is_taken(record: Record) -> None:
    validate_event(record)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(letter(), id="dead letter"),
        pytest.param(unreadable(letter(dlq_stage="parse", dlq_error_code="malformed")), id="unreadable"),
        pytest.param(letter(**REPLAY_HEADERS | {"replay_id": "r"}), id="died again"),
        pytest.param(letter(dlq_error_message="é" * 512), id="with the longest message"),
    ],
)
def test_dead_letter_is_taken(record: Record) -> None:
    validate_dead_letter(record)


SPOILT_EVENTS = {
    "key without account": with_key("live/cus_1"),
    "key with four parts": with_key("live/self/cus_1/2"),
    "key of no mode": with_key("prod/self/cus_1"),
    "key with an empty id": with_key("live/self/"),
    "key with an id of 256 bytes": with_key("live/self/" + "c" * 256),
    "key with a control character": with_key("live/self/cus\n1"),
    "key with a letter beyond ASCII": with_key("live/self/cüs"),
    "key with a newline after it": with_key("live/self/cus_1\n"),
    "unreadable key with identity": with_key(f"unreadable/default/{DIGEST[:16]}"),
    "unreadable key of another body": lambda record: unreadable(record) | {"key": "unreadable/default/" + "0" * 16},
    "unreadable key of another endpoint": lambda record: unreadable(record) | {"key": f"unreadable/x/{DIGEST[:16]}"},
    "unreadable key with digits in capitals": lambda record: unreadable(record)
    | {"key": f"unreadable/default/{DIGEST[:16].upper()}"},
    "readable key without identity": lambda record: unreadable(record) | {"key": "live/self/cus_1"},
    "value changed": lambda record: record | {"value_sha256": "0" * 64},
    "no partition": lambda record: {name: value for name, value in record.items() if name != "partition"},
    "no headers": lambda record: record | {"headers": {}},
    "unknown field": lambda record: record | {"value": "{}"},
    "unknown header": with_header("stripe-signature", "t=1,v1=0"),
    "number as a header": with_header("received-at", 1793168452123),
    "time in seconds": with_header("received-at", "1793168452"),
    "unknown mode": with_header("expected-mode", "both"),
    "unknown secret": with_header("signed-with", "tertiary"),
    "digest in capitals": with_header("body-sha256", DIGEST.upper()),
    "trace of zeros": with_header("traceparent", f"00-{'0' * 32}-00f067aa0ba902b7-01"),
    "id with a slash": with_header("event-id", "evt/1"),
    "replay without its actor": lambda record: without_header("replay-actor")(record | {"headers": replayed()["headers"]}),
    "replay count alone": with_header("replay-count", "1"),
    "replay count zero": lambda record: with_header("replay-count", "0")(record | {"headers": replayed()["headers"]}),
    "source position without offset": lambda record: with_header("source-position", "keystrand.events/3")(
        record | {"headers": replayed()["headers"]}
    ),
} | {f"no {name}": without_header(name) for name in HEADERS}


@pytest.mark.parametrize("spoil", SPOILT_EVENTS.values(), ids=SPOILT_EVENTS.keys())
def test_event_is_refused(spoil: Callable[[Record], Record]) -> None:
    with pytest.raises(ContractError):
        validate_event(spoil(copy.deepcopy(event())))


SPOILT_LETTERS = {
    "no dead letter at all": lambda record: event(),
    "value changed": lambda record: record | {"value_sha256": "0" * 64},
    "identity lost": lambda record: unreadable(record) | {"key": "live/self/cus_1"},
    "in another partition": lambda record: record | {"partition": 4},
    "with another id": with_header("dlq-id", "keystrand.events/3/42/0"),
    "with another cycle": with_header("dlq-cycle", "1"),
    "of another source than its replay": lambda record: with_header("source-position", "keystrand.events/3/40")(
        record | {"headers": record["headers"] | REPLAY_HEADERS}
    ),
    "failed before it failed": with_header("dlq-failed-at", "1793168452129"),
    "never tried": with_header("dlq-attempts", "0"),
    "at no known stage": with_header("dlq-stage", "receive"),
    "with an error that is waited out": with_header("dlq-error-code", "unavailable"),
    "with a message over 1 KiB": with_header("dlq-error-message", "é" * 513),
    "with a message over 1,024 letters": with_header("dlq-error-message", "e" * 1025),
    "with an unknown header": with_header("dlq-payload", "{}"),
} | {f"no {name}": without_header(name) for name in HEADERS | LETTER_HEADERS}


@pytest.mark.parametrize("spoil", SPOILT_LETTERS.values(), ids=SPOILT_LETTERS.keys())
def test_dead_letter_is_refused(spoil: Callable[[Record], Record]) -> None:
    with pytest.raises(ContractError):
        validate_dead_letter(spoil(copy.deepcopy(letter())))


def test_names_the_headers_of_the_programs() -> None:
    """The names in C++ and in the schemas are one list."""
    source = (ROOT / "common" / "kafka" / "record_headers.h").read_text(encoding="utf-8")
    in_code = set(re.findall(r'constexpr std::string_view k\w+ = "([^"]+)"', source))
    events = load_schema("event")["$defs"]["eventHeaders"]["properties"]
    letters = load_schema("dead-letter")["$defs"]["deadLetterHeaders"]["properties"]
    assert in_code == set(events) | set(letters)


class ConsumedMessage:
    """As much of a confluent_kafka.Message as the tests need."""

    def __init__(self, headers: list[tuple[str, bytes]]) -> None:
        self._headers = headers

    def topic(self) -> str:
        return "keystrand.events"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 41

    def timestamp(self) -> tuple[int, int]:
        return (1, 1793168452124)

    def key(self) -> bytes:
        return b"live/self/cus_1"

    def value(self) -> bytes:
        return b"abc"

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


def test_consumed_message_takes_the_form_of_a_record() -> None:
    message = ConsumedMessage([(name, value.encode()) for name, value in HEADERS.items()])
    assert record_of(message) == event()
    validate_event(record_of(message))


def test_repeated_header_is_refused() -> None:
    with pytest.raises(ContractError, match="endpoint"):
        record_of(ConsumedMessage([("endpoint", b"a"), ("endpoint", b"b")]))
