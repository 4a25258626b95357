#include "common/kafka/admin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "common/kafka/internal.h"

namespace keystrand::kafka {
namespace {

using OptionsHandle = Owner<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using NewTopicHandle = Owner<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using ResourceHandle = Owner<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using MetadataHandle = Owner<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;

int Ms(std::chrono::milliseconds timeout) { return static_cast<int>(timeout.count()); }

std::int64_t ToNumber(const char* text) {
  std::int64_t number = 0;
  const std::string_view view = text == nullptr ? "" : text;
  std::from_chars(view.data(), view.data() + view.size(), number);
  return number;
}

GroupMember ReadMember(const rd_kafka_MemberDescription_t* described, const std::string& topic) {
  GroupMember member;
  member.client_id = rd_kafka_MemberDescription_client_id(described);
  member.host = rd_kafka_MemberDescription_host(described);
  if (member.host.starts_with('/')) member.host.erase(0, 1);  // Java prints an address without a name so
  const auto* assignment = rd_kafka_MemberDescription_assignment(described);
  const auto* list = assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    if (topic == list->elems[i].topic) member.partitions.push_back(list->elems[i].partition);
  }
  std::sort(member.partitions.begin(), member.partitions.end());
  return member;
}

void ReadConfig(std::string_view name, const char* value, TopicDescription& description) {
  if (name == "min.insync.replicas") description.min_insync_replicas = static_cast<std::int32_t>(ToNumber(value));
  if (name == "max.message.bytes") description.record_bytes_max = ToNumber(value);
  if (name == "retention.ms") description.retention_ms = ToNumber(value);
  if (name == "segment.ms") description.segment_ms = ToNumber(value);
  if (name == "unclean.leader.election.enable") {
    description.unclean_leader_election = value != nullptr && std::string_view(value) == "true";
  }
}

/// A topic that the broker does not describe to us, with the remedy where there is one.
tl::unexpected<Error> Undescribed(rd_kafka_resp_err_t error, const std::string& topic) {
  const bool forbidden = error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  return Fail(forbidden ? ErrorCode::kRejected : ToErrorCode(error),
              "topic " + topic + ": " + rd_kafka_err2name(error) +
                  (forbidden ? ": grant this client Describe and DescribeConfigs on it" : ""));
}

}  // namespace

class Admin::Impl {
 public:
  Impl(ClientSettings settings, ClientHandle client) : settings_(std::move(settings)), client_(std::move(client)) {}

