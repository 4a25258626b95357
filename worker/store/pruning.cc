#include "worker/store/pruning.h"

#include <algorithm>

namespace keystrand::worker::store {
namespace {

/// The inbox is read for many chunks at once: each reading passes over the rows that were deleted and not yet vacuumed.
constexpr std::size_t kChunksPerReading = 50;

constexpr Statement kCount{"prune_count", R"(
SELECT (SELECT count(*) FROM keystrand.inbox
         WHERE settled_at < now() - make_interval(secs => $1::integer)
           AND status IN ('applied', 'stale', 'ignored', 'discarded')),
       (SELECT count(*) FROM keystrand.dead_letters
         WHERE failed_at < now() - make_interval(secs => $1::integer) AND status IN ('resolved', 'discarded')),
       (SELECT count(*) FROM keystrand.outbox
         WHERE next_attempt_at < now() - make_interval(secs => $1::integer) AND status = 'delivered'))"};

/// now(), since with a volatile clock the BRIN index on settled_at is of no use.
constexpr Statement kOldEvents{"prune_find", R"(
SELECT scope, event_id FROM keystrand.inbox
 WHERE settled_at < now() - make_interval(secs => $1::integer)
   AND status IN ('applied', 'stale', 'ignored', 'discarded')
 LIMIT $2::integer)"};

/// A row is judged again once it is locked: it may have been written since it was read. Neither this nor the deletion
/// has a condition beside the key: it would make a planner without statistics believe in so few rows that it reads the
/// whole table for each key (5 s a chunk of 1,000 in 30,000).
constexpr Statement kLockEvents{"prune_lock", R"(
SELECT i.scope, i.event_id,
       i.settled_at < now() - make_interval(secs => $1::integer)
         AND i.status IN ('applied', 'stale', 'ignored', 'discarded')
  FROM unnest($2::text[], $3::text[]) AS u(scope, event_id)
  JOIN keystrand.inbox i ON i.scope = u.scope AND i.event_id = u.event_id
 ORDER BY i.scope, i.event_id FOR UPDATE OF i)"};

constexpr Statement kEvents{"prune_events", R"(
DELETE FROM keystrand.inbox i
 USING unnest($1::text[], $2::text[]) AS u(scope, event_id)
 WHERE i.scope = u.scope AND i.event_id = u.event_id)"};

constexpr Statement kLetters{"prune_letters", R"(
DELETE FROM keystrand.dead_letters l
 USING (SELECT source_topic, source_partition, source_offset FROM keystrand.dead_letters
         WHERE failed_at < now() - make_interval(secs => $1::integer) AND status IN ('resolved', 'discarded')
         ORDER BY failed_at LIMIT $2::integer) old
 WHERE l.source_topic = old.source_topic AND l.source_partition = old.source_partition
   AND l.source_offset = old.source_offset AND l.status IN ('resolved', 'discarded'))"};

/// A delivered row has no time of its delivery; its last attempt was due before that, and never long before.
constexpr Statement kEffects{"prune_effects", R"(
DELETE FROM keystrand.outbox o
 USING (SELECT seq FROM keystrand.outbox
         WHERE next_attempt_at < now() - make_interval(secs => $1::integer) AND status = 'delivered'
         ORDER BY seq LIMIT $2::integer) old
 WHERE o.seq = old.seq AND o.status = 'delivered')"};

constexpr Statement kTurn{"prune_turn", "SELECT pg_try_advisory_lock(hashtext('keystrand.prune'))"};

using Stopping = std::function<bool()>;

Params AgeParams(std::chrono::seconds age) {
  Params params;
  params.Add(static_cast<std::int64_t>(age.count()));
  return params;
}

Params& AddKeys(Params& params, const std::vector<EventKey>& keys) {
  return params
      .Add(ArrayOf(
          keys, [](const auto& key) -> const auto& { return key.scope; }))
      .Add(ArrayOf(
          keys, [](const auto& key) -> const auto& { return key.event_id; }));
}

EventKey KeyAt(const Rows& rows, std::size_t row) {
  return {std::string(rows.Text(row, 0)), std::string(rows.Text(row, 1))};
}

Result<std::vector<EventKey>> FindOldEvents(Session& session, std::chrono::seconds age, std::size_t limit) {
  std::vector<EventKey> keys;
  const auto found = session.InTransaction([&](Transaction& transaction) -> Result<> {
    Params params = AgeParams(age);
    params.Add(static_cast<std::int64_t>(limit));
    const auto rows = transaction.Run(kOldEvents, params);
    if (!rows) return Fail(rows.error());
    for (std::size_t i = 0; i < rows->size(); ++i) keys.push_back(KeyAt(*rows, i));
    return {};
  });
  if (!found) return Fail(found.error());
  return keys;
}

/// One transaction; how many rows it deleted.
Result<std::int64_t> Delete(Session& session, const Statement& statement, const Params& params) {
  std::int64_t deleted = 0;
  const auto done = session.InTransaction([&](Transaction& transaction) -> Result<> {
    const auto rows = transaction.Run(statement, params);
    if (!rows) return Fail(rows.error());
    deleted = static_cast<std::int64_t>(rows->affected());
    return {};
  });
  if (!done) return Fail(done.error());
  return deleted;
}

Result<std::int64_t> DeleteEvents(Transaction& transaction, std::chrono::seconds age,
                                  const std::vector<EventKey>& keys) {
  Params lock = AgeParams(age);
  AddKeys(lock, keys);
  const auto locked = transaction.Run(kLockEvents, lock);
  if (!locked) return Fail(locked.error());
  std::vector<EventKey> still_old;
  for (std::size_t i = 0; i < locked->size(); ++i) {
    if (locked->Flag(i, 2)) still_old.push_back(KeyAt(*locked, i));
  }
  Params params;
  AddKeys(params, still_old);
  const auto rows = transaction.Run(kEvents, params);
  if (!rows) return Fail(rows.error());
  return static_cast<std::int64_t>(rows->affected());
}

Result<> DeleteInChunks(Session& session, std::chrono::seconds age, const std::vector<EventKey>& keys,
                        std::size_t chunk, std::int64_t& deleted, const Stopping& stopping) {
  for (std::size_t from = 0; from < keys.size(); from += chunk) {
    if (stopping && stopping()) return {};
    const std::vector<EventKey> some(keys.begin() + static_cast<std::ptrdiff_t>(from),
                                     keys.begin() + static_cast<std::ptrdiff_t>(std::min(from + chunk, keys.size())));
    std::int64_t rows = 0;
    auto done = session.InTransaction([&](Transaction& transaction) -> Result<> {
      const auto gone = DeleteEvents(transaction, age, some);
      if (!gone) return Fail(gone.error());
      rows = *gone;
      return {};
    });
    if (!done) return done;
    deleted += rows;
  }
  return {};
}

Result<> PruneEvents(Session& session, std::chrono::seconds age, std::size_t chunk, std::int64_t& deleted,
                     const Stopping& stopping) {
  const std::size_t limit = chunk * kChunksPerReading;
  while (true) {
    const auto keys = FindOldEvents(session, age, limit);
    if (!keys) return Fail(keys.error());
    if (auto done = DeleteInChunks(session, age, *keys, chunk, deleted, stopping); !done) return done;
    if (keys->size() < limit || (stopping && stopping())) return {};
  }
}

Result<> PruneTable(Session& session, const Statement& statement, std::chrono::seconds age, int chunk,
                    std::int64_t& deleted, const Stopping& stopping) {
  Params params = AgeParams(age);
  params.Add(chunk);
  while (true) {
    const auto rows = Delete(session, statement, params);
    if (!rows) return Fail(rows.error());
    deleted += *rows;
    if (*rows < chunk || (stopping && stopping())) return {};
  }
}

}  // namespace

Result<PruneCounts> CountPrunable(Transaction& transaction, std::chrono::seconds age) {
  const auto rows = transaction.Run(kCount, AgeParams(age));
  if (!rows) return Fail(rows.error());
  return PruneCounts{rows->Int(0, 0), rows->Int(0, 1), rows->Int(0, 2)};
}

Result<> Prune(Session& session, std::chrono::seconds age, int chunk, PruneCounts& done,
               const std::function<bool()>& stopping) {
  auto events = PruneEvents(session, age, static_cast<std::size_t>(chunk), done.events, stopping);
  if (!events) return events;
  if (stopping && stopping()) return {};
  if (auto letters = PruneTable(session, kLetters, age, chunk, done.letters, stopping); !letters) return letters;
  if (stopping && stopping()) return {};
  return PruneTable(session, kEffects, age, chunk, done.effects, stopping);
}

Result<bool> TakePruneTurn(Session& session) {
  bool taken = false;
  const auto asked = session.InTransaction([&](Transaction& transaction) -> Result<> {
    const auto rows = transaction.Run(kTurn, {});
    if (!rows) return Fail(rows.error());
    taken = rows->Flag(0, 0);
    return {};
  });
  if (!asked) return Fail(asked.error());
  return taken;
}

}  // namespace keystrand::worker::store
