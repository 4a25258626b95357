#include "worker/store/letter_actions.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace keystrand::worker::store {
namespace {

constexpr Statement kLock{"letters_lock", R"(
SELECT l.source_topic, l.source_partition, l.source_offset, l.cycle, l.scope, l.event_id, l.status, l.replay_id
  FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
  JOIN keystrand.dead_letters l
    ON l.source_topic = u.topic AND l.source_partition = u."partition" AND l.source_offset = u."offset"
 ORDER BY l.source_topic, l.source_partition, l.source_offset FOR UPDATE OF l)"};

constexpr Statement kLockInbox{"letters_lock_inbox", R"(
SELECT i.scope, i.event_id, i.status
  FROM unnest($1::text[], $2::text[]) AS u(scope, event_id)
  JOIN keystrand.inbox i ON i.scope = u.scope AND i.event_id = u.event_id
 ORDER BY i.scope, i.event_id FOR UPDATE OF i)"};

constexpr Statement kReplay{"letters_replay", R"(
UPDATE keystrand.dead_letters l SET status = 'replaying', replay_id = gen_random_uuid()::text
  FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
 WHERE l.source_topic = u.topic AND l.source_partition = u."partition" AND l.source_offset = u."offset"
RETURNING l.source_topic, l.source_partition, l.source_offset, l.replay_id)"};

constexpr Statement kReplayInbox{"letters_replay_inbox", R"(
UPDATE keystrand.inbox i SET status = 'replaying', replay_id = u.replay_id
  FROM unnest($1::text[], $2::text[], $3::text[]) AS u(scope, event_id, replay_id)
 WHERE i.scope = u.scope AND i.event_id = u.event_id)"};

constexpr Statement kLockStrands{"letters_lock_strands", R"(
SELECT s.ordering_key FROM keystrand.strands s
 WHERE (s.topic, s."partition", s.ordering_key) IN (
   SELECT p.topic, p."partition", p.ordering_key
     FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
     JOIN keystrand.parked_events p
       ON p.topic = u.topic AND p."partition" = u."partition" AND p."offset" = u."offset")
 ORDER BY s.topic, s."partition", s.ordering_key FOR UPDATE)"};

constexpr Statement kDiscard{"letters_discard", R"(
UPDATE keystrand.dead_letters l SET status = 'discarded'
  FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
 WHERE l.source_topic = u.topic AND l.source_partition = u."partition" AND l.source_offset = u."offset")"};

constexpr Statement kDiscardInbox{"letters_discard_inbox", R"(
UPDATE keystrand.inbox i SET status = 'discarded'
  FROM unnest($1::text[], $2::text[]) AS u(scope, event_id)
 WHERE i.scope = u.scope AND i.event_id = u.event_id)"};

constexpr Statement kUnpark{"letters_unpark", R"(
DELETE FROM keystrand.parked_events p
 USING unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
 WHERE p.topic = u.topic AND p."partition" = u."partition" AND p."offset" = u."offset"
RETURNING p.topic, p."partition", p.ordering_key)"};

constexpr Statement kContinue{"strand_continue", R"(
WITH head AS (
  SELECT p.topic, p."partition", p."offset" FROM keystrand.parked_events p
   WHERE p.topic = $1 AND p."partition" = $2::integer AND p.ordering_key = $3
   ORDER BY p."offset" LIMIT 1),
due AS (
  UPDATE keystrand.parked_events p SET next_attempt_at = clock_timestamp() FROM head h
   WHERE p.topic = h.topic AND p."partition" = h."partition" AND p."offset" = h."offset" AND p.status = 'waiting')
UPDATE keystrand.strands s SET state = 'parked', reason = 'operator'
  FROM head h
 WHERE s.topic = $1 AND s."partition" = $2::integer AND s.ordering_key = $3 AND s.state = 'held')"};

constexpr Statement kFreeStrand{"strand_free", R"(
DELETE FROM keystrand.strands s
 WHERE s.topic = $1 AND s."partition" = $2::integer AND s.ordering_key = $3
   AND NOT EXISTS (SELECT FROM keystrand.parked_events p
                    WHERE p.topic = s.topic AND p."partition" = s."partition" AND p.ordering_key = s.ordering_key))"};

template <typename Letters, typename Source>
Params PositionParams(const Letters& letters, Source source) {
  Params params;
  params
      .Add(ArrayOf(
          letters, [&](const auto& letter) -> const auto& { return source(letter).topic; }))
      .Add(ArrayOf(letters, [&](const auto& letter) { return source(letter).partition; }))
      .Add(ArrayOf(letters, [&](const auto& letter) { return source(letter).offset; }));
  return params;
}

Params PositionParams(const std::vector<SourcePosition>& letters) {
  return PositionParams(letters, [](const auto& source) -> const SourcePosition& { return source; });
}

Params PositionParams(const std::vector<LockedLetter>& letters) {
  return PositionParams(letters, [](const auto& letter) -> const SourcePosition& { return letter.source; });
}

SourcePosition PositionAt(const Rows& rows, std::size_t row) {
  return {std::string(rows.Text(row, 0)), static_cast<std::int32_t>(rows.Int(row, 1)), rows.Int(row, 2)};
}

/// Scopes and ids of those letters that have them.
struct EventArrays {
  explicit EventArrays(const std::vector<LockedLetter>& letters) {
    for (const auto& letter : letters) {
      if (letter.event_id.empty()) continue;
      scopes.Add(letter.scope);
      ids.Add(letter.event_id);
      replay_ids.Add(letter.replay_id);
      any = true;
    }
  }
  Array scopes{ElementType::kText};
  Array ids{ElementType::kText};
  Array replay_ids{ElementType::kText};
  bool any = false;
};

Result<> LockInbox(Transaction& transaction, std::vector<LockedLetter>& letters) {
  EventArrays events(letters);
  if (!events.any) return {};
  Params params;
  params.Add(std::move(events.scopes)).Add(std::move(events.ids));
  const auto rows = transaction.Run(kLockInbox, params);
  if (!rows) return Fail(rows.error());
  std::map<EventKey, std::string> statuses;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    statuses[{std::string(rows->Text(i, 0)), std::string(rows->Text(i, 1))}] = rows->Text(i, 2);
  }
  for (auto& letter : letters) {
    const auto found = statuses.find({letter.scope, letter.event_id});
    if (found != statuses.end()) letter.inbox_status = found->second;
  }
  return {};
}

