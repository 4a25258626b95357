#include "common/http/loop.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <csignal>
#include <ctime>
#include <iterator>
#include <utility>

#include "common/http/connection.h"

namespace keystrand::http {
namespace {

constexpr std::size_t kSweepActsPerTurn = 4;  // each an answer written, a line logged, a socket closed

thread_local Loop* current_loop = nullptr;

/// Fine enough for the shortest deadline, and cheap: one look at each connection.
std::chrono::milliseconds SweepInterval(const ServerSettings& settings) {
  const auto shortest =
      std::min({settings.handshake_timeout, settings.header_timeout, settings.body_timeout, settings.idle_timeout,
                settings.write_timeout, settings.answer_timeout, settings.linger_timeout});
  return std::clamp(shortest / 10, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

/// OpenSSL writes to sockets without MSG_NOSIGNAL: a peer that has gone must not end the process.
void BlockSigpipe() {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);
}

}  // namespace

ServerStats Shared::Stats() const {
  ServerStats stats;
  stats.connections = connections;
  stats.requests_in_flight = requests_in_flight;
  stats.bytes_in_flight = bytes_in_flight;
  stats.connections_accepted = connections_accepted;
  stats.handshakes_completed = handshakes_completed;
  stats.handshakes_failed = handshakes_failed;
  stats.proxy_headers_refused = proxy_headers_refused;
  std::copy(hits_.begin(), hits_.end(), stats.hits.begin());
  return stats;
}

void Shared::SetTls(std::shared_ptr<const TlsContext> context) {
  const std::lock_guard lock(tls_mutex_);
  tls_ = std::move(context);
}

std::shared_ptr<const TlsContext> Shared::Tls() const {
  const std::lock_guard lock(tls_mutex_);
  return tls_;
}

void Shared::ConnectionClosed() {
  if (connections.fetch_sub(1) == 1 && closing) {
    const std::lock_guard lock(mutex_);
    none_left_.notify_all();
  }
}

bool Shared::WaitUntilNoConnection(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return none_left_.wait_for(lock, timeout, [this] { return connections == 0; });
}

Loop::Loop(std::shared_ptr<Shared> shared, std::size_t index, std::size_t loop_count)
    : shared_(std::move(shared)), index_(index), outboxes_(loop_count) {
  Every(SweepInterval(shared_->settings), [this] { Sweep(); });
  last_turn_ = std::chrono::steady_clock::now().time_since_epoch().count();
}

Loop::~Loop() {
  for (const auto& watched : watched_) {
    if (watched->descriptor.is_open()) watched->descriptor.release();  // the descriptor stays its owner's
  }
}

void Loop::Run() {
  BlockSigpipe();
  current_loop = this;
  for (const auto& watched : watched_) WaitFor(*watched);
  for (const auto& repeated : repeated_) WaitFor(*repeated);
  context_.run();
  current_loop = nullptr;
}

void Loop::Shutdown() {
  {
    const std::lock_guard lock(inbox_mutex_);
    if (std::exchange(shut_down_, true)) return;
    inbox_.clear();
  }
  asio::post(context_, [this] { CloseEverything(); });
}

void Loop::CloseEverything() {
  closed_ = true;
  for (const auto& callback : on_shutdown_) callback();
  while (!connections_.empty()) std::shared_ptr(connections_.back())->Cut();
  for (const auto& watched : watched_) watched->descriptor.cancel();
  for (const auto& repeated : repeated_) repeated->timer.cancel();
  guard_.reset();
}

void Loop::Adopt(Socket socket, Peer peer) {
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  asio::post(context_, [this, socket = std::move(socket), peer = std::move(peer)]() mutable {
    if (closed_) return Forget();
    auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket), std::move(peer));
    connection->slot = connections_.size();
    connections_.push_back(connection);
    connection->Start();
  });
}

void Loop::Remove(Connection& connection) {
  connections_.back()->slot = connection.slot;
  std::swap(connections_[connection.slot], connections_.back());
  connections_.pop_back();
  Forget();
}

void Loop::Forget() {
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
  shared_->ConnectionClosed();
}

