#include "common/http/admin_server.h"

#include <utility>

#include "common/http/server.h"

namespace keystrand::http {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

class AdminHandler final : public Handler {
 public:
  AdminHandler(AdminSettings settings, Health& health) : settings_(std::move(settings)), health_(health) {}

  [[nodiscard]] std::optional<Refusal> Admit(const RequestHead& head) override {
    if (!IsKnown(head.path)) return Refusal{Response::Error(404, "not_found")};
    if (head.method != "GET" && head.method != "HEAD") {
      return Refusal{Response::Error(405, "method_not_allowed", "Allow: GET, HEAD\r\n")};
    }
    return std::nullopt;
  }

  void Handle(Request request, Responder responder) override { responder.Send(AnswerTo(request.head.path)); }

  [[nodiscard]] Refusal OnAnswerTimeout() override { return {Response::Error(503, "timeout")}; }  // answers at once

 private:
  static bool IsKnown(std::string_view path) {
    return path == "/livez" || path == "/readyz" || path == "/metrics" || path == "/version";
  }

  Response AnswerTo(std::string_view path) {
    if (path == "/livez") return HealthOf(Health::Kind::kLiveness);
    if (path == "/readyz") return HealthOf(Health::Kind::kReadiness);
    if (path == "/metrics") return {200, kMetricsText, settings_.metrics_text()};
    return {200, kJson, R"({"version":")" + settings_.version + R"(","revision":")" + settings_.revision + "\"}\n"};
  }

  Response HealthOf(Health::Kind kind) {
    std::string body;
    const int status = health_.Render(kind, body) ? 200 : 503;
    return {status, kJson, std::move(body)};
  }

  AdminSettings settings_;
  Health& health_;
};

ServerSettings SettingsFor(const std::string& listen) {
  ServerSettings settings;
  settings.listen = listen;
  settings.body_bytes_max = 0;    // nothing here takes one
  settings.connections_max = 64;  // a few scrapers and people
  return settings;
}

}  // namespace

class AdminServer::Impl {
 public:
  Impl(AdminSettings settings, Health& health)
      : listen_(settings.listen),
        handler_(std::move(settings), health),
        server_(SettingsFor(listen_), handler_, nullptr) {}
  Server& server() { return server_; }

 private:
  std::string listen_;
  AdminHandler handler_;
  Server server_;
};

AdminServer::AdminServer(AdminSettings settings, Health& health)
    : impl_(std::make_unique<Impl>(std::move(settings), health)) {}
AdminServer::~AdminServer() = default;

Result<> AdminServer::Start() { return impl_->server().Start(); }
std::uint16_t AdminServer::port() const { return impl_->server().port(); }
void AdminServer::Stop() { impl_->server().Stop(); }

}  // namespace keystrand::http
