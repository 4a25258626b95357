#include "common/kafka/internal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "common/kafka/name_cache.h"

namespace keystrand::kafka {
namespace {

constexpr std::uint64_t kOne = 1;  // an eventfd takes exactly 8 bytes

Result<> Set(rd_kafka_conf_t* conf, const std::string& property, const std::string& value) {
  std::array<char, 256> reason{};
  if (rd_kafka_conf_set(conf, property.c_str(), value.c_str(), reason.data(), reason.size()) == RD_KAFKA_CONF_OK) {
    return {};
  }
  return Fail(ErrorCode::kRejected, "kafka." + property + ": librdkafka refuses this property or its value");
}

/// How long a thread of librdkafka's waits for an address. glibc itself would give each name server 5 s, twice.
constexpr std::chrono::milliseconds kNamePatience{2000};

/// For all clients of the process, never destroyed: their threads ask it until they end.
NameCache& Names() {
  static auto* names = new NameCache(kNamePatience);
  return *names;
}

/// librdkafka asks so for an address, and frees what it got by a call without a name.
int Resolve(const char* node, const char* service, const addrinfo* hints, addrinfo** found, void*) {
  if (node != nullptr) return Names().Resolve(node, service, *hints, found);
  NameCache::Free(*found);
  return 0;
}

/// librdkafka would write to stderr; errors come through the error callback or event instead.
void DropLog(const rd_kafka_t*, int, const char*, const char*) {}

}  // namespace

Result<ConfHandle> MakeConf(const ClientSettings& settings, const Properties& fixed) {
  ConfHandle conf(rd_kafka_conf_new());
  // A broker that hangs holds what is in flight to it for the socket timeout, although others may lead by then: 10 s,
  // not librdkafka's 60.
  const Properties common = {{"socket.timeout.ms", "10000"},       {"bootstrap.servers", settings.brokers},
                             {"client.id", settings.client_id},    {"socket.nagle.disable", "true"},
                             {"reconnect.backoff.max.ms", "1000"}, {"allow.auto.create.topics", "false"},
                             {"log.connection.close", "false"},    {"statistics.interval.ms", "5000"}};
  for (const auto& [property, value] : common) {
    if (auto set = Set(conf.get(), property, value); !set) return Fail(set.error());
  }
  for (const auto& [property, value] : settings.properties) {
    if (auto set = Set(conf.get(), property, value); !set) return Fail(set.error());
  }
  for (const auto& [property, value] : fixed) {
    if (auto set = Set(conf.get(), property, value); !set) return Fail(set.error());
  }
  rd_kafka_conf_set_resolve_cb(conf.get(), Resolve);
  if (settings.properties.find("debug") == settings.properties.end()) rd_kafka_conf_set_log_cb(conf.get(), DropLog);
  return conf;
}

Result<ClientHandle> MakeClient(rd_kafka_type_t type, ConfHandle conf) {
  std::array<char, 512> reason{};
  rd_kafka_t* client = rd_kafka_new(type, conf.get(), reason.data(), reason.size());
  if (client == nullptr) return Fail(ErrorCode::kRejected, std::string("Kafka client: ") + reason.data());
  (void)conf.release();  // the client owns it now
  return ClientHandle(client);
}

ErrorCode ToErrorCode(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: return ErrorCode::kRejected;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__BAD_MSG: return ErrorCode::kInternal;
    default: return ErrorCode::kUnavailable;  // the broker may or may not have it: only the delivery report tells
  }
}

tl::unexpected<Error> FailWith(rd_kafka_resp_err_t error, std::string_view what) {
  return Fail(ToErrorCode(error), std::string(what) + ": " + rd_kafka_err2name(error));
}

Result<std::vector<std::optional<std::int64_t>>> AskCommitted(rd_kafka_t* consumer, PartitionListHandle list,
                                                              std::chrono::milliseconds timeout,
                                                              std::string_view what) {
  const auto error = rd_kafka_committed(consumer, list.get(), static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(error, what);
  std::vector<std::optional<std::int64_t>> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(entry.err, what);
    offsets.push_back(entry.offset >= 0 ? std::optional(entry.offset) : std::nullopt);
  }
  return offsets;
}

EventFd::EventFd() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) std::abort();  // out of descriptors before the first client: nothing can work
}

EventFd::~EventFd() { ::close(fd_); }

void EventFd::Signal() const { (void)!::write(fd_, &kOne, sizeof kOne); }

void EventFd::Clear() const {
  std::uint64_t count = 0;
  (void)!::read(fd_, &count, sizeof count);
}

void EventFd::Wait(int timeout_ms) const {
  pollfd waiting{fd_, POLLIN, 0};
  if (::poll(&waiting, 1, timeout_ms) > 0) Clear();
}

void EventFd::Watch(rd_kafka_queue_t* queue) const { rd_kafka_queue_io_event_enable(queue, fd_, &kOne, sizeof kOne); }

void EventFd::Unwatch(rd_kafka_queue_t* queue) { rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0); }

}  // namespace keystrand::kafka
