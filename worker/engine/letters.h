#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/core/clock.h"
#include "common/kafka/producer.h"
#include "worker/engine/dispatcher.h"
#include "worker/engine/observer.h"
#include "worker/store/dead_letters.h"

namespace keystrand::worker::engine {

/// The letter of an item at `source` that died of `error` at its `attempts`-th attempt. `now`: wall clock.
store::DeadLetter MakeLetter(const Item& item, store::SourcePosition source, const Error& error, std::string stage,
                             int attempts, const std::string& worker, std::chrono::system_clock::time_point now);

/// The record of a letter: the original key, bytes and headers, and the dlq-* headers.
kafka::OutgoingRecord RecordOf(const store::DeadLetter& letter);

/// Publishes dead letters after their rows are committed, and lets their offsets complete after that. Thread-safe.
class LetterPublisher {
 public:
  /// All references outlive the publisher. `producer` writes to the dead-letters topic and is served here only.
  LetterPublisher(std::string events_topic, kafka::Producer& producer, Dispatcher& dispatcher, EngineObserver& observer)
      : topic_(std::move(events_topic)), producer_(producer), dispatcher_(dispatcher), observer_(observer) {}

  /// The offset waits until the letter is published, which lies at `letter` in the same partition: at the offset
  /// itself, or where the record lay before it was replayed.
  void Await(std::int32_t partition, std::int64_t letter, std::int64_t offset);
  /// The partitions are not ours any more.
  void Drop(const std::vector<std::int32_t>& partitions);
  /// Publishes what is unpublished of these partitions and completes offsets. If another thread is at it already, that
  /// one goes round once more. False if the database is away.
  bool Publish(store::Session& session, const std::vector<std::int32_t>& partitions);

 private:
  std::vector<std::int32_t> TakeWanted();
  bool PublishAll(store::Session& session, const std::vector<std::int32_t>& partitions);
  bool PublishOnce(store::Session& session, const std::vector<std::int32_t>& partitions, std::size_t& published);
  std::vector<store::DeadLetter> Produce(std::vector<store::DeadLetter> letters);
  bool CompletePublished(store::Session& session);

  std::string topic_;
  kafka::Producer& producer_;
  Dispatcher& dispatcher_;
  EngineObserver& observer_;
  std::mutex publishing_;  // one at a time: the producer is served by one thread
  std::mutex mutex_;
  std::set<std::int32_t> wanted_;  // guarded by mutex_
  struct Awaited {
    std::int32_t partition;
    std::int64_t letter;
    std::int64_t offset;
    auto operator<=>(const Awaited&) const = default;
  };
  std::set<Awaited> awaiting_;  // guarded by mutex_
};

}  // namespace keystrand::worker::engine
