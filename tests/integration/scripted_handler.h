#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/integration/support.h"
#include "worker/handlers/handler.h"

namespace keystrand::worker::engine {

using namespace testing_support;

inline constexpr int kForEver = 1'000'000;

/// Fails events as often as a test says, and remembers in which order the others were taken.
class Scripted final : public handlers::Handler {
 public:
  explicit Scripted(AfterDeath when_dead) : when_dead_(when_dead), name_(UniqueName("scripted-")) {}

  void Fail(const std::string& event_id, ErrorCode code, int times) {
    const std::lock_guard lock(mutex_);
    failing_[event_id] = {code, times};
  }
  [[nodiscard]] std::vector<std::string> Taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

  [[nodiscard]] std::string_view Name() const override { return name_; }
  [[nodiscard]] std::vector<std::string_view> Tables() const override { return {}; }
  [[nodiscard]] AfterDeath WhenDead() const override { return when_dead_; }
  void Need(const handlers::Event&, handlers::RowKeys&) const override {}
  Result<handlers::Outcome> Apply(const handlers::Event& event, handlers::UnitOfWork&) const override {
    const std::lock_guard lock(mutex_);
    const auto found = failing_.find(event.envelope.id);
    if (found != failing_.end() && found->second.second > 0) {
      --found->second.second;
      return ::keystrand::Fail(found->second.first, "as the test says");
    }
    taken_.push_back(event.envelope.id);
    return handlers::Outcome{handlers::Verdict::kApplied, ""};
  }

 private:
  const AfterDeath when_dead_;
  const std::string name_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::pair<ErrorCode, int>> failing_;
  mutable std::vector<std::string> taken_;
};

}  // namespace keystrand::worker::engine
