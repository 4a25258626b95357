#include "common/kafka/producer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "common/core/clock.h"

namespace keystrand::kafka {
namespace {

/// Takes connections and never answers: a client that is sent here has nothing to report.
class SilentBroker {
 public:
  SilentBroker() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* const address = reinterpret_cast<sockaddr*>(&address_);
    if (::bind(socket_, address, size) != 0 || ::listen(socket_, 8) != 0) std::abort();
    if (::getsockname(socket_, address, &size) != 0) std::abort();
  }
  ~SilentBroker() { ::close(socket_); }
  SilentBroker(const SilentBroker&) = delete;
  SilentBroker& operator=(const SilentBroker&) = delete;

  [[nodiscard]] ProducerSettings Settings() const {
    ProducerSettings settings;
    settings.client.brokers = "127.0.0.1:" + std::to_string(ntohs(address_.sin_port));
    settings.topic = "events";
    return settings;
  }

 private:
  int socket_;
  sockaddr_in address_{};
};

bool AsksToBeServed(const Producer& producer) {
  pollfd descriptor{producer.delivery_fd(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) == 1;
}

// What the client reports before its queue is watched (a refused connection comes that soon) must not wait for the next
// report to be heard: a queue that is not empty never signals again, and no acknowledgement would ever be seen.
TEST(ProducerTest, AsksToBeServedOnceFromTheStart) {
  const SystemClock clock;
  const SilentBroker broker;
  const auto producer = Producer::Create(broker.Settings(), clock, nullptr);
  ASSERT_TRUE(producer) << producer.error().detail;
  EXPECT_TRUE(AsksToBeServed(**producer));
  (*producer)->ServeDeliveries();
  EXPECT_FALSE(AsksToBeServed(**producer));
}

TEST(ProducerTest, TellsTheOldestRecordOfEachPartition) {
  const SystemClock clock;
  const SilentBroker broker;
  ProducerSettings settings = broker.Settings();
  settings.client.properties["message.timeout.ms"] = "100";
  const auto created = Producer::Create(settings, clock, nullptr);
  ASSERT_TRUE(created) << created.error().detail;
  Producer& producer = **created;
  const auto publish = [&producer](std::int32_t partition) {
    OutgoingRecord record;
    record.key = "key";
    record.value = "value";
    record.partition = partition;
    producer.Publish(std::move(record), [](const Result<Position>& reported) { EXPECT_FALSE(reported); });
  };
  publish(3);
  publish(5);

  EXPECT_FALSE(producer.OldestUnacknowledged(4));
  ASSERT_TRUE(producer.OldestUnacknowledged(3) && producer.OldestUnacknowledged(5));
  EXPECT_GE(producer.OldestUnacknowledged(), producer.OldestUnacknowledged(5));
  EXPECT_EQ(producer.InFlight().records, 2U);
  EXPECT_TRUE(producer.Flush(std::chrono::seconds(10)));  // both time out
  EXPECT_FALSE(producer.OldestUnacknowledged());
  EXPECT_EQ(producer.InFlight().bytes, 0U);
}

}  // namespace
}  // namespace keystrand::kafka
