#pragma once

#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/address_bound.h"
#include "common/http/handler.h"
#include "common/http/networks.h"
#include "common/http/server.h"

/// The event loops behind Server. Included by this folder's .cc files only.
namespace keystrand::http {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;  // concrete: any_io_executor costs an allocation and virtual calls
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Connection;
class Loop;

/// What all loops and connections of one server share.
struct Shared {
  Shared(ServerSettings given, Handler& to_handler, ServerObserver* to_observer)
      : settings(std::move(given)),
        handler(to_handler),
        observer(to_observer),
        addresses(settings.connections_per_address_max) {}

  const ServerSettings settings;
  Handler& handler;
  ServerObserver* const observer;
  std::atomic<bool> closing = false;  ///< StopAccepting was called
  std::atomic<std::size_t> connections = 0;
  std::atomic<std::size_t> requests_in_flight = 0;
  std::atomic<std::uint64_t> bytes_in_flight = 0;
  std::atomic<std::uint64_t> connections_accepted = 0;
  std::atomic<std::uint64_t> handshakes_completed = 0;
  std::atomic<std::uint64_t> handshakes_failed = 0;
  std::atomic<std::uint64_t> proxy_headers_refused = 0;
  AddressBound addresses;
  Networks trusted_proxies;  ///< set before the loops run

  /// Counts that a bound was met.
  void Hit(Bound bound) { hits_[static_cast<std::size_t>(bound)].fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] ServerStats Stats() const;

  void SetTls(std::shared_ptr<const TlsContext> context);
  /// Null: new connections speak in clear.
  [[nodiscard]] std::shared_ptr<const TlsContext> Tls() const;

  void ConnectionClosed();
  bool WaitUntilNoConnection(std::chrono::milliseconds timeout);

 private:
  std::array<std::atomic<std::uint64_t>, kBoundCount> hits_{};
  mutable std::mutex tls_mutex_;
  std::shared_ptr<const TlsContext> tls_;  // guarded by tls_mutex_
  std::mutex mutex_;
  std::condition_variable none_left_;
};

/// The other end of a connection, and its right to be there.
struct Peer {
  asio::ip::address address;
  std::optional<AddressBound::Place> place;  ///< empty while the client's address is still to come from a proxy
};

/// An answer on its way to the loop that owns the connection.
struct Delivery {
  std::shared_ptr<Connection> connection;
  std::uint64_t exchange = 0;
  std::optional<Response> response;  ///< empty: the responder was dropped
  OutcomeTag outcome = 0;
};

/// One io_context, run by one thread, and the connections it serves.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::shared_ptr<Shared> shared, std::size_t index, std::size_t loop_count);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until Shutdown; on the loop's thread.
  void Run();
  /// Cuts all connections, ends all waits and so Run. Thread-safe.
  void Shutdown();

  /// Takes a connected socket of this context over. Thread-safe.
  void Adopt(Socket socket, Peer peer);
  /// Takes an answer over from any thread; drops it after Shutdown.
  void Deliver(Delivery delivery);

  /// Before Run.
  void Watch(int fd, std::function<void()> callback);
  void Every(std::chrono::milliseconds interval, std::function<void()> callback);
  /// Runs `callback` on the loop at Shutdown.
  void OnShutdown(std::function<void()> callback);

  [[nodiscard]] asio::io_context& context() { return context_; }
  [[nodiscard]] Shared& shared() { return *shared_; }
  [[nodiscard]] std::size_t connection_count() const { return connection_count_.load(std::memory_order_relaxed); }
  [[nodiscard]] SteadyTime last_turn() const;
  /// "Date: …\r\n" of the present second. On the loop's thread.
  [[nodiscard]] std::string_view DateLine();
  /// Forgets a closed connection. On the loop's thread.
  void Remove(Connection& connection);
  [[nodiscard]] bool IsCurrent() const;

 private:
  struct Watched {
    Descriptor descriptor;
    std::function<void()> callback;
  };
  struct Repeated {
    Timer timer;
    std::chrono::milliseconds interval;
    std::function<void()> callback;
  };

  void WaitFor(Watched& watched);
  void WaitFor(Repeated& repeated);
  void RunBatched(const std::function<void()>& callback);
  void FlushOutboxes();
  void DeliverAll(std::span<Delivery> deliveries);
  void EmptyInbox();
  void Sweep();
  void SweepSome();
  void CloseEverything();
  void Forget();

  std::shared_ptr<Shared> shared_;
  std::size_t index_;
  asio::io_context context_{1};  // one thread runs it; others may post
  asio::executor_work_guard<Executor> guard_{context_.get_executor()};
  std::vector<std::shared_ptr<Connection>> connections_;
  std::atomic<std::size_t> connection_count_ = 0;
  std::vector<std::unique_ptr<Watched>> watched_;
  std::vector<std::unique_ptr<Repeated>> repeated_;
  std::vector<std::function<void()>> on_shutdown_;
  std::atomic<SteadyTime::rep> last_turn_;

  std::mutex inbox_mutex_;
  std::vector<Delivery> inbox_;    // guarded by inbox_mutex_
  bool shut_down_ = false;         // guarded by inbox_mutex_
  std::vector<Delivery> emptied_;  // spare, so that neither vector allocates again

  // On the loop's thread only.
  struct Outbox {
    Loop* loop = nullptr;  ///< set while there is something for it
    std::vector<Delivery> deliveries;
  };
  bool batching_ = false;         ///< answers for other loops of this server wait in outboxes_
  std::vector<Outbox> outboxes_;  ///< by loop index
  bool closed_ = false;
  std::size_t unswept_ = 0;  ///< connections_ up to here are still to be looked at in this sweep

  std::time_t date_second_ = 0;
  std::string date_line_;
};

}  // namespace keystrand::http
