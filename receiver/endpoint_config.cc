#include "receiver/endpoint_config.h"

#include <algorithm>
#include <map>
#include <utility>

#include "receiver/signing_secrets.h"

namespace keystrand::receiver {
namespace {

using Problems = std::vector<std::string>;
using Keys = std::map<std::string, std::vector<std::string>>;

constexpr std::size_t kNameBytesMax = 32;

bool IsName(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  return plain && !name.empty() && name.size() <= kNameBytesMax && name != "other";
}

/// What a problem's line begins with.
std::string Named(const EndpointConfig& endpoint, const std::string& key) {
  return endpoint.name == "default" ? key : "endpoint." + endpoint.name + "." + key;
}

/// The one value of a key that takes no array.
void TakeOne(const Keys& keys, const std::string& key, const EndpointConfig& endpoint, std::string& field,
             Problems& problems) {
  const auto found = keys.find(key);
  if (found == keys.end()) return;
  if (found->second.size() != 1) return problems.push_back(Named(endpoint, key) + ": give one value, in quotes");
  field = found->second.front();
}

EndpointConfig EndpointOf(const std::string& name, const Keys& keys, Problems& problems) {
  EndpointConfig endpoint;
  endpoint.name = name;
  endpoint.path.clear();
  TakeOne(keys, "path", endpoint, endpoint.path, problems);
  TakeOne(keys, "signing-secrets-file", endpoint, endpoint.secrets_file, problems);
  TakeOne(keys, "expected-mode", endpoint, endpoint.expected_mode, problems);
  if (const auto found = keys.find("signing-secrets"); found != keys.end()) {
    for (const std::string& secret : found->second) endpoint.secrets.emplace_back(secret);
  }
  return endpoint;
}

Problems PathProblems(const EndpointConfig& endpoint) {
  const std::string& path = endpoint.path;
  const bool printable = std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (path.starts_with('/') && printable && path.find_first_of("?#") == std::string::npos) return {};
  const std::string key = endpoint.name == "default" ? "endpoint-path" : "path";
  return {Named(endpoint, key) + ": give a path that begins with / and has no space, ? or #"};
}

Problems ModeProblems(const EndpointConfig& endpoint) {
  if (endpoint.expected_mode == "live" || endpoint.expected_mode == "test" || endpoint.expected_mode == "any") {
    return {};
  }
  return {Named(endpoint, "expected-mode") + ": give live, test or any"};
}

Problems SecretProblems(const EndpointConfig& endpoint) {
  if (!endpoint.secrets.empty() && !endpoint.secrets_file.empty()) {
    return {Named(endpoint, "signing-secrets") + " and signing-secrets-file: give one of them"};
  }
  const std::string name =
      Named(endpoint, endpoint.secrets_file.empty() ? "signing-secrets" : "signing-secrets-file") + ": ";
  const auto secrets = SecretsOf(endpoint);
  if (!secrets) return {name + secrets.error().detail};
  Problems problems;
  for (const std::string& problem : ProblemsOf(*secrets)) problems.push_back(name + problem);
  return problems;
}

void Append(Problems& all, Problems some) { std::move(some.begin(), some.end(), std::back_inserter(all)); }

/// A secret of two endpoints proves nothing about which one was meant: test events could pass for live ones.
void FindSharedSecrets(const std::vector<EndpointConfig>& endpoints, Problems& problems) {
  std::map<std::string, const EndpointConfig*> owners;
  for (const EndpointConfig& endpoint : endpoints) {
    const auto secrets = SecretsOf(endpoint);
    if (!secrets) continue;  // told already
    for (const std::string& secret : *secrets) {
      const auto [owner, fresh] = owners.emplace(secret, &endpoint);
      if (fresh || owner->second == &endpoint) continue;
      problems.push_back(Named(endpoint, "signing-secrets") + ": one of them is also a secret of endpoint " +
                         owner->second->name + "; each endpoint at Stripe has its own");
    }
  }
}

void FindSharedPaths(const std::vector<EndpointConfig>& endpoints, Problems& problems) {
  std::map<std::string, const EndpointConfig*> owners;
  for (const EndpointConfig& endpoint : endpoints) {
    const auto [owner, fresh] = owners.emplace(endpoint.path, &endpoint);
    if (fresh) continue;
    problems.push_back(Named(endpoint, "path") + ": " + endpoint.path + " is also the path of endpoint " +
                       owner->second->name + "; give each its own");
  }
}

}  // namespace

std::vector<config::SectionKey> EndpointKeys() {
  return {{"path"}, {"signing-secrets", true}, {"signing-secrets-file"}, {"expected-mode"}};
}

std::vector<EndpointConfig> EndpointsOf(const config::Sections& sections, Problems& problems) {
  std::vector<EndpointConfig> endpoints;
  for (const auto& [name, keys] : sections) endpoints.push_back(EndpointOf(name, keys, problems));
  return endpoints;
}

std::vector<std::string> ProblemsOf(const std::vector<EndpointConfig>& endpoints) {
  Problems problems;
  if (endpoints.size() > kEndpointsMax) {
    problems.push_back("endpoint: " + std::to_string(endpoints.size()) + " endpoints; give at most " +
                       std::to_string(kEndpointsMax) + " to one receiver");
  }
  for (const EndpointConfig& endpoint : endpoints) {
    if (!IsName(endpoint.name)) {
      problems.push_back("endpoint." + endpoint.name +
                         ": give a name of at most 32 characters a-z, 0-9, - or _, other than \"other\"");
    }
    Append(problems, PathProblems(endpoint));
    Append(problems, SecretProblems(endpoint));
    Append(problems, ModeProblems(endpoint));
  }
  FindSharedPaths(endpoints, problems);
  FindSharedSecrets(endpoints, problems);
  return problems;
}

Result<std::vector<std::string>> SecretsOf(const EndpointConfig& endpoint) {
  if (!endpoint.secrets_file.empty()) return ReadSecretsFile(endpoint.secrets_file);
  std::vector<std::string> secrets;
  for (const config::Secret& secret : endpoint.secrets) secrets.push_back(secret.Reveal());
  return secrets;
}

}  // namespace keystrand::receiver
