#!/usr/bin/env python3
"""make_seeds.py DATA SEEDS COSTLY: from tests/data/stripe, SEEDS/<target>/<name>, the inputs that fuzzing begins with,
and COSTLY/<target>/<name>, the longest inputs that are allowed, made of what costs the most.

The same data gives the same seeds. Everything in them is invented; see tests/data/README.md.
"""

import base64
import json
import shutil
import sys
from pathlib import Path

MIB = 1024 * 1024


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def event_around(kind, value, **more):
    event = {"id": "evt_1", "object": "event", "api_version": "2026-10-28.endive", "created": 1767225600}
    event |= {"livemode": False, "type": f"{kind}.updated", "data": {"object": value}}
    return event | more


def requests():
    head = "POST /webhooks/stripe HTTP/1.1\r\nHost: example.com\r\n"
    stripe = "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*; q=0.5, application/xml\r\n"
    signature = f"Stripe-Signature: t=1767225600,v1={'5f' * 32},v0={'6e' * 32}\r\n"
    content = "Content-Length: 2\r\nContent-Type: application/json; charset=utf-8\r\n"
    yield "stripe", head + content + stripe + signature + "\r\n{}"
    yield "get_1_0", "GET /livez?verbose HTTP/1.0\r\n\r\n"
    yield "pipelined", 2 * (head + "Content-Length: 2\r\n\r\n{}")
    yield "two_lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
    yield "two_hosts", head + "Host: other\r\nContent-Length: 2\r\n\r\n"
    yield "chunked", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    yield "chunked_and_length", head + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"
    yield "folded", head + "Content-Length: 2\r\nX-Long: one\r\n two\r\n\r\n"
    yield "bare_lf", (head + "Content-Length: 2\r\n\r\n").replace("\r\n", "\n")
    yield "space_before_colon", head + "Content-Length : 2\r\n\r\n"
    yield "expect_and_close", head + "Expect: 100-continue\r\nConnection: te, Close\r\nContent-Length: 2\r\n\r\n"
    yield "gzip", head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n"
    lines = "Host: example.com\r\nContent-Length: 2\r\n" + 2 * f"X: {'y' * 4000}\r\n"
    yield "full_block", "POST / HTTP/1.1\r\n" + lines + "Z: ".ljust(8192 - 2 - len(lines), "z") + "\r\n\r\n"
    yield "64_fields", head + "Content-Length: 2\r\n" + 62 * "X: y\r\n" + "\r\n"


def signatures(vectors):
    for vector in vectors:
        yield vector["name"], vector["header"].encode() + b"\n" + base64.b64decode(vector["payload"])
    for name, header in {
        "primary": "t=1767225600,v1={0}",
        "secondary": "t=1767225600,v1={1}",
        "both": "t=1767225300,v1={1},v1={0},v0={0}",
        "wrong_then_right": f"t=1767225900, v1={'ab' * 32}, v1={{0}}",
        "too_old": "t=1767225299,v1={0}",
        "in_future": "t=1767225901,v1={0}",
        "downgrade": "t=1767225600,v0={0}",
        "sixteen": "t=1767225600" + 15 * ",v1=" + ",v1={0}",
        "seventeen": "t=1767225600" + 16 * ",v1=" + ",v1={0}",
    }.items():
        yield "own_" + name, header + '\n{"id":"evt_1"}'


def odd_events():
    """Bodies around each rule of the envelope, and what parsers stumble over."""
    customer = {"id": "cus_1", "object": "customer"}
    expanded = {"id": "in_1", "object": "invoice", "customer": {"id": "cus_1", "object": "customer", "name": "Jenny"}}
    transitions = {"status_transitions": {"paid_at": 1767225600, "voided_at": None}, "attempt_count": 2}
    yield "expanded", compact(event_around("invoice", expanded | transitions))
    yield "previous", compact(event_around("charge", {"id": "ch_1", "object": "charge"})).replace(
        '"object":{', '"previous_attributes":{"customer":"cus_0"},"object":{', 1)
    yield "connected", compact(event_around("account", {"id": "acct_2", "object": "account"}, account="acct_2"))
    yield "own_account", compact(event_around("customer", customer, account="acct_own", livemode=True))
    yield "context", compact(event_around("customer", customer, context="org_1/acct_3"))
    yield "thin", compact({"id": "evt_2", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
                           "livemode": True, "created": "2026-10-28T06:20:52.123Z", "context": None,
                           "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/meters/mtr_1"}})
    text = compact(event_around("customer", customer))
    yield "repeated_id", text.replace('"id":"evt_1"', '"id":"evt_1","\\u0069d":"evt_2"')
    yield "nul_and_surrogates", text.replace('"cus_1"', '"cus_1","name":"a\\u0000\\ud83d\\ude00\\\\u0000é"')
    yield "huge_numbers", text.replace('"cus_1"', f'"cus_1","a":1e400,"b":-{"9" * 320}.5,"c":1.00000000001e-2147483638')
    yield "64_levels", text.replace('"cus_1"', '"cus_1","deep":' + 61 * "[" + 61 * "]")
    yield "65_levels", text.replace('"cus_1"', '"cus_1","deep":' + 62 * "[" + 62 * "]")
    yield "not_an_event", "[1,2.5e3,null,true,\"\"]"


