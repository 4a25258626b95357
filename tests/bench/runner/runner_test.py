"""Unit tests of the runner: python3 -m unittest, without Kafka or PostgreSQL."""

import io
import contextlib
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Callable

BENCH = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(BENCH), str(BENCH.parents[1] / "deploy" / "local")]

from runner import end_to_end, forgeries, machine, peer_workers, receive  # noqa: E402
from runner.results import Results  # noqa: E402
from runner.stage import BenchError  # noqa: E402
from runner.subjects import RunningReceiver, count_by_label  # noqa: E402

EXPOSITION = """\
# HELP keystrand_worker_events_total x
keystrand_worker_events_total{event_type="charge.succeeded",outcome="applied",origin="live"} 40
keystrand_worker_events_total{event_type="other",outcome="applied",origin="live"} 2
keystrand_worker_events_total{event_type="other",outcome="duplicate",origin="live"} 3
keystrand_worker_events_total_other{outcome="applied"} 100
"""


class CountByLabel(unittest.TestCase):
    def test_sums_over_the_other_labels(self):
        self.assertEqual(count_by_label(EXPOSITION, "keystrand_worker_events_total", "outcome"),
                         {"applied": 42, "duplicate": 3})

    def test_nothing_settled_yet(self):
        self.assertEqual(count_by_label("", "keystrand_worker_events_total", "outcome"), {})


class Percentile(unittest.TestCase):
    def test_is_a_value_that_occurred(self):
        values = [float(i) for i in range(1, 101)]
        self.assertEqual([end_to_end.percentile(values, p) for p in (50, 99, 100)], [50, 99, 100])
        self.assertEqual(end_to_end.percentile([7.0], 50), 7)


class DueTimes(unittest.TestCase):
    def read(self, text: str) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "deliveries"
            path.write_text(text)
            return end_to_end.due_times(path)

    def test_by_event(self):
        self.assertEqual(self.read("evt_1 10.5 10.6 200\nevt_2 11 11.2 200\n"), {"evt_1": 10.5, "evt_2": 11})

    def test_a_refused_event_is_no_result(self):
        with self.assertRaisesRegex(BenchError, "evt_1 was answered 503"):
            self.read("evt_1 10.5 10.6 503\n")


class RequireDurable(unittest.TestCase):
    REPORT = {"accepted": 90, "sent": 100, "ran_out_of_requests": False}

    def test_takes_what_was_answered_or_could_have_been_written(self):
        for records in (90, 100):
            receive.require_durable("x", self.REPORT, records)

    def test_refuses_a_lost_record_and_one_too_many(self):
        for records in (89, 101):
            with self.assertRaises(BenchError):
                receive.require_durable("x", self.REPORT, records)


class RequireAllMeasured(unittest.TestCase):
    REPORT = {"cpu_s": {"receiver": 1.5, "broker": 2}, "ran_out_of_requests": False}

    def test_takes_a_load_that_lasted(self):
        receive.require_all_measured("x", self.REPORT)

    def test_refuses_a_load_that_ended_early(self):
        with self.assertRaisesRegex(BenchError, "x was faster than requests were signed for"):
            receive.require_all_measured("x", {**self.REPORT, "ran_out_of_requests": True})

    def test_refuses_the_figures_of_a_program_that_lost_a_process(self):
        with self.assertRaisesRegex(BenchError, "a process of x ended"):
            receive.require_all_measured("x", {**self.REPORT, "cpu_s": {"broker": 2}})


class OpenLoops(unittest.TestCase):
    def test_half_of_its_own_peak_and_one_rate_for_all(self):
        cases = receive.open_loops({"ours": 20_000.0, "theirs": 9_001.0})
        self.assertEqual(list(cases.values()), [{"ours": 10_000, "theirs": 4_500}, {"ours": 4_500, "theirs": 4_500}])
        self.assertIn("half of theirs's peak", list(cases)[1])

    def test_alone_there_is_nobody_to_share_a_rate_with(self):
        self.assertEqual(list(receive.open_loops({"ours": 20_000.0}).values()), [{"ours": 10_000}])


