#include "common/metrics/kafka_statistics.h"

#include <algorithm>
#include <charconv>

namespace keystrand::metrics {
namespace {

/// Walks a JSON text that a library wrote: strict about structure, lenient about the inside of numbers and strings. A
/// value that is asked for is taken by type or skipped. After a failure everything yields zero.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool AtEnd() {
    SkipBlanks();
    return at_ == text_.size();
  }

  /// Calls `take` with each key, positioned at its value, which `take` must consume.
  template <typename Take>
  void Object(Take take) {
    if (!Expect('{') || Accept('}')) return;
    do {
      const auto key = String();
      if (!Expect(':')) return;
      take(key);
    } while (!failed_ && Accept(','));
    Expect('}');
  }

  std::string_view String() {
    if (!Expect('"')) return {};
    const auto start = at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) return Failed(), std::string_view{};
    return text_.substr(start, at_++ - start);
  }

  double Number() {
    SkipBlanks();
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return Failed(), 0;
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }
  std::int64_t Integer() {
    SkipBlanks();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return Failed(), 0;
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  bool Bool() {
    SkipBlanks();
    const bool value = text_.substr(at_).starts_with("true");
    Skip();
    return value;
  }

  /// Over one value of any kind.
  void Skip(int depth = 0) {
    SkipBlanks();
    if (at_ >= text_.size() || depth > kDepthMax) return Failed();
    if (text_[at_] == '"') return void(String());
    if (text_[at_] == '{') return Object([&](std::string_view) { Skip(depth + 1); });
    if (text_[at_] == '[') return SkipArray(depth);
    const auto start = at_;
    at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
    if (at_ == start) Failed();
  }

 private:
  static constexpr int kDepthMax = 32;

  void SkipArray(int depth) {
    if (!Expect('[') || Accept(']')) return;
    do Skip(depth + 1);
    while (!failed_ && Accept(','));
    Expect(']');
  }
  void SkipBlanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool Accept(char c) {
    SkipBlanks();
    if (failed_ || at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Expect(char c) {
    if (!Accept(c)) Failed();
    return !failed_;
  }
  void Failed() { failed_ = true; }

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

/// One number of a window ("rtt", "throttle"): avg, and p99 where it is wanted.
void ReadWindow(Walker& json, double& avg, double* p99) {
  json.Object([&](std::string_view key) {
    if (key == "avg") {
      avg = json.Number();
    } else if (key == "p99" && p99 != nullptr) {
      *p99 = json.Number();
    } else {
      json.Skip();
    }
  });
}

std::int64_t* CounterOf(KafkaStatistics::Broker& broker, std::string_view key) {
  if (key == "nodeid") return &broker.node_id;
  if (key == "txerrs") return &broker.tx_errors;
  if (key == "rxerrs") return &broker.rx_errors;
  if (key == "txretries") return &broker.retries;
  if (key == "req_timeouts") return &broker.request_timeouts;
  if (key == "disconnects") return &broker.disconnects;
  if (key == "txbytes") return &broker.tx_bytes;
  if (key == "rxbytes") return &broker.rx_bytes;
  return nullptr;
}

/// A connection that librdkafka lists among the brokers.
struct Connection {
  KafkaStatistics::Broker broker;
  bool logical = false;  ///< to the group coordinator, which is one of the brokers
};

Connection ReadConnection(Walker& json) {
  Connection connection;
  auto& broker = connection.broker;
  json.Object([&](std::string_view key) {
    if (auto* counter = CounterOf(broker, key)) {
      *counter = json.Integer();
    } else if (key == "state") {
      const auto state = json.String();
      broker.up = state == "UP" || state == "UPDATE";
    } else if (key == "source") {
      connection.logical = json.String() == "logical";
    } else if (key == "rtt") {
      ReadWindow(json, broker.rtt_avg_us, &broker.rtt_p99_us);
    } else if (key == "throttle") {
      ReadWindow(json, broker.throttle_avg_ms, nullptr);
    } else {
      json.Skip();
    }
  });
  broker.reached = broker.up || broker.rx_bytes > 0;
  return connection;
}

void AddCounters(KafkaStatistics::Broker& to, const KafkaStatistics::Broker& from) {
  to.tx_errors += from.tx_errors;
  to.rx_errors += from.rx_errors;
  to.retries += from.retries;
  to.request_timeouts += from.request_timeouts;
  to.disconnects += from.disconnects;
  to.tx_bytes += from.tx_bytes;
  to.rx_bytes += from.rx_bytes;
}

/// One entry per broker: two of one node id would be the same series twice, which Prometheus refuses to scrape.
std::vector<KafkaStatistics::Broker> ReadBrokers(Walker& json) {
  std::vector<KafkaStatistics::Broker> brokers;
  std::vector<KafkaStatistics::Broker> coordinators;
  json.Object([&](std::string_view) {
    auto connection = ReadConnection(json);
    (connection.logical ? coordinators : brokers).push_back(connection.broker);
  });
  for (const auto& coordinator : coordinators) {
    for (auto& broker : brokers) {
      if (broker.node_id == coordinator.node_id) AddCounters(broker, coordinator);
    }
  }
  return brokers;
}

KafkaStatistics::Partition ReadPartition(Walker& json, std::string_view topic) {
  KafkaStatistics::Partition partition;
  partition.topic = topic;
  json.Object([&](std::string_view key) {
    if (key == "partition") {
      partition.partition = static_cast<std::int32_t>(json.Integer());
    } else if (key == "desired") {
      partition.desired = json.Bool();
    } else if (key == "consumer_lag") {
      partition.lag = json.Integer();
    } else if (key == "consumer_lag_stored") {
      partition.stored_lag = json.Integer();
    } else if (key == "fetchq_cnt") {
      partition.fetch_queue_messages = json.Integer();
    } else {
      json.Skip();
    }
  });
  return partition;
}

void ReadTopic(Walker& json, std::string_view topic, std::vector<KafkaStatistics::Partition>& partitions) {
  json.Object([&](std::string_view key) {
    if (key != "partitions") return json.Skip();
    json.Object([&](std::string_view) { partitions.push_back(ReadPartition(json, topic)); });
  });
}

void ReadGroup(Walker& json, KafkaStatistics& statistics) {
  json.Object([&](std::string_view key) {
    if (key == "assignment_size") {
      statistics.assigned_partitions = json.Integer();
    } else if (key == "join_state") {
      statistics.steady = json.String() == "steady";
    } else {
      json.Skip();
    }
  });
}

void ReadTopLevel(Walker& json, std::string_view key, KafkaStatistics& statistics) {
  if (key == "msg_cnt") {
    statistics.queue_messages = json.Integer();
  } else if (key == "msg_max") {
    statistics.queue_messages_max = json.Integer();
  } else if (key == "replyq") {
    statistics.callback_queue_length = json.Integer();
  } else if (key == "brokers") {
    statistics.brokers = ReadBrokers(json);
  } else if (key == "topics") {
    json.Object([&](std::string_view topic) { ReadTopic(json, topic, statistics.partitions); });
  } else if (key == "cgrp") {
    ReadGroup(json, statistics);
  } else {
    json.Skip();
  }
}

}  // namespace

Result<KafkaStatistics> ParseKafkaStatistics(std::string_view json) {
  Walker walker(json);
  KafkaStatistics statistics;
  walker.Object([&](std::string_view key) { ReadTopLevel(walker, key, statistics); });
  if (walker.failed() || !walker.AtEnd()) {
    return Fail(ErrorCode::kMalformed, "statistics: not JSON at byte " + std::to_string(walker.at()));
  }
  return statistics;
}

}  // namespace keystrand::metrics
