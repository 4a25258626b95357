"""The checker: a good run passes, and each planted fault is found by the rule and the invariant that are there for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from good_evidence import START, WORKER, good_evidence
from keystrand_faults import coverage, evidence, verdict
from keystrand_faults.evidence import RunEvidence
from keystrand_faults.group_offsets import GroupCommit
from keystrand_faults.invariants import INVARIANTS
from keystrand_faults.invariants.log import log_of
from keystrand_faults.verdict import Verdict

Spoil = Callable[[RunEvidence], None]
FAULTS: dict[str, tuple[int, str, Spoil]] = {}  # by name: invariant, rule


def fault(invariant: int, rule: str) -> Callable[[Spoil], Spoil]:
    def planted(spoil: Spoil) -> Spoil:
        FAULTS[spoil.__name__] = invariant, rule, spoil
        return spoil

    return planted


def firsts(run: RunEvidence) -> list:
    return list(log_of(run).firsts.values())


def drop(rows: list, wanted: Callable[[dict], bool]) -> None:
    rows[:] = [row for row in rows if not wanted(row)]


# --- 1, 2, 4, 8 ---

@fault(1, "accepted_events_have_outcomes")
def lose_an_event(run: RunEvidence) -> None:
    del run.inbox[10]


@fault(1, "accepted_events_have_outcomes")
def swallow_an_unreadable_body(run: RunEvidence) -> None:
    run.dead_letters.clear()


@fault(1, "the_first_record_settles")
def settle_from_a_repeat(run: RunEvidence) -> None:
    run.inbox[10]["source_offset"] += 1


@fault(2, "accepted_is_durable")
def answer_200_without_a_record(run: RunEvidence) -> None:
    run.records.pop()


@fault(2, "nothing_else_is_held")
def keep_what_nobody_sent(run: RunEvidence) -> None:
    run.records.append(dataclasses.replace(run.records[0], offset=10_000))


@fault(2, "forgeries_are_refused")
def believe_a_forgery(run: RunEvidence) -> None:
    next(attempt for attempt in run.attempts if not attempt.delivery.genuine).status = 200


@fault(4, "planted_records_were_planted")
def find_garbage_of_unknown_origin(run: RunEvidence) -> None:
    run.records[0].headers["planted"] = "bytes"


@fault(4, "effects_come_from_records")
def take_effect_without_a_record(run: RunEvidence) -> None:
    run.effects.append({**run.effects[0], "event_id": "evt_from_nowhere"})


@fault(4, "effects_come_from_records")
def replay_unasked(run: RunEvidence) -> None:
    run.records[0].headers["replay-id"] = "r-1"


@fault(4, "no_outcome_comes_from_nowhere")
def settle_what_is_in_no_record(run: RunEvidence) -> None:
    run.inbox.append({**run.inbox[0], "event_id": "evt_from_nowhere"})


@fault(8, "positions_hold_one_value")
def report_another_position(run: RunEvidence) -> None:
    next(line for line in run.log if line["action"] == "delivery.accepted")["offset"] += 1


@fault(8, "bodies_are_what_was_sent")
def carry_the_digest_of_another_body(run: RunEvidence) -> None:
    run.records[0].headers["body-sha256"] = "0" * 64


@fault(8, "records_keep_the_contract")
def lose_a_header(run: RunEvidence) -> None:
    del run.records[0].headers["traceparent"]


# --- 3, 5, 11, 14, 17 ---

@fault(3, "processed_events_have_one_effect")
def take_effect_twice(run: RunEvidence) -> None:
    run.effects.append({**run.effects[0], "number": 1000})


@fault(3, "processed_events_have_one_effect")
def take_no_effect(run: RunEvidence) -> None:
    run.effects.pop()


@fault(3, "repeats_are_duplicates")
def apply_a_repeat(run: RunEvidence) -> None:
    next(row for row in run.outcomes if row["outcome"] == "duplicate")["outcome"] = "applied"


@fault(5, "effects_follow_the_log")
def overtake(run: RunEvidence) -> None:
    key = next(row["ordering_key"] for row in run.effects if row["number"] == 3)
    first, second = [row for row in run.effects if row["ordering_key"] == key][:2]
    first["number"], second["number"] = second["number"], first["number"]


@fault(5, "effects_follow_the_log")
def leave_a_gap(run: RunEvidence) -> None:
    run.effects[-1]["number"] += 1


@fault(5, "customers_keep_their_order")
def settle_out_of_order(run: RunEvidence) -> None:
    key = next(row["ordering_key"] for row in run.effects if row["number"] == 3)
    rows = [row for row in run.settlements if row["ordering_key"] == key]
    for number, row in enumerate(rows):
        row["transaction"] = number
    rows[0]["offset"], rows[-1]["offset"] = rows[-1]["offset"], rows[0]["offset"]


@fault(5, "records_lie_where_their_key_belongs")
def misplace_a_record(run: RunEvidence) -> None:
    run.records[-1] = dataclasses.replace(run.records[-1], partition=(run.records[-1].partition + 1) % run.partitions)


@fault(11, "mirror_never_went_back")
def go_back(run: RunEvidence) -> None:
    run.regressions.append({"object": "customer", "id": "cus_1", "was": "evt_2", "became": "evt_1"})


@fault(11, "mirror_shows_the_newest")
def show_an_older_snapshot(run: RunEvidence) -> None:
    run.objects[0]["event_id"] = "evt_older"


@fault(11, "events_end_as_they_should")
def call_a_stale_event_applied(run: RunEvidence) -> None:
    next(row for row in run.inbox if row["status"] == "stale")["status"] = "applied"


@fault(11, "replays_are_audited")
def replay_without_a_reason(run: RunEvidence) -> None:
    run.operator_actions.append({"id": 1, "action": "dead_letter.replay", "actor": "ann", "reason": None, "acted_at": "now",
                                 "replay_id": "r-1"})


@fault(11, "replays_repeat_their_source")
def replay_another_body(run: RunEvidence) -> None:
    first = run.records[0]
    headers = {**first.headers, "replay-id": "r-1", "source-position": f"t.events/{first.partition}/{first.offset}"}
    run.records.append(dataclasses.replace(first, offset=10_000, headers=headers, value=first.value + b" "))


@fault(14, "later_epochs_fence_earlier_ones")
def settle_under_an_older_epoch(run: RunEvidence) -> None:
    last = run.outcomes[-1]
    run.outcomes.append({**last, "epoch": 2})
    run.outcomes.append({**last, "epoch": 1})


@fault(14, "later_epochs_begin_later")
def settle_under_an_epoch_that_nobody_raised(run: RunEvidence) -> None:
    run.outcomes[-1]["epoch"] = 2


@fault(14, "each_takeover_raises_the_epoch")
def settle_beside_the_owner(run: RunEvidence) -> None:
    run.outcomes[-1]["worker"] = "worker1-1"


@fault(14, "partitions_have_one_owner")
def write_beside_the_owner(run: RunEvidence) -> None:
    run.settlements[-1]["worker"] = "b"


@fault(17, "books_balance")
def lose_money(run: RunEvidence) -> None:
    next(row for row in run.strands if row["balance"])["balance"] -= 1


@fault(17, "constraints_are_valid")
def leave_a_constraint_unproven(run: RunEvidence) -> None:
    run.unproven_constraints.append({"conname": "inbox_status_known"})


# --- 6, 7 ---

@fault(6, "positions_pass_nothing_unfinished")
def store_a_position_too_early(run: RunEvidence) -> None:
    next(row for row in run.positions if row["next_offset"])["next_offset"] += 1


@fault(6, "positions_pass_nothing_unfinished")
def pass_a_letter_that_is_not_published(run: RunEvidence) -> None:
    run.publications.clear()


@fault(6, "positions_rise_within_an_epoch")
def store_a_lower_position(run: RunEvidence) -> None:
    last = run.positions[-1]
    run.positions.append({**last, "seq": last["seq"] + 1, "next_offset": last["next_offset"] - 1})


@fault(6, "kafka_follows_the_database")
def tell_kafka_first(run: RunEvidence) -> None:
    commit = run.group_commits[5]
    run.group_commits[5] = GroupCommit(commit.partition, commit.offset, START * 1000 - 10)


@fault(7, "every_offset_has_its_outcome")
def skip_an_offset(run: RunEvidence) -> None:
    drop(run.outcomes, lambda row: row is run.outcomes[7])


@fault(7, "outcomes_do_not_contradict")
def settle_twice(run: RunEvidence) -> None:
    run.outcomes.append({**next(row for row in run.outcomes if row["outcome"] == "applied"), "outcome": "stale"})


# --- 9, 10 ---

@fault(9, "the_dead_have_letters")
def publish_no_letter(run: RunEvidence) -> None:
    run.letters.clear()


@fault(9, "the_dead_have_letters")
def bury_without_a_row(run: RunEvidence) -> None:
    run.dead_letters.clear()


@fault(9, "only_what_must_die_does")
def give_up_what_could_be_cured(run: RunEvidence) -> None:
    entry = firsts(run)[3]
    run.dead_letters.append({**run.dead_letters[0], "source_partition": entry.position[0],
                             "source_offset": entry.position[1]})


@fault(9, "dead_letters_are_complete")
def shorten_a_letter(run: RunEvidence) -> None:
    run.letters[:] = [dataclasses.replace(letter, value=letter.value[:-1]) for letter in run.letters]


@fault(9, "dead_letters_are_complete")
def lose_a_header_of_a_letter(run: RunEvidence) -> None:
    del run.letters[0].headers["request-id"]


@fault(10, "attempts_are_bounded")
def try_for_ever(run: RunEvidence) -> None:
    retry = next(line for line in run.log if line["action"] == "event.retry")
    run.log += [{**retry, "attempt": attempt} for attempt in range(3, 9)]


@fault(10, "attempts_are_bounded")
def die_after_too_many_attempts(run: RunEvidence) -> None:
    run.dead_letters[0]["attempts"] = 15


@fault(10, "no_attempt_comes_early")
def do_not_wait(run: RunEvidence) -> None:
    run.failures[1]["at"] = START + 1.1


def test_partition_taken_anew_forgets_a_wait() -> None:
    run = good_evidence()
    run.failures[1]["at"] = START + 1.1
    assert verdict.judge(run).violations
    run.log.append({"action": "worker.lease_taken", "program": WORKER, "partition": 0, "at": START + 1.05})
    assert not verdict.judge(run).violations


@fault(10, "outages_cost_no_attempts")
def count_an_attempt_that_was_none(run: RunEvidence) -> None:
    run.inbox[3]["attempts"] = 2


# --- 12, 13, 16 ---

@fault(12, "counters_agree_with_the_tables")
def count_too_many(run: RunEvidence) -> None:
    run.scrapes[0]["text"] = run.scrapes[0]["text"].replace('"applied"} 1', '"applied"} 11')


@fault(12, "accepted_is_counted")
def count_no_delivery(run: RunEvidence) -> None:
    run.scrapes[1]["text"] = 'keystrand_receiver_events_total{outcome="accepted"} 0'


@fault(13, "the_rest_is_worked_off")
def never_finish(run: RunEvidence) -> None:
    run.run.drained_after_s = None


@fault(13, "the_rest_is_worked_off")
def stay_unready(run: RunEvidence) -> None:
    run.run.ready = False


@fault(13, "the_rest_is_worked_off")
def leave_one_parked(run: RunEvidence) -> None:
    run.parked.append({"partition": 0, "offset": 1, "event_id": "evt_1", "last_error": "internal"})


@fault(13, "positions_are_complete")
def stop_short(run: RunEvidence) -> None:
    run.leases[0]["next_offset"] -= 1
    run.committed[0] -= 1


@fault(16, "no_program_ended_by_itself")
def fall_over(run: RunEvidence) -> None:
    run.ends[0]["why"] = "unplanned"


# --- tests ---

def test_good_run_is_valid_but_for_its_coverage() -> None:
    judgement = verdict.judge(good_evidence())
    assert judgement.violations == {}
    assert judgement.verdict is Verdict.UNKNOWN
    assert all(doubt.startswith("never met") for doubt in judgement.unknown)


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_found(name: str) -> None:
    invariant, rule, spoil = FAULTS[name]
    run = good_evidence()
    spoil(run)
    run.__dict__.pop("_log_read", None)
    judgement = verdict.judge(run)
    assert rule in judgement.violations.get(invariant, {}), judgement.violations
    assert judgement.verdict is Verdict.VIOLATED


def test_every_rule_has_a_planted_fault() -> None:
    planted = {(invariant, rule) for invariant, rule, _ in FAULTS.values()}
    assert planted == {(invariant.number, rule.__name__) for invariant in INVARIANTS for rule in invariant.rules}


def test_commit_in_doubt_may_be_taken_over() -> None:
    run = good_evidence()
    applied = next(row for row in run.outcomes if row["outcome"] == "applied")
    run.outcomes.append(dict(applied))
    assert 7 in verdict.judge(run).violations
    run.log.append({"action": "db.unavailable", "detail": "commit in doubt", "program": applied["worker"], "at": START})
    assert 7 not in verdict.judge(run).violations


def test_redelivery_and_a_repeated_duplicate_are_no_contradiction() -> None:
    run = good_evidence()
    run.outcomes.append({**next(row for row in run.outcomes if row["outcome"] == "applied"), "outcome": "redelivered"})
    run.outcomes.append(dict(next(row for row in run.outcomes if row["outcome"] == "duplicate")))
    assert {7, 3} & verdict.judge(run).violations.keys() == set()


def test_new_owner_may_begin_lower() -> None:
    run = good_evidence()
    last = run.positions[-1]
    run.positions.append({**last, "seq": last["seq"] + 1, "epoch": 2, "raised": True})
    run.positions.append({**last, "seq": last["seq"] + 2, "epoch": 2, "next_offset": last["next_offset"] - 3})
    assert "positions_rise_within_an_epoch" not in verdict.judge(run).violations.get(6, {})


def test_broken_history_makes_the_run_unknown() -> None:
    run = good_evidence()
    run.broken = "history.jsonl, line 7: cut off"
    assert any("broken off" in doubt for doubt in verdict.judge(run).unknown)


def test_too_few_accepted_makes_the_run_unknown() -> None:
    run = good_evidence()
    for attempt in run.attempts[: len(run.attempts) // 5]:
        attempt.status = 503
    assert any("are needed" in doubt for doubt in verdict.judge(run).unknown)


def test_missing_path_counts_only_where_it_is_built_and_required() -> None:
    run = good_evidence()
    met = {path.name: path for path in coverage.coverage(run)}
    assert met["fenced zombie"].missing and not met["duplicate"].missing
    assert not met["replay"].built and not met["replay"].missing
    run.run.schedule = "mix of 5 min"
    assert not {path.name: path for path in coverage.coverage(run)}["killed at after_lease"].missing


def test_window_shows_the_event_and_the_faults_around_it() -> None:
    run = good_evidence()
    run.lines.insert(20, {"kind": "fault", "name": "kill_worker", "wall": run.lines[19]["wall"], "mono": 0.0})
    event_id = run.lines[20 + 1]["event"] or run.lines[20 + 3]["event"]
    shown = verdict.window(run.lines, verdict.Violation(f"{event_id} is lost", event_id))
    assert any(event_id in line for line in shown)
    assert any("fault name=kill_worker" in line for line in shown)


def test_evidence_survives_its_file(tmp_path) -> None:
    run = good_evidence()
    (tmp_path / "history.jsonl").write_text("")
    evidence.save(run, tmp_path)
    read = evidence.load(tmp_path)
    for name in ("records", "letters", "inbox", "outcomes", "effects", "positions", "group_commits", "dead_letters", "run",
                 "committed", "scrapes"):
        assert getattr(read, name) == getattr(run, name), name