  Result<TopicCreated> CreateTopic(const NewTopic& topic, std::chrono::milliseconds timeout) {
    std::array<char, 256> reason{};
    const NewTopicHandle made(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication_factor,
                                                    reason.data(), reason.size()));
    if (!made) return Fail(ErrorCode::kRejected, "topic " + topic.name + ": " + reason.data());
    for (const auto& [name, value] : topic.config)
      rd_kafka_NewTopic_set_config(made.get(), name.c_str(), value.c_str());
    std::array<rd_kafka_NewTopic_t*, 1> topics{made.get()};
    const auto event = Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout, [&](auto* options, auto* queue) {
      rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), options, queue);
    });
    if (!event) return Fail(event.error());
    std::size_t count = 0;
    const auto** results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
    const auto error = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
    if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return TopicCreated::kExisted;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return TopicCreated::kCreated;
    return Fail(ErrorCode::kRejected, "topic " + topic.name + ": " + rd_kafka_err2name(error));
  }

  Result<TopicDescription> Describe(const std::string& topic, std::chrono::milliseconds timeout) {
    auto description = DescribePartitions(topic, timeout);
    if (!description) return description;
    const ResourceHandle resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
    std::array<rd_kafka_ConfigResource_t*, 1> resources{resource.get()};
    const auto event = Ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout, [&](auto* options, auto* queue) {
      rd_kafka_DescribeConfigs(client_.get(), resources.data(), resources.size(), options, queue);
    });
    if (!event) return Fail(event.error());
    std::size_t count = 0;
    const auto** results =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
    if (count != 1) return Fail(ErrorCode::kUnavailable, "describe topic " + topic + ": no answer");
    if (const auto error = rd_kafka_ConfigResource_error(results[0]); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Undescribed(error, topic);
    }
    const auto** entries = rd_kafka_ConfigResource_configs(results[0], &count);
    for (std::size_t i = 0; i < count; ++i) {
      ReadConfig(rd_kafka_ConfigEntry_name(entries[i]), rd_kafka_ConfigEntry_value(entries[i]), *description);
    }
    return description;
  }

  Result<std::int32_t> BrokerCount(std::chrono::milliseconds timeout) {
    auto metadata = AskMetadata(nullptr, timeout);
    if (!metadata) return Fail(metadata.error());
    return (*metadata)->broker_cnt;
  }

  Result<std::vector<Watermarks>> QueryWatermarks(const std::string& topic, const std::vector<std::int32_t>& partitions,
                                                  std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const auto low = AskOffsets(topic, partitions, RD_KAFKA_OFFSET_BEGINNING, timeout);
    if (!low) return Fail(low.error());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const auto high = AskOffsets(topic, partitions, RD_KAFKA_OFFSET_END, std::max(left, std::chrono::milliseconds(1)));
    if (!high) return Fail(high.error());
    std::vector<Watermarks> marks;
    for (std::size_t i = 0; i < partitions.size(); ++i) marks.push_back({(*low)[i], (*high)[i]});
    return marks;
  }

  Result<std::vector<std::int64_t>> Committed(const std::string& group, const std::string& topic,
                                              std::int32_t partitions, std::chrono::milliseconds timeout) {
    auto client = ClientOf(group);
    if (!client) return Fail(client.error());
    PartitionListHandle list(rd_kafka_topic_partition_list_new(partitions));
    rd_kafka_topic_partition_list_add_range(list.get(), topic.c_str(), 0, partitions - 1);
    const auto committed = AskCommitted(*client, std::move(list), timeout, "offsets of group " + group);
    if (!committed) return Fail(committed.error());
    std::vector<std::int64_t> offsets;
    for (const auto& offset : *committed) offsets.push_back(offset.value_or(-1));
    return offsets;
  }

  Result<GroupDescription> DescribeGroup(const std::string& group, const std::string& topic,
                                         std::chrono::milliseconds timeout) {
    std::array<const char*, 1> groups{group.c_str()};
    const auto event = Ask(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout, [&](auto* options, auto* queue) {
      rd_kafka_DescribeConsumerGroups(client_.get(), groups.data(), groups.size(), options, queue);
    });
    if (!event) return Fail(event.error());
    std::size_t count = 0;
    const auto** results = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
    if (count != 1) return Fail(ErrorCode::kUnavailable, "describe group " + group + ": no answer");
    if (const auto* error = rd_kafka_ConsumerGroupDescription_error(results[0]); error != nullptr) {
      return FailWith(rd_kafka_error_code(error), "describe group " + group);
    }
    GroupDescription description;
    description.state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(results[0]));
    for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(results[0]); ++i) {
      description.members.push_back(ReadMember(rd_kafka_ConsumerGroupDescription_member(results[0], i), topic));
    }
    return description;
  }

 private:
  /// `which`: one of librdkafka's logical offsets. By the request for times, which takes these too:
  /// rd_kafka_query_watermark_offsets waits for ever in 2.0.2 where a broker does not answer (librdkafka's issue 2588).
  Result<std::vector<std::int64_t>> AskOffsets(const std::string& topic, const std::vector<std::int32_t>& partitions,
                                               std::int64_t which, std::chrono::milliseconds timeout) {
    const PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
    for (const auto partition : partitions) {
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = which;
    }
    const auto what = "watermarks of " + topic;
    const auto error = rd_kafka_offsets_for_times(client_.get(), list.get(), Ms(timeout));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(error, what);
    std::vector<std::int64_t> offsets;
    for (int i = 0; i < list->cnt; ++i) {
      const auto& answer = list->elems[i];
      if (answer.err != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(answer.err, what);
      if (answer.offset < 0) return Fail(ErrorCode::kUnavailable, what + ": no answer");
      offsets.push_back(answer.offset);
    }
    return offsets;
  }

  using Request = std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;

  /// Sends one admin request and waits for its one answer.
  Result<EventHandle> Ask(rd_kafka_admin_op_t operation, std::chrono::milliseconds timeout, const Request& send) {
    const OptionsHandle options(rd_kafka_AdminOptions_new(client_.get(), operation));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), Ms(timeout), nullptr, 0);
    const QueueHandle queue(rd_kafka_queue_new(client_.get()));
    send(options.get(), queue.get());
    EventHandle event(rd_kafka_queue_poll(queue.get(), Ms(timeout) + 1000));
    if (!event) return Fail(ErrorCode::kUnavailable, "no broker answered in time");
    if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return FailWith(error, "admin request");
    }
    return event;
  }

  /// A consumer that never joins its group. librdkafka's admin requests to a coordinator are no choice for a process
  /// that lives on: one that ran into its timeout while its answer came aborts the process (2.0.2, an assertion on
  /// `eonce->refcnt`).
  Result<rd_kafka_t*> ClientOf(const std::string& group) {
    if (group_client_ && group_ == group) return group_client_.get();
    auto conf = MakeConf(
        settings_,
        {{"group.id", group}, {"enable.auto.commit", "false"}, {"statistics.interval.ms", "0"}, {"log_level", "0"}});
    if (!conf) return Fail(conf.error());
    auto client = MakeClient(RD_KAFKA_CONSUMER, std::move(*conf));
    if (!client) return Fail(client.error());
    group_ = group;
    group_client_ = std::move(*client);
    return group_client_.get();
  }

  Result<MetadataHandle> AskMetadata(rd_kafka_topic_t* topic, std::chrono::milliseconds timeout) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto error = rd_kafka_metadata(client_.get(), 0, topic, &metadata, Ms(timeout));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(error, "metadata");
    return MetadataHandle(metadata);
  }

  Result<TopicDescription> DescribePartitions(const std::string& name, std::chrono::milliseconds timeout) {
    const TopicHandle topic(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
    auto metadata = AskMetadata(topic.get(), timeout);
    if (!metadata) return Fail(metadata.error());
    const auto& found = (*metadata)->topics[0];
    if ((*metadata)->topic_cnt != 1 || found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      return Fail(ErrorCode::kMisdeployed, "topic " + name + " does not exist: run `keystrand topics create`");
    }
    if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return Undescribed(found.err, name);
    TopicDescription description;
    description.partitions = found.partition_cnt;
    description.replication_factor = found.partition_cnt == 0 ? 0 : found.partitions[0].replica_cnt;
    for (int i = 0; i < found.partition_cnt; ++i) {
      description.replication_factor = std::min(description.replication_factor, found.partitions[i].replica_cnt);
    }
    return description;
  }

  ClientSettings settings_;
  ClientHandle client_;
  std::string group_;
  ClientHandle group_client_;  ///< of group_, made when it is first asked for
};

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;

