#include "worker/store/breaker_actions.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kList{"breakers_list", R"(
SELECT handler, state, trim_scale(tokens), fingerprint, (extract(epoch FROM opened_at) * 1000)::bigint, opened_by
  FROM keystrand.breakers ORDER BY handler)"};

constexpr Statement kLock{"breaker_lock", R"(
SELECT handler, state, trim_scale(tokens), fingerprint, (extract(epoch FROM opened_at) * 1000)::bigint, opened_by
  FROM keystrand.breakers WHERE handler = $1 FOR UPDATE)"};

constexpr Statement kResume{"breaker_resume", R"(
UPDATE keystrand.breakers SET state = 'closed', tokens = $2::numeric, fingerprint = NULL, opened_at = NULL,
       opened_by = NULL
 WHERE handler = $1)"};

constexpr Statement kAccept{"breaker_accept", R"(
UPDATE keystrand.breakers SET state = 'closed', tokens = tokens + $2::numeric, fingerprint = NULL, opened_at = NULL,
       opened_by = NULL
 WHERE handler = $1)"};

std::vector<BreakerState> StatesIn(const Rows& rows) {
  std::vector<BreakerState> states;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    BreakerState state;
    state.handler = rows.Text(i, 0);
    state.state = rows.Text(i, 1);
    state.tokens = rows.Text(i, 2);
    state.fingerprint = rows.Text(i, 3);
    if (!rows.IsNull(i, 4)) state.opened_at_ms = rows.Int(i, 4);
    state.opened_by = rows.Text(i, 5);
    states.push_back(std::move(state));
  }
  return states;
}

Result<> Close(Transaction& transaction, const Statement& statement, const std::string& handler, std::int64_t tokens) {
  Params params;
  params.Add(handler).Add(tokens);
  const auto closed = transaction.Run(statement, params);
  if (!closed) return Fail(closed.error());
  return {};
}

}  // namespace

Result<std::vector<BreakerState>> ListBreakers(Transaction& transaction) {
  const auto rows = transaction.Run(kList, {});
  if (!rows) return Fail(rows.error());
  return StatesIn(*rows);
}

Result<std::optional<BreakerState>> LockBreaker(Transaction& transaction, const std::string& handler) {
  Params params;
  params.Add(handler);
  const auto rows = transaction.Run(kLock, params);
  if (!rows) return Fail(rows.error());
  auto states = StatesIn(*rows);
  if (states.empty()) return std::optional<BreakerState>();
  return std::optional(std::move(states.front()));
}

Result<> ResumeBreaker(Transaction& transaction, const std::string& handler) {
  return Close(transaction, kResume, handler, kBreakerTokensFull);
}

Result<> AcceptLetters(Transaction& transaction, const std::string& handler, std::int64_t letters) {
  return Close(transaction, kAccept, handler, letters);
}

}  // namespace keystrand::worker::store
