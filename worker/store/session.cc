#include "worker/store/session.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "worker/store/connection.h"
#include "worker/store/errors.h"
#include "worker/store/result_rows.h"
#include "worker/store/session_setup.h"

namespace keystrand::worker::store {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kHealthyWithin{1000};  ///< how soon a trivial statement comes back from a database that is well

/// Whatever the default is: the lease check needs the new snapshot that only this level gives each statement.
constexpr Command kBegin{Command::Kind::kText, "", "BEGIN ISOLATION LEVEL READ COMMITTED"};
constexpr Command kCommit{Command::Kind::kText, "", "COMMIT"};
constexpr Command kRollback{Command::Kind::kText, "", "ROLLBACK"};
constexpr Command kTrivial{Command::Kind::kText, "", "SELECT 1"};
constexpr Command kServerPid{Command::Kind::kText, "", "SELECT pg_backend_pid()"};
constexpr Command kBackend{Command::Kind::kText, "", R"(
SELECT pid, extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid())"};
constexpr Command kSchema{Command::Kind::kText, "",
                          "SELECT coalesce(max(version), '') FROM keystrand.schema_migrations"};
/// The timeline changes when a standby is promoted and when a backup is rolled forward, the oid when a dump is
/// restored.
constexpr Command kIdentity{Command::Kind::kText, "", R"(
SELECT s.system_identifier || '/' || d.oid || '/' ||
       CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END
  FROM pg_control_system() s, pg_database d WHERE d.datname = current_database())"};

/// How much later than its own limit a server that is well cancels a statement. One that is later stood still, or is
/// behind a line that did, however well it answers afterwards. Short limits tell nothing: a round trip may take longer.
constexpr milliseconds kCancelsWithin{250};
constexpr milliseconds kTellingLimit{1000};

bool StoodStill(milliseconds limit, Clock::duration took) {
  return limit >= kTellingLimit && took > limit + kCancelsWithin;
}

/// A unique index that is no primary key says something about the row.
bool IsConflict(const Statement& statement, const Refusal& refusal) {
  return !refusal.sqlstate.empty() && refusal.sqlstate == statement.conflict &&
         (refusal.sqlstate != kTakenKey || std::string_view(refusal.constraint).ends_with("_pkey"));
}

std::string OnlyValue(const ResultHandle& result) {
  return PQntuples(result.get()) == 1 ? PQgetvalue(result.get(), 0, 0) : "";
}

}  // namespace

class Transaction::Impl {
 public:
  enum class Pace : std::uint8_t { kTogether, kStepwise };  ///< of what is written
  Impl(Session::Impl& owner, Pace how, milliseconds usual) : session(owner), pace(how), limit(usual) {}
  [[nodiscard]] milliseconds age() const { return std::chrono::duration_cast<milliseconds>(Clock::now() - started); }

  struct Deferred {
    const Statement* statement;
    Params params;
    std::function<Result<>(const Rows&)> then;  ///< none: nobody has to see the answer
    bool takes_time = false;                    ///< the others are quick
    std::function<void(const Rows&)> told{};    ///< may be none
  };
  /// Whether all that is left to do can be sent with the commit: nobody has to see an answer first.
  [[nodiscard]] bool ends_with_writes() const {
    return !deferred.empty() && std::all_of(deferred.begin(), deferred.end(), [](const auto& d) { return !d.then; });
  }

  Session::Impl& session;
  const Pace pace;
  const Clock::time_point started = Clock::now();
  std::vector<Deferred> deferred;
  milliseconds limit;  ///< in force on the server, for each statement
  bool begun = false;
  bool committing = false;    ///< COMMIT was sent
  bool out_of_share = false;  ///< a statement took longer than its share of what was left, but not than all of it
  bool stood_still = false;   ///< the server let a statement run on far beyond the limit it was given
};

class Session::Impl {
 public:
  Impl(DatabaseSettings settings, DatabaseObserver* observer) : settings_(std::move(settings)), observer_(observer) {}

