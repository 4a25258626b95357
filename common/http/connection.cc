#include "common/http/connection.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/core/random_hex.h"
#include "common/http/forwarded_for.h"
#include "common/http/own_answers.h"
#include "common/http/proxy_header.h"

namespace keystrand::http {
namespace {

constexpr std::size_t kInputBytesMin = std::size_t{16} * 1024;  // a usual delivery, head and body, in one read
constexpr std::size_t kBodyStepMin = std::size_t{16} * 1024;
constexpr std::size_t kOutputKept = std::size_t{64} * 1024;  // a larger answer's memory is given back
constexpr std::chrono::seconds kIdleWhileClosing{1};
constexpr int kPeerGoneStatus = 499;  // nginx's number for it; never sent

SteadyTime Now() { return std::chrono::steady_clock::now(); }

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, Socket socket, Peer peer)
    : loop_(std::move(loop)),
      shared_(loop_->shared()),
      transport_(std::move(socket)),
      peer_(std::move(peer)),
      client_(peer_.address.to_string()),
      input_(std::max(kInputBytesMin, HeadBytesMax(shared_.settings.head))) {}

// Before the first request -------------------------------------------------------------------------------------------

void Connection::Start() {
  transport_.Prepare();
  if (settings().client_address.source != ClientAddressSource::kProxyProtocol) return Secure();
  if (!shared_.trusted_proxies.Contains(peer_.address)) {
    shared_.proxy_headers_refused.fetch_add(1, std::memory_order_relaxed);
    return Close();
  }
  deadline_ = Now() + settings().header_timeout;
  Advance();
}

/// Reads the header and not a byte beyond it: what follows may be TLS.
bool Connection::StepProxyHeader() {
  const ProxyHeader header = ReadProxyHeader(input_.Unread());
  if (header.state == ProxyHeader::State::kIncomplete && !peer_done_) {
    proxy_bytes_missing_ = header.bytes_missing;
    return false;
  }
  input_.Clear();
  if (header.state == ProxyHeader::State::kComplete) {
    BelieveProxy(header.client);
  } else {
    shared_.proxy_headers_refused.fetch_add(1, std::memory_order_relaxed);
    Close();
  }
  return false;
}

void Connection::BelieveProxy(const std::optional<asio::ip::address>& client) {
  if (client) {
    peer_.address = Unmapped(*client);
    client_ = peer_.address.to_string();
    peer_.place = shared_.addresses.Enter(peer_.address);
    if (!peer_.place) {
      shared_.Hit(Bound::kConnectionsPerAddress);
      if (!shared_.Tls()) (void)transport_.Write(TooManyConnections());
      return Close();
    }
  }
  Secure();
}

void Connection::Secure() {
  auto context = shared_.Tls();
  if (!context) return BeginServing();
  phase_ = Phase::kHandshake;
  deadline_ = Now() + settings().handshake_timeout;
  transport_.BeginTls(std::move(context));
  transport_.AsyncHandshake([self = shared_from_this()](bool completed) {
    if (self->phase_ != Phase::kHandshake) return;
    auto& counter = completed ? self->shared_.handshakes_completed : self->shared_.handshakes_failed;
    counter.fetch_add(1, std::memory_order_relaxed);
    completed ? self->BeginServing() : self->Close();
  });
}

void Connection::BeginServing() {
  phase_ = Phase::kHead;
  idle_since_ = Now();
  deadline_ = idle_since_ + settings().header_timeout;
  Advance();
}

// Progress -----------------------------------------------------------------------------------------------------------

void Connection::Advance() {
  if (advancing_) return;  // an answer from inside Handle: the loop below goes on with it
  advancing_ = true;
  while (Step()) {
  }
  advancing_ = false;
  Read();
}

bool Connection::Step() {
  switch (phase_) {
    case Phase::kProxyHeader: return StepProxyHeader();
    case Phase::kHead: return StepHead();
    case Phase::kBody: return StepBody();
    case Phase::kHandshake:
    case Phase::kHandling:
    case Phase::kWriting:
    case Phase::kLingering:
    case Phase::kClosed: return false;
  }
  std::abort();
}

bool Connection::StepHead() {
  if (!read_pending_) input_.MakeRoom();
  const std::string_view unread = input_.Unread();
  const HeadVerdict verdict = unread.empty() ? HeadVerdict{} : JudgeHead(unread, settings().head, head_);
  switch (verdict.state) {
    case HeadState::kIncomplete: WaitForHead(); return false;
    case HeadState::kRefused:
      BeginExchange();
      Refuse(verdict.status, Ending::kRefusedHead);
      return true;
    case HeadState::kAccepted:
      input_.Consume(verdict.head_bytes);
      BeginExchange();
      Admit();
      return true;
  }
  std::abort();
}

void Connection::WaitForHead() {
  if (peer_done_) return Close();
  if (head_begun_ || input_.Unread().empty()) return;
  head_begun_ = true;
  if (exchange_ > 0) deadline_ = Now() + settings().header_timeout;  // the first head's runs from the connect
}

void Connection::BeginExchange() {
  ++exchange_;
  exchange_open_ = true;
  head_read_at_ = Now();
  FillRandomHex(request_id_);
  body_.clear();
  body_received_ = 0;
  shared_.requests_in_flight.fetch_add(1, std::memory_order_relaxed);
}

void Connection::Admit() {
  const bool too_large = head_.content_length > settings().body_bytes_max;  // for good, however busy the server is
  if (shared_.requests_in_flight.load(std::memory_order_relaxed) > settings().requests_in_flight_max && !too_large) {
    return Shed(Bound::kRequestsInFlight);
  }
  if (const auto refusal = shared_.handler.Admit(head_)) {
    SkipBody();
    return WriteAnswer(refusal->response, Ending::kAnswered, refusal->outcome);
  }
  if (too_large) return Refuse(413, Ending::kRefusedHead);
  const std::uint64_t in_flight = shared_.bytes_in_flight.load(std::memory_order_relaxed);
  if (in_flight + head_.content_length > settings().bytes_in_flight_max) return Shed(Bound::kBytesInFlight);
  phase_ = Phase::kBody;
  deadline_ = head_read_at_ + settings().body_timeout;
  if (head_.expects_continue && head_.content_length > 0 && input_.Unread().empty()) AskForBody();
}

/// A refused request's body: passed over if it is here already, else the connection ends with the answer.
void Connection::SkipBody() {
  if (input_.Unread().size() < head_.content_length) {
    close_after_ = true;
  } else {
    input_.Consume(head_.content_length);
  }
}

void Connection::AskForBody() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const auto written = transport_.Write(kContinue);
  if (written.failed || written.count < kContinue.size())
    PeerGone();  // no room for 25 bytes: it has not read many answers
}

