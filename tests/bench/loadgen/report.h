#pragma once

#include <string>

#include "tests/bench/loadgen/load_run.h"

namespace keystrand::bench {

struct ReportLabels {
  std::string name;
  std::size_t body_bytes = 0;
  std::size_t duplicates = 0;  ///< planned deliveries that repeat an event
};

/// One line of JSON. Rates per second, latencies in ms; fields: tests/bench/README.md.
std::string ReportLine(const ReportLabels& labels, const LoadShape& shape, const LoadResult& result);

}  // namespace keystrand::bench
