#include <libpq-fe.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/config/reader.h"
#include "common/config/settings_file.h"
#include "tests/fuzz/target.h"

/// The input is a settings file.
namespace keystrand::fuzz {
namespace {

using config::FileEntry;
using config::ParseSettingsFile;
using config::SettingsFile;
using Texts = std::vector<std::string>;

// --- The file alone. ---

std::string WithoutLine(const std::string& problem) {
  return problem.substr(std::min(problem.find(": "), problem.size()));
}

/// The problems that there are, without their lines: every other text might quote a value.
const std::set<std::string>& KnownProblems() {
  static const std::set<std::string> known = {WithoutLine(ParseSettingsFile("a =").problems.at(0)),
                                              WithoutLine(ParseSettingsFile("a = 1.5").problems.at(0))};
  return known;
}

void CheckLines(const SettingsFile& file, std::string_view text) {
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  int last = 1;
  for (const auto& entry : file.entries) {
    Check(entry.line >= last && entry.line <= lines, "entries come in order of their lines");
    last = entry.line;
  }
  for (const auto& problem : file.problems) {
    const std::string line = problem.substr(0, problem.find(':'));
    Check(line.rfind("line ", 0) == 0 && std::stoll(line.substr(5)) <= lines, "a problem names a line of the file");
    Check(KnownProblems().contains(WithoutLine(problem)), "a problem quotes nothing of the file");
  }
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F && c != '"' && c != '\\') {
      quoted += c;
      continue;
    }
    std::array<char, 7> escape{};
    std::snprintf(escape.data(), escape.size(), "\\u%04X", static_cast<unsigned>(byte));
    quoted += escape.data();
  }
  return quoted + '"';
}

std::string Joined(const Texts& texts, const std::string& between) {
  std::string joined;
  for (const auto& text : texts) joined += (&text == &texts.front() ? "" : between) + Quoted(text);
  return joined;
}

/// The entries as TOML again, one a line, all values as text.
std::string Written(const std::vector<FileEntry>& entries) {
  std::string text;
  for (const auto& entry : entries) {
    const std::string values = Joined(entry.values, ", ");
    text += Joined(entry.path, ".") + " = " + (entry.array ? "[" + values + "]" : values) + "\n";
  }
  return text;
}

bool SameEntry(const FileEntry& a, const FileEntry& b) {
  return a.path == b.path && a.values == b.values && a.array == b.array;
}

void CheckReadable(const std::vector<FileEntry>& entries) {
  const SettingsFile again = ParseSettingsFile(Written(entries));
  Check(again.problems.empty(), "what was read can be written and read again");
  Check(std::equal(entries.begin(), entries.end(), again.entries.begin(), again.entries.end(), SameEntry),
        "and is the same then");
}

// --- The settings that it gives: a secret changes nothing that is printed. ---

/// A field of each kind that a program may have.
struct Fields {
  std::string topic = "keystrand.events";
  bool reuse_port = false;
  Texts kinds;
  std::vector<config::Secret> signing_secrets;
  config::Secret token;
  config::Listen listen{"0.0.0.0", 8080};
  config::DatabaseUrl database_url;
  std::chrono::milliseconds timeout{5000};
  int threads = 1;
  std::map<std::string, std::string> kafka;
  config::Sections endpoints;
};

