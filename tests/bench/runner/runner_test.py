"""Unit tests of the runner's arithmetic: python3 -m unittest, without servers."""

import io
import contextlib
import json
import pathlib
import sys
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(BENCH), str(BENCH.parents[1] / "deploy" / "local")]

from runner import end_to_end, receive  # noqa: E402
from runner.results import Results  # noqa: E402
from runner.stage import BenchError  # noqa: E402
from runner.subjects import count_by_label  # noqa: E402

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

    def test_refuses_a_load_that_ended_early(self):
        with self.assertRaises(BenchError):
            receive.require_durable("x", {**self.REPORT, "ran_out_of_requests": True}, 95)


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


if __name__ == "__main__":
    unittest.main()