  Result<> Connect();
  [[nodiscard]] bool connected() const { return connection_.open(); }
  [[nodiscard]] const std::string& identity() const { return identity_; }
  [[nodiscard]] const Error& last_failure() const { return last_failure_; }
  [[nodiscard]] std::size_t copied_rows_min() const { return settings_.copied_rows_min; }
  Result<> InTransaction(const std::function<Result<>(Transaction&)>& work);
  Result<Rows> Run(Transaction::Impl& transaction, const Statement& statement, const Params& params);
  Result<> Flush(Transaction::Impl& transaction);
  Result<> Write(Transaction::Impl& transaction, const Statement& statement, Params params,
                 std::function<void(const Rows&)> told);
  Result<> Insert(Transaction::Impl& transaction, const NewRowsStatement& statement, NewRows rows);

 private:
  /// A statement of a round trip.
  struct Query {
    const Statement* statement;
    const Params* params;
    bool takes_time;
  };
  Result<> Prepare();
  Result<> CheckSchema(const std::string& version) const;
  Result<> EndAbandoned(Deadline deadline);
  enum class Ending : std::uint8_t { kOpen, kCommit };
  Result<std::vector<Rows>> Send(Transaction::Impl& transaction, const std::vector<Query>& queries,
                                 Ending ending = Ending::kOpen);
  Error FailureOf(Transaction::Impl& transaction, const Statement& statement, const Refusal& refusal,
                  milliseconds alone);
  Error CommitFailure(const Refusal& refusal);
  Result<> RunTransaction(Transaction::Impl& impl, const std::function<Result<>(Transaction&)>& work);
  Result<> WriteAndCommit(Transaction::Impl& transaction);
  Result<> Commit(Transaction::Impl& transaction);
  Error RollBack(const Transaction::Impl& transaction, Error error);
  Result<Answer> Exchange(std::string_view operation, const std::vector<Command>& commands, Deadline deadline);
  Error ErrorOf(std::string_view operation, const Refusal& refusal);
  Result<> Copy(Transaction::Impl& transaction, const NewRowsStatement& statement, const std::string& rows);
  /// Whether there is time left for `operation` to begin.
  Result<> CheckAge(const Transaction::Impl& transaction, std::string_view operation) const;
  [[nodiscard]] Deadline DeadlineOf(const Transaction::Impl& transaction) const {
    return transaction.started + settings_.transaction_timeout + kAnswerGrace;
  }
  /// The command that gives each of so many statements its share of the time that is left; empty where it has no more.
  [[nodiscard]] std::string Shortened(Transaction::Impl& transaction, std::size_t statements) const;
  [[nodiscard]] milliseconds LimitOf(const Transaction::Impl& transaction, std::size_t statements) const;

  DatabaseSettings settings_;
  DatabaseObserver* observer_;
  Connection connection_;
  std::set<std::string> prepared_;
  Error last_failure_{ErrorCode::kUnavailable, "never connected"};
  std::string identity_;
  /// A server's process: its number may be another's later.
  struct Backend {
    std::string pid;
    std::string since;
  };
  Backend backend_;                   ///< that the connection began with
  std::optional<Backend> abandoned_;  ///< whose transaction was open when its connection was given up
  std::string server_pid_;  ///< when a pooler stands between: the server that answered at the connection's start
  bool connected_before_ = false;
};

Result<> Session::Impl::Connect() {
  connection_.Close();
  prepared_.clear();
  const auto started = Clock::now();
  const auto parameters = ParametersOf(settings_);
  if (!parameters) return Fail(parameters.error());
  if (const auto refusal = connection_.Open(*parameters, settings_.connect_timeout)) {
    return Fail(ErrorOf("connect", *refusal));
  }
  if (auto prepared = Prepare(); !prepared) {
    connection_.Close();
    return prepared;
  }
  if (observer_ != nullptr) {
    observer_->OnOperation("connect", Clock::now() - started);
    observer_->OnConnected(std::exchange(connected_before_, true));
  }
  return {};
}

