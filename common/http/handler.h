#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/http/request_head.h"
#include "common/http/response.h"

namespace keystrand::http {

/// One request, complete. Everything but `body` is borrowed and valid until Handle returns.
struct Request {
  const RequestHead& head;
  std::string body;                                    ///< exactly as received; move it out
  std::string_view request_id;                         ///< 32 hex digits, ours; the answer's X-Request-Id
  std::string_view peer;                               ///< the sender's address, without the port
  std::chrono::steady_clock::time_point head_read_at;  ///< when the last byte of the head was read
};

/// A handler's word on an exchange, handed back to the observer when the exchange is over. 0: none.
using OutcomeTag = std::uint32_t;

/// Takes the answer to one request; the server's side of a Responder, or a test's. Thread-safe.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  /// `exchange`: which request of the sink. An answer to one that is over (timed out, peer gone) changes nothing.
  virtual void Answer(std::uint64_t exchange, const Response& response, OutcomeTag outcome) = 0;
  /// The responder went without an answer.
  virtual void Drop(std::uint64_t exchange) = 0;
};

/// The right and the duty to answer one request, from any thread, once. Dropped without an answer: 500.
class Responder {
 public:
  Responder(std::shared_ptr<ResponseSink> sink, std::uint64_t exchange) : sink_(std::move(sink)), exchange_(exchange) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) = delete;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  /// Cheap on the loop that owns the connection. From elsewhere it is handed over, in batches inside a Watch callback.
  void Send(const Response& response, OutcomeTag outcome = 0);

 private:
  std::shared_ptr<ResponseSink> sink_;  // null once answered or moved from
  std::uint64_t exchange_;
};

/// What a handler says before the body is read.
struct Refusal {
  Response response;
  OutcomeTag outcome = 0;
};

/// Answers requests. Called on the server's loop threads, several at a time: never blocks.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Judges the head alone; a refusal is answered without reading the body.
  [[nodiscard]] virtual std::optional<Refusal> Admit(const RequestHead& head) = 0;
  /// Answers now, or keeps the responder for later.
  virtual void Handle(Request request, Responder responder) = 0;
  /// What to answer when Handle's answer did not come within ServerSettings::answer_timeout.
  [[nodiscard]] virtual Refusal OnAnswerTimeout() = 0;
};

}  // namespace keystrand::http
