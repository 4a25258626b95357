#include "common/kafka/record_reader.h"

#include <algorithm>
#include <utility>

#include "common/kafka/fetch.h"

namespace keystrand::kafka {
namespace {

using MetadataHandle = Owner<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using Clock = std::chrono::steady_clock;

/// The end of the log was reached, or the position lies outside it.
bool SaysNotKept(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__PARTITION_EOF || error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
         error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
}

}  // namespace

std::optional<std::string_view> StoredRecord::FindHeader(std::string_view name) const {
  const auto found = std::find_if(headers.rbegin(), headers.rend(), [&](const auto& h) { return h.name == name; });
  return found == headers.rend() ? std::nullopt : std::optional<std::string_view>(found->value);
}

class RecordReader::Impl {
 public:
  explicit Impl(ClientHandle client) : client_(std::move(client)) {}

  Result<std::vector<std::optional<StoredRecord>>> Read(const std::string& topic,
                                                        const std::vector<Position>& positions,
                                                        std::chrono::milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    if (auto exist = CheckExist(topic, positions, timeout); !exist) return Fail(exist.error());
    Fetch fetch(client_.get(), topic);
    for (const auto& position : positions) {
      if (auto started = fetch.Start(position); !started) return Fail(started.error());
    }
    std::vector<std::optional<StoredRecord>> records(positions.size());
    std::vector<bool> settled(positions.size(), false);
    while (std::find(settled.begin(), settled.end(), false) != settled.end()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return Fail(ErrorCode::kUnavailable, "read " + topic + ": no broker answered in time");
      const auto message = fetch.Next(left);
      if (!message) continue;
      const bool is_record = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
      if (!is_record && !SaysNotKept(message->err)) continue;  // trouble that the client works on, until the deadline
      const auto at = std::find_if(positions.begin(), positions.end(),
                                   [&](const auto& position) { return position.partition == message->partition; });
      const auto i = static_cast<std::size_t>(at - positions.begin());
      if (i == positions.size() || settled[i]) continue;
      settled[i] = true;
      if (is_record && message->offset == at->offset) records[i] = CopyOf(*message);
    }
    return records;
  }

 private:
  /// A fetch of what does not exist would wait until the deadline.
  Result<> CheckExist(const std::string& topic, const std::vector<Position>& positions,
                      std::chrono::milliseconds timeout) {
    const TopicHandle handle(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
    const rd_kafka_metadata_t* raw = nullptr;
    const auto error = rd_kafka_metadata(client_.get(), 0, handle.get(), &raw, static_cast<int>(timeout.count()));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(error, "read " + topic);
    const MetadataHandle metadata(raw);
    const auto& found = metadata->topics[0];
    const bool exists = found.err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                        std::all_of(positions.begin(), positions.end(),
                                    [&](const auto& position) { return position.partition < found.partition_cnt; });
    if (!exists) return Fail(ErrorCode::kMisdeployed, "topic " + topic + " or its partition does not exist");
    return {};
  }

  ClientHandle client_;
};

RecordReader::RecordReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordReader::~RecordReader() = default;
RecordReader::RecordReader(RecordReader&&) noexcept = default;
RecordReader& RecordReader::operator=(RecordReader&&) noexcept = default;

Result<RecordReader> RecordReader::Open(const ClientSettings& settings) {
  if (auto checked = CheckProperties(settings); !checked) return Fail(checked.error());
  // One record a partition is wanted: small fetches (a broker sends a whole first batch in any case), no read-ahead.
  auto conf = MakeConf(settings, {{"enable.auto.commit", "false"},
                                  {"enable.auto.offset.store", "false"},
                                  {"auto.offset.reset", "error"},
                                  {"check.crcs", "true"},
                                  {"enable.partition.eof", "true"},
                                  {"fetch.message.max.bytes", "4096"},
                                  {"fetch.wait.max.ms", "10"},
                                  {"statistics.interval.ms", "0"},
                                  {"log_level", "0"}});
  if (!conf) return Fail(conf.error());
  auto client = MakeClient(RD_KAFKA_CONSUMER, std::move(*conf));
  if (!client) return Fail(client.error());
  return RecordReader(std::make_unique<Impl>(std::move(*client)));
}

Result<std::vector<std::optional<StoredRecord>>> RecordReader::Read(const std::string& topic,
                                                                    const std::vector<Position>& positions,
                                                                    std::chrono::milliseconds timeout) {
  return impl_->Read(topic, positions, timeout);
}

Result<std::optional<StoredRecord>> ReadRecord(const ClientSettings& settings, const std::string& topic,
                                               Position position, std::chrono::milliseconds timeout) {
  auto reader = RecordReader::Open(settings);
  if (!reader) return Fail(reader.error());
  auto records = reader->Read(topic, {position}, timeout);
  if (!records) return Fail(records.error());
  return std::move(records->front());
}

}  // namespace keystrand::kafka