/// Makes a fresh connection ours: settings, schema, and whom we are talking to.
Result<> Session::Impl::Prepare() {
  const auto deadline = Clock::now() + settings_.connect_timeout;
  const auto settings = SessionSql(settings_.transaction_timeout);
  std::vector<Command> commands;
  for (const auto& sql : settings) commands.push_back({Command::Kind::kText, "", sql.c_str()});
  commands.push_back(kBackend);
  if (!settings_.schema_version_min.empty()) commands.push_back(kSchema);
  auto answer = Exchange("connect", commands, deadline);
  if (!answer) return Fail(answer.error());
  const Rows backend(std::make_shared<Rows::Data>(std::move(answer->results[settings.size()])));
  backend_ = {std::string(backend.Text(0, 0)), std::string(backend.Text(0, 1))};
  server_pid_ = backend_.pid == std::to_string(connection_.server_pid()) ? "" : backend_.pid;
  if (!settings_.schema_version_min.empty()) {
    if (auto checked = CheckSchema(OnlyValue(answer->results.back())); !checked) return checked;
  }
  if (auto ended = EndAbandoned(deadline); !ended) return ended;
  const auto identity = connection_.Exchange({kIdentity}, deadline);
  identity_ = identity.refusal ? "" : OnlyValue(identity.results.front());
  if (!connected()) return Fail(ErrorOf("connect", *identity.refusal));
  return {};
}

/// A server that waits for rows of a COPY from us heeds no timeout; and what it has locked is what we want next.
Result<> Session::Impl::EndAbandoned(Deadline deadline) {
  if (!abandoned_) return {};
  const auto sql = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE pid = " + abandoned_->pid +
                   " AND extract(epoch FROM backend_start) = " + abandoned_->since;
  const auto answer = connection_.Exchange({{Command::Kind::kText, "", sql.c_str()}}, deadline);
  if (!connected()) return Fail(ErrorOf("connect", *answer.refusal));
  abandoned_.reset();
  return {};
}

Result<> Session::Impl::CheckSchema(const std::string& version) const {
  if (version >= settings_.schema_version_min) return {};
  return Fail(ErrorCode::kMisdeployed, "the database's schema is at " + (version.empty() ? "nothing" : version) +
                                           ", the program needs " + settings_.schema_version_min +
                                           ": run the migrations");
}

Result<Answer> Session::Impl::Exchange(std::string_view operation, const std::vector<Command>& commands,
                                       Deadline deadline) {
  auto answer = connection_.Exchange(commands, deadline);
  if (answer.refusal) return Fail(ErrorOf(operation, *answer.refusal));
  return answer;
}

/// After kUnavailable the connection is given up, whatever its state: the next one may reach a server that is well.
Error Session::Impl::ErrorOf(std::string_view operation, const Refusal& refusal) {
  const auto code = FromSqlState(refusal.sqlstate);
  if (observer_ != nullptr) {
    observer_->OnError(operation, refusal.sqlstate);
    if (IsCorruption(refusal.sqlstate)) observer_->OnCorruption(operation, refusal.sqlstate);
  }
  if (code == ErrorCode::kUnavailable) connection_.Close();
  return {code, std::string(operation) + ": " + refusal.detail};
}

milliseconds Session::Impl::LimitOf(const Transaction::Impl& transaction, std::size_t statements) const {
  const auto young = YouthOf(settings_.transaction_timeout);
  const auto usual = settings_.transaction_timeout - young;
  if (statements == 1 && transaction.age() <= young) return usual;
  const auto left = settings_.transaction_timeout - transaction.age();
  return std::clamp<milliseconds>(left / std::max<std::size_t>(1, statements), milliseconds(1), usual);
}

std::string Session::Impl::Shortened(Transaction::Impl& transaction, std::size_t statements) const {
  const auto limit = LimitOf(transaction, statements);
  if (limit >= transaction.limit) return "";
  transaction.limit = limit;
  return "SET LOCAL statement_timeout = " + std::to_string(limit.count());
}

