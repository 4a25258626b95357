#include "common/kafka/topic_scan.h"

#include <set>
#include <utility>

#include "common/kafka/fetch.h"

namespace keystrand::kafka {
namespace {

using Clock = std::chrono::steady_clock;

Result<ClientHandle> MakeScanner(const ClientSettings& settings) {
  if (auto checked = CheckProperties(settings); !checked) return Fail(checked.error());
  // Each end is noticed by a fetch that finds nothing: it must not wait for more.
  auto conf = MakeConf(settings, {{"enable.auto.commit", "false"},
                                  {"enable.auto.offset.store", "false"},
                                  {"auto.offset.reset", "error"},
                                  {"check.crcs", "true"},
                                  {"enable.partition.eof", "true"},
                                  {"isolation.level", "read_committed"},
                                  {"fetch.wait.max.ms", "10"},
                                  {"queued.max.messages.kbytes", "16384"},
                                  {"statistics.interval.ms", "0"},
                                  {"log_level", "0"}});
  if (!conf) return Fail(conf.error());
  return MakeClient(RD_KAFKA_CONSUMER, std::move(*conf));
}

}  // namespace

Result<> ScanTopic(const ClientSettings& settings, const std::string& topic, std::int32_t partitions,
                   std::chrono::milliseconds timeout, const std::function<Result<>(StoredRecord)>& each) {
  const auto client = MakeScanner(settings);
  if (!client) return Fail(client.error());
  Fetch fetch(client->get(), topic);
  std::set<std::int32_t> unfinished;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    if (auto started = fetch.Start({partition, RD_KAFKA_OFFSET_BEGINNING}); !started) return started;
    unfinished.insert(partition);
  }
  auto deadline = Clock::now() + timeout;
  while (!unfinished.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return Fail(ErrorCode::kUnavailable, "read " + topic + ": no broker answered in time");
    const auto message = fetch.Next(left);
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      unfinished.erase(message->partition);
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (auto done = each(CopyOf(*message)); !done) return done;
    } else {
      continue;  // trouble that the client works on, until the deadline
    }
    deadline = Clock::now() + timeout;
  }
  return {};
}

}  // namespace keystrand::kafka
