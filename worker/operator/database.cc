#include "worker/operator/database.h"

#include <random>
#include <thread>

#include "common/core/backoff.h"

namespace keystrand::worker::op {
namespace {

constexpr int kTriesMax = 8;
constexpr Backoff::Policy kPolicy{std::chrono::milliseconds(20), std::chrono::milliseconds(1000)};

}  // namespace

Result<> InTransaction(store::Session& session, const std::function<Result<>(store::Transaction&)>& work) {
  Backoff backoff(kPolicy, std::random_device()());
  auto done = session.InTransaction(work);
  for (int tries = 1; !done && done.error().code == ErrorCode::kConflict && tries < kTriesMax; ++tries) {
    std::this_thread::sleep_for(backoff.Wait(tries));
    done = session.InTransaction(work);
  }
  return done;
}

}  // namespace keystrand::worker::op
