#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "common/metrics/labels.h"
#include "common/metrics/registry.h"

namespace keystrand::metrics {

/// The series of one metric over the product of its closed label types, found by index. Those that `wanted` names exist
/// from the start, at 0; any other is made when it is first used (slower, and then it is there for good).
template <typename Handle, typename... L>
class Table {
 public:
  using Make = std::function<Handle(const Labels&)>;
  using Wanted = std::function<bool(L...)>;

  Table(Make make, std::array<std::string_view, sizeof...(L)> label_names, const Wanted& wanted = {})
      : make_(std::move(make)), label_names_(label_names), series_((kLabelValues<L>.size() * ...)) {
    for (std::size_t i = 0; i < series_.size(); ++i) Prepare(i, wanted, std::index_sequence_for<L...>{});
  }

  [[nodiscard]] Handle At(L... labels) const {
    const auto& series = series_[IndexOf(labels...)];
    return series ? *series : make_(LabelsOf(labels...));
  }

 private:
  static std::size_t IndexOf(L... labels) {
    std::size_t index = 0;
    ((index = index * kLabelValues<L>.size() + static_cast<std::size_t>(labels)), ...);
    return index;
  }
  /// The label number `Position` of the series at `index`: the last label changes fastest.
  template <std::size_t Position, typename Label>
  static Label LabelAt(std::size_t index) {
    constexpr std::array<std::size_t, sizeof...(L)> kSizes{kLabelValues<L>.size()...};
    for (std::size_t i = sizeof...(L) - 1; i > Position; --i) index /= kSizes[i];
    return static_cast<Label>(index % kSizes[Position]);
  }
  template <std::size_t... Positions>
  void Prepare(std::size_t index, const Wanted& wanted, std::index_sequence<Positions...> /*positions*/) {
    if (wanted && !wanted(LabelAt<Positions, L>(index)...)) return;
    series_[index] = make_(LabelsOf(LabelAt<Positions, L>(index)...));
  }
  [[nodiscard]] Labels LabelsOf(L... labels) const {
    const std::array<std::string_view, sizeof...(L)> values{kLabelValues<L>[static_cast<std::size_t>(labels)]...};
    Labels pairs;
    for (std::size_t i = 0; i < values.size(); ++i) pairs.emplace_back(label_names_[i], values[i]);
    return pairs;
  }

  Make make_;
  std::array<std::string_view, sizeof...(L)> label_names_;
  std::vector<std::optional<Handle>> series_;
};

/// `fixed`: labels that all series of the table have beside those of the table.
inline Labels With(Labels labels, const Labels& fixed) {
  labels.insert(labels.end(), fixed.begin(), fixed.end());
  return labels;
}
inline auto CountersOf(Registry& registry, Name name, Labels fixed = {}) {
  return [&registry, name, fixed = std::move(fixed)](const Labels& labels) {
    return registry.AddCounter(name, With(labels, fixed));
  };
}
inline auto GaugesOf(Registry& registry, Name name) {
  return [&registry, name](const Labels& labels) { return registry.AddGauge(name, labels); };
}
inline auto HistogramsOf(Registry& registry, Name name, std::vector<double> buckets) {
  return [&registry, name, buckets = std::move(buckets)](const Labels& labels) {
    return registry.AddHistogram(name, labels, buckets);
  };
}

}  // namespace keystrand::metrics
