#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/store/params.h"

struct pg_conn;    // libpq's PGconn
struct pg_result;  // libpq's PGresult

namespace keystrand::worker::store {

struct ClearResult {
  void operator()(pg_result* result) const noexcept;
};
using ResultHandle = std::unique_ptr<pg_result, ClearResult>;

/// Why the server refused, or why nothing more can be heard of it.
struct Refusal {
  std::string sqlstate{};    ///< five characters; empty: the connection failed before the server said anything
  std::string constraint{};  ///< that the server named; empty: none
  std::string detail{};      ///< for operators: SQLSTATE, constraint, what is missing; never a row's values
};

/// One command of an exchange; views outlive the exchange.
struct Command {
  enum class Kind : std::uint8_t { kText, kPrepare, kExecute };
  Kind kind = Kind::kText;
  const char* name = "";           ///< of the statement to prepare or execute
  const char* sql = "";            ///< of kText and kPrepare
  const Params* params = nullptr;  ///< of kExecute
};

/// What came back: a result for each command up to the first that was refused.
struct Answer {
  std::vector<ResultHandle> results{};
  std::vector<std::chrono::steady_clock::time_point> arrived{};  ///< of each result
  std::optional<Refusal> refusal{};
};

using Deadline = std::chrono::steady_clock::time_point;

/// libpq, owned. Every wait has a deadline, so that a server that hangs with its connections open holds nobody. For one
/// thread at a time.
class Connection {
 public:
  /// Connection parameters by libpq's keywords; `host`, `hostaddr` and `port` may be comma-separated lists, whose
  /// members are tried in turn.
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  Connection() = default;
  /// Tries each host for at most `timeout` divided by their number, but 2 s. Empty on success.
  [[nodiscard]] std::optional<Refusal> Open(const Parameters& parameters, std::chrono::milliseconds timeout);
  void Close() { handle_.reset(); }
  /// False once anything has shown it to be lost.
  [[nodiscard]] bool open() const;
  /// As told at the connection's start; a pooler between us and the server invents one.
  [[nodiscard]] int server_pid() const;

  /// Sends the commands together, in one round trip; after the first refused one, the rest are not run. At the deadline
  /// the connection is closed.
  [[nodiscard]] Answer Exchange(const std::vector<Command>& commands, Deadline deadline);
  /// Runs `sql`, a COPY … FROM STDIN, with these bytes, in two round trips. At the deadline the connection is closed.
  ///
  /// A server that waits for the bytes heeds none of its own timeouts: if they do not come, because this process or the
  /// line stands still, its transaction and all that it locks stay until somebody ends them.
  [[nodiscard]] Answer Copy(const char* sql, std::string_view bytes, Deadline deadline);

 private:
  enum class Wait : std::uint8_t { kReady, kLate, kLost };
  struct Finish {
    void operator()(pg_conn* connection) const noexcept;
  };

  std::optional<Refusal> OpenOne(const Parameters& parameters, Deadline deadline);
  bool Send(const std::vector<Command>& commands);
  /// Until the next result can be taken without waiting.
  Wait AwaitResult(Deadline deadline);
  std::optional<Refusal> Receive(Answer& answer, std::size_t commands, Deadline deadline);
  std::optional<Refusal> ReceiveCopy(Answer& answer, std::string_view bytes, Deadline deadline);
  Refusal Lost();

  std::unique_ptr<pg_conn, Finish> handle_;
};

}  // namespace keystrand::worker::store
