#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "worker/store/session.h"

namespace keystrand::worker::op {

/// One transaction; after a lost race (kConflict) again, a few times, with a growing wait. `work` must be fit to run
/// again from the start. Errors: those of Session::InTransaction.
Result<> InTransaction(store::Session& session, const std::function<Result<>(store::Transaction&)>& work);

/// The same for work that returns something: `Ask(session, [&](auto& transaction) { return FindLetters(…); })`.
template <typename Work>
auto Ask(store::Session& session, Work work) -> std::invoke_result_t<Work, store::Transaction&> {
  std::invoke_result_t<Work, store::Transaction&> answer = Fail(ErrorCode::kInternal, "nothing was asked");
  auto done = InTransaction(session, [&](store::Transaction& transaction) -> Result<> {
    answer = work(transaction);
    if (!answer) return Fail(answer.error());
    return {};
  });
  if (!done) return Fail(std::move(done.error()));
  return answer;
}

}  // namespace keystrand::worker::op
