#include "common/metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>

namespace keystrand::metrics {
namespace {

using PrometheusLabels = std::map<std::string, std::string>;

PrometheusLabels ToPrometheus(const Labels& labels) {
  PrometheusLabels pairs;
  for (const auto& [name, value] : labels) pairs.emplace(name, value);
  return pairs;
}

prometheus::ClientMetric ToPrometheus(const Family::Sample& sample, Family::Type type) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({std::string(name), value});
  switch (type) {
    case Family::Type::kCounter: metric.counter.value = sample.value; break;
    case Family::Type::kGauge: metric.gauge.value = sample.value; break;
  }
  return metric;
}

prometheus::MetricFamily ToPrometheus(const Family& family) {
  prometheus::MetricFamily converted;
  converted.name = family.name.name;
  converted.help = family.name.help;
  converted.type =
      family.type == Family::Type::kCounter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  for (const auto& sample : family.samples) converted.metric.push_back(ToPrometheus(sample, family.type));
  return converted;
}

}  // namespace

void Counter::Increment(double by) const { counter_->Increment(by); }
double Counter::Value() const { return counter_->Value(); }
void Gauge::Set(double value) const { gauge_->Set(value); }
void Gauge::Add(double by) const { gauge_->Increment(by); }
double Gauge::Value() const { return gauge_->Value(); }
void Histogram::Observe(double value) const { histogram_->Observe(value); }

class Registry::Impl {
 public:
  /// Families are merged by name: `builder` finds the one that is there.
  template <typename Builder>
  auto& FamilyOf(Builder builder, const Name& name) {
    return builder.Name(std::string(name.name)).Help(std::string(name.help)).Register(prometheus_);
  }

  void AddSource(Source source) {
    const std::lock_guard lock(mutex_);
    sources_.push_back(std::move(source));
  }

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const {
    auto families = prometheus_.Collect();
    const std::lock_guard lock(mutex_);
    for (const auto& source : sources_) {
      for (const auto& family : source()) {
        if (!family.samples.empty()) families.push_back(ToPrometheus(family));
      }
    }
    return families;
  }

 private:
  prometheus::Registry prometheus_;
  mutable std::mutex mutex_;
  std::vector<Source> sources_;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::AddCounter(const Name& name, const Labels& labels) noexcept {
  return Counter(impl_->FamilyOf(prometheus::BuildCounter(), name).Add(ToPrometheus(labels)));
}

Gauge Registry::AddGauge(const Name& name, const Labels& labels) noexcept {
  return Gauge(impl_->FamilyOf(prometheus::BuildGauge(), name).Add(ToPrometheus(labels)));
}

Histogram Registry::AddHistogram(const Name& name, const Labels& labels, const std::vector<double>& buckets) noexcept {
  return Histogram(impl_->FamilyOf(prometheus::BuildHistogram(), name).Add(ToPrometheus(labels), buckets));
}

void Registry::AddSource(Source source) { impl_->AddSource(std::move(source)); }
std::string Registry::Text() const { return prometheus::TextSerializer().Serialize(impl_->Collect()); }

}  // namespace keystrand::metrics