class RequireRefusal(unittest.TestCase):
    def judge(self, check: Callable[[bytes, str | None], bool]) -> None:
        """Of a receiver that believes what `check` says of body and Stripe-Signature."""

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 (http.server's name)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200 if check(body, self.headers["Stripe-Signature"]) else 400)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                forgeries.require_refusal("x", RunningReceiver(None, server.server_port, "/webhook"))
            finally:
                server.shutdown()
                thread.join()

    def test_takes_one_that_checks_signature_and_age(self):
        now = int(time.time())
        self.judge(lambda body, header: header in [forgeries.header(now + s, body) for s in range(-60, 61)])

    def test_refuses_one_that_does_not_look_at_the_body(self):
        with self.assertRaisesRegex(BenchError, "200 to a body that was not signed"):
            self.judge(lambda _, header: header is not None)

    def test_refuses_one_that_takes_what_has_no_signature(self):
        with self.assertRaisesRegex(BenchError, "200 to no signature"):
            self.judge(lambda _, header: header is None)

    def test_refuses_one_that_does_not_look_at_the_age(self):
        def signed(body: bytes, header: str | None) -> bool:
            return header is not None and header == forgeries.header(int(header[2:header.index(",")]), body)

        with self.assertRaisesRegex(BenchError, "200 to a signature of an hour ago"):
            self.judge(signed)


class PeerWorkers(unittest.TestCase):
    def test_progress_is_unknown_until_the_peer_answers(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"417\n")

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.assertEqual(peer_workers.settled(server.server_address[1]), 417)
            server.shutdown()
        self.assertIsNone(peer_workers.settled(server.server_address[1]))

    def test_each_driver_is_told_the_same_database(self):
        told = peer_workers.database_environment("postgresql://bench:p%40ss@127.0.0.1:5544/bench_1")
        self.assertEqual(told["JDBC_URL"], "jdbc:postgresql://127.0.0.1:5544/bench_1")
        self.assertEqual((told["DATABASE_USER"], told["DATABASE_PASSWORD"]), ("bench", "p@ss"))

    def test_the_statement_has_each_parameter_once_and_in_order(self):
        """JDBC replaces them by question marks."""
        statement = re.sub("--.*", "", (peer_workers.SOURCES / "settle.sql").read_text())
        self.assertEqual(re.findall(r"\$(\d+)", statement), [str(n) for n in range(1, 21)])


class Family(unittest.TestCase):
    def test_counts_the_processes_that_a_program_started(self):
        shell = subprocess.Popen(["sh", "-c", "exec 3<&0; cat <&3 & cat; wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            end = time.monotonic() + 10
            while len(machine.family(shell.pid)) < 3 and time.monotonic() < end:
                time.sleep(0.01)
            pids = machine.family(shell.pid)
            self.assertEqual((len(pids), pids[0]), (3, shell.pid))
            self.assertGreater(machine.rss_mib(pids), machine.rss_mib(pids[:1]))
            self.assertGreater(machine.peak_rss_mib(pids), machine.pss_mib(pids))
            self.assertGreaterEqual(machine.cpu_seconds(pids), 0)
        finally:
            shell.communicate()

    def test_of_a_single_process_is_itself(self):
        sleeper = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.assertEqual(machine.family(sleeper.pid), [sleeper.pid])
        sleeper.communicate()


class Commit(unittest.TestCase):
    def test_says_changes_only_if_there_are_some(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "file").write_text("as committed")
            identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
            for arguments in (["init", "-q"], ["add", "file"], [*identity, "commit", "-q", "-m", "x"]):
                subprocess.run(["git", "-C", folder, *arguments], check=True)
            self.assertRegex(machine.commit(root), "^[0-9a-f]{12}$")
            (root / "file").write_text("changed")
            self.assertRegex(machine.commit(root), r"^[0-9a-f]{12}\+changes$")


class ResultsTable(unittest.TestCase):
    def test_shows_medians_of_the_rounds_and_writes_each_line(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            path = pathlib.Path(folder) / "deep" / "results.jsonl"
            results = Results(path, {"cores": 2, "cpu": "a CPU", "commit": "abc"})
            for rate in (10, 90, 20):
                results.add("receive", "keystrand", "64", {"rate": rate, "report": {"nested": 1}})
            lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual([line["rate"] for line in lines], [10, 90, 20])
        self.assertEqual(lines[0]["machine"]["cpu"], "a CPU")
        self.assertEqual(len(out.getvalue().splitlines()), 3)
        self.assertRegex(results.table(), r"64 +keystrand +20\b")
        self.assertNotIn("report", results.table())

    def test_ratios_are_those_of_the_medians_in_the_same_case(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            results = Results(pathlib.Path(folder) / "r.jsonl", {"cores": 2, "cpu": "a CPU", "commit": "abc"}, "go")
            for rate, p99 in ((30, 1), (90, 9), (60, 3)):
                results.add("receive", "keystrand", "64", {"rate": rate, "p99_ms": p99})
            results.add("receive", "go", "64", {"rate": 40, "p99_ms": 6})
            results.add("receive", "go", "256", {"rate": 1, "p99_ms": 1})
            results.add("receive", "librdkafka alone", "64", {"rate": 80})
            results.add("drain", "keystrand", "200", {"rate": 5})
            before = len(out.getvalue().splitlines())
            results.add_ratios()
        ratios = [json.loads(line) for line in out.getvalue().splitlines()[before:]]
        self.assertEqual([(line["subject"], line["case"], line["ratios_to"]) for line in ratios],
                         [("keystrand", "64", "go"), ("librdkafka alone", "64", "go")])
        self.assertEqual((ratios[0]["rate/go"], ratios[0]["p99/go"]), (1.5, 0.5))
        self.assertEqual(ratios[1]["rate/go"], 2)
        self.assertRegex(results.table(), r"64 +keystrand +60 +3 +1\.5 +0\.5\b")


if __name__ == "__main__":
    unittest.main()
