#include "tests/bench/loadgen/signed_requests.h"

namespace keystrand::bench {
namespace {

/// The head up to the signature, as Stripe's sender writes it.
std::string HeadBeforeSignature(const SignedRequests::Settings& settings, const std::string& signed_at,
                                std::size_t body_bytes) {
  return "POST " + settings.path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(settings.port) +
         "\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\nAccept: */*; q=0.5, application/xml\r\n"
         "Cache-Control: no-cache\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: " +
         std::to_string(body_bytes) + "\r\nStripe-Signature: t=" + signed_at + ",v1=";
}

}  // namespace

SignedRequests::SignedRequests(EventTemplate event, std::vector<PlannedEvent> plan, const Settings& settings)
    : event_(std::move(event)), run_(settings.run), plan_(std::move(plan)) {
  const std::string signed_at = std::to_string(settings.signed_at.time_since_epoch().count());
  image_ = HeadBeforeSignature(settings, signed_at, event_.text().size());
  signature_offset_ = image_.size();
  image_ += std::string(2 * Digest().size(), '0') + "\r\n\r\n";
  body_offset_ = image_.size();
  image_ += event_.text();

  Signer signer(settings.secret);
  std::string body = event_.text();
  signatures_.reserve(plan_.size());
  for (const PlannedEvent& planned : plan_) {
    event_.Patch(planned, run_, body.data());
    signatures_.push_back(signer.Sign(signed_at, body));
  }
}

void SignedRequests::Patch(std::size_t index, char* request) const {
  WriteHex(signatures_[index], request + signature_offset_);
  event_.Patch(plan_[index], run_, request + body_offset_);
}

std::string SignedRequests::EventId(std::size_t index) const { return event_.EventId(plan_[index], run_); }

}  // namespace keystrand::bench