std::vector<std::int32_t> FirstPartitions(std::int32_t count) {
  std::vector<std::int32_t> partitions(static_cast<std::size_t>(count));
  std::iota(partitions.begin(), partitions.end(), 0);
  return partitions;
}

Result<std::unique_ptr<Admin>> Admin::Create(const ClientSettings& settings) {
  if (auto checked = CheckProperties(settings); !checked) return Fail(checked.error());
  auto conf = MakeConf(settings, {{"statistics.interval.ms", "0"}, {"log_level", "0"}});
  if (!conf) return Fail(conf.error());
  auto client = MakeClient(RD_KAFKA_PRODUCER, std::move(*conf));
  if (!client) return Fail(client.error());
  return std::unique_ptr<Admin>(new Admin(std::make_unique<Impl>(settings, std::move(*client))));
}

Result<TopicCreated> Admin::CreateTopic(const NewTopic& topic, std::chrono::milliseconds timeout) {
  return impl_->CreateTopic(topic, timeout);
}
Result<TopicDescription> Admin::Describe(const std::string& topic, std::chrono::milliseconds timeout) {
  return impl_->Describe(topic, timeout);
}
Result<std::int32_t> Admin::BrokerCount(std::chrono::milliseconds timeout) { return impl_->BrokerCount(timeout); }
Result<std::vector<Watermarks>> Admin::QueryWatermarks(const std::string& topic,
                                                       const std::vector<std::int32_t>& partitions,
                                                       std::chrono::milliseconds timeout) {
  return impl_->QueryWatermarks(topic, partitions, timeout);
}
Result<std::vector<std::int64_t>> Admin::Committed(const std::string& group, const std::string& topic,
                                                   std::int32_t partitions, std::chrono::milliseconds timeout) {
  return impl_->Committed(group, topic, partitions, timeout);
}

Result<GroupDescription> Admin::DescribeGroup(const std::string& group, const std::string& topic,
                                              std::chrono::milliseconds timeout) {
  return impl_->DescribeGroup(group, topic, timeout);
}

}  // namespace keystrand::kafka
