#pragma once

#include <string>
#include <string_view>

namespace keystrand::faults {

/// Places in the worker's work at which a test makes it die, freeze or stall. A test arms one by making the file
/// `<folder>/<point>.kill`, `….stop` or `….stall`; the first process that comes by, whichever it is, renames the file
/// to `….<pid>`: one file, one process. It sends itself SIGKILL or SIGSTOP, or, to stall, keeps this one thread waiting
/// until the test removes the renamed file, at most a minute. Thread-safe.
///
/// The points: `before_commit`, `after_commit` (of a batch); `before_letter_commit`, `after_letter_commit`;
/// `after_letter_publish` (acknowledged, not marked), `after_letter_mark`; `after_progress` (the watermark is in the
/// database, not in Kafka); `after_lease` (the epoch is raised, nothing is assigned); `poll` (on the poll thread, every
/// five seconds).
class TripPoints {
 public:
  explicit TripPoints(std::string folder) : folder_(std::move(folder)) {}
  void Reach(std::string_view point) const;

 private:
  std::string folder_;
};

}  // namespace keystrand::faults
