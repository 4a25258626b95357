#pragma once

#include <functional>
#include <utility>

#include "common/kafka/producer.h"
#include "tests/faults/worker/trip_points.h"
#include "worker/store/session.h"

namespace keystrand::faults {

/// Passes on what it is told, and trips after the statements and commits that the points are named after. The tests'
/// own statements (`faults_…`) are kept from the product's metrics.
class TrippingDatabaseObserver final : public worker::store::DatabaseObserver {
 public:
  /// `on_end`: called on the session's thread when a transaction is over, whichever way.
  TrippingDatabaseObserver(const TripPoints& points, worker::store::DatabaseObserver& next,
                           std::function<void()> on_end)
      : points_(points), next_(next), on_end_(std::move(on_end)) {}
  void OnOperation(std::string_view statement, std::chrono::nanoseconds took) override;
  void OnError(std::string_view statement, std::string_view sqlstate) override;
  void OnConnected(bool again) override { next_.OnConnected(again); }
  void OnTransactionEnded() override;
  void OnCorruption(std::string_view statement, std::string_view sqlstate) override {
    next_.OnCorruption(statement, sqlstate);
  }

 private:
  void Committed() const;

  const TripPoints& points_;
  worker::store::DatabaseObserver& next_;
  const std::function<void()> on_end_;
};

/// Likewise, after an acknowledged dead letter: the worker produces nothing else.
class TrippingProducerObserver final : public kafka::ProducerObserver {
 public:
  TrippingProducerObserver(const TripPoints& points, kafka::ProducerObserver& next) : points_(points), next_(next) {}
  void OnProduced(kafka::ProduceResult result, std::chrono::nanoseconds took) override;
  void OnStatistics(std::string_view json) override { next_.OnStatistics(json); }
  void OnClientError(std::string_view code, std::string_view reason, bool fatal) override {
    next_.OnClientError(code, reason, fatal);
  }

 private:
  const TripPoints& points_;
  kafka::ProducerObserver& next_;
};

/// Likewise, on the poll thread, with each statistics document: to stall it there is what a slow callback does.
class TrippingConsumerObserver final : public kafka::ClientObserver {
 public:
  TrippingConsumerObserver(const TripPoints& points, kafka::ClientObserver& next) : points_(points), next_(next) {}
  void OnStatistics(std::string_view json) override {
    next_.OnStatistics(json);
    points_.Reach("poll");
  }
  void OnClientError(std::string_view code, std::string_view reason, bool fatal) override {
    next_.OnClientError(code, reason, fatal);
  }

 private:
  const TripPoints& points_;
  kafka::ClientObserver& next_;
};

}  // namespace keystrand::faults
