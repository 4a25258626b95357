#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"
#include "tests/bench/workload/event_plan.h"

namespace keystrand::bench {

/// How one run's numbers become Stripe's ids and times.
struct RunIdentity {
  std::string tag = "bench001";              ///< 8 letters or digits: keeps the events of two runs apart
  std::chrono::sys_seconds first_created{};  ///< `created` of serial 0
  std::uint32_t created_per_second = 500;    ///< how many serials share a second
};

/// The body of one event with the places that differ from event to event. All values keep their width, so an event is
/// made by overwriting about a hundred bytes of a copy of text(), and all bodies have one length.
class EventTemplate {
 public:
  /// `text`: one event as Stripe posts it, with an `evt_` id, a `cus_` customer, a `ch_` object (its `pi_` follows the
  /// same number) and `"created": <10 digits>`. Errors: kMalformed names the part that is missing or too short.
  static Result<EventTemplate> Parse(std::string text);
  static Result<EventTemplate> Read(const std::string& path);

  [[nodiscard]] const std::string& text() const { return text_; }
  /// The event's type, such as charge.succeeded.
  [[nodiscard]] const std::string& type() const { return type_; }

  /// Makes `body`, a copy of text(), the bytes of `event`.
  void Patch(const PlannedEvent& event, const RunIdentity& run, char* body) const;
  [[nodiscard]] std::string Render(const PlannedEvent& event, const RunIdentity& run) const;

  /// Ids as they stand in the body.
  [[nodiscard]] std::string EventId(const PlannedEvent& event, const RunIdentity& run) const;
  [[nodiscard]] std::string CustomerId(const PlannedEvent& event, const RunIdentity& run) const;
  [[nodiscard]] static std::chrono::sys_seconds Created(const PlannedEvent& event, const RunIdentity& run);

 private:
  enum class FieldKind { kEvent, kCustomer, kObject, kPaymentIntent, kCreated };
  struct Field {
    FieldKind kind;
    std::size_t offset;  ///< where the part that changes begins: behind the prefix
    std::size_t width;
  };

  void Find(FieldKind kind, std::string_view prefix);
  [[nodiscard]] const Field* First(FieldKind kind) const;
  [[nodiscard]] std::string IdOf(FieldKind kind, std::string_view prefix, const PlannedEvent& event,
                                 const RunIdentity& run) const;
  static void Fill(FieldKind kind, std::size_t width, const PlannedEvent& event, const RunIdentity& run, char* to);

  std::string text_;
  std::string type_;
  std::vector<Field> fields_;
};

}  // namespace keystrand::bench
