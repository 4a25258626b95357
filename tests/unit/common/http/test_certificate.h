#pragma once

#include <chrono>
#include <string>

namespace keystrand::http {

/// A self-signed certificate and its key as PEM, made here: of no use outside of tests.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

/// `name`: common name and DNS name. `lifetime`: from now; negative: it has expired.
[[nodiscard]] TestCertificate MakeTestCertificate(const std::string& name,
                                                  std::chrono::seconds lifetime = std::chrono::hours(24));

}  // namespace keystrand::http