Result<Rows> Session::Impl::Run(Transaction::Impl& transaction, const Statement& statement, const Params& params) {
  const auto deferred = std::exchange(transaction.deferred, {});
  std::vector<Query> queries;
  for (const auto& each : deferred) queries.push_back({each.statement, &each.params, each.takes_time});
  queries.push_back({&statement, &params, true});
  auto rows = Send(transaction, queries);
  if (!rows) return Fail(rows.error());
  for (std::size_t i = 0; i < deferred.size(); ++i) {
    if (deferred[i].told) deferred[i].told((*rows)[i]);
    if (!deferred[i].then) continue;
    if (auto done = deferred[i].then((*rows)[i]); !done) return Fail(done.error());
  }
  return std::move(rows->back());
}

Result<> Session::Impl::Write(Transaction::Impl& transaction, const Statement& statement, Params params,
                              std::function<void(const Rows&)> told) {
  transaction.deferred.push_back({&statement, std::move(params), nullptr, true, std::move(told)});
  return transaction.pace == Transaction::Impl::Pace::kTogether ? Result<>{} : Flush(transaction);
}

Result<> Session::Impl::Flush(Transaction::Impl& transaction) {
  if (transaction.deferred.empty()) return {};
  const auto last = std::move(transaction.deferred.back());
  transaction.deferred.pop_back();
  const auto rows = Run(transaction, *last.statement, last.params);
  if (!rows) return Fail(rows.error());
  if (last.told) last.told(*rows);
  return last.then ? last.then(*rows) : Result<>{};
}

Result<> Session::Impl::CheckAge(const Transaction::Impl& transaction, std::string_view operation) const {
  if (transaction.age() <= settings_.transaction_timeout) return {};
  return Fail(ErrorCode::kTimeout, std::string(operation) + ": the transaction is over its time limit");
}

/// All of them in one round trip, and BEGIN before the first of a transaction.
Result<std::vector<Rows>> Session::Impl::Send(Transaction::Impl& transaction, const std::vector<Query>& queries,
                                              Ending ending) {
  if (auto young = CheckAge(transaction, queries.front().statement->name); !young) return Fail(young.error());
  std::vector<Command> commands;
  const bool begins = !std::exchange(transaction.begun, true);
  const bool pooled = begins && !server_pid_.empty();
  if (begins) commands.push_back(kBegin);
  if (pooled) commands.push_back(kServerPid);
  const auto alone = LimitOf(transaction, 1);
  const auto sharing =
      std::count_if(queries.begin(), queries.end(), [](const auto& query) { return query.takes_time; });
  const auto shortened = Shortened(transaction, static_cast<std::size_t>(sharing));
  if (!shortened.empty()) commands.push_back({Command::Kind::kText, "", shortened.c_str()});
  std::vector<std::size_t> ends;  // of each query among the commands
  for (const auto& query : queries) {
    const auto& [name, sql, conflict] = *query.statement;
    if (!prepared_.contains(name)) commands.push_back({Command::Kind::kPrepare, name, sql});
    commands.push_back({Command::Kind::kExecute, name, "", query.params});
    ends.push_back(commands.size());
  }
  transaction.committing = ending == Ending::kCommit;
  if (transaction.committing) commands.push_back(kCommit);

  const auto started = Clock::now();
  auto answer = connection_.Exchange(
      commands, std::max(DeadlineOf(transaction), transaction.committing ? started + kAnswerGrace : started));
  transaction.stood_still |= StoodStill(transaction.limit * sharing, Clock::now() - started);
  for (std::size_t i = 0; i < answer.results.size(); ++i) {
    if (commands[i].kind == Command::Kind::kPrepare) prepared_.insert(commands[i].name);
  }
  if (pooled && answer.results.size() > 1 && OnlyValue(answer.results[1]) != server_pid_) {
    connection_.Close();
    return Fail(ErrorCode::kUnavailable,
                "the pooler in front of PostgreSQL gave this session another server: KEYSTRAND_DATABASE_URL must name "
                "PostgreSQL itself, or a pooler in session mode");
  }
  if (answer.refusal) {
    const auto failed = std::upper_bound(ends.begin(), ends.end(), answer.results.size()) - ends.begin();
    const auto query = static_cast<std::size_t>(failed);
    const bool may_have_committed = query == queries.size() || answer.refusal->sqlstate.empty();
    if (transaction.committing && may_have_committed) return Fail(CommitFailure(*answer.refusal));
    const auto& statement = *queries[std::min(query, queries.size() - 1)].statement;
    return Fail(FailureOf(transaction, statement, *answer.refusal, alone));
  }
  std::vector<Rows> rows;
  auto before = started;
  const auto tell = [&](const char* operation, std::size_t end) {
    if (observer_ != nullptr) observer_->OnOperation(operation, answer.arrived[end - 1] - before);
    before = answer.arrived[end - 1];
  };
  for (std::size_t i = 0; i < queries.size(); ++i) {
    tell(queries[i].statement->name, ends[i]);
    rows.emplace_back(std::make_shared<Rows::Data>(std::move(answer.results[ends[i] - 1])));
  }
  if (transaction.committing) tell("commit", commands.size());
  return rows;
}

