#include "tests/bench/workload/event_plan.h"

#include <algorithm>
#include <random>

#include "tests/bench/workload/zipf.h"

namespace keystrand::bench {
namespace {

/// Numbers new events: serials in order of creation, objects by customer.
class EventNumbers {
 public:
  explicit EventNumbers(const WorkloadShape& shape)
      : events_per_object_(std::max<std::size_t>(shape.events_per_object, 1)), customers_(shape.customers) {}

  PlannedEvent Next(std::size_t customer) {
    Customer& state = customers_[customer];
    if (state.events++ % events_per_object_ == 0) state.object = next_object_++;
    return PlannedEvent{next_serial_++, static_cast<std::uint32_t>(customer), state.object};
  }

 private:
  struct Customer {
    std::size_t events = 0;
    std::uint32_t object = 0;
  };
  std::size_t events_per_object_;
  std::vector<Customer> customers_;
  std::uint32_t next_serial_ = 0;
  std::uint32_t next_object_ = 0;
};

/// [0, 1) from the top 53 bits: the standard's own distributions may differ between libraries.
double Uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

const PlannedEvent& OneOfTheLast(const std::vector<PlannedEvent>& plan, std::size_t window, double uniform) {
  const std::size_t reach = std::min(window, plan.size());
  return plan[plan.size() - 1 - static_cast<std::size_t>(uniform * static_cast<double>(reach))];
}

std::size_t CountDistinct(std::vector<std::uint32_t> values) {
  std::sort(values.begin(), values.end());
  return static_cast<std::size_t>(std::unique(values.begin(), values.end()) - values.begin());
}

std::vector<std::uint32_t> Column(const std::vector<PlannedEvent>& plan, std::uint32_t PlannedEvent::*member) {
  std::vector<std::uint32_t> values(plan.size());
  std::transform(plan.begin(), plan.end(), values.begin(),
                 [member](const PlannedEvent& event) { return event.*member; });
  return values;
}

}  // namespace

std::vector<PlannedEvent> PlanDeliveries(const WorkloadShape& shape) {
  const ZipfSampler zipf(shape.customers, shape.zipf_exponent);
  std::mt19937_64 random(shape.seed);
  EventNumbers numbers(shape);
  std::vector<PlannedEvent> plan;
  plan.reserve(shape.deliveries);
  while (plan.size() < shape.deliveries) {
    const bool duplicate = Uniform(random) < shape.duplicate_share && !plan.empty();
    const double draw = Uniform(random);
    if (duplicate) {
      plan.push_back(OneOfTheLast(plan, shape.duplicate_window, draw));
      continue;
    }
    const bool hot = shape.hot_share > 0 && Uniform(random) < shape.hot_share;
    plan.push_back(numbers.Next(hot ? 0 : zipf.Rank(draw)));
  }
  return plan;
}

PlanSummary Summarize(const std::vector<PlannedEvent>& plan) {
  std::vector<std::size_t> per_customer;
  for (const PlannedEvent& event : plan) {
    per_customer.resize(std::max<std::size_t>(per_customer.size(), event.customer + 1));
    ++per_customer[event.customer];
  }
  const auto busiest = std::max_element(per_customer.begin(), per_customer.end());
  return PlanSummary{.deliveries = plan.size(),
                     .events = CountDistinct(Column(plan, &PlannedEvent::serial)),
                     .customers = CountDistinct(Column(plan, &PlannedEvent::customer)),
                     .objects = CountDistinct(Column(plan, &PlannedEvent::object)),
                     .busiest_customer_deliveries = busiest == per_customer.end() ? 0 : *busiest};
}

}  // namespace keystrand::bench
