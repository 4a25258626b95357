#include "tests/unit/common/metrics/exposition.h"

#include <algorithm>
#include <regex>
#include <sstream>

namespace keystrand::metrics {
namespace {

std::string FamilyOf(const Exposition& exposition, const std::string& sample) {
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    if (!sample.ends_with(suffix)) continue;
    const auto base = sample.substr(0, sample.size() - suffix.size());
    if (exposition.families.count(base) > 0 && exposition.families.at(base).type == "histogram") return base;
  }
  return sample;
}

void AddLabels(ExposedFamily& family, const std::string& labels) {
  static const std::regex kLabel("([a-z_]+)=\"([^\"]*)\"");
  for (std::sregex_iterator label(labels.begin(), labels.end(), kLabel), end; label != end; ++label) {
    if ((*label)[1] != "le") {
      family.label_names.insert((*label)[1]);
    } else if ((*label)[2] != "+Inf" && std::find(family.bucket_edges.begin(), family.bucket_edges.end(),
                                                  (*label)[2].str()) == family.bucket_edges.end()) {
      family.bucket_edges.push_back((*label)[2]);
    }
  }
}

void AddSample(Exposition& exposition, const std::string& line) {
  const auto blank = line.rfind(' ');
  const auto key = line.substr(0, blank);
  const auto brace = std::min(key.find('{'), key.size());
  AddLabels(exposition.families[FamilyOf(exposition, key.substr(0, brace))], key.substr(brace));
  const bool fresh = exposition.samples.emplace(key, std::stod(line.substr(blank + 1))).second;
  if (!fresh) ++exposition.repeated;
}

}  // namespace

Exposition ParseExposition(const std::string& text) {
  Exposition exposition;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string mark;
    std::string keyword;
    std::string name;
    words >> mark >> keyword >> name;
    if (mark != "#") {
      AddSample(exposition, line);
    } else if (keyword == "TYPE") {
      words >> exposition.families[name].type;
    } else if (keyword == "HELP") {
      exposition.families[name].has_help = true;
    }
  }
  return exposition;
}

}  // namespace keystrand::metrics
