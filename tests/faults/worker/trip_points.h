#pragma once

#include <string>
#include <string_view>

namespace keystrand::faults {

/// Places in the worker's work at which a test makes it die or freeze. A test arms one by making the file
/// `<folder>/<point>.kill` or `<folder>/<point>.stop`; the first process that comes by, whichever it is, renames the file
/// to `….<pid>` and sends itself SIGKILL or SIGSTOP: one file, one process. Thread-safe.
///
/// The points: `before_commit`, `after_commit` (of a batch); `before_letter_commit`, `after_letter_commit`;
/// `after_letter_publish` (acknowledged, not marked), `after_letter_mark`; `after_progress` (the watermark is in the
/// database, not in Kafka); `after_lease` (the epoch is raised, nothing is assigned).
class TripPoints {
 public:
  explicit TripPoints(std::string folder) : folder_(std::move(folder)) {}
  void Reach(std::string_view point) const;

 private:
  std::string folder_;
};

}  // namespace keystrand::faults
