#include "common/kafka/fetch.h"

namespace keystrand::kafka {

StoredRecord CopyOf(const rd_kafka_message_t& message) {
  StoredRecord record;
  record.position = {message.partition, message.offset};
  record.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
  record.key.assign(static_cast<const char*>(message.key), message.key_len);
  record.value.assign(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.push_back({name, std::string(static_cast<const char*>(value), size)});
  }
  return record;
}

Fetch::Fetch(rd_kafka_t* client, const std::string& topic)
    : queue_(rd_kafka_queue_new(client)), topic_(rd_kafka_topic_new(client, topic.c_str(), nullptr)) {}

Fetch::~Fetch() {
  for (const auto partition : started_) rd_kafka_consume_stop(topic_.get(), partition);
}

Result<> Fetch::Start(Position position) {
  if (rd_kafka_consume_start_queue(topic_.get(), position.partition, position.offset, queue_.get()) != 0) {
    return FailWith(rd_kafka_last_error(), "read");
  }
  started_.push_back(position.partition);
  return {};
}

MessageHandle Fetch::Next(std::chrono::milliseconds timeout) {
  return MessageHandle(rd_kafka_consume_queue(queue_.get(), static_cast<int>(timeout.count())));
}

}  // namespace keystrand::kafka
