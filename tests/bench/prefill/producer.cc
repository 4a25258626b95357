#include "tests/bench/prefill/producer.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <initializer_list>

namespace keystrand::bench {
namespace {

constexpr int kAdminTimeoutMs = 30'000;
constexpr int kFlushTimeoutMs = 60'000;
constexpr int kPollMs = 100;

template <auto Destroy>
struct DestroyedBy {
  template <typename T>
  void operator()(T* object) const noexcept {
    Destroy(object);
  }
};
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, DestroyedBy<rd_kafka_NewTopic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, DestroyedBy<rd_kafka_queue_destroy>>;
using AdminEvent = std::unique_ptr<rd_kafka_event_t, DestroyedBy<rd_kafka_event_destroy>>;
using Config = std::unique_ptr<rd_kafka_conf_t, DestroyedBy<rd_kafka_conf_destroy>>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, DestroyedBy<rd_kafka_metadata_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, DestroyedBy<rd_kafka_topic_destroy>>;
using Handle = std::unique_ptr<rd_kafka_t, DestroyedBy<rd_kafka_destroy>>;

struct Option {
  const char* name;
  std::string value;
};

Result<Config> MakeConfig(std::initializer_list<Option> options) {
  Config config(rd_kafka_conf_new());
  std::array<char, 512> problem{};
  for (const auto& [name, value] : options) {
    if (rd_kafka_conf_set(config.get(), name, value.c_str(), problem.data(), problem.size()) != RD_KAFKA_CONF_OK) {
      return Fail(ErrorCode::kInternal, problem.data());
    }
  }
  return config;
}

/// The outcome of CreateTopics: a topic that is there already is as good.
Result<> OutcomeOf(rd_kafka_event_t* event) {
  if (event == nullptr) return Fail(ErrorCode::kUnavailable, "no answer to CreateTopics");
  const rd_kafka_CreateTopics_result_t* result = rd_kafka_event_CreateTopics_result(event);
  if (result == nullptr) return Fail(ErrorCode::kUnavailable, rd_kafka_event_error_string(event));
  std::size_t count = 0;
  const rd_kafka_topic_result_t** topics = rd_kafka_CreateTopics_result_topics(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(topics[i]);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      return Fail(ErrorCode::kUnavailable, rd_kafka_err2str(error));
    }
  }
  return {};
}

}  // namespace

struct Producer::State {
  Settings settings;
  std::size_t outstanding = 0;
  std::size_t failed = 0;
  std::string first_failure;
  Handle handle;  // last, so that it goes before what its callback touches

  static void OnDelivery(rd_kafka_t* /*handle*/, const rd_kafka_message_t* record, void* opaque) {
    State& state = *static_cast<State*>(opaque);
    --state.outstanding;
    if (record->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (state.failed++ == 0) state.first_failure = rd_kafka_err2str(record->err);
  }

  [[nodiscard]] Result<> Check() const {
    if (failed == 0) return {};
    return Fail(ErrorCode::kUnavailable, std::to_string(failed) + " records not delivered: " + first_failure);
  }
};

Producer::Producer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Producer::~Producer() = default;
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

Result<Producer> Producer::Open(const Settings& settings) {
  auto config = MakeConfig({{"bootstrap.servers", settings.brokers},
                            {"enable.idempotence", "true"},
                            {"acks", "all"},
                            {"partitioner", "murmur2"},
                            {"linger.ms", std::to_string(settings.linger_ms)},
                            {"socket.nagle.disable", "true"},
                            {"message.max.bytes", "2097152"},
                            {"queue.buffering.max.messages", std::to_string(settings.outstanding_max + 1)},
                            {"queue.buffering.max.kbytes", "1048576"}});
  if (!config) return Fail(config.error());
  auto state = std::make_unique<State>();
  state->settings = settings;
  rd_kafka_conf_set_opaque(config->get(), state.get());
  rd_kafka_conf_set_dr_msg_cb(config->get(), &State::OnDelivery);
  std::array<char, 512> problem{};
  state->handle.reset(rd_kafka_new(RD_KAFKA_PRODUCER, config->get(), problem.data(), problem.size()));
  if (!state->handle) return Fail(ErrorCode::kInternal, problem.data());
  (void)config->release();  // rd_kafka_new took it
  return Producer(std::move(state));
}

Result<> Producer::CreateTopic(int partitions, int replication_factor) {
  std::array<char, 512> problem{};
  const NewTopic topic(rd_kafka_NewTopic_new(state_->settings.topic.c_str(), partitions, replication_factor,
                                             problem.data(), problem.size()));
  if (!topic) return Fail(ErrorCode::kInternal, problem.data());
  rd_kafka_NewTopic_set_config(topic.get(), "max.message.bytes", "2097152");
  const Queue answers(rd_kafka_queue_new(state_->handle.get()));
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(state_->handle.get(), topics, 1, nullptr, answers.get());
  return OutcomeOf(AdminEvent(rd_kafka_queue_poll(answers.get(), kAdminTimeoutMs)).get());
}

Result<std::int64_t> Producer::CountRecords() {
  const std::string& name = state_->settings.topic;
  const Topic topic(rd_kafka_topic_new(state_->handle.get(), name.c_str(), nullptr));
  const rd_kafka_metadata_t* answer = nullptr;
  auto error = rd_kafka_metadata(state_->handle.get(), 0, topic.get(), &answer, kAdminTimeoutMs);
  const Metadata metadata(answer);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Fail(ErrorCode::kUnavailable, rd_kafka_err2str(error));
  std::int64_t records = 0;
  for (int partition = 0; partition < metadata->topics[0].partition_cnt; ++partition) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    error =
        rd_kafka_query_watermark_offsets(state_->handle.get(), name.c_str(), partition, &low, &high, kAdminTimeoutMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return Fail(ErrorCode::kUnavailable, rd_kafka_err2str(error));
    records += high - low;
  }
  return records;
}

Result<> Producer::Produce(std::string_view key, std::string_view value, const Headers& headers) {
  rd_kafka_poll(state_->handle.get(), 0);
  while (state_->outstanding >= state_->settings.outstanding_max) rd_kafka_poll(state_->handle.get(), kPollMs);
  if (const auto healthy = state_->Check(); !healthy) return healthy;

  rd_kafka_headers_t* list = rd_kafka_headers_new(headers.size());
  for (const auto& [name, text] : headers) {
    rd_kafka_header_add(list, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  }
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      state_->handle.get(), RD_KAFKA_V_TOPIC(state_->settings.topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),  // copied: RD_KAFKA_MSG_F_COPY
      RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_headers_destroy(list);  // not taken
    return Fail(ErrorCode::kUnavailable, rd_kafka_err2str(error));
  }
  ++state_->outstanding;
  return {};
}

Result<> Producer::Flush() {
  if (rd_kafka_flush(state_->handle.get(), kFlushTimeoutMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return Fail(ErrorCode::kUnavailable, std::to_string(state_->outstanding) + " records without a delivery report");
  }
  return state_->Check();
}

}  // namespace keystrand::bench
