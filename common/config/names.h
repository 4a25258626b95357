#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace keystrand::config {

/// "ack-timeout-ms" -> KEYSTRAND_ACK_TIMEOUT_MS, "kafka.sasl.password" -> KEYSTRAND_KAFKA_SASL_PASSWORD.
inline std::string EnvironmentName(std::string_view name) {
  std::string variable = "KEYSTRAND_";
  for (const char c : name) {
    const bool separator = c == '-' || c == '.';
    variable += separator ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return variable;
}

/// librdkafka 2's properties that hold a password or a private key (CONFIGURATION.md).
inline constexpr std::array<std::string_view, 7> kSecretKafkaProperties = {"sasl.password",
                                                                           "ssl.key.password",
                                                                           "ssl.key.pem",
                                                                           "ssl.keystore.password",
                                                                           "sasl.oauthbearer.client.secret",
                                                                           "sasl.oauthbearer.config",
                                                                           "ssl_key"};

inline bool IsSecretKafkaProperty(std::string_view property) {
  return std::find(kSecretKafkaProperties.begin(), kSecretKafkaProperties.end(), property) !=
         kSecretKafkaProperties.end();
}

}  // namespace keystrand::config
