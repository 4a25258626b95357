#include "common/metrics/http_metrics.h"

#include <string>
#include <utility>

namespace keystrand::metrics {
namespace {

constexpr Name kConnections{"keystrand_http_connections", "Open connections"};
constexpr Name kAccepted{"keystrand_http_connections_accepted_total", "Connections accepted"};
constexpr Name kBytesInFlight{"keystrand_http_bytes_in_flight", "Bytes of bodies being read or waiting for an answer"};
constexpr Name kHandshakes{"keystrand_tls_handshakes_total", "TLS handshakes, by result"};
constexpr Name kProxyHeaders{"keystrand_proxy_headers_refused_total",
                             "Connections closed for want of a trusted PROXY header"};
constexpr Name kExpiry{"keystrand_tls_certificate_expiry_timestamp_seconds",
                       "When the certificate expires; 0: no TLS here"};
constexpr Name kLimit{"keystrand_bound_limit", "Configured bounds, in the unit that the name ends in"};
constexpr Name kHits{"keystrand_bound_hits_total", "How often something was turned away or ended for a bound"};

Family One(const Name& name, Family::Type type, double value) { return {name, type, {{{}, value}}}; }
double Count(std::uint64_t count) { return static_cast<double>(count); }

Family Handshakes(const HttpFigures& figures) {
  return {kHandshakes,
          Family::Type::kCounter,
          {{{{"result", "completed"}}, Count(figures.handshakes_completed)},
           {{{"result", "failed"}}, Count(figures.handshakes_failed)}}};
}

std::vector<Family> FamiliesOf(const HttpFigures& figures) {
  using Type = Family::Type;
  Family limits{kLimit, Type::kGauge, {}};
  Family hits{kHits, Type::kCounter, {}};
  for (const BoundFigure& bound : figures.bounds) {
    const Labels labels{{"bound", std::string(bound.name)}};
    limits.samples.push_back({labels, bound.limit});
    hits.samples.push_back({labels, Count(bound.hits)});
  }
  return {One(kConnections, Type::kGauge, Count(figures.connections)),
          One(kAccepted, Type::kCounter, Count(figures.connections_accepted)),
          One(kBytesInFlight, Type::kGauge, Count(figures.bytes_in_flight)),
          Handshakes(figures),
          One(kProxyHeaders, Type::kCounter, Count(figures.proxy_headers_refused)),
          One(kExpiry, Type::kGauge, static_cast<double>(figures.certificate_expiry.time_since_epoch().count())),
          std::move(limits),
          std::move(hits)};
}

}  // namespace

void AddHttpMetrics(Registry& registry, std::function<HttpFigures()> figures) {
  registry.AddSource([figures = std::move(figures)] { return FamiliesOf(figures()); });
}

}  // namespace keystrand::metrics
