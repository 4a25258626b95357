#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.h"
#include "worker/store/params.h"

namespace keystrand::worker::store {

struct DatabaseSettings {
  std::string url;            ///< postgresql://… or key=value pairs, as libpq takes them
  std::string password_file;  ///< read again at each connect; empty: the password is in the url, or none is needed
  std::string application_name = "keystrand-worker";
  std::string schema_version_min;  ///< newest migration the program needs (schema_version.h); empty: not checked
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds transaction_timeout{5000};  ///< a transaction is cancelled at this age
};

/// Called after each statement and commit: how long it took, and its SQLSTATE class when it failed.
class DatabaseObserver {
 public:
  virtual ~DatabaseObserver() = default;
  virtual void OnOperation(std::string_view /*statement*/, std::chrono::nanoseconds /*took*/) {}
  virtual void OnError(std::string_view /*statement*/, std::string_view /*sqlstate*/) {}
  virtual void OnConnected(bool /*again*/) {}
};

/// A statement, prepared on a connection when it is first used there. `name` is a constant and the `operation` label.
struct Statement {
  const char* name;
  const char* sql;
};

/// The rows of one statement. Cheap to copy; views stay valid as long as any copy lives.
class Rows {
 public:
  class Data;
  explicit Rows(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t columns() const;
  [[nodiscard]] std::size_t affected() const;  ///< rows inserted, updated or deleted
  [[nodiscard]] bool IsNull(std::size_t row, int column) const;
  [[nodiscard]] std::string_view Text(std::size_t row, int column) const;  ///< "" for null
  [[nodiscard]] std::int64_t Int(std::size_t row, int column) const;       ///< 0 for null
  [[nodiscard]] bool Flag(std::size_t row, int column) const;              ///< false for null

 private:
  std::shared_ptr<const Data> data_;
};

/// An open transaction. Errors carry the SQLSTATE and the constraint's name, never a row's values.
class Transaction {
 public:
  class Impl;
  explicit Transaction(Impl& impl) : impl_(impl) {}
  Result<Rows> Run(const Statement& statement, const Params& params);

 private:
  Impl& impl_;
};

/// One connection to PostgreSQL, used by one thread. Never reconnects by itself: a lost connection is kUnavailable, and
/// Connect makes a new one.
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
  /// Commits if `work` succeeds, else rolls back. Errors: those of `work`; kUnavailable with detail "commit in doubt"
  /// when the connection broke during the commit: run it again, the inbox tells.
  Result<> InTransaction(const std::function<Result<>(Transaction&)>& work);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kCommitInDoubt = "commit in doubt";

}  // namespace keystrand::worker::store
