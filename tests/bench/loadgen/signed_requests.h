#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/workload/digest.h"
#include "tests/bench/workload/event_plan.h"
#include "tests/bench/workload/event_template.h"

namespace keystrand::bench {

/// Every request of a run, signed before the run: 44 bytes each are kept, and the bytes on the wire are made by
/// overwriting fields of one image, so the timed path computes no digest and copies no body.
class SignedRequests {
 public:
  struct Settings {
    std::uint16_t port = 0;
    std::string path;
    std::string secret;
    std::chrono::sys_seconds signed_at{};  ///< receivers accept it for 300 s
    RunIdentity run{};
  };

  SignedRequests(EventTemplate event, std::vector<PlannedEvent> plan, const Settings& settings);

  [[nodiscard]] std::size_t size() const { return plan_.size(); }
  /// Some request, whole; all have its length.
  [[nodiscard]] const std::string& image() const { return image_; }
  /// Makes `request`, a copy of image() or of any other request, the `index`-th.
  void Patch(std::size_t index, char* request) const;

  [[nodiscard]] std::string EventId(std::size_t index) const;
  [[nodiscard]] PlanSummary Summary() const { return Summarize(plan_); }

 private:
  EventTemplate event_;
  RunIdentity run_;
  std::vector<PlannedEvent> plan_;
  std::vector<Digest> signatures_;
  std::string image_;
  std::size_t signature_offset_ = 0;
  std::size_t body_offset_ = 0;
};

}  // namespace keystrand::bench
