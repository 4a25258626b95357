#include "worker/operator/sender.h"

#include "common/core/clock.h"

namespace keystrand::worker::op {
namespace {

/// Half of what the producer takes: the other half is room for the largest record.
constexpr std::size_t kBytesInFlightMax = std::size_t{8} * 1024 * 1024;
constexpr std::chrono::milliseconds kTurn{20};

const SystemClock kClock;

}  // namespace

Result<Sender> Sender::Open(const Settings& settings) {
  const auto admin = kafka::Admin::Create(settings.Client());
  if (!admin) return Fail(admin.error());
  const auto topic = (*admin)->Describe(settings.events_topic, settings.timeout);
  if (!topic) return Fail(topic.error());
  kafka::ProducerSettings producer_settings;
  producer_settings.client = settings.Client();
  producer_settings.topic = settings.events_topic;
  producer_settings.record_bytes_max = topic->record_bytes_max;
  auto producer = kafka::Producer::Create(std::move(producer_settings), kClock, nullptr);
  if (!producer) return Fail(producer.error());
  return Sender(std::move(*producer), *topic, settings.timeout);
}

void Sender::Send(kafka::OutgoingRecord record, kafka::DeliveryCallback on_delivered) {
  ServeUntil(kBytesInFlightMax);  // while no broker answers, the bounded queue refuses what is too much
  producer_->Publish(std::move(record), std::move(on_delivered));
}

bool Sender::Finish() { return ServeUntil(0); }

/// Until at most `bytes_max` are under way. False after a silence of the timeout.
bool Sender::ServeUntil(std::size_t bytes_max) {
  auto last_progress = kClock.Steady();
  auto before = producer_->InFlight();
  const auto enough = [&] { return bytes_max == 0 ? before.records == 0 : before.bytes <= bytes_max; };
  while (!enough()) {
    producer_->ServeFor(kTurn);
    const auto now = producer_->InFlight();
    if (now.records < before.records) last_progress = kClock.Steady();
    before = now;
    if (kClock.Steady() - last_progress > timeout_) return enough();
  }
  return true;
}

}  // namespace keystrand::worker::op
