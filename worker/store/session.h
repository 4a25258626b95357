#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.h"
#include "worker/store/new_rows.h"
#include "worker/store/params.h"
#include "worker/store/statement.h"

namespace keystrand::worker::store {

/// How long a transaction may last, and how much longer its client waits for an answer: by then, whoever still holds
/// its locks has been given up.
inline constexpr std::chrono::milliseconds kTransactionTimeout{5000};
inline constexpr std::chrono::milliseconds kAnswerGrace{2000};

struct DatabaseSettings {
  std::string url;            ///< postgresql://… or key=value pairs, as libpq takes them
  std::string password_file;  ///< read again at each connect; empty: the password is in the url, or none is needed
  std::string application_name = "keystrand-worker";
  std::string schema_version_min;  ///< newest migration the program needs (schema_version.h); empty: not checked
  std::chrono::milliseconds connect_timeout{5000};  ///< shared by the hosts of the url, but 2 s for each at least
  std::chrono::milliseconds transaction_timeout = kTransactionTimeout;  ///< a transaction is cancelled at this age
  std::size_t copied_rows_min = kCopiedRowsMin;                         ///< as many new rows of a table are copied
};

/// Called after each statement and commit: how long it took, and its SQLSTATE class when it failed.
class DatabaseObserver {
 public:
  virtual ~DatabaseObserver() = default;
  virtual void OnOperation(std::string_view /*statement*/, std::chrono::nanoseconds /*took*/) {}
  virtual void OnError(std::string_view /*statement*/, std::string_view /*sqlstate*/) {}
  virtual void OnConnected(bool /*again*/) {}
  /// On the session's thread: committed, rolled back or in doubt.
  virtual void OnTransactionEnded() {}
  /// The server says that its own files are damaged (XX001, XX002): whatever is written now makes it worse.
  virtual void OnCorruption(std::string_view /*statement*/, std::string_view /*sqlstate*/) { std::abort(); }
};

/// A transaction; its BEGIN travels with the first statement, so that one costs no round trip. Errors carry the
/// SQLSTATE and the constraint's name, never a row's values.
class Transaction {
 public:
  class Impl;
  explicit Transaction(Impl& impl) : impl_(impl) {}
  Result<Rows> Run(const Statement& statement, const Params& params);
  /// Sends the statement with the next that is run, or with Flush, in one round trip. `then` gets its rows; what it
  /// refuses is what that Run or Flush fails with. The statements are executed in the order they were given.
  /// Each has the time of a statement, so only what is quick may be deferred: what waits for rows or writes many is
  /// Run.
  void Defer(const Statement& statement, Params params, std::function<Result<>(const Rows&)> then);
  Result<> Flush();
  /// A statement whose answer nobody has to wait for: it fails by itself if it cannot do all that it should. It travels
  /// with what comes next, be it the commit, and shares what is left of the transaction's time with it. `statement` is
  /// a constant. `told`, if any, gets its rows when they have come, with the commit perhaps: it can change nothing any
  /// more.
  Result<> Write(const Statement& statement, Params params, std::function<void(const Rows&)> told = {});
  /// As Write, of a statement that is quick and writes no rows: it fails by itself where something is not as it should
  /// be. It travels with what comes next, and shares no time with it.
  void Assert(const Statement& statement, Params params);
  /// To be filled with so many rows, then inserted.
  [[nodiscard]] NewRows NewRowsOf(const NewRowsStatement& statement, std::size_t rows) const;
  /// Puts new rows into a table, after what came before and never first in its transaction: as Write does, or at once
  /// if they are copied. Errors: kConflict, where another transaction was first to commit a row of the same primary
  /// key; those of the rows themselves.
  Result<> Insert(const NewRowsStatement& statement, NewRows rows);

 private:
  Impl& impl_;
};

/// One connection to PostgreSQL, used by one thread. Never reconnects by itself: a lost connection is kUnavailable, and
/// Connect makes a new one, and ends what the lost one left open on the server. Needs the server's session to itself: a
/// pooler in between works in session mode only, and any other is found out before a transaction does anything
/// (kUnavailable).
///
/// No call blocks for longer than the transaction timeout and 3 s, not even on a server that hangs; twice as long where
/// `work` has to be run again. (Looking up a host's name is the exception: that is the system's resolver.)
class Session {
 public:
  /// `observer` may be null and must outlive the session.
  Session(DatabaseSettings settings, DatabaseObserver* observer);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Drops the connection, if any, and makes a new one with its session settings. Errors: kUnavailable, kMisdeployed.
  Result<> Connect();
  [[nodiscard]] bool connected() const;
  /// Which data this is: cluster, database and timeline. Another one than before: the database was restored or failed
  /// over, and may lack what it had committed. Empty where the server does not tell. Of the last Connect.
  [[nodiscard]] const std::string& identity() const;
  /// Commits if `work` succeeds, else rolls back; `work` is run once more, with each of its writes by itself, if one of
  /// them took longer than its share of the time. Errors: those of `work`; kTimeout if it took too long, though a
  /// trivial statement beside it comes back within 1 s, else kUnavailable; kUnavailable with detail "commit in doubt"
  /// when the connection broke during the commit: run it again, the inbox tells.
  Result<> InTransaction(const std::function<Result<>(Transaction&)>& work);
  /// Why the last transaction failed that did.
  [[nodiscard]] const Error& last_failure() const;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kCommitInDoubt = "commit in doubt";

}  // namespace keystrand::worker::store