def costly_json(size):
    """JSON of at most `size` bytes that costs the most, by what there is most of."""
    def filled(begin, repeated, end):
        room = size - len((begin + end).encode())
        return begin + repeated * (room // len(repeated.encode())) + end
    yield "brackets", size * "["
    yield "arrays", filled("[0", ",[]", "]")
    yield "integers", filled("[0", ",1", "]")
    yield "huge_numbers", filled("[0", ",1e400", "]")
    yield "digits", size * "9"
    yield "long_integers", filled("[1e400", "," + 301 * "9", "]")
    yield "nul_escapes", filled('["', "\\u0000", '"]')
    yield "pairs", filled('["', "\\ud83d\\ude00", '"]')
    yield "backslashes", filled('["', "\\\\", '"]')
    yield "members", "{" + ",".join(f'"{i:05x}":0' for i in range(size // 10)) + "}"
    yield "repeated_members", filled('{"a":0', ',"a":0', "}")
    yield "umlauts", filled('["', "ä", '"]')


def events(objects):
    for kind, value in objects.items():
        yield "object_" + kind.replace(".", "_"), compact(event_around(kind, value))
    yield from odd_events()


def costly_events():
    around = compact(event_around("customer", {"id": "cus_1", "object": "customer", "x": 0}))
    for name, text in costly_json(MIB - len(around)):
        yield name, around.replace('"x":0', '"x":' + text)


def comparisons(objects):
    for kind, value in objects.items():
        before = {key: value[key] for key in list(value)[:3]}
        yield "object_" + kind.replace(".", "_"), compact(before) + "\n" + compact(value)
    yield "numbers", '{"a":1.0,"b":{"c":1e2}}\n{"b":{"c":100,"d":[1,1.0]},"a":1}'
    yield "absent_is_null", '{"a":null}\n{"b":"\\u0000\\\\u0000"}'
    yield "huge", '{"a":1e400}\n{"a":-1E+400,"b":' + 320 * "9" + ".5}"
    yield "64_levels", "{}\n" + 64 * "[" + 64 * "]"
    yield "65_levels", "{}\n" + 65 * "[" + 65 * "]"
    yield "repeated", '{"a":1,"a":2}\n{"a":2,"a":1,"a":2}'


def costly_comparisons():
    for name, text in costly_json(MIB - 1):
        yield name, "\n" + text
    yield "of_two_halves", 2 * (next(text for name, text in costly_json(MIB // 2 - 1) if name == "members") + "\n")


SETTINGS = """# a receiver's
listen = "0.0.0.0:8080"
events-topic = 'keystrand.events'
signing-secrets = ["whsec_invented_1", "whsec_invented_2"]  # primary first
ack-timeout-ms = 5_000
reuse-port = false
threads = 0x4
database-url = "postgresql://worker:invented@127.0.0.1:5432/keystrand?sslmode=verify-full"

[kafka]
security.protocol = "sasl_ssl"
"sasl.password" = "invented#3"
ssl.key.pem = \"\"\"
-----BEGIN\\u0020PRIVATE KEY-----
\"\"\"

[endpoint.main]
path = "/webhooks/stripe"
signing-secrets = ['whsec_invented_4']
"""


def settings():
    yield "receiver", SETTINGS
    yield "pairs", "database-url = \"host=db password='in vented' dbname=keystrand\"\ntoken = \"invented\""
    yield "parameter", 'database-url = "postgresql:///keystrand?user=worker&password=invented&sslpassword=two"'
    yield "refused", 'listen = "nowhere"\nthreads = 0\nreuse-port = "maybe"\nunknown = 1\ntoken = ["a", "b"]\n'
    yield "no_toml", "a = bare\n"
    yield "kinds", "a = 1.5\nb = 2026-01-01\nc = [[1], [2]]\n[[d]]\ne = {f = 1, g.h = \"i\"}\n"
    yield "inline", 'endpoint = {main = {path = "/x", signing-secrets = []}}\nmirror = ["invoice", "charge"]\n'


def costly_signatures():
    yield "body", "t=1767225600,v1={0}\n" + (MIB - 20) * "x"
    yield "commas", 4096 * "," + "\n{}"
    yield "elements", 16 * f"v1={'5' * 240}," + "t=1767225600\n{}"
    yield "blanks", "v1= " + 4092 * " " + "\n{}"


def costly_requests():
    yield "method", MIB * "A"
    yield "value", "POST / HTTP/1.1\r\nX:" + MIB * "y"
    yield "pipelined", 9_000 * "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 100000\r\nX: y\r\n\r\n"


def costly_settings():
    """One file holds every kind of entry some thousand times: nobody's is longer, and no stranger writes it."""
    yield "many", "".join(f"[endpoint.n{i}]\npath = '/{i}'\nsigning-secrets = ['invented_{i}']\n" for i in range(400))


def write(folder, seeds):
    folder.mkdir(parents=True)
    for name, seed in seeds:
        (folder / name).write_bytes(seed if isinstance(seed, bytes) else seed.encode())


def main():
    data, seeds, costly = map(Path, sys.argv[1:])
    for folder in seeds, costly:
        shutil.rmtree(folder, ignore_errors=True)
    objects = json.loads((data / "openapi-fixtures.json").read_text())["resources"]
    write(seeds / "framing_policy", requests())
    write(seeds / "signature", signatures(json.loads((data / "signature-vectors.json").read_text())["vectors"]))
    write(seeds / "event_record", events(objects))
    write(seeds / "json_tree", comparisons(objects))
    write(seeds / "settings_file", settings())
    write(costly / "framing_policy", costly_requests())
    write(costly / "signature", costly_signatures())
    write(costly / "event_record", costly_events())
    write(costly / "json_tree", costly_comparisons())
    write(costly / "settings_file", costly_settings())


if __name__ == "__main__":
    main()
