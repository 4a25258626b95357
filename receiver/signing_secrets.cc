#include "receiver/signing_secrets.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>

namespace keystrand::receiver {
namespace {

constexpr std::size_t kSecretBytesMin = 16;  // Stripe's have 38 and more; shorter ones can be guessed

std::string Trimmed(const std::string& line) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::vector<std::string> ProblemsOf(const std::vector<std::string>& secrets) {
  if (secrets.empty()) return {"no signing secret: copy the endpoint's from Stripe's Dashboard, or from stripe listen"};
  std::vector<std::string> problems;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    const std::string which = "signing secret " + std::to_string(i + 1);
    if (secrets[i].empty()) {
      problems.push_back(which + " is empty: anybody could sign with it");
    } else if (secrets[i].size() < kSecretBytesMin) {
      problems.push_back(which + " is too short to be one of Stripe's: anybody could guess it");
    } else if (!seen.insert(secrets[i]).second) {
      problems.push_back(which + " is given twice");
    }
  }
  return problems;
}

Result<std::vector<std::string>> ReadSecretsFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(ErrorCode::kRejected, path + ": cannot be read");
  std::vector<std::string> secrets;
  for (std::string line; std::getline(file, line);) {
    if (std::string secret = Trimmed(line); !secret.empty()) secrets.push_back(std::move(secret));
  }
  if (file.bad()) return Fail(ErrorCode::kRejected, path + ": cannot be read");
  return secrets;
}

Result<> SigningSecrets::Replace(std::vector<std::string> secrets) {
  std::string detail;
  for (const std::string& problem : ProblemsOf(secrets)) detail += (detail.empty() ? "" : "; ") + problem;
  if (!detail.empty()) return Fail(ErrorCode::kRejected, detail);
  auto verifier = std::make_shared<const stripe::SignatureVerifier>(std::move(secrets), tolerance_);
  const std::lock_guard lock(mutex_);
  verifier_ = std::move(verifier);
  return {};
}

std::shared_ptr<const stripe::SignatureVerifier> SigningSecrets::Current() const {
  const std::lock_guard lock(mutex_);
  return verifier_;
}

}  // namespace keystrand::receiver