config::Outcome ReadFile(const std::string& path) {
  Fields fields;
  config::Reader reader({"fuzzed", "Reads settings.", "0"});
  reader.Add(fields.topic, {"events-topic", "text"});
  reader.Add(fields.reuse_port, {"reuse-port", "a switch"});
  reader.Add(fields.kinds, {"mirror", "a list"});
  reader.Add(fields.signing_secrets, {"signing-secrets", "secrets"});
  reader.Add(fields.token, {"token", "a secret"});
  reader.Add(fields.listen, {"listen", "an address"});
  reader.Add(fields.database_url, {"database-url", "a connection string"});
  reader.Add(fields.timeout, {"ack-timeout-ms", "a time"},
             {std::chrono::milliseconds(10), std::chrono::milliseconds(30'000)});
  reader.Add(fields.threads, {"threads", "a number"}, {1, 256});
  reader.AddKafkaProperties(fields.kafka);
  reader.AddSections("endpoint", {{"path"}, {"signing-secrets", true}}, fields.endpoints);
  const char* const line[] = {"fuzzed", "--check", "--config", path.c_str()};
  return reader.Read(4, line, {});
}

/// A file in memory that can be opened by name and written anew.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("settings", 0)) { Check(descriptor_ >= 0, "a file in memory can be had"); }
  [[nodiscard]] std::string Holding(const std::string& text) const {
    Check(ftruncate(descriptor_, 0) == 0, "it can be emptied");
    Check(pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()), "it can be written");
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

bool IsSecret(const FileEntry& entry) {
  static const std::set<Texts> kSecret = {{"signing-secrets"},
                                          {"token"},
                                          {"kafka", "sasl", "password"},
                                          {"kafka", "sasl.password"},
                                          {"kafka", "ssl.key.pem"}};
  const auto& path = entry.path;
  return kSecret.contains(path) || (path.size() == 3 && path[0] == "endpoint" && path[2] == "signing-secrets");
}

/// Another text of the same length for each text: letters and digits move on by half of their alphabets.
std::string Turned(std::string text) {
  const auto turn = [](char c, char first, int count) {
    return static_cast<char>(first + (c - first + count / 2) % count);
  };
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = turn(c, 'a', 26);
    if (c >= 'A' && c <= 'Z') c = turn(c, 'A', 26);
    if (c >= '0' && c <= '9') c = turn(c, '0', 10);
  }
  return text;
}

void CheckSecrets(std::vector<FileEntry> entries) {
  if (std::none_of(entries.begin(), entries.end(), IsSecret)) return;
  static const MemoryFile file;
  const auto told = ReadFile(file.Holding(Written(entries)));
  for (auto& entry : entries) {
    if (!IsSecret(entry)) continue;
    for (auto& value : entry.values) value = Turned(value);
  }
  const auto told_of_others = ReadFile(file.Holding(Written(entries)));
  Check(told.text == told_of_others.text && told.exit_code == told_of_others.exit_code, "no text depends on a secret");
  Check(told.exit_code == 0 || told.exit_code == 2, "settings are good or refused");
}

// --- The password of a connection string, as libpq finds it. ---

Texts PasswordsIn(const std::string& connection) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(connection.c_str(), nullptr), &PQconninfoFree);
  Texts passwords;
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    const bool secret = std::string_view(option->keyword).ends_with("password");
    if (secret && option->val != nullptr && *option->val != '\0') passwords.emplace_back(option->val);
  }
  return passwords;
}

bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void CheckConnectionString(const std::string& connection) {
  if (!Contains(connection, "=") && !Contains(connection, "://")) return;  // to libpq the name of a database
  const std::string shown = config::DatabaseUrl(connection).Redacted();
  for (const auto& password : PasswordsIn(connection)) {
    const auto at = connection.find(password);
    const bool once = at != std::string::npos && connection.find(password, at + 1) == std::string::npos;
    const bool unlike_stars = !Contains(password, "*");
    if (once && unlike_stars) Check(!Contains(shown, password), "no password of libpq's is shown");
  }
}

}  // namespace

std::size_t NanosecondsPerByteMax() { return 400; }  // toml++ takes 55; the file is the operator's own

void RunInput(std::string_view input) {
  const SettingsFile file = Timed(input.size(), [&] { return ParseSettingsFile(input); });
  CheckLines(file, input);
  CheckReadable(file.entries);
  CheckSecrets(file.entries);
  for (const auto& entry : file.entries) {
    for (const auto& value : entry.values) CheckConnectionString(value);
  }
}

}  // namespace keystrand::fuzz
