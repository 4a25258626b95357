#include "worker/operator/customer_show.h"
#include "worker/operator/event_report.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;

std::string Ago(std::int64_t unix_ms, std::int64_t now_ms) {
  return ForPeople(unix_ms) + " UTC (" + Span(now_ms - unix_ms) + " ago)";
}

std::string NextAttempt(const store::StrandHead& head, std::int64_t now_ms) {
  if (!head.next_attempt_at_ms) return head.status == "held" ? "never by itself" : "not planned yet";
  const std::int64_t in_ms = *head.next_attempt_at_ms - now_ms;
  return ForPeople(*head.next_attempt_at_ms) + " UTC (" + (in_ms > 0 ? "in " + Span(in_ms) : "due") + ")";
}

std::string HeadText(const store::StrandHead& head) {
  return (head.event_id.empty() ? std::string("a body that could not be read") : head.event_id) +
         (head.event_type.empty() ? "" : " " + head.event_type) + " at " + PositionText(head.source) + ", " +
         head.status;
}

std::string StateBlock(const store::CustomerState& customer, std::int64_t now_ms) {
  const std::string state = customer.strand ? customer.strand->state : "flowing";
  std::vector<std::pair<std::string, std::string>> lines = {{"why", StrandText(customer)}};
  if (customer.strand) {
    lines.emplace_back("since", Ago(customer.strand->since_ms, now_ms));
    lines.emplace_back("partition", customer.strand->topic + "/" + std::to_string(customer.strand->partition));
  }
  if (customer.head) {
    lines.emplace_back("next", HeadText(*customer.head));
    lines.emplace_back("attempts", std::to_string(customer.head->attempts));
    lines.emplace_back("next attempt", NextAttempt(*customer.head, now_ms));
    lines.emplace_back("last error", customer.head->last_error);
    lines.emplace_back("behind it", Count(customer.head->behind, "event"));
  }
  return Block(customer.ordering_key + ": " + state, lines);
}

std::string LettersPart(const store::CustomerState& customer) {
  if (customer.open_letters.empty()) return "\nNo open dead letters\n";
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  for (const auto& letter : customer.open_letters) {
    table.Add({PositionText(letter.source), letter.status, letter.error_code, Safe(letter.event_id),
               ForPeople(letter.failed_at_ms)});
  }
  return "\nOpen dead letters (failed, UTC)\n" + table.Render("  ");
}

std::string SettledPart(const store::CustomerState& customer, std::int64_t since_ms) {
  const std::string range = "since " + ForPeople(since_ms) + " UTC";
  if (customer.settled.empty()) return "\nNothing was settled " + range + "\n";
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  for (const auto& event : customer.settled) {
    table.Add({ForPeople(event.settled_at_ms), event.status + (event.reason.empty() ? "" : " (" + event.reason + ")"),
               Safe(event.event_type), Safe(event.event_id)});
  }
  return "\nLast settled, " + range + "\n" + table.Render("  ");
}

void AddStrand(JsonWriter& json, const store::CustomerState& customer) {
  json.Field("state", customer.strand ? customer.strand->state : "flowing");
  json.TextOrNull("reason", customer.strand ? customer.strand->reason : "");
  json.Field("explanation", StrandText(customer));
  json.Time("since", customer.strand ? std::optional(customer.strand->since_ms) : std::nullopt);
  json.Key("next");
  if (!customer.head) {
    json.Null();
    return;
  }
  const auto& head = *customer.head;
  json.BeginObject()
      .TextOrNull("event_id", head.event_id)
      .TextOrNull("event_type", head.event_type)
      .Field("topic", head.source.topic)
      .Field("partition", head.source.partition)
      .Field("offset", head.source.offset)
      .Field("status", head.status)
      .Field("attempts", head.attempts)
      .Time("next_attempt_at", head.next_attempt_at_ms)
      .TextOrNull("last_error", head.last_error)
      .EndObject();
}

std::string CustomerJson(const store::CustomerState& customer, std::int64_t since_ms) {
  JsonWriter json;
  json.BeginObject().Field("ordering_key", customer.ordering_key);
  AddStrand(json, customer);
  json.Field("waiting_behind", customer.head ? customer.head->behind : 0);
  json.Field("in_mirror", customer.in_mirror).Key("dead_letters").BeginArray();
  for (const auto& letter : customer.open_letters) {
    json.BeginObject()
        .Field("id", PositionText(letter.source))
        .Field("status", letter.status)
        .TextOrNull("event_id", letter.event_id)
        .TextOrNull("event_type", letter.event_type)
        .Field("error_code", letter.error_code)
        .Time("failed_at", letter.failed_at_ms)
        .EndObject();
  }
  json.EndArray().Time("settled_since", since_ms).Key("settled").BeginArray();
  for (const auto& event : customer.settled) {
    json.BeginObject()
        .Field("event_id", event.event_id)
        .Field("event_type", event.event_type)
        .Field("status", event.status)
        .TextOrNull("reason", event.reason)
        .Time("settled_at", event.settled_at_ms)
        .EndObject();
  }
  json.EndArray().EndObject();
  return std::move(json).Take();
}

}  // namespace

std::string StrandText(const store::CustomerState& customer) {
  if (!customer.strand) return "nothing waits: its events are applied as they come";
  const auto& reason = customer.strand->reason;
  if (customer.strand->state == "held") {
    return "the first event is dead, and those behind it must not overtake it: repair the cause, then keystrand "
           "dead-letters replay, or give it up with keystrand dead-letters discard";
  }
  if (reason == "retry") return "the first event fails and is tried again by itself, with growing pauses";
  if (reason == "breaker") {
    return "the breaker of a handler is open: keystrand breaker list shows which; keystrand breaker resume tries again";
  }
  if (reason == "operator") return "an operator discarded its first event: the next ones are due";
  return "a dead event was held, and is being replayed";
}

std::string CustomersText(const CustomerReport& report) {
  std::string text;
  for (const auto& customer : report.customers) {
    text += (text.empty() ? "" : "\n") + StateBlock(customer, report.now_ms) + LettersPart(customer) +
            SettledPart(customer, report.settled_since_ms);
  }
  return text;
}

std::string CustomersJson(const CustomerReport& report) {
  std::string text;
  for (const auto& customer : report.customers) text += CustomerJson(customer, report.settled_since_ms);
  return text;
}

}  // namespace keystrand::worker::op
