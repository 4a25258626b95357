#include "worker/store/session.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <fstream>
#include <pqxx/pqxx>
#include <set>
#include <utility>

#include "worker/store/errors.h"

namespace keystrand::worker::store {

class Rows::Data {
 public:
  explicit Data(pqxx::result result) : rows(std::move(result)) {}
  pqxx::result rows;
};

std::size_t Rows::size() const { return static_cast<std::size_t>(data_->rows.size()); }
std::size_t Rows::columns() const { return static_cast<std::size_t>(data_->rows.columns()); }
std::size_t Rows::affected() const { return static_cast<std::size_t>(data_->rows.affected_rows()); }

namespace {

using Clock = std::chrono::steady_clock;

pqxx::result::size_type RowNumber(std::size_t row) { return static_cast<pqxx::result::size_type>(row); }

/// Conninfo defaults that bound every wait on a dead peer. What the url says wins.
constexpr std::pair<const char*, const char*> kDefaults[] = {{"keepalives_idle", "5"},
                                                             {"keepalives_interval", "2"},
                                                             {"keepalives_count", "3"},
                                                             {"tcp_user_timeout", "10000"},
                                                             {"target_session_attrs", "read-write"}};

std::string Quoted(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += "'";
}

std::string FirstLineOf(const std::string& file) {
  std::ifstream input(file);
  std::string line;
  std::getline(input, line);
  return line;
}

/// The url (or key=value pairs) as key=value pairs, with the password file's content and our defaults.
Result<std::string> ConnectionInfo(const DatabaseSettings& settings) {
  char* reason = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(settings.url.c_str(), &reason), &PQconninfoFree);
  if (!options) {
    PQfreemem(reason);  // it quotes the url, which may hold a password
    return Fail(ErrorCode::kMisdeployed, "KEYSTRAND_DATABASE_URL is not a PostgreSQL connection string");
  }
  std::string info;
  std::set<std::string> given;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (given.insert(name).second) info += name + "=" + Quoted(value) + " ";
  };
  if (!settings.password_file.empty()) add("password", FirstLineOf(settings.password_file));
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) add(option->keyword, option->val);
  }
  add("application_name", settings.application_name);
  add("connect_timeout", std::to_string(std::chrono::ceil<std::chrono::seconds>(settings.connect_timeout).count()));
  for (const auto& [name, value] : kDefaults) add(name, value);
  return info;
}

/// Key look-ups only: a plan that scans a table because its statistics are a minute old is never the right one here.
std::string SessionSql(const DatabaseSettings& settings) {
  const auto timeout = std::to_string(settings.transaction_timeout.count());
  return "SET statement_timeout = " + timeout + "; SET idle_in_transaction_session_timeout = " + timeout +
         "; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off"
         "; SELECT set_config('synchronous_commit', 'on', false)"
         " WHERE current_setting('synchronous_commit') IN ('off', 'local')";
}

}  // namespace

class Session::Impl {
 public:
  Impl(DatabaseSettings settings, DatabaseObserver* observer) : settings_(std::move(settings)), observer_(observer) {}

  Result<> Connect() {
    Drop();
    const auto info = ConnectionInfo(settings_);
    if (!info) return Fail(info.error());
    return Guarded("connect", [&]() -> Result<> {
      connection_ = std::make_unique<pqxx::connection>(*info);
      quiet_ = std::make_unique<pqxx::quiet_errorhandler>(*connection_);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // the only way in 6.4 to forbid a silent reconnect
      connection_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
      pqxx::nontransaction(*connection_).exec(SessionSql(settings_));
      if (auto checked = CheckSchema(); !checked) {
        Drop();
        return checked;
      }
      if (observer_ != nullptr) observer_->OnConnected(std::exchange(connected_before_, true));
      return {};
    });
  }

  [[nodiscard]] bool connected() const { return connection_ != nullptr; }

  Result<> InTransaction(const std::function<Result<>(Transaction&)>& work);

  /// Runs `call`, times it, and turns every exception into an Error: the only place that catches. A broken connection
  /// is dropped at once.
  template <typename Call>
  auto Guarded(std::string_view operation, Call call) -> decltype(call()) {
    const auto started = Clock::now();
    const auto failed = [&](ErrorCode code, const std::string& sqlstate, const std::string& detail) {
      if (observer_ != nullptr) observer_->OnError(operation, sqlstate);
      if (code == ErrorCode::kUnavailable) broken_ = true;
      if (IsCorruption(sqlstate)) std::abort();  // damaged files: whatever we write makes it worse
      return Fail(code, std::string(operation) + ": " + detail);
    };
    try {
      auto result = call();
      if (observer_ != nullptr) observer_->OnOperation(operation, Clock::now() - started);
      return result;
    } catch (const pqxx::serialization_failure&) {
      return failed(ErrorCode::kConflict, "40001", "40001");
    } catch (const pqxx::deadlock_detected&) {
      return failed(ErrorCode::kConflict, "40P01", "40P01");
    } catch (const pqxx::transaction_rollback&) {
      return failed(ErrorCode::kConflict, "40000", "class 40");
    } catch (const pqxx::sql_error& e) {
      return failed(FromSqlState(e.sqlstate()), e.sqlstate(),
                    e.sqlstate().empty() ? "connection lost" : "SQLSTATE " + e.sqlstate());
    } catch (const pqxx::failure&) {
      return failed(ErrorCode::kUnavailable, "", "connection lost");
    } catch (const std::exception& e) {
      return failed(ErrorCode::kInternal, "", e.what());
    }
  }

