#include "delivery.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/stripe/sha256.h"

namespace keystrand::receiver {
namespace {

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

/// RFC 2104, for keys of at most 64 bytes.
std::string HmacHex(const std::string& key, const std::string& text) {
  std::string inner(64, '\x36');
  std::string outer(64, '\x5c');
  for (std::size_t i = 0; i < key.size(); ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  return stripe::Sha256Hex(outer + FromHex(stripe::Sha256Hex(inner + text)));
}

}  // namespace

std::string Sign(std::string_view body, const std::string& secret, std::chrono::seconds offset) {
  const std::string time = std::to_string((kNow + offset).time_since_epoch().count());
  return "t=" + time + ",v1=" + HmacHex(secret, time + "." + std::string(body));
}

double ValueOf(const metrics::Registry& registry, std::string_view series) {
  const std::string text = "\n" + registry.Text();
  const std::string line = "\n" + std::string(series) + " ";
  const std::size_t at = text.find(line);
  return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + line.size(), nullptr);
}

std::optional<std::string> FakePublisher::Published::HeaderValue(std::string_view name) const {
  for (const kafka::Header& header : record.headers) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

void FakePublisher::Publish(kafka::OutgoingRecord record, kafka::DeliveryCallback on_delivered) {
  const std::lock_guard lock(mutex_);
  published_.push_back({std::move(record), std::move(on_delivered)});
  more_.notify_all();
}

FakePublisher::Published FakePublisher::Next() {
  std::unique_lock lock(mutex_);
  if (!more_.wait_for(lock, std::chrono::seconds(10), [this] { return !published_.empty(); })) {
    ADD_FAILURE() << "nothing was published";
    return {{}, [](const Result<kafka::Position>&) {}};
  }
  Published next = std::move(published_.front());
  published_.pop_front();
  return next;
}

std::size_t FakePublisher::waiting() const {
  const std::lock_guard lock(mutex_);
  return published_.size();
}

void FakeSink::Answer(std::uint64_t /*exchange*/, const http::Response& response, http::OutcomeTag outcome) {
  answers.push_back({response.status(), std::string(response.head()), std::string(response.body()), outcome});
}

void FakeSink::Drop(std::uint64_t /*exchange*/) { ++dropped; }

}  // namespace keystrand::receiver