void Loop::Deliver(Delivery delivery) {
  Loop* const here = current_loop;
  if (here == nullptr || !here->batching_ || here->shared_ != shared_) return DeliverAll({&delivery, 1});
  here->outboxes_[index_].loop = this;
  here->outboxes_[index_].deliveries.push_back(std::move(delivery));
}

void Loop::DeliverAll(std::span<Delivery> deliveries) {
  {
    const std::lock_guard lock(inbox_mutex_);
    if (shut_down_) return;
    const bool heard = !inbox_.empty();
    std::move(deliveries.begin(), deliveries.end(), std::back_inserter(inbox_));
    if (heard) return;
  }
  asio::post(context_, [this] { EmptyInbox(); });  // one wake-up, however many answers follow before it is heard
}

void Loop::EmptyInbox() {
  {
    const std::lock_guard lock(inbox_mutex_);
    std::swap(inbox_, emptied_);
  }
  for (const Delivery& delivery : emptied_) delivery.connection->Take(delivery);
  emptied_.clear();
}

void Loop::RunBatched(const std::function<void()>& callback) {
  batching_ = true;
  callback();
  batching_ = false;
  FlushOutboxes();
}

void Loop::FlushOutboxes() {
  for (Outbox& outbox : outboxes_) {
    if (Loop* const loop = std::exchange(outbox.loop, nullptr)) loop->DeliverAll(outbox.deliveries);
    outbox.deliveries.clear();
  }
}

void Loop::Watch(int fd, std::function<void()> callback) {
  watched_.push_back(std::make_unique<Watched>(Watched{Descriptor(context_, fd), std::move(callback)}));
}

void Loop::WaitFor(Watched& watched) {
  watched.descriptor.async_wait(Descriptor::wait_read, [this, &watched](boost::system::error_code error) {
    if (error || closed_) return;
    RunBatched(watched.callback);
    if (!closed_) WaitFor(watched);
  });
}

void Loop::Every(std::chrono::milliseconds interval, std::function<void()> callback) {
  repeated_.push_back(std::make_unique<Repeated>(Repeated{Timer(context_), interval, std::move(callback)}));
}

void Loop::WaitFor(Repeated& repeated) {
  repeated.timer.expires_after(repeated.interval);
  repeated.timer.async_wait([this, &repeated](boost::system::error_code error) {
    if (error || closed_) return;
    RunBatched(repeated.callback);
    if (!closed_) WaitFor(repeated);
  });
}

void Loop::OnShutdown(std::function<void()> callback) { on_shutdown_.push_back(std::move(callback)); }

void Loop::Sweep() {
  last_turn_.store(std::chrono::steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  if (unswept_ > 0) return;  // the last one is not through yet
  unswept_ = connections_.size();
  SweepSome();
}

/// Looks at connections, which is cheap, until so many had to be acted upon that good ones must have their turn: those
/// that were opened together expire together, thousands in one sweep.
void Loop::SweepSome() {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::size_t acted = 0;
  while (unswept_ > 0 && acted < kSweepActsPerTurn) {
    --unswept_;                                     // backwards: a closed one is replaced by one already seen
    if (unswept_ >= connections_.size()) continue;  // others have closed meanwhile
    const std::shared_ptr<Connection> connection = connections_[unswept_];
    if (connection->CheckDeadline(now)) ++acted;
  }
  if (unswept_ == 0) return;
  asio::post(context_, [this] {
    if (!closed_) RunBatched([this] { SweepSome(); });
  });
}

SteadyTime Loop::last_turn() const {
  return SteadyTime(SteadyTime::duration(last_turn_.load(std::memory_order_relaxed)));
}

std::string_view Loop::DateLine() {
  const std::time_t now = std::time(nullptr);
  if (now == date_second_) return date_line_;
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 48> line;
  const std::size_t length =
      std::strftime(line.data(), line.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);  // "C" locale
  date_line_.assign(line.data(), length);
  date_second_ = now;
  return date_line_;
}

bool Loop::IsCurrent() const { return current_loop == this; }

}  // namespace keystrand::http
