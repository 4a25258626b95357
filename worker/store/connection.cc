#include "worker/store/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "worker/store/errors.h"

namespace keystrand::worker::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kHostTimeoutMin{2000};
constexpr std::size_t kDetailBytesMax = 300;
constexpr std::string_view kRaisedByUser = "exec_stmt_raise";  ///< a trigger's own words: nobody knows what they quote

/// Until the socket allows it. False at the deadline.
bool AwaitSocket(int socket, short events, Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waited{socket, events, 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // libpq finds out what is wrong with it
  }
}

std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, kDetailBytesMax)) line += c == '\n' || c == '\t' ? ' ' : c;
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

/// With PQERRORS_SQLSTATE the server's refusal of a connection reads "FATAL:  28P01", the first word in its language.
std::string SqlStateIn(std::string_view message) {
  constexpr std::size_t kLength = 5;
  const auto colon = message.rfind(":  ");
  if (colon == std::string_view::npos) return "";
  const auto word = message.substr(colon + 3);
  const auto end = std::find_if_not(word.begin(), word.end(),
                                    [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
  return end - word.begin() == kLength ? std::string(word.substr(0, kLength)) : "";
}

std::string Field(const PGresult* result, int field) {
  const char* value = PQresultErrorField(result, field);
  return value == nullptr ? "" : value;
}

const Refusal kLost{"", "", "connection lost"};
const Refusal kLate{"", "", "no answer in time"};

Refusal RefusalOf(const PGresult* result) {
  Refusal refusal;
  refusal.sqlstate = Field(result, PG_DIAG_SQLSTATE);
  if (refusal.sqlstate.empty()) return kLost;
  refusal.detail = "SQLSTATE " + refusal.sqlstate;
  refusal.constraint = Field(result, PG_DIAG_CONSTRAINT_NAME);
  if (!refusal.constraint.empty()) {
    refusal.detail += ", constraint " + refusal.constraint;
  } else if (MessageNamesOnlyObjects(refusal.sqlstate) && Field(result, PG_DIAG_SOURCE_FUNCTION) != kRaisedByUser) {
    refusal.detail += ": " + OneLine(Field(result, PG_DIAG_MESSAGE_PRIMARY));
  }
  return refusal;
}

std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> parts{""};
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// One set of parameters per host. A list of one member counts for all hosts.
std::vector<Connection::Parameters> PerHost(const Connection::Parameters& parameters) {
  constexpr std::array kLists = {"host", "hostaddr", "port"};
  std::size_t hosts = 1;
  for (const auto& [name, value] : parameters) {
    if (name == "host" || name == "hostaddr") hosts = std::max(hosts, Split(value).size());
  }
  std::vector<Connection::Parameters> each(hosts, parameters);
  for (std::size_t n = 0; n < hosts; ++n) {
    for (auto& [name, value] : each[n]) {
      if (std::find(kLists.begin(), kLists.end(), name) == kLists.end()) continue;
      const auto parts = Split(value);
      value = parts.size() == 1 ? parts.front() : parts[std::min(n, parts.size() - 1)];
    }
  }
  return each;
}

}  // namespace

void ClearResult::operator()(pg_result* result) const noexcept { PQclear(result); }
void Connection::Finish::operator()(pg_conn* connection) const noexcept { PQfinish(connection); }

bool Connection::open() const { return handle_ && PQstatus(handle_.get()) == CONNECTION_OK; }
int Connection::server_pid() const { return PQbackendPID(handle_.get()); }

std::optional<Refusal> Connection::Open(const Parameters& parameters, std::chrono::milliseconds timeout) {
  const auto hosts = PerHost(parameters);
  const auto each = std::max<Clock::duration>(timeout / hosts.size(), std::min(kHostTimeoutMin, timeout));
  std::optional<Refusal> refusal;
  for (const auto& host : hosts) {
    auto refused = OpenOne(host, Clock::now() + each);
    if (!refused) return std::nullopt;
    if (refusal) refused->detail = refusal->detail + "; " + refused->detail;
    refusal = std::move(refused);
  }
  return refusal;
}

std::optional<Refusal> Connection::OpenOne(const Parameters& parameters, Deadline deadline) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [name, value] : parameters) {
    keywords.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  handle_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (!handle_) std::abort();  // no memory
  PQsetErrorVerbosity(handle_.get(), PQERRORS_SQLSTATE);
  PQsetNoticeProcessor(
      handle_.get(), [](void*, const char*) {}, nullptr);  // they quote row values
  auto step = PQstatus(handle_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (step == PGRES_POLLING_READING || step == PGRES_POLLING_WRITING) {
    const short events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!AwaitSocket(PQsocket(handle_.get()), events, deadline)) {
      handle_.reset();
      return kLate;
    }
    step = PQconnectPoll(handle_.get());
  }
  if (step == PGRES_POLLING_OK && PQsetnonblocking(handle_.get(), 1) == 0 && PQenterPipelineMode(handle_.get()) == 1) {
    return std::nullopt;
  }
  const std::string message = PQerrorMessage(handle_.get());
  handle_.reset();
  return Refusal{SqlStateIn(message), "", OneLine(message)};
}

