#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace keystrand::metrics {

/// One series. The handles are pointers into the registry, which must outlive them: copy freely. Thread-safe.
class Counter {
 public:
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  void Increment(double by = 1) const;
  [[nodiscard]] double Value() const;

 private:
  prometheus::Counter* counter_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  void Set(double value) const;
  void Add(double by) const;  ///< negative: down
  [[nodiscard]] double Value() const;

 private:
  prometheus::Gauge* gauge_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  void Observe(double value) const;  ///< in the unit of the name, seconds or bytes

 private:
  prometheus::Histogram* histogram_;
};

/// Label names and values, in the order they are shown.
using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// The name and help text of one metric: constants.
struct Name {
  std::string_view name;
  std::string_view help;
};

/// Samples of one metric as a Source gives them: absolute values, taken when scraped.
struct Family {
  enum class Type { kCounter, kGauge };
  struct Sample {
    Labels labels;
    double value = 0;
  };
  Name name;
  Type type = Type::kGauge;
  std::vector<Sample> samples;
};

/// Called at each scrape, on the scraping thread: answers from memory.
using Source = std::function<std::vector<Family>()>;

/// All metrics of one process. Thread-safe.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// The series of these labels, made at 0 if it is new. Aborts on a name that is taken by another type.
  Counter AddCounter(const Name& name, const Labels& labels = {}) noexcept;
  Gauge AddGauge(const Name& name, const Labels& labels = {}) noexcept;
  Histogram AddHistogram(const Name& name, const Labels& labels, const std::vector<double>& buckets) noexcept;
  /// What `source` refers to must outlive the registry's last Text.
  void AddSource(Source source);

  /// The exposition, of content type kContentType.
  [[nodiscard]] std::string Text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace keystrand::metrics
