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
#include "common/http/transport.h"

namespace keystrand::http {

/// One connection, from accept to close: the proxy's header and the TLS handshake, where there are such, then requests.
/// Reads a head, judges it, reads the body, hands the request to the handler,
/// writes the answer, begins again: one request at a time, so pipelined answers are in order by construction. While a
/// request is handled it reads ahead into its buffer, which is how it learns that the peer has gone. Has one deadline,
/// which the loop's sweep looks at. Everything but Answer and Drop runs on the loop's thread.
class Connection final : public ResponseSink, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, Socket socket, Peer peer);

  void Answer(std::uint64_t exchange, const Response& response, OutcomeTag outcome) override;
  void Drop(std::uint64_t exchange) override;

  void Start();
  void Take(const Delivery& delivery);
  /// Acts if the phase has lasted too long; tells whether it did.
  bool CheckDeadline(SteadyTime now);
  /// Closes without a word, for Stop.
  void Cut();

  std::size_t slot = 0;  ///< place in the loop's list; the loop's

 private:
  enum class Phase : std::uint8_t {
    kProxyHeader,  ///< waiting for the proxy to say who the client is
    kHandshake,    ///< of TLS
    kHead,         ///< waiting for a head; idle while no byte of it has come
    kBody,         ///< head accepted, reading the body
    kHandling,     ///< the handler has the request
    kWriting,      ///< the answer is being written
    kLingering,    ///< last answer written, sending side shut down; reads and drops until the peer closes
    kClosed,
  };

  void BelieveProxy(const std::optional<asio::ip::address>& client);
  void Secure();
  void BeginServing();

  void Advance();
  bool Step();
  bool StepProxyHeader();
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
  void Shed(Bound bound);
  bool Reserve(std::uint64_t bytes);
  void WriteAnswer(const Response& response, Ending ending, OutcomeTag outcome);
  [[nodiscard]] bool IsLast();
  void RenderAnswer(const Response& response);
  void ContinueWrite();
  void AnswerWritten();
  void NextRequest(SteadyTime now);
  void EndExchange(int status, Ending ending, SteadyTime now);

  void Read();
  std::span<char> ReadTarget();
  void OnRead(Transport::State state, std::size_t count, bool into_body);
  void Discard(std::size_t count);
  void Linger();
  void PeerGone();
  void Close();
  void OnDeadline();
  void OnHeadDeadline();
  [[nodiscard]] std::string_view ClientOfRequest();
  [[nodiscard]] bool IdleSince(SteadyTime then) const;
  [[nodiscard]] const ServerSettings& settings() const { return shared_.settings; }

  const std::shared_ptr<Loop> loop_;  // first, so destroyed last: the socket needs its context
  Shared& shared_;
  Transport transport_;
  Peer peer_;
  std::string client_;  // peer_'s address, or whom the proxy named
  InputBuffer input_;
  Phase phase_ = Phase::kProxyHeader;
  SteadyTime deadline_;
  SteadyTime idle_since_;
  std::size_t proxy_bytes_missing_ = 0;
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
  std::string forwarded_for_;  // of this request, where that is believed
};

}  // namespace keystrand::http
