#include "receiver/server_setup.h"

#include <sys/resource.h>

#include <algorithm>

namespace keystrand::receiver {
namespace {

using http::Bound;

constexpr std::size_t kDescriptorsElsewhere = 64;  // brokers, admin port, files, epoll: never for connections

/// Raises the descriptor limit as far as it goes; returns how many connections it allows.
std::size_t ConnectionsAllowed(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, wanted + kDescriptorsElsewhere));
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t allowed =
      limit.rlim_cur > 2 * kDescriptorsElsewhere ? limit.rlim_cur - kDescriptorsElsewhere : limit.rlim_cur / 2;
  return std::min(wanted, allowed);
}

double Seconds(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

http::ServerSettings ServerSettingsOf(const Settings& settings) {
  http::ServerSettings server;
  server.listen = settings.listen.Text();
  server.threads = settings.threads;
  server.reuse_port = settings.reuse_port;
  server.client_address = settings.client_address;
  server.head.target_bytes_max = static_cast<std::size_t>(settings.target_bytes_max);
  server.head.block_bytes_max = static_cast<std::size_t>(settings.head_bytes_max);
  server.head.field_bytes_max = static_cast<std::size_t>(settings.field_bytes_max);
  server.head.fields_max = static_cast<std::size_t>(settings.fields_max);
  server.body_bytes_max = static_cast<std::uint64_t>(settings.body_bytes_max);
  server.handshake_timeout = settings.tls_handshake_timeout;
  server.header_timeout = settings.header_timeout;
  server.body_timeout = settings.body_timeout;
  server.idle_timeout = settings.idle_timeout;
  server.write_timeout = settings.write_timeout;
  server.answer_timeout = settings.ack_timeout;
  server.linger_timeout = settings.linger_timeout;
  server.linger_bytes_max = 2 * server.body_bytes_max;
  server.requests_per_connection_max = static_cast<std::uint64_t>(settings.requests_per_connection_max);
  server.connections_max = ConnectionsAllowed(static_cast<std::size_t>(settings.connections_max));
  server.connections_per_address_max = static_cast<std::size_t>(settings.connections_per_address_max);
  server.requests_in_flight_max = static_cast<std::size_t>(settings.requests_in_flight_max);
  server.bytes_in_flight_max = static_cast<std::uint64_t>(settings.bytes_in_flight_max);
  return server;
}

http::TlsSettings TlsSettingsOf(const Settings& settings) {
  return {settings.tls_certificate_file, settings.tls_key_file, settings.tls_server_names};
}

std::vector<metrics::BoundFigure> BoundsOf(const Settings& settings, const http::ServerStats& stats,
                                           std::uint64_t queue_hits) {
  const auto number = [](std::int64_t limit) { return static_cast<double>(limit); };
  return {
      {"connections", number(settings.connections_max), stats.Hits(Bound::kConnections)},
      {"connections_per_address", number(settings.connections_per_address_max),
       stats.Hits(Bound::kConnectionsPerAddress)},
      {"requests_per_connection", number(settings.requests_per_connection_max),
       stats.Hits(Bound::kRequestsPerConnection)},
      {"requests_in_flight", number(settings.requests_in_flight_max), stats.Hits(Bound::kRequestsInFlight)},
      {"bytes_in_flight", number(settings.bytes_in_flight_max), stats.Hits(Bound::kBytesInFlight)},
      {"queue_bytes", number(settings.queue_bytes_max), queue_hits},
      {"target_bytes", number(settings.target_bytes_max), stats.Hits(Bound::kTargetBytes)},
      {"head_bytes", number(settings.head_bytes_max), stats.Hits(Bound::kHeadBytes)},
      {"body_bytes", number(settings.body_bytes_max), stats.Hits(Bound::kBodyBytes)},
      {"tls_handshake_seconds", Seconds(settings.tls_handshake_timeout), stats.Hits(Bound::kHandshakeTime)},
      {"header_seconds", Seconds(settings.header_timeout), stats.Hits(Bound::kHeaderTime)},
      {"body_seconds", Seconds(settings.body_timeout), stats.Hits(Bound::kBodyTime)},
      {"idle_seconds", Seconds(settings.idle_timeout), stats.Hits(Bound::kIdleTime)},
      {"write_seconds", Seconds(settings.write_timeout), stats.Hits(Bound::kWriteTime)},
      {"ack_seconds", Seconds(settings.ack_timeout), stats.Hits(Bound::kAnswerTime)},
      {"descriptors", 0, stats.Hits(Bound::kDescriptors)},
  };
}

}  // namespace keystrand::receiver
