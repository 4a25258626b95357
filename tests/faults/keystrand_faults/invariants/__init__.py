"""What must hold after a run, however often its parts were killed: the invariants by number, each with the rules that
compute it. 1 to 14 and 17 speak of the data; 16 of the programs; 18, that the run was worth judging, is coverage.py."""

from __future__ import annotations

from keystrand_e2e import checker
from keystrand_faults.invariants import applied, delivered, letters, positions, running
from keystrand_faults.invariants.violation import Invariant, shared

INVARIANTS = [
    Invariant(1, "no accepted event is lost",
              [delivered.accepted_events_have_outcomes, delivered.the_first_record_settles]),
    Invariant(2, "a 200 is durable, a refused body is nowhere",
              [shared(checker.accepted_is_durable), shared(checker.nothing_else_is_held), delivered.forgeries_are_refused]),
    Invariant(3, "exactly one effect per processed event",
              [applied.processed_events_have_one_effect, applied.repeats_are_duplicates]),
    Invariant(4, "every record and effect has a cause",
              [delivered.planted_records_were_planted, delivered.effects_come_from_records,
               shared(checker.no_outcome_comes_from_nowhere)]),
    Invariant(5, "each customer's events in the order of the log",
              [applied.effects_follow_the_log, shared(checker.customers_keep_their_order),
               shared(checker.records_lie_where_their_key_belongs)]),
    Invariant(6, "positions rise and pass nothing unfinished",
              [positions.positions_pass_nothing_unfinished, positions.positions_rise_within_an_epoch,
               positions.kafka_follows_the_database]),
    Invariant(7, "every offset below the position has one outcome",
              [positions.every_offset_has_its_outcome, positions.outcomes_do_not_contradict]),
    Invariant(8, "one value per position",
              [delivered.positions_hold_one_value, delivered.bodies_are_what_was_sent,
               shared(checker.records_keep_the_contract)]),
    Invariant(9, "the dead and their letters are the same, byte for byte",
              [letters.the_dead_have_letters, letters.only_what_must_die_does,
               shared(checker.dead_letters_are_complete, genuine=False)]),
    Invariant(10, "attempts and waits within their bounds",
              [letters.attempts_are_bounded, letters.no_attempt_comes_early, letters.outages_cost_no_attempts],
              letters.nothing_was_parked),
    Invariant(11, "no object goes back; replays are audited",
              [shared(checker.mirror_never_went_back), shared(checker.mirror_shows_the_newest),
               shared(checker.events_end_as_they_should), applied.replays_are_audited, applied.replays_repeat_their_source],
              applied.no_replays),
    Invariant(12, "metrics agree with the tables", [running.counters_agree_with_the_tables, running.accepted_is_counted]),
    Invariant(13, "all is worked off after the last fault",
              [running.the_rest_is_worked_off, shared(checker.positions_are_complete, genuine=False)]),
    Invariant(14, "an older epoch changes nothing any more",
              [applied.later_epochs_fence_earlier_ones, applied.later_epochs_begin_later,
               applied.each_takeover_raises_the_epoch, shared(checker.partitions_have_one_owner)]),
    Invariant(16, "no program ends by itself", [running.no_program_ended_by_itself]),
    Invariant(17, "the books balance", [applied.books_balance, applied.constraints_are_valid]),
]
