#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/http/handler.h"
#include "receiver/webhook_endpoint.h"

namespace keystrand::receiver {

/// The endpoints of a receiver, each found by its path, compared byte for byte. Thread-safe.
class Endpoints final : public http::Handler {
 public:
  /// At least one; paths differ.
  explicit Endpoints(std::vector<std::unique_ptr<WebhookEndpoint>> endpoints);

  /// The place of the endpoint with that path in the list; nothing for any other path.
  [[nodiscard]] std::optional<std::size_t> Find(std::string_view path) const;

  [[nodiscard]] std::optional<http::Refusal> Admit(const http::RequestHead& head) override;
  void Handle(http::Request request, http::Responder responder) override;
  [[nodiscard]] http::Refusal OnAnswerTimeout() override;

 private:
  std::vector<std::unique_ptr<WebhookEndpoint>> endpoints_;
};

}  // namespace keystrand::receiver
