#include "common/http/handler.h"

namespace keystrand::http {

Responder::~Responder() {
  if (sink_) sink_->Drop(exchange_);
}

void Responder::Send(const Response& response, OutcomeTag outcome) {
  if (const auto sink = std::exchange(sink_, nullptr)) sink->Answer(exchange_, response, outcome);
}

}  // namespace keystrand::http
