#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace keystrand::bench {

/// One delivery, by numbers only; EventTemplate turns them into bytes. A duplicate delivery equals an earlier one.
struct PlannedEvent {
  std::uint32_t serial = 0;    ///< the event: 0, 1, 2 … in the order of creation
  std::uint32_t customer = 0;  ///< rank of its customer, 0 = the busiest
  std::uint32_t object = 0;    ///< its object; an object never changes its customer
  friend bool operator==(const PlannedEvent&, const PlannedEvent&) = default;
};

struct WorkloadShape {
  std::size_t deliveries = 0;
  std::size_t customers = 10'000;
  double zipf_exponent = 1.1;
  double hot_share = 0;                 ///< of new events; they belong to customer 0, besides what Zipf gives it
  double duplicate_share = 0.05;        ///< of all deliveries; each repeats one of the last `duplicate_window`
  std::size_t duplicate_window = 1000;  ///< how far back a resend reaches
  std::size_t events_per_object = 3;    ///< a customer's next object begins after this many of its events
  std::uint64_t seed = 1;
};

/// The deliveries of one run, in order. The same shape gives the same plan.
std::vector<PlannedEvent> PlanDeliveries(const WorkloadShape& shape);

/// What a correct consumer has to end up with: computed from the plan, never from what was stored.
struct PlanSummary {
  std::size_t deliveries = 0;
  std::size_t events = 0;  ///< distinct
  std::size_t customers = 0;
  std::size_t objects = 0;
  std::size_t busiest_customer_deliveries = 0;
};
PlanSummary Summarize(const std::vector<PlannedEvent>& plan);

}  // namespace keystrand::bench
