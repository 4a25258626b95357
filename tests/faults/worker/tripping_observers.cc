#include "tests/faults/worker/tripping_observers.h"

#include <array>
#include <set>

namespace keystrand::faults {
namespace {

struct CommitPoint {
  std::string_view statement;  ///< the transaction ran it
  const char* point;           ///< and is committed
};
constexpr std::array kAfterCommit = {
    CommitPoint{"faults_outcomes", "after_commit"},
    CommitPoint{"letter_insert", "after_letter_commit"},
    CommitPoint{"letter_published", "after_letter_mark"},
    CommitPoint{"lease_progress", "after_progress"},
    CommitPoint{"lease_raise", "after_lease"},
};

/// Of the transaction that runs on this thread: a session belongs to one thread.
std::set<std::string, std::less<>>& StatementsRun() {
  thread_local std::set<std::string, std::less<>> statements;
  return statements;
}

bool OurOwn(std::string_view statement) { return statement.starts_with("faults_"); }

}  // namespace

void TrippingDatabaseObserver::OnOperation(std::string_view statement, std::chrono::nanoseconds took) {
  if (!OurOwn(statement)) next_.OnOperation(statement, took);
  if (statement == "commit") return Committed();
  StatementsRun().emplace(statement);
  if (statement == "letter_insert") points_.Reach("before_letter_commit");
}

void TrippingDatabaseObserver::Committed() const {
  for (const auto& [statement, point] : kAfterCommit) {
    if (StatementsRun().contains(statement)) points_.Reach(point);
  }
  StatementsRun().clear();
}

void TrippingDatabaseObserver::OnError(std::string_view statement, std::string_view sqlstate) {
  if (!OurOwn(statement)) next_.OnError(statement, sqlstate);
}

void TrippingDatabaseObserver::OnTransactionEnded() {
  StatementsRun().clear();
  on_end_();
}

void TrippingProducerObserver::OnProduced(kafka::ProduceResult result, std::chrono::nanoseconds took) {
  next_.OnProduced(result, took);
  if (result == kafka::ProduceResult::kOk) points_.Reach("after_letter_publish");
}

}  // namespace keystrand::faults
