#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/clock.h"
#include "common/http/handler.h"
#include "common/kafka/publisher.h"
#include "common/metrics/registry.h"

/// What the receiver's tests are made of: a sender's side, and a Kafka that does what a test says.
namespace keystrand::receiver {

inline const std::string kPrimary = "whsec_invented_for_tests_primary";
inline const std::string kSecondary = "whsec_invented_for_tests_secondary";
inline constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1'800'000'000)};

/// Stripe-Signature of `body`, signed at kNow + `offset`.
std::string Sign(std::string_view body, const std::string& secret = kPrimary,
                 std::chrono::seconds offset = std::chrono::seconds(0));

/// The value of a series as it is shown, `series` with its labels sorted by name; -1 if it is not there.
double ValueOf(const metrics::Registry& registry, std::string_view series);

class ManualClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point Now() const override { return now; }
  [[nodiscard]] std::chrono::steady_clock::time_point Steady() const override { return steady; }
  std::chrono::system_clock::time_point now = kNow;
  std::chrono::steady_clock::time_point steady{std::chrono::hours(1)};
};

/// Keeps records until the test reports on them. Thread-safe.
class FakePublisher final : public kafka::Publisher {
 public:
  struct Published {
    kafka::OutgoingRecord record;
    kafka::DeliveryCallback report;
    /// The value of a header; nothing if there is none.
    [[nodiscard]] std::optional<std::string> HeaderValue(std::string_view name) const;
  };

  void Publish(kafka::OutgoingRecord record, kafka::DeliveryCallback on_delivered) override;
  /// The next record, once there is one; fails the test after ten seconds.
  Published Next();
  [[nodiscard]] std::size_t waiting() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Published> published_;
};

/// Collects the answers of one or more requests.
class FakeSink final : public http::ResponseSink {
 public:
  struct Given {
    int status;
    std::string head;
    std::string body;
    http::OutcomeTag outcome;
  };
  void Answer(std::uint64_t exchange, const http::Response& response, http::OutcomeTag outcome) override;
  void Drop(std::uint64_t exchange) override;
  std::vector<Given> answers;
  int dropped = 0;
};

}  // namespace keystrand::receiver