Answer Connection::Exchange(const std::vector<Command>& commands, Deadline deadline) {
  Answer answer;
  if (!open()) {
    answer.refusal = kLost;
  } else if (!Send(commands)) {
    answer.refusal = Lost();
  } else {
    answer.refusal = Receive(answer, commands.size(), deadline);
  }
  return answer;
}

bool Connection::Send(const std::vector<Command>& commands) {
  for (const auto& command : commands) {
    int sent = 0;
    switch (command.kind) {
      case Command::Kind::kText:
        sent = PQsendQueryParams(handle_.get(), command.sql, 0, nullptr, nullptr, nullptr, nullptr, 0);
        break;
      case Command::Kind::kPrepare: sent = PQsendPrepare(handle_.get(), command.name, command.sql, 0, nullptr); break;
      case Command::Kind::kExecute: {
        const auto wire = command.params->ForWire();
        sent = PQsendQueryPrepared(handle_.get(), command.name, static_cast<int>(wire.values.size()),
                                   wire.values.data(), wire.lengths.data(), wire.formats.data(), 0);
        // Its result comes at once, and not with those behind it: so each has its own time.
        if (sent == 1 && &command != &commands.back()) sent = PQsendFlushRequest(handle_.get());
        break;
      }
    }
    if (sent == 0) return false;
  }
  return PQpipelineSync(handle_.get()) == 1;
}

/// Results come command by command, each followed by a null, and at the end one of the round trip itself.
std::optional<Refusal> Connection::Receive(Answer& answer, std::size_t commands, Deadline deadline) {
  std::optional<Refusal> refusal;
  answer.results.reserve(commands);
  while (true) {
    const auto waited = AwaitResult(deadline);
    if (waited == Wait::kLate) {
      handle_.reset();
      return kLate;
    }
    if (waited == Wait::kLost) return refusal ? refusal : Lost();
    ResultHandle result(PQgetResult(handle_.get()));
    if (!result) continue;
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC: return refusal;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        answer.results.push_back(std::move(result));
        answer.arrived.push_back(Clock::now());
        break;
      case PGRES_PIPELINE_ABORTED: break;
      default:
        if (!refusal) refusal = RefusalOf(result.get());
        if (!open()) return refusal;
    }
  }
}

Answer Connection::Copy(const char* sql, std::string_view bytes, Deadline deadline) {
  Answer answer;
  if (!open()) {
    answer.refusal = kLost;
    return answer;
  }
  // libpq copies outside of pipeline mode only.
  const bool sent = PQexitPipelineMode(handle_.get()) == 1 && PQsendQuery(handle_.get(), sql) == 1;
  answer.refusal = sent ? ReceiveCopy(answer, bytes, deadline) : Lost();
  if (open() && PQenterPipelineMode(handle_.get()) == 0) answer.refusal = Lost();
  return answer;
}

/// One result that asks for the bytes, one of the whole, and then a null.
std::optional<Refusal> Connection::ReceiveCopy(Answer& answer, std::string_view bytes, Deadline deadline) {
  std::optional<Refusal> refusal;
  while (true) {
    const auto waited = AwaitResult(deadline);
    if (waited == Wait::kLate) {
      handle_.reset();
      return kLate;
    }
    if (waited == Wait::kLost) return refusal ? refusal : Lost();
    ResultHandle result(PQgetResult(handle_.get()));
    if (!result) return refusal;
    switch (PQresultStatus(result.get())) {
      case PGRES_COPY_IN: {
        const bool put = PQputCopyData(handle_.get(), bytes.data(), static_cast<int>(bytes.size())) == 1 &&
                         PQputCopyEnd(handle_.get(), nullptr) == 1;
        if (!put) return Lost();
        break;
      }
      case PGRES_COMMAND_OK:
        answer.results.push_back(std::move(result));
        answer.arrived.push_back(Clock::now());
        break;
      default:
        if (!refusal) refusal = RefusalOf(result.get());
        if (!open()) return refusal;
    }
  }
}

Connection::Wait Connection::AwaitResult(Deadline deadline) {
  while (true) {
    const int unsent = PQflush(handle_.get());
    if (unsent < 0) return Wait::kLost;
    if (PQisBusy(handle_.get()) == 0) return Wait::kReady;
    const short events = unsent == 0 ? POLLIN : POLLIN | POLLOUT;
    if (!AwaitSocket(PQsocket(handle_.get()), events, deadline)) return Wait::kLate;
    if (PQconsumeInput(handle_.get()) == 0) return Wait::kLost;
  }
}

/// What the server said last, if it said why: a shutdown does.
Refusal Connection::Lost() {
  const ResultHandle last(PQgetResult(handle_.get()));
  auto refusal = last && PQresultStatus(last.get()) == PGRES_FATAL_ERROR ? RefusalOf(last.get()) : kLost;
  handle_.reset();
  return refusal;
}

}  // namespace keystrand::worker::store
