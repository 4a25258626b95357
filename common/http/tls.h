#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

struct ssl_ctx_st;  // OpenSSL's
struct ssl_st;

namespace keystrand::http {

struct TlsSettings {
  std::string certificate_file;           ///< PEM: the certificate, then its intermediates
  std::string key_file;                   ///< PEM, not encrypted
  std::vector<std::string> server_names;  ///< names that clients may ask for (SNI); empty: any, or none
};

/// A certificate and the rules of its TLS: 1.2 and 1.3, forward secret AEAD suites, no renegotiation, no compression,
/// ALPN http/1.1. Immutable: a server that gets a new one keeps the old for the connections that began with it.
class TlsContext {
 public:
  /// Reads and checks the files. `now`: wall clock.
  /// Errors: kRejected, naming the file: unreadable, not PEM, encrypted, expired, or the key of another certificate.
  static Result<std::shared_ptr<const TlsContext>> Load(const TlsSettings& settings,
                                                        std::chrono::system_clock::time_point now);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// When the certificate expires.
  [[nodiscard]] std::chrono::sys_seconds not_after() const { return not_after_; }
  [[nodiscard]] ssl_ctx_st* native() const { return context_; }
  /// Whether a client that asks for `name` (null: for none) is served.
  [[nodiscard]] bool Serves(const char* name) const;

 private:
  explicit TlsContext(std::vector<std::string> server_names);
  Result<> UseFiles(const TlsSettings& settings, std::chrono::system_clock::time_point now);

  std::vector<std::string> server_names_;
  ssl_ctx_st* context_;
  std::chrono::sys_seconds not_after_{};
};

/// TLS on one connected, non-blocking socket, the server's side. On one thread at a time.
class TlsSession {
 public:
  enum class State : std::uint8_t {
    kDone,       ///< `count` bytes; of a handshake: it is complete
    kWantRead,   ///< again when the socket is readable
    kWantWrite,  ///< again when the socket is writable
    kEnd,        ///< the peer will send no more
    kFailed,     ///< not TLS, or not ours; the alert is sent
  };
  struct Io {
    State state = State::kFailed;
    std::size_t count = 0;
  };

  /// `fd` stays the caller's and outlives this.
  TlsSession(std::shared_ptr<const TlsContext> context, int fd);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  [[nodiscard]] Io Handshake();
  [[nodiscard]] Io Read(std::span<char> into);  ///< `into` is not empty
  [[nodiscard]] Io Write(std::string_view bytes);
  /// Tells the peer that nothing follows; what it does not take at once is left out.
  void EndSending();

 private:
  [[nodiscard]] Io Outcome(int result, std::size_t count);

  std::shared_ptr<const TlsContext> context_;
  ssl_st* session_;
};

}  // namespace keystrand::http
