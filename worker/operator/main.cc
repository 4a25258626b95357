#include <cstdio>
#include <map>
#include <string>

#include "common/config/reader.h"
#include "common/core/build_info.h"
#include "worker/operator/breakers.h"
#include "worker/operator/customer_show.h"
#include "worker/operator/event_show.h"
#include "worker/operator/gaps.h"
#include "worker/operator/import.h"
#include "worker/operator/letters_discard.h"
#include "worker/operator/letters_list.h"
#include "worker/operator/letters_rebuild.h"
#include "worker/operator/letters_replay.h"
#include "worker/operator/letters_show.h"
#include "worker/operator/prune.h"
#include "worker/operator/settings.h"
#include "worker/operator/status.h"
#include "worker/operator/topics.h"

namespace {

namespace op = keystrand::worker::op;

/// As commands.cc declares them.
const std::map<std::string, op::Reply (*)(const op::Settings&)> kCommands = {
    {"topics create", op::CreateTopics},
    {"status", op::ShowStatus},
    {"event show", op::ShowEvent},
    {"dead-letters list", op::ListLetters},
    {"dead-letters show", op::ShowLetter},
    {"dead-letters replay", op::ReplayLetters},
    {"dead-letters discard", op::DiscardLetters},
    {"dead-letters rebuild", op::RebuildLetters},
    {"customer show", op::ShowCustomer},
    {"breaker list", op::ListBreakers},
    {"breaker resume", op::ResumeBreaker},
    {"breaker accept", op::AcceptDeadLetters},
    {"gap list", op::ListGaps},
    {"gap accept", op::AcceptGap},
    {"prune", op::Prune},
    {"import", op::Import},
};

constexpr const char* kAbout =
    "Operates Keystrand: topics, its state, single events and customers, dead letters, breakers, gaps. Exit code of "
    "each "
    "command, unless it says more: 0 done, 1 failed or not done whole, 2 a bad command line or setting, 3 nothing "
    "matched. What changes anything writes a row of keystrand.operator_actions first.";

bool Print(std::FILE* stream, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string version = std::string(keystrand::kVersion) + " (" + keystrand::kRevision + ")";
  keystrand::config::Reader reader({"keystrand", kAbout, version});
  op::Settings settings;
  settings.AddTo(reader);
  const auto outcome = reader.Read(argc, argv, keystrand::config::ProcessEnvironment());
  if (!outcome.ready) return outcome.Finish();
  const op::Reply reply = kCommands.at(outcome.command)(settings);
  Print(stderr, reply.err);
  if (!Print(stdout, reply.out)) {
    std::perror("keystrand: standard output");
    return op::kFailed;
  }
  return reply.exit_code;
}