  pqxx::connection& connection() { return *connection_; }
  void PrepareOnce(const Statement& statement) {
    if (prepared_.insert(statement.name).second) connection_->prepare(statement.name, statement.sql);
  }
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] std::chrono::milliseconds transaction_timeout() const { return settings_.transaction_timeout; }

 private:
  Result<> CheckSchema() {
    if (settings_.schema_version_min.empty()) return {};
    pqxx::nontransaction check(*connection_);
    const auto row = check.exec1("SELECT coalesce(max(version), '') FROM keystrand.schema_migrations");
    const std::string version = row[0].c_str();
    if (version >= settings_.schema_version_min) return {};
    return Fail(ErrorCode::kMisdeployed, "the database's schema is at " + (version.empty() ? "nothing" : version) +
                                             ", the program needs " + settings_.schema_version_min +
                                             ": run the migrations");
  }

  void Drop() {
    prepared_.clear();
    quiet_.reset();
    connection_.reset();
    broken_ = false;
  }

  DatabaseSettings settings_;
  DatabaseObserver* observer_;
  std::unique_ptr<pqxx::connection> connection_;
  std::unique_ptr<pqxx::quiet_errorhandler> quiet_;  // notices quote row values: nobody may print them
  std::set<std::string> prepared_;
  bool connected_before_ = false;
  bool broken_ = false;
};

class Transaction::Impl {
 public:
  explicit Impl(Session::Impl& owner) : session(owner), work(owner.connection()), started(Clock::now()) {}
  Session::Impl& session;
  pqxx::work work;
  Clock::time_point started;
};

Result<Rows> Transaction::Run(const Statement& statement, const Params& params) {
  if (Clock::now() - impl_.started > impl_.session.transaction_timeout()) {
    return Fail(ErrorCode::kTimeout, std::string(statement.name) + ": the transaction is over its time limit");
  }
  return impl_.session.Guarded(statement.name, [&]() -> Result<Rows> {
    impl_.session.PrepareOnce(statement);
    const auto pointers = params.Pointers();
    return Rows(std::make_shared<Rows::Data>(
        impl_.work.exec_prepared(statement.name, pqxx::prepare::make_dynamic_params(pointers))));
  });
}

Result<> Session::Impl::InTransaction(const std::function<Result<>(Transaction&)>& work) {
  if (!connected()) return Fail(ErrorCode::kUnavailable, "not connected");
  const auto result = Guarded("transaction", [&]() -> Result<> {
    Transaction::Impl impl(*this);
    Transaction transaction(impl);
    if (auto done = work(transaction); !done) {
      if (!broken_) impl.work.abort();
      return done;
    }
    auto committed = Guarded("commit", [&]() -> Result<> {
      impl.work.commit();
      return {};
    });
    if (!committed && committed.error().code == ErrorCode::kUnavailable) {
      return Fail(ErrorCode::kUnavailable, std::string(kCommitInDoubt));
    }
    return committed;
  });
  if (broken_) Drop();
  return result;
}

bool Rows::IsNull(std::size_t row, int column) const { return data_->rows[RowNumber(row)][column].is_null(); }
std::string_view Rows::Text(std::size_t row, int column) const {
  const auto field = data_->rows[RowNumber(row)][column];
  return {field.c_str(), field.size()};
}
std::int64_t Rows::Int(std::size_t row, int column) const {
  return std::strtoll(Text(row, column).data(), nullptr, 10);
}
bool Rows::Flag(std::size_t row, int column) const { return Text(row, column) == "t"; }

Session::Session(DatabaseSettings settings, DatabaseObserver* observer)
    : impl_(std::make_unique<Impl>(std::move(settings), observer)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Result<> Session::Connect() { return impl_->Connect(); }
bool Session::connected() const { return impl_->connected(); }
Result<> Session::InTransaction(const std::function<Result<>(Transaction&)>& work) {
  return impl_->InTransaction(work);
}

}  // namespace keystrand::worker::store