/// `alone`: the time that it would have had by itself.
Error Session::Impl::FailureOf(Transaction::Impl& transaction, const Statement& statement, const Refusal& refusal,
                               milliseconds alone) {
  auto error = ErrorOf(statement.name, refusal);
  if (IsConflict(statement, refusal)) error.code = ErrorCode::kConflict;
  transaction.out_of_share = error.code == ErrorCode::kTimeout && transaction.limit < alone;
  return error;
}

Error Session::Impl::CommitFailure(const Refusal& refusal) {
  const bool answered = connected();  // no: it may have committed before the connection broke
  auto error = ErrorOf("commit", refusal);
  return answered ? error : Error{ErrorCode::kUnavailable, std::string(kCommitInDoubt)};
}

Result<> Session::Impl::Insert(Transaction::Impl& transaction, const NewRowsStatement& statement, NewRows rows) {
  if (rows.copied()) return Copy(transaction, statement, std::move(rows).TakeCopy());
  return Write(transaction, statement.insert, std::move(rows).TakeParams(), {});
}

/// What cannot travel with it goes before it: libpq copies outside of its pipeline mode.
Result<> Session::Impl::Copy(Transaction::Impl& transaction, const NewRowsStatement& statement,
                             const std::string& rows) {
  const char* const name = statement.insert.name;
  if (auto flushed = Flush(transaction); !flushed) return flushed;
  if (!transaction.begun) return Fail(ErrorCode::kInternal, std::string(name) + ": nothing ran before it");
  if (auto young = CheckAge(transaction, name); !young) return young;
  const auto alone = LimitOf(transaction, 1);
  if (const auto shortened = Shortened(transaction, 1); !shortened.empty()) {
    const auto set = Exchange(name, {{Command::Kind::kText, "", shortened.c_str()}}, DeadlineOf(transaction));
    if (!set) return Fail(set.error());
  }
  const auto started = Clock::now();
  const auto answer = connection_.Copy(statement.copy, rows, DeadlineOf(transaction));
  transaction.stood_still |= StoodStill(transaction.limit, Clock::now() - started);
  if (answer.refusal) return Fail(FailureOf(transaction, statement.insert, *answer.refusal, alone));
  if (observer_ != nullptr) observer_->OnOperation(name, Clock::now() - started);
  return {};
}

Result<> Session::Impl::InTransaction(const std::function<Result<>(Transaction&)>& work) {
  using Pace = Transaction::Impl::Pace;
  if (!connected()) return Fail(ErrorCode::kUnavailable, "not connected");
  Result<> result;
  for (const auto pace : {Pace::kTogether, Pace::kStepwise}) {
    Transaction::Impl impl(*this, pace, settings_.transaction_timeout - YouthOf(settings_.transaction_timeout));
    result = RunTransaction(impl, work);
    if (observer_ != nullptr) observer_->OnTransactionEnded();
    const bool again = !result && result.error().code == ErrorCode::kTimeout && impl.out_of_share;
    if (!again) break;
  }
  return result;
}

