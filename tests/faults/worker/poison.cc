#include "tests/faults/worker/poison.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace keystrand::faults {
namespace {

using worker::handlers::Outcome;
using worker::handlers::Verdict;

constexpr std::chrono::seconds kSleep{3};

struct Wish {
  std::string what;
  int times;
};

/// What follows the name in the metadata; the tests' sender renders it so.
std::optional<Wish> WishOf(std::string_view object) {
  constexpr std::string_view kName = R"("keystrand_fault": ")";
  const auto found = object.find(kName);
  if (found == std::string_view::npos) return std::nullopt;
  const auto begin = found + kName.size();
  const auto text = std::string(object.substr(begin, object.find('"', begin) - begin));
  const auto colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto times = text.substr(colon + 1);
  return Wish{text.substr(0, colon), times == "always" ? std::numeric_limits<int>::max() : std::atoi(times.c_str())};
}

ErrorCode CodeOf(const std::string& name) {
  for (const auto code : {ErrorCode::kMalformed, ErrorCode::kUnsupported, ErrorCode::kRejected,
                          ErrorCode::kMissingReference, ErrorCode::kTimeout}) {
    if (NameOf(code) == name) return code;
  }
  return ErrorCode::kInternal;
}

}  // namespace

Result<Outcome> Poison::Apply(const worker::handlers::Event& event, worker::handlers::UnitOfWork& /*work*/) const {
  const auto passes = Outcome{Verdict::kIgnored, ""};
  const auto wish = WishOf(event.envelope.object_json);
  if (!wish || FailuresOf(event.envelope.id) >= wish->times) return passes;
  NoteFailure(event.envelope.id, wish->what);
  if (wish->what == "abort") std::abort();
  if (wish->what == "throw") throw std::runtime_error("poison");
  if (wish->what == "sleep") {
    std::this_thread::sleep_for(kSleep);
    return passes;
  }
  return Fail(CodeOf(wish->what), "poison");
}

int Poison::FailuresOf(const std::string& event_id) const {
  std::ifstream lines(folder_ + "/" + event_id);
  return static_cast<int>(std::count(std::istreambuf_iterator<char>(lines), std::istreambuf_iterator<char>(), '\n'));
}

void Poison::NoteFailure(const std::string& event_id, const std::string& what) const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::ofstream file(folder_ + "/" + event_id, std::ios::app);
  file << std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() << ' ' << getpid() << ' ' << what << '\n';
  file.close();  // in the kernel's hands: it outlives this process
}

}  // namespace keystrand::faults