/// Lets the strand go on without the event that was its head.
Result<> Continue(Transaction& transaction, const Rows& rows, std::size_t row) {
  Params strand;
  strand.Add(std::string(rows.Text(row, 0))).Add(rows.Int(row, 1)).Add(std::string(rows.Text(row, 2)));
  if (const auto moved = transaction.Run(kContinue, strand); !moved) return Fail(moved.error());
  if (const auto freed = transaction.Run(kFreeStrand, strand); !freed) return Fail(freed.error());
  return {};
}

}  // namespace

Result<std::vector<LockedLetter>> LockLetters(Transaction& transaction, const std::vector<SourcePosition>& letters) {
  const auto rows = transaction.Run(kLock, PositionParams(letters));
  if (!rows) return Fail(rows.error());
  std::vector<LockedLetter> locked;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    locked.push_back({PositionAt(*rows, i), static_cast<int>(rows->Int(i, 3)), std::string(rows->Text(i, 4)),
                      std::string(rows->Text(i, 5)), std::string(rows->Text(i, 6)), std::string(rows->Text(i, 7)), ""});
  }
  if (auto done = LockInbox(transaction, locked); !done) return Fail(done.error());
  return locked;
}

Result<> MarkReplaying(Transaction& transaction, std::vector<LockedLetter>& letters) {
  const auto rows = transaction.Run(kReplay, PositionParams(letters));
  if (!rows) return Fail(rows.error());
  std::map<SourcePosition, std::string> ids;
  for (std::size_t i = 0; i < rows->size(); ++i) ids[PositionAt(*rows, i)] = rows->Text(i, 3);
  for (auto& letter : letters) letter.replay_id = ids.at(letter.source);
  EventArrays events(letters);
  if (!events.any) return {};
  Params params;
  params.Add(std::move(events.scopes)).Add(std::move(events.ids)).Add(std::move(events.replay_ids));
  if (const auto marked = transaction.Run(kReplayInbox, params); !marked) return Fail(marked.error());
  return {};
}

Result<> LockStrandsOf(Transaction& transaction, const std::vector<SourcePosition>& letters) {
  const auto locked = transaction.Run(kLockStrands, PositionParams(letters));
  if (!locked) return Fail(locked.error());
  return {};
}

Result<> MarkDiscarded(Transaction& transaction, const std::vector<LockedLetter>& letters) {
  if (const auto marked = transaction.Run(kDiscard, PositionParams(letters)); !marked) return Fail(marked.error());
  std::vector<LockedLetter> dead;  // an event that went through in some other way stays as it is
  std::copy_if(letters.begin(), letters.end(), std::back_inserter(dead),
               [](const auto& letter) { return letter.inbox_status == "dead" || letter.inbox_status == "parked"; });
  EventArrays events(dead);
  if (events.any) {
    Params params;
    params.Add(std::move(events.scopes)).Add(std::move(events.ids));
    if (const auto marked = transaction.Run(kDiscardInbox, params); !marked) return Fail(marked.error());
  }
  const auto unparked = transaction.Run(kUnpark, PositionParams(letters));
  if (!unparked) return Fail(unparked.error());
  for (std::size_t i = 0; i < unparked->size(); ++i) {
    if (auto done = Continue(transaction, *unparked, i); !done) return done;
  }
  return {};
}

}  // namespace keystrand::worker::store