Result<> Session::Impl::RunTransaction(Transaction::Impl& impl, const std::function<Result<>(Transaction&)>& work) {
  Transaction transaction(impl);
  auto done = [&]() -> Result<> {
    try {
      return work(transaction);
    } catch (const std::exception& e) {  // a bug of ours; it ends here like any failure
      return Fail(ErrorCode::kInternal, std::string("transaction: ") + e.what());
    }
  }();
  // Who answers is known before anything is committed.
  const bool known = impl.begun || server_pid_.empty();
  if (done && impl.ends_with_writes() && known) {
    done = WriteAndCommit(impl);
  } else {
    if (done) done = Flush(impl);
    if (done && impl.begun) done = Commit(impl);
  }
  if (done) return {};
  last_failure_ = RollBack(impl, std::move(done.error()));
  // Not a commit that is under way: it may wait for a standby, and would be cut short there.
  if (!connected() && impl.begun && !impl.committing) abandoned_ = backend_;
  return Fail(last_failure_);
}

Result<> Session::Impl::WriteAndCommit(Transaction::Impl& transaction) {
  const auto writes = std::exchange(transaction.deferred, {});
  std::vector<Query> queries;
  for (const auto& each : writes) queries.push_back({each.statement, &each.params, each.takes_time});
  const auto rows = Send(transaction, queries, Ending::kCommit);
  if (!rows) return Fail(rows.error());
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (writes[i].told) writes[i].told((*rows)[i]);
  }
  return {};
}

Result<> Session::Impl::Commit(Transaction::Impl& transaction) {
  transaction.committing = true;
  const auto started = Clock::now();
  const auto answer = connection_.Exchange({kCommit}, std::max(DeadlineOf(transaction), started + kAnswerGrace));
  if (answer.refusal) return Fail(CommitFailure(*answer.refusal));
  if (observer_ != nullptr) observer_->OnOperation("commit", Clock::now() - started);
  return {};
}

/// Returns the error as it is to be judged: what took too long counts against its events only if the database is well.
Error Session::Impl::RollBack(const Transaction::Impl& transaction, Error error) {
  if (!connected()) return error;
  const bool late = error.code == ErrorCode::kTimeout;
  std::vector<Command> commands;
  if (transaction.begun) commands.push_back(kRollback);
  if (late) commands.push_back(kTrivial);
  if (commands.empty()) return error;
  const auto answer = connection_.Exchange(commands, Clock::now() + kHealthyWithin);
  if (!answer.refusal && !(late && transaction.stood_still)) return error;
  connection_.Close();
  if (late && transaction.stood_still) {
    return {ErrorCode::kUnavailable, error.detail + ", which the server did not cancel at its time limit"};
  }
  if (late) return {ErrorCode::kUnavailable, error.detail + ", and SELECT 1 did not come back within 1 s"};
  return error;
}

Result<Rows> Transaction::Run(const Statement& statement, const Params& params) {
  return impl_.session.Run(impl_, statement, params);
}

void Transaction::Defer(const Statement& statement, Params params, std::function<Result<>(const Rows&)> then) {
  impl_.deferred.push_back({&statement, std::move(params), std::move(then)});
}

void Transaction::Assert(const Statement& statement, Params params) {
  impl_.deferred.push_back({&statement, std::move(params), nullptr});
}

NewRows Transaction::NewRowsOf(const NewRowsStatement& statement, std::size_t rows) const {
  return {statement, rows >= impl_.session.copied_rows_min()};
}

Result<> Transaction::Write(const Statement& statement, Params params, std::function<void(const Rows&)> told) {
  return impl_.session.Write(impl_, statement, std::move(params), std::move(told));
}

Result<> Transaction::Insert(const NewRowsStatement& statement, NewRows rows) {
  return impl_.session.Insert(impl_, statement, std::move(rows));
}

Result<> Transaction::Flush() { return impl_.session.Flush(impl_); }

Session::Session(DatabaseSettings settings, DatabaseObserver* observer)
    : impl_(std::make_unique<Impl>(std::move(settings), observer)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Result<> Session::Connect() { return impl_->Connect(); }
bool Session::connected() const { return impl_->connected(); }
const std::string& Session::identity() const { return impl_->identity(); }
const Error& Session::last_failure() const { return impl_->last_failure(); }
Result<> Session::InTransaction(const std::function<Result<>(Transaction&)>& work) {
  return impl_->InTransaction(work);
}

}  // namespace keystrand::worker::store
