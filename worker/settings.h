#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "common/config/reader.h"
#include "common/kafka/topic_watch.h"
#include "common/log/log.h"

namespace keystrand::worker {

/// Two for each core of this machine, 8 at most: while one waits for its commit the other works, and more only take
/// each other's batches and caches.
int UsualExecutors();

/// Everything an operator can set about keystrand-worker; the reasons stand beside each in AddTo.
struct Settings {
  config::Listen admin_listen{"127.0.0.1", 9102};
  std::string kafka_brokers;
  std::string events_topic = "keystrand.events";
  std::string dead_letters_topic = "keystrand.dead-letters";
  std::string group = "keystrand-worker";
  kafka::Durability durability = kafka::Durability::kReplicated;
  std::int64_t body_bytes_max = 1048576;
  std::chrono::milliseconds topic_check_interval{60000};
  config::DatabaseUrl database_url;
  std::string database_password_file;
  std::string account;
  int inbox_days = 100;  ///< 0: the worker prunes nothing
  std::chrono::seconds prune_interval{3600};
  std::chrono::milliseconds gauges_interval{15000};
  int executors = UsualExecutors();
  std::size_t batch_max = 200;
  std::vector<std::string> mirror{"all"};
  std::string group_instance_id;  ///< empty: dynamic membership
  std::string instance;           ///< empty: host name and process id
  log::Level log_level = log::Level::kInfo;
  std::map<std::string, std::string> kafka;

  /// Declares every field. The settings outlive the reading.
  void AddTo(config::Reader& reader);
};

}  // namespace keystrand::worker
