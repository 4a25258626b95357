#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "worker/engine/entry.h"
#include "worker/handlers/handler.h"
#include "worker/store/session.h"

namespace keystrand::worker::engine {

/// Stops a handler that kills too many events, or whose tables are missing: its events are then parked, uncounted,
/// until an operator resumes it. The state is keystrand.breakers, shared by all workers; this is what one of them knows
/// of it. Thread-safe.
class Breakers {
 public:
  static constexpr std::size_t kHandlersMax = 32;

  /// `handlers` (at most kHandlersMax) outlive this.
  Breakers(std::string topic, std::string worker, const std::vector<const handlers::Handler*>& handlers)
      : topic_(std::move(topic)), worker_(std::move(worker)), handlers_(handlers) {}

  /// What is stopped, a bit per handler: taken once per attempt, so that loading and deciding agree.
  using Stopped = std::uint32_t;
  [[nodiscard]] Stopped Now() const { return open_.load(std::memory_order_relaxed); }
  /// Whether some handler of this event is among the stopped ones.
  [[nodiscard]] bool Stops(Stopped stopped, const handlers::Event& event) const;
  /// Handlers that are stopped, as far as is known here.
  [[nodiscard]] std::vector<std::string> Open() const;

  /// Inside the batch's transaction, once per letter: its handlers pay. Parse errors and crashes are nobody's. Returns
  /// whom that stops: to be told to Opened after the commit.
  Result<Stopped> Pay(store::Transaction& transaction, const Entry& entry, std::string_view fingerprint);
  void Opened(Stopped stopped);
  /// After the commit.
  void Settled(const handlers::Event& event);

  /// Stops the handlers that write the table that `error` (kMisdeployed) names. False: it is nobody's but the engine's.
  /// Errors: as the transaction's.
  Result<bool> Trip(store::Session& session, const Error& error);

  /// Learns what is stopped now; when a handler was resumed, or `anew` (partitions were taken), the strands of these
  /// partitions that wait for a breaker are due. False if the database is away.
  bool Refresh(store::Session& session, const std::vector<std::int32_t>& partitions, bool anew);

 private:
  [[nodiscard]] std::vector<std::size_t> PayersOf(const Entry& entry) const;

  std::string topic_;
  std::string worker_;
  const std::vector<const handlers::Handler*>& handlers_;
  std::atomic<Stopped> open_{0};
  std::atomic<Stopped> fresh_{0};  ///< opened here since Refresh began to look: it may not have seen them
  std::array<std::atomic<std::int64_t>, kHandlersMax> successes_{};
};

}  // namespace keystrand::worker::engine
