#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace keystrand::metrics {

/// One metric as a scraper reads it.
struct ExposedFamily {
  std::string type;
  bool has_help = false;
  std::set<std::string> label_names;      ///< without le
  std::vector<std::string> bucket_edges;  ///< of a histogram, without +Inf, in order
};

/// The text format, read back.
struct Exposition {
  std::map<std::string, ExposedFamily> families;
  std::map<std::string, double> samples;  ///< by name and labels as written
  std::size_t repeated = 0;               ///< samples that came twice
  [[nodiscard]] std::size_t series() const { return samples.size(); }
};

Exposition ParseExposition(const std::string& text);

}  // namespace keystrand::metrics
