#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "common/config/reader.h"
#include "common/kafka/topic_watch.h"
#include "worker/operator/letter_choice.h"
#include "worker/store/session.h"

namespace keystrand::worker::op {

enum class Format : std::uint8_t { kText, kJson };

/// Everything that can be set about `keystrand`; reasons and bounds stand beside each in settings.cc and
/// commands.cc.
struct Settings {
  std::string kafka_brokers;
  std::string events_topic = "keystrand.events";
  std::string dead_letters_topic = "keystrand.dead-letters";
  std::string facts_topic = "keystrand.facts";
  std::string group = "keystrand-worker";
  kafka::Durability durability = kafka::Durability::kReplicated;
  std::int64_t body_bytes_max = 1048576;
  config::DatabaseUrl database_url;
  std::string database_password_file;
  std::map<std::string, std::string> kafka;
  std::string actor;  ///< the login name, once read
  Format output = Format::kText;
  std::chrono::milliseconds timeout{5000};

  std::string account;
  int inbox_days = 100;

  // topics create
  std::int32_t partitions = 0;   ///< 0: as many as the events topic has, else 12
  std::int32_t replication = 0;  ///< 0: the smaller of 3 and the number of brokers
  // status
  std::chrono::seconds backlog_age_max{300};
  // event show
  std::string event_id;
  std::string scope;  ///< empty: all
  bool payload = false;
  std::string reason;  ///< of every command that writes
  // dead-letters
  LetterChoice letters;
  std::int64_t list_limit = 100;  ///< of list; 0: all
  std::string letter_id;          ///< of show
  bool raw = false;
  bool resume = false;
  bool dry_run = false;  ///< also of prune and import
  // customer show
  std::string customer;
  // breaker
  std::string handler;
  std::string accepted;  ///< a number, which its rule has checked
  // gap accept
  std::string partition;  ///< a number, which its rule has checked
  // prune
  int chunk = 1000;
  // import
  std::string file;
  bool strict = false;

  /// Declares every setting and command. The settings outlive the reading.
  void AddTo(config::Reader& reader);

  [[nodiscard]] kafka::ClientSettings Client() const { return {kafka_brokers, "keystrand", kafka}; }
  [[nodiscard]] store::DatabaseSettings Database() const;
};

}  // namespace keystrand::worker::op
