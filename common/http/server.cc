#include "common/http/server.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "common/http/listener.h"
#include "common/http/loop.h"

namespace keystrand::http {

class Server::Impl {
 public:
  Impl(ServerSettings settings, Handler& handler, ServerObserver* observer)
      : shared_(std::make_shared<Shared>(std::move(settings), handler, observer)) {
    const auto count = static_cast<std::size_t>(std::max(1, shared_->settings.threads));
    for (std::size_t i = 0; i < count; ++i) loops_.push_back(std::make_shared<Loop>(shared_, i, count));
    listener_ = std::make_unique<Listener>(loops_);
  }
  ~Impl() { Stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<> Start() {
    auto trusted = Networks::Parse(shared_->settings.client_address.trusted_proxies);
    if (!trusted) return Fail(trusted.error());
    shared_->trusted_proxies = std::move(*trusted);
    if (auto opened = listener_->Open(shared_->settings.listen, shared_->settings.reuse_port); !opened) return opened;
    listener_->Start();
    for (const auto& loop : loops_) threads_.emplace_back([loop] { loop->Run(); });
    return {};
  }

  void StopAccepting() {
    shared_->closing = true;
    listener_->Stop();
  }

  void Stop() {
    StopAccepting();
    for (const auto& loop : loops_) loop->Shutdown();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  Loop& first_loop() { return *loops_.front(); }
  [[nodiscard]] const std::vector<std::shared_ptr<Loop>>& loops() const { return loops_; }
  [[nodiscard]] Shared& shared() { return *shared_; }
  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }

 private:
  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Loop>> loops_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::thread> threads_;
};

Server::Server(ServerSettings settings, Handler& handler, ServerObserver* observer)
    : impl_(std::make_unique<Impl>(std::move(settings), handler, observer)) {}
Server::~Server() = default;

void Server::Watch(int fd, std::function<void()> callback) { impl_->first_loop().Watch(fd, std::move(callback)); }
void Server::Every(std::chrono::milliseconds interval, std::function<void()> callback) {
  impl_->first_loop().Every(interval, std::move(callback));
}

Result<> Server::Start() { return impl_->Start(); }
std::uint16_t Server::port() const { return impl_->port(); }
void Server::StopAccepting() { impl_->StopAccepting(); }
bool Server::Drain(std::chrono::milliseconds timeout) { return impl_->shared().WaitUntilNoConnection(timeout); }
void Server::Stop() { impl_->Stop(); }

void Server::SetTls(std::shared_ptr<const TlsContext> context) { impl_->shared().SetTls(std::move(context)); }
ServerStats Server::Stats() const { return impl_->shared().Stats(); }

std::chrono::steady_clock::duration Server::LongestSilence() const {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration longest{0};
  for (const auto& loop : impl_->loops()) longest = std::max(longest, now - loop->last_turn());
  return longest;
}

}  // namespace keystrand::http
