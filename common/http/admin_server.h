#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/core/result.h"
#include "common/http/health.h"

namespace keystrand::http {

struct AdminSettings {
  std::string listen;                         ///< as ServerSettings::listen; keep it off the public network
  std::string version;                        ///< of /version
  std::string revision;                       ///< source revision of /version
  std::function<std::string()> metrics_text;  ///< of /metrics: text format 0.0.4, from memory
};

/// Serves GET /livez, /readyz, /metrics and /version on a thread of its own.
class AdminServer {
 public:
  /// `health` must outlive this.
  AdminServer(AdminSettings settings, Health& health);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// Errors: as Server::Start.
  Result<> Start();
  [[nodiscard]] std::uint16_t port() const;
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::http
