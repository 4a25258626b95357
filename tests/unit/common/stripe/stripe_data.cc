#include "stripe_data.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

namespace keystrand::stripe {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? ' ' : c;
  }
  return quoted + '"';
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string joined;
  for (const auto& part : parts) joined.append(joined.empty() ? "" : ",").append(part);
  return joined;
}

auto Position(JsonNode& object, std::string_view key) {
  return std::lower_bound(object.members.begin(), object.members.end(), key,
                          [](const JsonMember& member, std::string_view wanted) { return member.key < wanted; });
}

}  // namespace

std::string ReadTestData(const std::string& name) {
  std::ifstream file(std::string(KEYSTRAND_TEST_DATA) + "/stripe/" + name, std::ios::binary);
  if (!file) {
    std::cerr << "no test data: " << name << "\n";
    std::abort();
  }
  return (std::ostringstream() << file.rdbuf()).str();
}

std::vector<EventTypeRow> ReadEventTypeRows() {
  std::vector<EventTypeRow> rows;
  std::istringstream lines(ReadTestData("event-type-objects.tsv"));
  std::string line;
  std::getline(lines, line);  // the head
  while (std::getline(lines, line)) {
    const auto cells = Split(line, '\t');
    rows.push_back({cells.at(0), Split(cells.at(1), '|'), cells.at(2), cells.at(3), cells.at(4) != "no"});
  }
  return rows;
}

JsonNode ExampleObject(const std::string& kind) {
  static const JsonNode fixtures = ReadJsonTree(ReadTestData("openapi-fixtures.json")).value();
  if (const JsonNode* found = Find(*Find(fixtures, "resources"), kind)) return *found;
  return ReadJsonTree(R"({"id":"obj_1","object":")" + kind + "\"}").value();
}

JsonNode JsonString(std::string_view text) { return {JsonNode::Type::kString, std::string(text), {}, {}}; }
JsonNode JsonNull() { return {}; }

void Set(JsonNode& object, std::string_view key, JsonNode value) {
  Remove(object, key);
  object.members.insert(Position(object, key), JsonMember{std::string(key), std::move(value)});
}

void Remove(JsonNode& object, std::string_view key) {
  if (Find(object, key) != nullptr) object.members.erase(Position(object, key));
}

std::string ToText(const JsonNode& node) {
  std::vector<std::string> parts;
  for (const auto& item : node.items) parts.push_back(ToText(item));
  for (const auto& [key, value] : node.members) parts.push_back(Quoted(key) + ":" + ToText(value));
  switch (node.type) {
    case JsonNode::Type::kNull: return "null";
    case JsonNode::Type::kFalse: return "false";
    case JsonNode::Type::kTrue: return "true";
    case JsonNode::Type::kNumber: return node.text;
    case JsonNode::Type::kString: return Quoted(node.text);
    case JsonNode::Type::kArray: return "[" + Joined(parts) + "]";
    case JsonNode::Type::kObject: return "{" + Joined(parts) + "}";
  }
  std::abort();
}

std::string EventAround(std::string_view type, std::string_view object, std::string_view extra) {
  return std::string("{")
      .append(extra)
      .append(R"("id":"evt_1","object":"event","created":1767225600,"livemode":false,"type":")")
      .append(type)
      .append(R"(","data":{"object":)")
      .append(object)
      .append("}}");
}

}  // namespace keystrand::stripe
