"""Records of the topics, held against the contracts in schemas/records/. The form of a record: schemas/README.md."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import referencing

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "records"
ERROR_MESSAGE_BYTES_MAX = 1024

Record = dict[str, Any]


class ContractError(AssertionError):
    """A record is not what readers of the topic were promised. One line per fault."""


def load_schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def _check_pattern(_: Any, pattern: str, text: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    """JSON Schema's patterns are ECMA-262, where `$` is the very end; Python's `$` lets a newline follow."""
    if isinstance(text, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), text):
        yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")


_Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _check_pattern})


def _validator(name: str) -> Any:
    resources = [referencing.Resource.from_contents(load_schema(each)) for each in ("event", "dead-letter")]
    registry = referencing.Registry().with_resources([(each.id(), each) for each in resources])
    return _Validator(load_schema(name), registry=registry)


_EVENT = _validator("event")
_DEAD_LETTER = _validator("dead-letter")


def record_of(message: Any) -> Record:
    """The form of a consumed confluent_kafka.Message in which it can be checked."""
    names = [name for name, _ in message.headers() or []]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ContractError(f"repeated headers: {', '.join(repeated)}")
    value = message.value() or b""
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": message.timestamp()[1],
        "key": (message.key() or b"").decode(),
        "headers": {name: (content or b"").decode() for name, content in message.headers() or []},
        "value_sha256": hashlib.sha256(value).hexdigest(),
        "value_bytes": len(value),
    }


def validate_event(record: Record) -> None:
    """Raises ContractError unless this is a record of keystrand.events."""
    _check(record, _EVENT, _value_faults)


def validate_dead_letter(record: Record) -> None:
    """Raises ContractError unless this is a record of keystrand.dead-letters."""
    _check(record, _DEAD_LETTER, _value_faults, _letter_faults)


def _check(record: Record, validator: Any, *rules: Any) -> None:
    faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(record)]
    if not faults:  # the rules count on the form
        faults = [fault for rule in rules for fault in rule(record)]
    if faults:
        raise ContractError("\n".join(faults))


def _value_faults(record: Record) -> list[str]:
    headers, key = record["headers"], record["key"]
    faults = []
    if headers["body-sha256"] != record["value_sha256"]:
        faults.append("body-sha256 is not the digest of the value")
    if key.startswith("unreadable/") and key != f"unreadable/{headers['endpoint']}/{record['value_sha256'][:16]}":
        faults.append("the key names another endpoint or another body")
    return faults


def _letter_faults(record: Record) -> list[str]:
    headers = record["headers"]
    source = [headers[f"dlq-source-{part}"] for part in ("topic", "partition", "offset")]
    faults = []
    if headers["dlq-id"] != "/".join([*source, headers["dlq-cycle"]]):
        faults.append("dlq-id is not the source and the cycle")
    if int(headers["dlq-source-partition"]) != record["partition"]:
        faults.append("the letter lies in another partition than its source")
    if "source-position" in headers and headers["source-position"] != "/".join(source):
        faults.append("dlq-source-… is not the position of the first time")
    if int(headers["dlq-failed-at"]) < int(headers["dlq-first-failed-at"]):
        faults.append("it failed before it first failed")
    if len(headers["dlq-error-message"].encode()) > ERROR_MESSAGE_BYTES_MAX:
        faults.append("dlq-error-message is longer than 1 KiB")
    return faults
