#include "worker/store/candidates.h"

#include <map>
#include <optional>
#include <utility>

#include "common/stripe/json_text.h"

namespace keystrand::worker::store {
namespace {

constexpr std::size_t kFields = 5;

/// Ids and types are printable ASCII: only two characters need an escape.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += '"';
}

using Members = std::map<std::string_view, std::string_view>;

/// By key; of a key that is there twice the last counts, as for PostgreSQL. Empty if it is no object, or if a key has
/// an escape: then two keys may be the same and not look it.
std::optional<Members> MembersByKey(std::string_view json) {
  const auto members = stripe::MembersOf(json);
  if (!members) return std::nullopt;
  Members by_key;
  for (const auto& member : *members) {
    if (member.key.find('\\') != std::string_view::npos) return std::nullopt;
    by_key[member.key] = member.value;
  }
  return by_key;
}

void AppendMember(std::string& list, std::string_view text) {
  if (list.size() > 1) list += ',';
  list += text;
}

/// The members of the JSON object that say what `data` is, as against `shown`.
std::string Differences(std::string_view data, std::string_view shown) {
  if (data == shown) return R"("differs":{})";
  const auto own = MembersByKey(data);
  const auto other = MembersByKey(shown);
  if (!own || !other) return std::string("\"data\":").append(data);
  std::string differs = "{";
  for (const auto& [key, value] : *own) {
    const auto same = other->find(key);
    if (same == other->end() || same->second != value) {
      AppendMember(differs, "\"" + std::string(key) + "\":" + std::string(value));
    }
  }
  std::string lacks = "[";
  for (const auto& [key, value] : *other) {
    if (own->count(key) == 0) AppendMember(lacks, "\"" + std::string(key) + "\"");
  }
  return "\"differs\":" + differs + "}" + (lacks.size() > 1 ? ",\"lacks\":" + lacks + "]" : "");
}

std::string OneJson(const Candidate& candidate, const Candidate& shown) {
  std::string json = "{\"event_id\":" + Quoted(candidate.event_id) + ",\"event_type\":" + Quoted(candidate.event_type);
  if (!candidate.api_version.empty()) json += ",\"api_version\":" + Quoted(candidate.api_version);
  if (!candidate.previous_attributes.empty())
    json.append(",\"previous_attributes\":").append(candidate.previous_attributes);
  if (!candidate.data.empty() && candidate.event_id != shown.event_id) {
    json += "," + Differences(candidate.data, shown.data);
  }
  return json += '}';
}

}  // namespace

std::string CandidatesJson(const std::vector<Candidate>& candidates, const Candidate& shown) {
  if (candidates.empty()) return "";
  if (candidates.size() == 1 && candidates.front().previous_attributes.empty()) return "";
  std::string json = "[";
  for (const auto& candidate : candidates) AppendMember(json, OneJson(candidate, shown));
  return json += ']';
}

std::vector<Candidate> CandidatesFrom(const std::vector<std::string>& fields, const Candidate& shown) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i + kFields <= fields.size(); i += kFields) {
    candidates.push_back({fields[i], fields[i + 1], fields[i + 2], fields[i + 3], fields[i + 4]});
    auto& candidate = candidates.back();
    if (candidate.event_id == shown.event_id || candidate.data == kDataAsShown) candidate.data = shown.data;
  }
  if (candidates.empty()) candidates.push_back(shown);
  return candidates;
}

}  // namespace keystrand::worker::store
