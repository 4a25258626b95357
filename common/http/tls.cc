#include "common/http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "common/http/request_head.h"

namespace keystrand::http {
namespace {

/// Of TLS 1.2: ephemeral keys and authenticated encryption only. Stripe, every browser and curl of the last ten years
/// speak these.
constexpr const char* kCipherList = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kGroups = "X25519:P-256:P-384";

/// The reason for the last failure in OpenSSL's words; they quote no file's content.
std::string LastError() {
  std::array<char, 160> text{};
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (const char* const reason = ERR_reason_error_string(code)) return reason;
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

/// A key with a passphrase is refused: OpenSSL would ask for it on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*arg*/) { return 0; }

int ChooseName(SSL* session, int* alert, void* arg) {
  const auto& context = *static_cast<const TlsContext*>(arg);
  if (context.Serves(SSL_get_servername(session, TLSEXT_NAMETYPE_host_name))) return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int ChooseProtocol(SSL* /*session*/, const unsigned char** chosen, unsigned char* chosen_size,
                   const unsigned char* offered, unsigned int offered_size, void* /*arg*/) {
  static constexpr std::string_view kHttp11 = "\x08http/1.1";
  const auto* const ours = reinterpret_cast<const unsigned char*>(kHttp11.data());
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_size, ours, kHttp11.size(), offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::chrono::sys_seconds ExpiryOf(const X509* certificate) {
  std::tm end{};
  ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end);
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&end)));
}

tl::unexpected<Error> Refused(const std::string& file, const std::string& why) {
  return Fail(ErrorCode::kRejected, file + ": " + why);
}

}  // namespace

TlsContext::TlsContext(std::vector<std::string> server_names)
    : server_names_(std::move(server_names)), context_(SSL_CTX_new(TLS_server_method())) {
  if (context_ == nullptr) std::abort();  // out of memory
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                    SSL_OP_IGNORE_UNEXPECTED_EOF);  // bodies have a length: an end is never mistaken
  SSL_CTX_set_mode(context_,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);  // tickets resume sessions and cost no memory here
  SSL_CTX_set_num_tickets(context_, 1);
  SSL_CTX_set_cipher_list(context_, kCipherList);
  SSL_CTX_set1_groups_list(context_, kGroups);
  SSL_CTX_set_default_passwd_cb(context_, NoPassphrase);
  SSL_CTX_set_tlsext_servername_callback(context_, ChooseName);
  SSL_CTX_set_tlsext_servername_arg(context_, this);
  SSL_CTX_set_alpn_select_cb(context_, ChooseProtocol, nullptr);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::Load(const TlsSettings& settings,
                                                           std::chrono::system_clock::time_point now) {
  const std::shared_ptr<TlsContext> context(new TlsContext(settings.server_names));
  ERR_clear_error();
  if (auto used = context->UseFiles(settings, now); !used) return Fail(used.error());
  return context;
}

Result<> TlsContext::UseFiles(const TlsSettings& settings, std::chrono::system_clock::time_point now) {
  const std::string& certificate = settings.certificate_file;
  const std::string& key = settings.key_file;
  if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1) {
    return Refused(certificate, "cannot be used as a PEM certificate chain (" + LastError() + ")");
  }
  not_after_ = ExpiryOf(SSL_CTX_get0_certificate(context_));
  if (not_after_ <= now) return Refused(certificate, "the certificate has expired; give the renewed one");
  if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const auto code = ERR_GET_REASON(ERR_peek_last_error());
    if (code == X509_R_KEY_VALUES_MISMATCH) return Refused(key, "is not the key of " + certificate);
    return Refused(key, "cannot be used as a PEM key without a passphrase (" + LastError() + ")");
  }
  if (SSL_CTX_check_private_key(context_) != 1) return Refused(key, "is not the key of " + certificate);
  return {};
}

bool TlsContext::Serves(const char* name) const {
  if (server_names_.empty()) return true;
  return name != nullptr && std::any_of(server_names_.begin(), server_names_.end(),
                                        [&](const std::string& served) { return EqualsIgnoringCase(served, name); });
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int fd)
    : context_(std::move(context)), session_(SSL_new(context_->native())) {
  if (session_ == nullptr || SSL_set_fd(session_, fd) != 1) std::abort();  // out of memory
  SSL_set_accept_state(session_);
}

TlsSession::~TlsSession() { SSL_free(session_); }

TlsSession::Io TlsSession::Handshake() {
  ERR_clear_error();
  return Outcome(SSL_do_handshake(session_), 0);
}

TlsSession::Io TlsSession::Read(std::span<char> into) {
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_read_ex(session_, into.data(), into.size(), &count);
  return Outcome(result, count);
}

TlsSession::Io TlsSession::Write(std::string_view bytes) {
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(session_, bytes.data(), bytes.size(), &count);
  return Outcome(result, count);
}

TlsSession::Io TlsSession::Outcome(int result, std::size_t count) {
  if (result == 1) return {State::kDone, count};
  switch (SSL_get_error(session_, result)) {
    case SSL_ERROR_WANT_READ: return {State::kWantRead, 0};
    case SSL_ERROR_WANT_WRITE: return {State::kWantWrite, 0};
    case SSL_ERROR_ZERO_RETURN: return {State::kEnd, 0};
    default: return {State::kFailed, 0};
  }
}

void TlsSession::EndSending() {
  ERR_clear_error();
  if (SSL_is_init_finished(session_) == 1) (void)SSL_shutdown(session_);
  ERR_clear_error();
}

}  // namespace keystrand::http
