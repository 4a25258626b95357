#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/http/framing_policy.h"
#include "common/http/input_buffer.h"
#include "common/http/loop.h"

namespace keystrand::http {

/// One connection, from accept to close. Reads a head, judges it, reads the body, hands the request to the handler,
/// writes the answer, begins again: one request at a time, so pipelined answers are in order by construction. While a
/// request is handled it reads ahead into its buffer, which is how it learns that the peer has gone. Has one deadline,
/// which the loop's sweep looks at. Everything but Answer and Drop runs on the loop's thread.
class Connection final : public ResponseSink, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, Socket socket, std::string peer);

  void Answer(std::uint64_t exchange, const Response& response, OutcomeTag outcome) override;
  void Drop(std::uint64_t exchange) override;

  void Start();
  void Take(const Delivery& delivery);
  /// Acts if the phase has lasted too long.
  void CheckDeadline(SteadyTime now);
  /// Closes without a word, for Stop.
  void Cut();

  std::size_t slot = 0;  ///< place in the loop's list; the loop's

 private:
  enum class Phase : std::uint8_t {
    kHead,       ///< waiting for a head; idle while no byte of it has come
    kBody,       ///< head accepted, reading the body
    kHandling,   ///< the handler has the request
    kWriting,    ///< the answer is being written
    kLingering,  ///< last answer written, sending side shut down; reads and drops until the peer closes
    kClosed,
  };

  void Advance();
  bool Step();
  bool StepHead();
  bool StepBody();
  void WaitForHead();
  void BeginExchange();
  void Admit();
  void BeginBody();
  bool TakeBody();
  bool GrowBody(std::size_t at_least);
  void SkipBody();
  void AskForBody();
  void Dispatch();

  void Respond(std::uint64_t exchange, const Response* response, OutcomeTag outcome);
  void Refuse(int status, Ending ending);
  void WriteAnswer(const Response& response, Ending ending, OutcomeTag outcome);
  [[nodiscard]] bool IsLast() const;
  void RenderAnswer(const Response& response);
  void ContinueWrite();
  void AnswerWritten();
  void NextRequest(SteadyTime now);
  void EndExchange(int status, Ending ending, SteadyTime now);

  void Read();
  std::span<char> ReadTarget();
  void OnRead(boost::system::error_code error, std::size_t count, bool into_body);
  void Discard(std::size_t count);
  void Linger();
  void PeerGone();
  void Close();
  void OnDeadline();
  [[nodiscard]] bool IdleSince(SteadyTime then) const;
  [[nodiscard]] const ServerSettings& settings() const { return shared_.settings; }

  const std::shared_ptr<Loop> loop_;  // first, so destroyed last: the socket needs its context
  Shared& shared_;
  Socket socket_;
  const std::string peer_;
  InputBuffer input_;
  Phase phase_ = Phase::kHead;
  SteadyTime deadline_;
  SteadyTime idle_since_;
  bool head_begun_ = false;    // a byte of the next head has come
  bool read_pending_ = false;  // into input_, or into body_
  bool peer_done_ = false;     // the peer will send no more; it may still read
  bool advancing_ = false;
  bool close_after_ = false;  // this answer is the connection's last

  // The request being served. head_ points into input_ until the next head is judged.
  RequestHead head_;
  std::uint64_t exchange_ = 0;  // counts the connection's requests
  bool exchange_open_ = false;
  SteadyTime head_read_at_;
  std::array<char, 32> request_id_;
  std::string body_;  // grows as bytes come: a declared length alone costs no memory
  std::size_t body_received_ = 0;
  std::uint64_t reserved_bytes_ = 0;  // of bytes_in_flight
  int status_ = 0;
  Ending ending_ = Ending::kAnswered;
  OutcomeTag outcome_ = 0;

  std::string out_;
  std::size_t written_ = 0;
  std::uint64_t lingered_bytes_ = 0;
};

}  // namespace keystrand::http
