#include "worker/store/session_setup.h"

#include <libpq-fe.h>

#include <fstream>
#include <memory>
#include <set>
#include <utility>

namespace keystrand::worker::store {
namespace {

using std::chrono::milliseconds;

/// Conninfo defaults that bound every wait on a dead peer. What the url says wins.
constexpr std::pair<const char*, const char*> kDefaults[] = {{"keepalives_idle", "5"},
                                                             {"keepalives_interval", "2"},
                                                             {"keepalives_count", "3"},
                                                             {"tcp_user_timeout", "10000"},
                                                             {"target_session_attrs", "read-write"}};

Result<std::string> FirstLineOf(const std::string& file) {
  std::ifstream input(file);
  std::string line;
  if (!std::getline(input, line)) {
    return Fail(ErrorCode::kUnavailable, "no password can be read from KEYSTRAND_DATABASE_PASSWORD_FILE, " + file);
  }
  return line;
}

}  // namespace

Result<Connection::Parameters> ParametersOf(const DatabaseSettings& settings) {
  char* reason = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(settings.url.c_str(), &reason), &PQconninfoFree);
  if (!options) {
    PQfreemem(reason);  // it quotes the url, which may hold a password
    return Fail(ErrorCode::kMisdeployed, "KEYSTRAND_DATABASE_URL is not a PostgreSQL connection string");
  }
  Connection::Parameters parameters;
  std::set<std::string> given;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (given.insert(name).second) parameters.emplace_back(name, value);
  };
  if (!settings.password_file.empty()) {
    const auto password = FirstLineOf(settings.password_file);
    if (!password) return Fail(password.error());
    add("password", *password);
  }
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) add(option->keyword, option->val);
  }
  add("application_name", settings.application_name);
  for (const auto& [name, value] : kDefaults) add(name, value);
  return parameters;
}

milliseconds YouthOf(milliseconds transaction_timeout) { return transaction_timeout / 5; }

/// Key look-ups only: a plan that scans a table because its statistics are a minute old is never the right one here.
std::vector<std::string> SessionSql(milliseconds timeout) {
  const auto statement_timeout = std::to_string((timeout - YouthOf(timeout)).count());
  return {
      "SET statement_timeout = " + statement_timeout,
      "SET idle_in_transaction_session_timeout = " + std::to_string(timeout.count()),
      "SET client_encoding = 'UTF8'",  // these three: how our parameters and the server's answers are read
      "SET tcp_keepalives_idle = 5",   // and these four: when the server misses us, as kDefaults for when we miss it
      "SET tcp_keepalives_interval = 2", "SET tcp_keepalives_count = 3", "SET tcp_user_timeout = 10000",
      "SET bytea_output = hex", "SET array_nulls = on", "SET enable_seqscan = off", "SET enable_hashjoin = off",
      "SET enable_mergejoin = off", "SET jit = off",
      // Nor is a plan for this batch's sizes: the server would make one for each small batch, at a third of its work.
      "SET plan_cache_mode = force_generic_plan",
      ("SELECT set_config('synchronous_commit', 'on', false)"
       " WHERE current_setting('synchronous_commit') IN ('off', 'local')")};
}

}  // namespace keystrand::worker::store