bool Connection::StepBody() {
  if (!TakeBody()) {
    Shed(Bound::kBytesInFlight);
    return true;
  }
  if (body_received_ == head_.content_length) {
    Dispatch();
    return true;
  }
  if (peer_done_) PeerGone();
  return false;
}

/// Takes what the buffer holds of the body and makes room for more. False: no memory left for it.
bool Connection::TakeBody() {
  const std::size_t missing = head_.content_length - body_received_;
  const std::string_view here = input_.Unread().substr(0, missing);
  if (body_received_ + here.size() > body_.size() && !GrowBody(body_received_ + here.size())) return false;
  std::memcpy(body_.data() + body_received_, here.data(), here.size());
  body_received_ += here.size();
  input_.Consume(here.size());
  return body_received_ < body_.size() || body_received_ == head_.content_length || GrowBody(body_received_ + 1);
}

bool Connection::GrowBody(std::size_t at_least) {
  const std::size_t wanted = std::max({at_least, 2 * body_.size(), kBodyStepMin});
  const std::size_t size = std::min(wanted, static_cast<std::size_t>(head_.content_length));
  if (!Reserve(size - reserved_bytes_)) return false;
  body_.resize(size);
  return true;
}

bool Connection::Reserve(std::uint64_t bytes) {
  if (shared_.bytes_in_flight.fetch_add(bytes, std::memory_order_relaxed) + bytes > settings().bytes_in_flight_max) {
    shared_.bytes_in_flight.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  reserved_bytes_ += bytes;
  return true;
}

void Connection::Dispatch() {
  phase_ = Phase::kHandling;
  deadline_ = Now() + settings().answer_timeout;
  shared_.handler.Handle(
      Request{
          head_, std::exchange(body_, {}), {request_id_.data(), request_id_.size()}, ClientOfRequest(), head_read_at_},
      Responder(shared_from_this(), exchange_));
}

// Answering ----------------------------------------------------------------------------------------------------------

void Connection::Answer(std::uint64_t exchange, const Response& response, OutcomeTag outcome) {
  if (loop_->IsCurrent()) return Respond(exchange, &response, outcome);
  loop_->Deliver({shared_from_this(), exchange, response, outcome});
}

void Connection::Drop(std::uint64_t exchange) {
  if (loop_->IsCurrent()) return Respond(exchange, nullptr, 0);
  loop_->Deliver({shared_from_this(), exchange, std::nullopt, 0});
}

void Connection::Take(const Delivery& delivery) {
  Respond(delivery.exchange, delivery.response ? &*delivery.response : nullptr, delivery.outcome);
}

void Connection::Respond(std::uint64_t exchange, const Response* response, OutcomeTag outcome) {
  if (exchange != exchange_ || phase_ != Phase::kHandling) return;  // answered for it already, or the peer is gone
  if (response != nullptr) {
    WriteAnswer(*response, Ending::kAnswered, outcome);
  } else {
    WriteAnswer(OwnAnswer(500), Ending::kDropped, 0);
  }
  Advance();
}

/// After this nothing on the connection may be read as a request.
void Connection::Refuse(int status, Ending ending) {
  if (status == 413) shared_.Hit(Bound::kBodyBytes);
  if (status == 414) shared_.Hit(Bound::kTargetBytes);
  if (status == 431) shared_.Hit(Bound::kHeadBytes);
  close_after_ = true;
  WriteAnswer(OwnAnswer(status), ending, 0);
}

/// No room for this request; its body is not waited for.
void Connection::Shed(Bound bound) {
  shared_.Hit(bound);
  SkipBody();
  WriteAnswer(OwnAnswer(503), Ending::kOverloaded, 0);
}

void Connection::WriteAnswer(const Response& response, Ending ending, OutcomeTag outcome) {
  status_ = response.status();
  ending_ = ending;
  outcome_ = outcome;
  close_after_ = close_after_ || IsLast();
  RenderAnswer(response);
  phase_ = Phase::kWriting;
  deadline_ = Now() + settings().write_timeout;
  ContinueWrite();
}

/// Whether the request being answered is the connection's last.
bool Connection::IsLast() {
  const bool used_up = exchange_ >= settings().requests_per_connection_max;
  if (used_up) shared_.Hit(Bound::kRequestsPerConnection);
  return used_up || !head_.keep_alive || (peer_done_ && input_.Unread().empty()) ||
         shared_.closing.load(std::memory_order_relaxed);
}

void Connection::RenderAnswer(const Response& response) {
  out_.clear();
  out_.append(response.head()).append(loop_->DateLine());
  out_.append("X-Request-Id: ").append(request_id_.data(), request_id_.size());
  out_.append(close_after_ ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
  if (head_.method != "HEAD") out_.append(response.body());
  written_ = 0;
}

void Connection::ContinueWrite() {
  const auto written = transport_.Write(std::string_view(out_).substr(written_));
  written_ += written.count;
  if (written_ == out_.size()) return AnswerWritten();
  if (written.failed) return PeerGone();
  transport_.AsyncWaitWritable([self = shared_from_this()](bool ready) {
    if (!ready || self->phase_ != Phase::kWriting) return;
    self->ContinueWrite();
    self->Advance();
  });
}

void Connection::AnswerWritten() {
  const SteadyTime now = Now();
  EndExchange(status_, ending_, now);
  if (out_.capacity() > kOutputKept) out_ = std::string();
  if (close_after_) return Linger();
  NextRequest(now);
}

void Connection::NextRequest(SteadyTime now) {
  phase_ = Phase::kHead;
  head_begun_ = false;
  idle_since_ = now;
  deadline_ = now + settings().idle_timeout;
}

void Connection::EndExchange(int status, Ending ending, SteadyTime now) {
  exchange_open_ = false;
  shared_.requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
  shared_.bytes_in_flight.fetch_sub(std::exchange(reserved_bytes_, 0), std::memory_order_relaxed);
  if (shared_.observer == nullptr) return;
  Exchange exchange;
  exchange.method = head_.method;
  exchange.path = head_.path;
  exchange.request_id = {request_id_.data(), request_id_.size()};
  exchange.peer = ClientOfRequest();
  exchange.status = status;
  exchange.ending = ending;
  exchange.outcome = ending == Ending::kAnswered || ending == Ending::kAnswerTimeout ? outcome_ : OutcomeTag{0};
  exchange.body_bytes = body_received_;
  exchange.duration = now - head_read_at_;
  shared_.observer->OnExchange(exchange);
}

// Reading and ending -------------------------------------------------------------------------------------------------

void Connection::Read() {
  if (phase_ == Phase::kClosed || phase_ == Phase::kHandshake || read_pending_ || peer_done_) return;
  const bool into_body = phase_ == Phase::kBody;
  const std::span<char> target = ReadTarget();
  if (target.empty()) return;
  read_pending_ = true;
  transport_.AsyncRead(target, [self = shared_from_this(), into_body](Transport::State state, std::size_t count) {
    self->OnRead(state, count, into_body);
  });
}

std::span<char> Connection::ReadTarget() {
  if (phase_ == Phase::kBody) return std::span(body_).subspan(body_received_);
  if (phase_ == Phase::kProxyHeader) return input_.Room().first(proxy_bytes_missing_);
  if (phase_ == Phase::kLingering) input_.Clear();
  return input_.Room();
}

void Connection::OnRead(Transport::State state, std::size_t count, bool into_body) {
  read_pending_ = false;
  if (phase_ == Phase::kClosed) return;
  if (state == Transport::State::kFailed) return PeerGone();
  peer_done_ = state == Transport::State::kEnd;
  if (phase_ == Phase::kLingering) return Discard(count);
  if (into_body) {
    body_received_ += count;
  } else {
    input_.Filled(count);
  }
  Advance();
}

void Connection::Discard(std::size_t count) {
  lingered_bytes_ += count;
  if (peer_done_ || lingered_bytes_ > settings().linger_bytes_max) return Close();
  Read();
}

/// Ends the sending side and reads on for a while: closing with unread bytes would reset the connection, and the reset
/// could overtake the answer.
void Connection::Linger() {
  if (peer_done_) return Close();
  transport_.EndSending();
  phase_ = Phase::kLingering;
  deadline_ = Now() + settings().linger_timeout;
}

void Connection::PeerGone() {
  if (exchange_open_) EndExchange(kPeerGoneStatus, Ending::kPeerGone, Now());
  Close();
}

void Connection::Cut() {
  if (exchange_open_) EndExchange(503, Ending::kStopped, Now());
  Close();
}

void Connection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  transport_.Close();
  loop_->Remove(*this);
}

bool Connection::CheckDeadline(SteadyTime now) {
  const bool closing = shared_.closing.load(std::memory_order_relaxed);
  if (now >= deadline_) {
    OnDeadline();
  } else if (closing && IdleSince(now - kIdleWhileClosing)) {
    Linger();
  } else {
    return false;
  }
  Advance();
  return true;
}

bool Connection::IdleSince(SteadyTime then) const {
  return phase_ == Phase::kHead && input_.Unread().empty() && idle_since_ < then;
}

void Connection::OnDeadline() {
  switch (phase_) {
    case Phase::kProxyHeader: shared_.Hit(Bound::kHeaderTime); return Close();
    case Phase::kHandshake:
      shared_.Hit(Bound::kHandshakeTime);
      shared_.handshakes_failed.fetch_add(1, std::memory_order_relaxed);
      return Close();
    case Phase::kHead: return OnHeadDeadline();
    case Phase::kBody: shared_.Hit(Bound::kBodyTime); return Refuse(408, Ending::kTimedOut);
    case Phase::kHandling: {
      shared_.Hit(Bound::kAnswerTime);
      const Refusal late = shared_.handler.OnAnswerTimeout();
      return WriteAnswer(late.response, Ending::kAnswerTimeout, late.outcome);
    }
    case Phase::kWriting: shared_.Hit(Bound::kWriteTime); return PeerGone();
    case Phase::kLingering:
    case Phase::kClosed: return Close();
  }
}

void Connection::OnHeadDeadline() {
  if (!head_begun_) {
    shared_.Hit(exchange_ > 0 ? Bound::kIdleTime : Bound::kHeaderTime);
    return Close();
  }
  shared_.Hit(Bound::kHeaderTime);
  BeginExchange();
  Refuse(408, Ending::kTimedOut);
}

std::string_view Connection::ClientOfRequest() {
  if (settings().client_address.source != ClientAddressSource::kForwardedFor) return client_;
  if (!shared_.trusted_proxies.Contains(peer_.address)) return client_;
  forwarded_for_ = ForwardedFor(head_, shared_.trusted_proxies).value_or(client_);
  return forwarded_for_;
}

}  // namespace keystrand::http
