#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "common/stripe/signature_verifier.h"

namespace keystrand::receiver {

/// What is wrong with a set of signing secrets, one line per problem, never quoting one. Empty: usable.
[[nodiscard]] std::vector<std::string> ProblemsOf(const std::vector<std::string>& secrets);

/// Secrets of a file: one a line, the primary first, white space around them and empty lines ignored.
/// Errors: kRejected (cannot be read; the detail names the file).
[[nodiscard]] Result<std::vector<std::string>> ReadSecretsFile(const std::string& path);

/// The verifier in force; replaced as a whole, without a pause, while requests are served. Thread-safe.
class SigningSecrets {
 public:
  explicit SigningSecrets(std::chrono::seconds tolerance) : tolerance_(tolerance) {}

  /// Errors: kRejected, with all problems in the detail; the old set stays in force.
  Result<> Replace(std::vector<std::string> secrets);
  /// Null before the first Replace.
  [[nodiscard]] std::shared_ptr<const stripe::SignatureVerifier> Current() const;

 private:
  std::chrono::seconds tolerance_;
  mutable std::mutex mutex_;
  std::shared_ptr<const stripe::SignatureVerifier> verifier_;  // guarded by mutex_
};

}  // namespace keystrand::receiver
