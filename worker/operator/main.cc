#include <cstdio>
#include <string>

#include "common/config/reader.h"
#include "common/core/build_info.h"
#include "worker/operator/event_show.h"
#include "worker/operator/settings.h"
#include "worker/operator/status.h"
#include "worker/operator/topics.h"

namespace {

namespace op = keystrand::worker::op;

op::Reply Run(const std::string& command, const op::Settings& settings) {
  if (command == "topics create") return op::CreateTopics(settings);
  if (command == "status") return op::ShowStatus(settings);
  return op::ShowEvent(settings);  // the reader knows no other
}

bool Print(std::FILE* stream, const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string version = std::string(keystrand::kVersion) + " (" + keystrand::kRevision + ")";
  keystrand::config::Reader reader({"keystrand", "Operates Keystrand: topics, its state, and single events.", version});
  op::Settings settings;
  settings.AddTo(reader);
  const auto outcome = reader.Read(argc, argv, keystrand::config::ProcessEnvironment());
  if (!outcome.ready) return outcome.Finish();
  const op::Reply reply = Run(outcome.command, settings);
  Print(stderr, reply.err);
  if (!Print(stdout, reply.out)) {
    std::perror("keystrand: standard output");
    return op::kFailed;
  }
  return reply.exit_code;
}
