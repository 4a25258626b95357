#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace keystrand::http {

/// A client of the server's TLS port on 127.0.0.1, with OpenSSL's own blocking calls. Every wait is bounded (10 s).
class TlsClient {
 public:
  struct Options {
    std::string server_name{};  ///< SNI; empty: none
    int version_max = TLS1_3_VERSION;
    int version_min = TLS1_2_VERSION;
    std::string alpn{};              ///< in wire format; empty: none
    std::string send_first{};        ///< in clear, before the handshake
    std::string from = "127.0.0.1";  ///< the address that it comes from
  };
  explicit TlsClient(std::uint16_t port) : TlsClient(port, Options{}) {}
  TlsClient(std::uint16_t port, const Options& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// Of a failed handshake: the alert that the server sent, in OpenSSL's words; else why it failed.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] std::string version() const { return SSL_get_version(session_.get()); }
  /// Common name of the server's certificate.
  [[nodiscard]] std::string server_common_name() const;
  [[nodiscard]] std::string protocol() const;  ///< chosen by ALPN; empty: none

  bool Send(std::string_view bytes);
  /// What comes until `enough` says so, or until the server closes.
  std::string ReceiveUntil(const std::function<bool(std::string_view)>& enough);
  /// What comes until the server closes.
  std::string ReceiveAll();

 private:
  int fd_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> session_;
  bool connected_ = false;
  std::string failure_;
};

}  // namespace keystrand::http
