#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/core/result.h"
#include "common/http/client_address.h"
#include "common/http/framing_policy.h"
#include "common/http/handler.h"
#include "common/http/tls.h"

namespace keystrand::http {

/// Every bound of a server, with the reason for its default.
struct ServerSettings {
  std::string listen;       ///< "address:port", "[v6]:port"; port 0 takes a free one (Server::port)
  int threads = 1;          ///< event loops, one thread each
  bool reuse_port = false;  ///< SO_REUSEPORT, for two processes behind one port; off, so a second start is refused
  ClientAddressSettings client_address;
  HeadLimits head;
  std::chrono::milliseconds handshake_timeout{5'000};         ///< of TLS: Stripe needs two round trips
  std::uint64_t body_bytes_max = std::uint64_t{1024} * 1024;  ///< the largest genuine events have some hundred KB
  std::chrono::milliseconds header_timeout{5'000};   ///< from the first byte (or the connect) to the end of the head
  std::chrono::milliseconds body_timeout{10'000};    ///< from the end of the head to the end of the body
  std::chrono::milliseconds idle_timeout{30'000};    ///< between two requests
  std::chrono::milliseconds write_timeout{10'000};   ///< one answer has some hundred bytes: the peer is not reading
  std::chrono::milliseconds answer_timeout{30'000};  ///< for the handler; then Handler::OnAnswerTimeout
  std::chrono::milliseconds linger_timeout{1'000};   ///< after the last answer: lets it arrive before the reset
  std::uint64_t linger_bytes_max =
      std::uint64_t{2} * 1024 * 1024;                 ///< read and dropped meanwhile: a refused body of twice the limit
  std::uint64_t requests_per_connection_max = 1'000;  ///< so that load moves when instances are added
  std::size_t connections_max = 8'192;                ///< 16 KiB of buffer each
  std::size_t connections_per_address_max = 8'192;    ///< IPv6: per /64; over it 429, or a close instead of TLS
  std::size_t requests_in_flight_max = 2'048;         ///< a tenth of a second of work: more would only wait longer
  std::uint64_t bytes_in_flight_max =
      std::uint64_t{64} * 1024 * 1024;  ///< bodies being read or answered, over all connections
};

/// How an exchange ended.
enum class Ending : std::uint8_t {
  kAnswered,       ///< by the handler
  kRefusedHead,    ///< framing policy, or a body over the limit (413)
  kTimedOut,       ///< 408: head or body too slow
  kAnswerTimeout,  ///< the handler was too slow
  kOverloaded,     ///< 503: over requests_in_flight_max or bytes_in_flight_max
  kDropped,        ///< 500: the handler dropped its responder
  kPeerGone,       ///< the peer closed, reset or stopped reading before it had the answer; status 499
  kStopped,        ///< cut by Stop; status 503, which the peer did not see
};

/// One request and its answer, as metrics and logs need it. Views are valid during the call.
struct Exchange {
  std::string_view method;  ///< empty if the request line was not read
  std::string_view path;    ///< likewise
  std::string_view request_id;
  std::string_view peer;
  int status = 0;
  Ending ending = Ending::kAnswered;
  OutcomeTag outcome = 0;                ///< the handler's, 0 for the server's own answers
  std::uint64_t body_bytes = 0;          ///< received
  std::chrono::nanoseconds duration{0};  ///< head read (or refused) to answer written
};

/// Hears of every exchange, on the loop threads: cheap and thread-safe.
class ServerObserver {
 public:
  virtual ~ServerObserver() = default;
  virtual void OnExchange(const Exchange& exchange) = 0;
};

/// Every bound of a server that can be met.
enum class Bound : std::uint8_t {
  kConnections,
  kConnectionsPerAddress,
  kRequestsPerConnection,
  kRequestsInFlight,
  kBytesInFlight,
  kTargetBytes,
  kHeadBytes,  ///< the field block, one field, or the number of fields
  kBodyBytes,
  kHandshakeTime,
  kHeaderTime,
  kBodyTime,
  kIdleTime,
  kWriteTime,
  kAnswerTime,
  kDescriptors,  ///< the process has no more: accepting pauses
};
inline constexpr std::size_t kBoundCount = 15;

/// Figures of now. Counters count from the start.
struct ServerStats {
  std::size_t connections = 0;
  std::size_t requests_in_flight = 0;  ///< heads accepted, answer not yet written
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t handshakes_completed = 0;
  std::uint64_t handshakes_failed = 0;  ///< not TLS, no version, suite or name in common, or too slow
  std::uint64_t proxy_headers_refused = 0;
  std::array<std::uint64_t, kBoundCount> hits{};  ///< how often each bound was met

  [[nodiscard]] std::uint64_t Hits(Bound bound) const { return hits[static_cast<std::size_t>(bound)]; }
};

/// An HTTP/1.1 server: one event loop per thread, connections spread evenly, requests of one connection answered in
/// order and one at a time. Construct, Watch and Every, Start, then StopAccepting, Drain, Stop. Called by one thread.
class Server {
 public:
  /// `handler` and `observer` (may be null) must outlive the server.
  Server(ServerSettings settings, Handler& handler, ServerObserver* observer);
  ~Server();  ///< stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Calls `callback` on the first loop whenever `fd` is readable; it must read what made it so. `fd` stays the
  /// caller's and must outlive the server. Before Start.
  void Watch(int fd, std::function<void()> callback);
  /// Calls `callback` on the first loop about every `interval`. Before Start.
  void Every(std::chrono::milliseconds interval, std::function<void()> callback);

  /// From now on new connections speak TLS with `context`; null: they speak in clear, as before the first call.
  /// Thread-safe.
  void SetTls(std::shared_ptr<const TlsContext> context);

  /// Binds, listens, starts the threads. Errors: kRejected (address unusable, or a trusted proxy that is no address),
  /// kUnavailable (port taken), with the address in the detail.
  Result<> Start();
  /// The port bound, also when 0 was asked for.
  [[nodiscard]] std::uint16_t port() const;

  /// Closes the listener; every further answer carries `Connection: close`.
  void StopAccepting();
  /// Waits until no connection is left, at most `timeout`; idle ones are closed once idle for a second. True if none
  /// is left. After StopAccepting.
  bool Drain(std::chrono::milliseconds timeout);
  /// Cuts what is left and joins the threads. Responders may still be used afterwards; they do nothing.
  void Stop();

  [[nodiscard]] ServerStats Stats() const;
  /// How long the least lively loop has not turned: what /livez looks at. Thread-safe.
  [[nodiscard]] std::chrono::steady_clock::duration LongestSilence() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::http
