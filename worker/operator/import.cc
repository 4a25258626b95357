#include "worker/operator/import.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "common/kafka/partitioner.h"
#include "common/records/event_record.h"
#include "common/stripe/sha256.h"
#include "worker/operator/audit.h"
#include "worker/operator/import_file.h"
#include "worker/operator/json.h"
#include "worker/operator/sender.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

constexpr records::Intake kIntakeDefault{"import", "any", ""};
constexpr std::size_t kBadLinesTold = 1000;

/// What became of a file.
struct FileImport {
  std::string sha256;
  ImportContent content;
  std::int64_t queued = 0;
  std::string failure;  ///< of the first event that was not queued; empty: none
};

std::string Events(std::size_t number) { return Count(static_cast<std::int64_t>(number), "event"); }

std::string Subject(const Settings& settings, const FileImport& import) {
  JsonWriter json;
  json.BeginObject()
      .Field("file", settings.file)
      .Field("sha256", import.sha256)
      .Field("events", static_cast<std::int64_t>(import.content.events.size()))
      .Field("bad_lines", static_cast<std::int64_t>(import.content.bad.size()))
      .Field("topic", settings.events_topic)
      .EndObject();
  return std::move(json).Take();
}

records::EventRecord RecordOf(const Settings& settings, const FileImport& import, const FileEvent& event) {
  auto intake = kIntakeDefault;
  intake.own_account = settings.account;
  const records::Reception reception{"import-" + import.sha256.substr(0, 16) + "-" + std::to_string(event.line),
                                     records::NewTraceparent(), std::chrono::system_clock::now(),
                                     records::SignedWith::kNothing};
  return records::MakeEventRecord(intake, reception, std::string(event.body));
}

void SendAll(const Settings& settings, Sender& sender, FileImport& import) {
  struct Tally {  // a report may come after the wait is over
    std::int64_t queued = 0;
    std::string failure;
  };
  const auto tally = std::make_shared<Tally>();
  for (const auto& event : import.content.events) {
    auto made = RecordOf(settings, import, event);
    made.record.partition = kafka::PartitionOf(made.record.key, sender.partitions());
    sender.Send(std::move(made.record), [tally](const Result<kafka::Position>& report) {
      if (report) ++tally->queued;
      if (!report && tally->failure.empty()) tally->failure = report.error().detail;
    });
    if (!tally->failure.empty()) break;  // the others would only fail, too
  }
  const bool all = sender.Finish();
  import.queued = tally->queued;
  import.failure = tally->failure.empty() && !all ? "no broker acknowledged in time" : tally->failure;
}

std::string BadLines(const Settings& settings, const FileImport& import) {
  std::string text;
  const auto& bad = import.content.bad;
  for (std::size_t i = 0; i < bad.size() && i < kBadLinesTold; ++i) {
    text += Line(settings.file + ":" + std::to_string(bad[i].line) + ": " + bad[i].reason);
  }
  if (bad.size() > kBadLinesTold)
    text += Line("and " + Grouped(static_cast<std::int64_t>(bad.size() - kBadLinesTold)) + " bad lines more");
  return text;
}

std::string ImportJson(const Settings& settings, const FileImport& import) {
  JsonWriter json;
  json.BeginObject()
      .Field("file", settings.file)
      .Field("sha256", import.sha256)
      .Field("dry_run", settings.dry_run)
      .Field("events", static_cast<std::int64_t>(import.content.events.size()))
      .Field("queued", import.queued)
      .Field("has_more", import.content.has_more)
      .Key("bad_lines")
      .BeginArray();
  for (const auto& bad : import.content.bad) {
    json.BeginObject().Field("line", static_cast<std::int64_t>(bad.line)).Field("reason", bad.reason).EndObject();
  }
  json.EndArray().TextOrNull("failure", import.failure).EndObject();
  return std::move(json).Take();
}

std::string ImportText(const Settings& settings, const FileImport& import) {
  const auto& content = import.content;
  std::string text = settings.file + ": " + Events(content.events.size());
  if (!content.bad.empty()) text += ", " + Count(static_cast<std::int64_t>(content.bad.size()), "bad line");
  text += settings.dry_run ? "; nothing was queued (--dry-run)"
                           : "; " + Grouped(import.queued) + " queued in " + settings.events_topic;
  return Safe(text) + "\nSHA-256 " + import.sha256 + "\n";
}

Reply Present(const Settings& settings, const FileImport& import) {
  Reply reply;
  const bool json = settings.output == Format::kJson;
  reply.out = json ? ImportJson(settings, import) : ImportText(settings, import);
  reply.err = BadLines(settings, import);
  if (import.content.has_more) {
    reply.err += Line("a list says has_more: the events after it are not in this file");
  }
  if (!import.failure.empty()) {
    reply.err += Line("not all events were queued (" + import.failure +
                      "): run this again, those that are queued already change nothing");
  }
  if (!import.failure.empty() || !import.content.bad.empty()) reply.exit_code = kFailed;
  return reply;
}

Reply RunImport(const Settings& settings, FileImport& import) {
  auto sender = Sender::Open(settings);
  if (!sender) return Failed("nothing was imported: " + KafkaTrouble(sender.error(), settings.kafka_brokers));
  const auto audited = Audit(settings, {{}, "events.imported", settings.reason, {}, Subject(settings, import)});
  if (!audited) {
    return Failed("nothing was imported, because no audit row could be written: " + DatabaseTrouble(audited.error()));
  }
  SendAll(settings, *sender, import);
  return Present(settings, import);
}

}  // namespace

Reply Import(const Settings& settings) {
  const auto file = MappedFile::Open(settings.file);
  if (!file) return Failed(file.error().detail);
  FileImport import;
  import.sha256 = stripe::Sha256Hex(file->bytes());
  import.content = ReadImport(file->bytes(), settings.account, settings.body_bytes_max);
  if (import.content.events.empty() && import.content.bad.empty()) {
    return {kNothing, "", Line(settings.file + " holds no event")};
  }
  const bool refused = settings.strict && !import.content.bad.empty();
  if (refused) {
    Reply reply = Present(settings, import);
    reply.err +=
        Line("nothing was imported, because of --strict: mend the lines named, or import the others without it");
    return reply;
  }
  if (settings.dry_run || import.content.events.empty()) return Present(settings, import);
  return RunImport(settings, import);
}

}  // namespace keystrand::worker::op
