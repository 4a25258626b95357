#pragma once

#include <string>
#include <vector>

#include "common/config/reader.h"
#include "common/core/result.h"

namespace keystrand::receiver {

/// One endpoint as the operator gave it: by flags and environment (named "default"), or as `[endpoint.NAME]`.
struct EndpointConfig {
  std::string name = "default";
  std::string path = "/webhooks/stripe";
  std::vector<config::Secret> secrets;  ///< the primary first; or else `secrets_file`
  std::string secrets_file;             ///< one a line, the primary first
  std::string expected_mode = "any";    ///< live, test or any
};

inline constexpr std::size_t kEndpointsMax = 16;  ///< each has series of its own in the metrics

/// The keys of an `[endpoint.NAME]` section.
[[nodiscard]] std::vector<config::SectionKey> EndpointKeys();

/// The endpoints of the file's sections, in the order of their names. `problems` takes what is wrong with them.
[[nodiscard]] std::vector<EndpointConfig> EndpointsOf(const config::Sections& sections,
                                                      std::vector<std::string>& problems);

/// Whatever is wrong with one of them, or with all together. Never quotes a secret. Reads the secrets' files.
[[nodiscard]] std::vector<std::string> ProblemsOf(const std::vector<EndpointConfig>& endpoints);

/// The signing secrets, given or in the file, the primary first. Errors: kRejected (the file cannot be read).
[[nodiscard]] Result<std::vector<std::string>> SecretsOf(const EndpointConfig& endpoint);

}  // namespace keystrand::receiver
