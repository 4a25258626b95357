#include "receiver/endpoints.h"

#include <cstdlib>
#include <utility>

#include "receiver/delivery_tag.h"
#include "receiver/reply.h"

namespace keystrand::receiver {

Endpoints::Endpoints(std::vector<std::unique_ptr<WebhookEndpoint>> endpoints) : endpoints_(std::move(endpoints)) {}

std::optional<std::size_t> Endpoints::Find(std::string_view path) const {
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {  // a handful: a map would cost more
    if (endpoints_[i]->settings().path == path) return i;
  }
  return std::nullopt;
}

std::optional<http::Refusal> Endpoints::Admit(const http::RequestHead& head) {
  const auto found = Find(head.path);
  if (found) return endpoints_[*found]->Admit(head);
  return http::Refusal{NotFound(), Pack({.outcome = metrics::DeliveryOutcome::kRejectedBadRequest})};
}

void Endpoints::Handle(http::Request request, http::Responder responder) {
  const auto found = Find(request.head.path);
  if (!found) std::abort();  // Admit refused it
  endpoints_[*found]->Handle(std::move(request), std::move(responder));
}

http::Refusal Endpoints::OnAnswerTimeout() { return endpoints_.front()->OnAnswerTimeout(); }

}  // namespace keystrand::receiver
