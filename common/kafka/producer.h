#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/core/clock.h"
#include "common/kafka/client_settings.h"
#include "common/kafka/publisher.h"

namespace keystrand::kafka {

/// How one produce ended: the `result` label of keystrand_produce_total.
enum class ProduceResult : std::uint8_t { kOk, kTimeout, kQueueFull, kTooLarge, kBroker, kAuth, kFatal, kOther };

struct ProducerSettings {
  ClientSettings client;
  std::string topic;
  std::int64_t record_bytes_max = std::int64_t{2} * 1024 * 1024;  ///< as the topic's max.message.bytes
  std::int64_t batch_bytes_max = 1'000'000;  ///< the topic's max.message.bytes bounds what travels together, too
  std::int64_t queue_bytes_max =
      std::int64_t{16} * 1024 * 1024;  ///< refused copies must not pile up in front of a recovery
};

class ProducerObserver : public ClientObserver {
 public:
  /// Once per Publish, before its callback. `took`: produce call to delivery report.
  virtual void OnProduced(ProduceResult /*result*/, std::chrono::nanoseconds /*took*/) {}
};

/// An idempotent acks=all producer for one topic. Publish is thread-safe. Delivery reports are served by whoever calls
/// ServeDeliveries: watch delivery_fd() in an event loop (no thread of its own), or call ServeFor in turns.
/// A fatal client error (librdkafka before 2.3.0 can turn fatal after a possibly-persisted timeout) rebuilds the client
/// underneath: records in flight are reported as kUnavailable, later ones go through the new client.
class Producer final : public Publisher {
 public:
  /// `observer` (may be null) and `clock` must outlive the producer. Errors: kRejected (a setting librdkafka refuses).
  static Result<std::unique_ptr<Producer>> Create(ProducerSettings settings, const Clock& clock,
                                                  ProducerObserver* observer);
  /// Flushes for at most 5 s; what cannot be delivered by then is reported as failed. No callback is lost.
  ~Producer() override;
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  void Publish(OutgoingRecord record, DeliveryCallback on_delivered) override;

  /// An eventfd, readable while reports may wait. Owned by the producer.
  [[nodiscard]] int delivery_fd() const;
  /// Runs every callback that is due and returns. Call from one thread.
  void ServeDeliveries();
  /// Waits at most `timeout` for reports and serves them. Call from one thread. For programs without an event loop.
  void ServeFor(std::chrono::milliseconds timeout);

  /// How long the oldest unacknowledged record has waited; empty when nothing is in flight. Thread-safe.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> OldestUnacknowledged() const;
  /// The same of one partition: another leader, another wait.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> OldestUnacknowledged(std::int32_t partition) const;
  struct Backlog {
    std::size_t records = 0;
    std::size_t bytes = 0;  ///< keys and values not yet acknowledged
  };
  [[nodiscard]] Backlog InFlight() const;
  /// Flush with a bound: true if nothing is left in flight. Serves callbacks itself.
  bool Flush(std::chrono::milliseconds timeout);

 private:
  class Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::kafka
