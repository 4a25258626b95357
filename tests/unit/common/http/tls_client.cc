#include "tests/unit/common/http/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>

namespace keystrand::http {
namespace {

/// While OpenSSL writes: it raises SIGPIPE on a connection that the server has closed. Only here, so that a test still
/// sees what the server's threads do about theirs.
class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeBlocked() {
    const timespec now{0, 0};
    ::sigtimedwait(&sigpipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
};

int Connect(std::uint16_t port, const std::string& from) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval bound{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, from.c_str(), &address.sin_addr);
  ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return fd;
}

}  // namespace

TlsClient::TlsClient(std::uint16_t port, const Options& options)
    : fd_(Connect(port, options.from)),
      context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
      session_(nullptr, SSL_free) {
  const SigpipeBlocked blocked;
  SSL_CTX_set_security_level(context_.get(), 0);  // so that it offers what the server must refuse
  SSL_CTX_set_min_proto_version(context_.get(), options.version_min);
  SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
  session_.reset(SSL_new(context_.get()));
  if (!options.server_name.empty()) SSL_set_tlsext_host_name(session_.get(), options.server_name.c_str());
  if (!options.alpn.empty()) {
    SSL_set_alpn_protos(session_.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                        static_cast<unsigned>(options.alpn.size()));
  }
  if (!options.send_first.empty()) ::send(fd_, options.send_first.data(), options.send_first.size(), MSG_NOSIGNAL);
  SSL_set_fd(session_.get(), fd_);
  ERR_clear_error();
  connected_ = SSL_connect(session_.get()) == 1;
  if (connected_) return;
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  failure_ = reason != nullptr ? reason : "closed";
  ERR_clear_error();
}

TlsClient::~TlsClient() { ::close(fd_); }

std::string TlsClient::server_common_name() const {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(session_.get()), X509_free);
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(), name.size());
  return name.data();
}

std::string TlsClient::protocol() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(session_.get(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

bool TlsClient::Send(std::string_view bytes) {
  const SigpipeBlocked blocked;
  return SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

std::string TlsClient::ReceiveUntil(const std::function<bool(std::string_view)>& enough) {
  std::string received;
  std::array<char, 16384> bytes;
  while (!enough(received)) {
    const int count = SSL_read(session_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (count <= 0) break;
    received.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return received;
}

std::string TlsClient::ReceiveAll() {
  return ReceiveUntil([](std::string_view) { return false; });
}

}  // namespace keystrand::http
