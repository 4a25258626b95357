#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/core/clock.h"
#include "common/kafka/consumer.h"
#include "common/kafka/topic_watch.h"
#include "worker/engine/breakers.h"
#include "worker/engine/database_state.h"
#include "worker/engine/dispatcher.h"
#include "worker/engine/gap_watch.h"
#include "worker/engine/letters.h"
#include "worker/engine/observer.h"
#include "worker/engine/parked_loader.h"

namespace keystrand::worker::engine {

struct PollSettings {
  kafka::ConsumerSettings consumer;
  std::string worker;                                ///< owner name in the leases
  std::chrono::milliseconds commit_interval{200};    ///< watermarks: database first, then Kafka
  std::chrono::milliseconds letters_interval{5000};  ///< unpublished dead letters are looked for this often
  std::chrono::milliseconds parked_interval{1000};   ///< breakers, and parked events that are due, likewise
  std::chrono::milliseconds revoke_timeout{10000};   ///< for running transactions when partitions are taken
  std::chrono::milliseconds lease_timeout{10000};    ///< without the database for so long: leave the group
};

/// The one thread that owns the consumer: polls, answers rebalances, hands records to lanes while they have room, and
/// commits. No handler and no SQL runs here: leases and watermarks are jobs for the executors.
class PollLoop final : public kafka::RebalanceListener, public kafka::ConsumerObserver {
 public:
  /// References outlive the loop. `kafka_observer` (may be null) gets statistics and client errors.
  PollLoop(PollSettings settings, Dispatcher& dispatcher, LetterPublisher& letters, ParkedLoader& parked,
           Breakers& breakers, const kafka::TopicWatch& topics, std::atomic<std::int32_t>& partition_count,
           const DatabaseState& database, const Clock& clock, EngineObserver& observer,
           kafka::ClientObserver* kafka_observer);

  /// Runs until Stop, then gives everything back in order. Errors: kUnavailable or kRejected: a fatal client error, the
  /// process should end.
  Result<> Run();
  /// Thread-safe.
  void Stop();
  /// Wakes the loop: lanes have room. Thread-safe.
  void Wake();

  /// For health and metrics; thread-safe.
  [[nodiscard]] SteadyTime last_poll() const { return SteadyTime(SteadyTime::duration(last_poll_.load())); }
  [[nodiscard]] bool joined() const { return joined_; }
  [[nodiscard]] std::size_t assigned() const { return assigned_count_; }

  void OnAssigned(const std::vector<std::int32_t>& partitions) override;
  void OnRevoked(const std::vector<std::int32_t>& partitions, bool lost) override;
  void OnCommitted(bool ok, std::string_view error) override;
  void OnPositionOutsideLog(std::int32_t partition) override;
  void OnStatistics(std::string_view json) override;
  void OnClientError(std::string_view code, std::string_view reason, bool fatal) override;

 private:
  /// What a lease job brings back.
  struct Leased {
    std::uint64_t assignment;
    Result<std::vector<store::Lease>> leases;
    std::vector<Dispatcher::Taken> taken;                ///< what they come with, likewise by position
    std::vector<std::optional<std::int64_t>> committed;  ///< by position in the leases
  };

  void Serve();
  void Pull();
  bool PullFrom(std::int32_t partition);
  void WatchTopics();
  void Subscribe();
  void Leave();
  void AskForLeases();
  bool RunLeaseJob(store::Session& session, std::uint64_t assignment, const std::vector<std::int32_t>& partitions);
  Result<std::vector<std::optional<std::int64_t>>> CommittedOf(const std::vector<std::int32_t>& partitions);
  bool RunProgressJob(store::Session& session, const std::vector<std::int32_t>& partitions);
  void TakeLeases();
  void AssignLeased(const Leased& leased);
  [[nodiscard]] kafka::StartPosition StartOf(const store::Lease& lease, std::optional<std::int64_t> committed);
  void HandleFenced();
  void HandleAcceptedGap();
  void StoreProgress();
  void CommitStored();
  void PublishLetters();
  void LoadParked();
  bool Release(const std::vector<std::int32_t>& partitions, SteadyTime deadline);
  [[nodiscard]] bool Due(SteadyTime& last, std::chrono::milliseconds interval) const;

  PollSettings settings_;
  Dispatcher& dispatcher_;
  LetterPublisher& letters_;
  ParkedLoader& parked_;
  Breakers& breakers_;
  GapWatch gaps_;
  const kafka::TopicWatch& topics_;
  std::atomic<std::int32_t>& partition_count_;
  const DatabaseState& database_;
  const Clock& clock_;
  EngineObserver& observer_;
  kafka::ClientObserver* kafka_observer_;
  std::unique_ptr<kafka::Consumer> consumer_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> joined_{false};
  std::atomic<std::size_t> assigned_count_{0};
  std::atomic<SteadyTime::rep> last_poll_{0};

  std::atomic<std::uint64_t> assignment_{0};  ///< grows with each rebalance: a lease job of an older one is void

  // Poll thread only.
  bool subscribed_ = false;
  std::vector<std::int32_t> assigned_;  ///< given by the group; dispatched once leased
  bool leasing_ = false;
  SteadyTime leasing_since_;
  SteadyTime lease_retry_at_;
  std::optional<SteadyTime> left_at_;  ///< the group, for want of the database
  bool pull_again_ = false;
  std::map<std::int32_t, std::int64_t> committed_;  ///< as last sent to Kafka
  SteadyTime last_progress_;
  SteadyTime last_letters_;
  SteadyTime last_parked_;

  // Shared with jobs.
  std::mutex consumer_mutex_;   ///< held while a thread other than the poll thread uses the consumer
  bool consumer_open_ = false;  // guarded by consumer_mutex_
  std::mutex mutex_;
  std::vector<Leased> leased_;            // guarded by mutex_
  std::vector<store::Progress> stored_;   // guarded by mutex_
  bool storing_ = false;                  // guarded by mutex_
  bool publishing_ = false;               // guarded by mutex_
  bool loading_parked_ = false;           // guarded by mutex_
  std::atomic<bool> taken_anew_ = false;  ///< partitions were leased since the breakers were looked at
};

}  // namespace keystrand::worker::engine
