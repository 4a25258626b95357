#include "worker/settings.h"

#include <algorithm>
#include <thread>

#include "common/kafka/client_settings.h"

namespace keystrand::worker {
namespace {

std::vector<std::string> ProblemsOf(const std::map<std::string, std::string>& kafka) {
  const auto checked = kafka::CheckProperties({"", "", kafka});
  return checked ? std::vector<std::string>{} : std::vector<std::string>{checked.error().detail};
}

std::vector<std::string> ProblemsOfMirror(const std::vector<std::string>& mirror) {
  const bool word = std::any_of(mirror.begin(), mirror.end(), [](const auto& m) { return m == "all" || m == "none"; });
  if (!word || mirror.size() == 1) return {};
  return {"mirror: give all, none, or a list of object types (customer,invoice), not both"};
}

}  // namespace

int UsualExecutors() { return std::clamp(2 * static_cast<int>(std::thread::hardware_concurrency()), 2, 8); }

void Settings::AddTo(config::Reader& reader) {
  reader.Add(admin_listen, {"admin-listen", "Where /livez, /readyz, /metrics and /version are served; never public"});
  reader.Add(kafka_brokers, {"kafka-brokers", "Brokers to start from, host:port, comma separated", true});
  reader.Add(events_topic, {"events-topic", "Topic that the receivers write"});
  reader.Add(dead_letters_topic, {"dead-letters-topic", "Topic for records that cannot be applied"});
  reader.Add(group, {"group", "Consumer group; one group applies each event once"});
  reader.Add(group_instance_id, {"group-instance-id",
                                 "Static membership: this worker's own name in its group, so that a restart within the "
                                 "session timeout moves no partition; each worker needs another"});
  reader.Add(
      durability,
      {"durability", "What the topics must be: replicated (3 copies, 2 in sync), or single-broker for a local stack"},
      {{"replicated", kafka::Durability::kReplicated}, {"single-broker", kafka::Durability::kSingleBroker}});
  reader.Add(body_bytes_max,
             {"body-bytes-max", "Largest body that the receivers take; the topics must hold it with 16 KiB to spare"},
             config::Range<std::int64_t>{1024, 64L * 1024 * 1024}, "bytes");
  reader.Add(topic_check_interval,
             {"topic-check-interval-ms",
              "How often the topics are held against what they must be; every second while they are not that"},
             {std::chrono::milliseconds(100), std::chrono::milliseconds(3'600'000)});
  reader.Add(database_url, {"database-url", "PostgreSQL, as libpq takes it: postgresql://user@host/name", true});
  reader.Add(database_password_file,
             {"database-password-file", "File with the password on its first line; read again at each connect"});
  reader.Add(account, {"account", "Your own account (acct_…): events that name it count as self"});
  reader.Add(executors, {"executors", "Threads that apply batches, with a connection each; two per core, 8 at most"},
             config::Range<int>{1, 64}, "threads");
  reader.Add(batch_max,
             {"batch-max", "Events in one transaction; it grows by itself under load, more than 200 gains little"},
             config::Range<std::size_t>{1, 1000}, "events");
  reader.Add(
      inbox_days,
      {"inbox-days",
       "How long what was settled is kept; longer than both topics keep a record, or a late duplicate of a pruned "
       "event would be applied again. 0: the worker prunes nothing"},
      config::Range<int>{0, 36500}, "days");
  reader.Add(prune_interval,
             {"prune-interval-seconds", "How often what is older is looked for and deleted, by one worker at a time"},
             {std::chrono::seconds(1), std::chrono::seconds(7 * 86400)});
  reader.Add(gauges_interval,
             {"gauges-interval-ms",
              "How often the gauges of the whole system (dead letters, parked events, lag) are asked of PostgreSQL and "
              "Kafka"},
             {std::chrono::milliseconds(1000), std::chrono::milliseconds(3'600'000)});
  reader.Add(mirror, {"mirror", "Whose snapshots stripe.objects keeps: all, none, or object types (customer,invoice)"});
  reader.Add(instance, {"instance", "This worker's name in leases, dead letters and logs; default: host name and pid"});
  reader.Add(log_level, {"log-level", "Least level that is logged; debug has a line per event"},
             {{"debug", log::Level::kDebug},
              {"info", log::Level::kInfo},
              {"warn", log::Level::kWarn},
              {"error", log::Level::kError}});
  reader.AddKafkaProperties(kafka);
  reader.Check({"kafka"}, [this] { return ProblemsOf(kafka); });
  reader.Check({"mirror"}, [this] { return ProblemsOfMirror(mirror); });
}

}  // namespace keystrand::worker
