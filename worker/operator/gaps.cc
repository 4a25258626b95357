#include "worker/operator/gaps.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "worker/operator/database.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"
#include "worker/store/operator_actions.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;
using Places = std::vector<PartitionPlace>;

/// As far as Kafka knows: the position is what the group has committed, -1 if nothing.
Result<Places> AskKafka(const Settings& settings) {
  const auto admin = kafka::Admin::Create(settings.Client());
  if (!admin) return Fail(admin.error());
  const auto topic = (*admin)->Describe(settings.events_topic, settings.timeout);
  if (!topic) return Fail(topic.error());
  const auto committed =
      (*admin)->Committed(settings.group, settings.events_topic, topic->partitions, settings.timeout);
  if (!committed) return Fail(committed.error());
  const auto logs =
      (*admin)->QueryWatermarks(settings.events_topic, kafka::FirstPartitions(topic->partitions), settings.timeout);
  if (!logs) return Fail(logs.error());
  Places places;
  for (std::int32_t partition = 0; partition < topic->partitions; ++partition) {
    const auto at = static_cast<std::size_t>(partition);
    places.push_back({partition, (*committed)[at], (*logs)[at], std::nullopt});
  }
  return places;
}

/// The lower of the two stores, as a worker starts; a partition of which the database has none starts at its beginning.
Places OutsideTheirLog(const Places& asked, const std::map<std::int32_t, store::Place>& known) {
  Places outside;
  for (auto place : asked) {
    const auto found = known.find(place.partition);
    if (found == known.end() || !found->second.next_offset) continue;
    const auto next = *found->second.next_offset;
    place.position = place.position < 0 ? next : std::min(place.position, next);
    if (found->second.gap && found->second.gap->Covers(place.position)) place.accepted = found->second.gap;
    if (place.Outside()) outside.push_back(place);
  }
  return outside;
}

Result<Places> FindGaps(store::Transaction& transaction, const Settings& settings, const Places& asked) {
  std::vector<std::int32_t> partitions;
  for (const auto& place : asked) partitions.push_back(place.partition);
  const auto known = store::FindPlaces(transaction, settings.events_topic, partitions);
  if (!known) return Fail(known.error());
  return OutsideTheirLog(asked, *known);
}

std::string Subject(const Settings& settings, const PartitionPlace& place) {
  JsonWriter json;
  json.BeginObject()
      .Field("topic", settings.events_topic)
      .Field("partition", place.partition)
      .Field("from", place.Needed().from)
      .Field("to", place.Needed().to)
      .Field("missing", place.Missing())
      .EndObject();
  return std::move(json).Take();
}

/// Accepts and audits in one transaction; the gap as it was found. Empty: the partition has none.
Result<std::optional<PartitionPlace>> Accept(store::Transaction& transaction, const Settings& settings,
                                             const Places& asked) {
  const auto gaps = FindGaps(transaction, settings, asked);
  if (!gaps) return Fail(gaps.error());
  if (gaps->empty()) return std::optional<PartitionPlace>();
  PartitionPlace place = gaps->front();
  const auto accepted = store::AcceptGap(transaction, settings.events_topic, place.partition, place.Needed());
  if (!accepted) return Fail(accepted.error());
  auto written = store::InsertOperatorAction(
      transaction, {settings.actor, "gap.accepted", settings.reason, {}, Subject(settings, place)});
  if (!written) return Fail(written.error());
  place.accepted = place.Needed();
  return std::optional(place);
}

Reply Present(const Places& gaps, Format format) {
  return {kOk, format == Format::kJson ? GapsJson(gaps) : GapsText(gaps), ""};
}

}  // namespace

std::optional<std::int32_t> PartitionNumber(const std::string& text) {
  std::int32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  const bool fit = read.ec == std::errc() && read.ptr == end && number >= 0;
  return fit ? std::optional(number) : std::nullopt;
}

std::string GapsText(const Places& gaps) {
  Table table({Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kLeft});
  table.Add({"partition", "position", "log start", "log end", "missing", "accepted"});
  for (const auto& gap : gaps) {
    table.Add({std::to_string(gap.partition), std::to_string(gap.position), std::to_string(gap.log.low),
               std::to_string(gap.log.high), Grouped(gap.Missing()),
               gap.accepted ? "goes on at " + std::to_string(gap.accepted->to) : "no"});
  }
  return table.Render("");
}

std::string GapsJson(const Places& gaps) {
  std::string text;
  for (const auto& gap : gaps) {
    JsonWriter json;
    json.BeginObject()
        .Field("partition", gap.partition)
        .Field("position", gap.position)
        .Field("log_start", gap.log.low)
        .Field("log_end", gap.log.high)
        .Field("missing", gap.Missing())
        .Field("accepted", gap.accepted.has_value())
        .EndObject();
    text += std::move(json).Take();
  }
  return text;
}

Reply ListGaps(const Settings& settings) {
  const auto asked = AskKafka(settings);
  if (!asked) return Failed(KafkaTrouble(asked.error(), settings.kafka_brokers));
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto gaps =
      Ask(session, [&](store::Transaction& transaction) { return FindGaps(transaction, settings, *asked); });
  if (!gaps) return Failed(DatabaseTrouble(gaps.error()));
  if (gaps->empty()) return {kNothing, "", Line("no gap: the position of each partition lies in its log")};
  return Present(*gaps, settings.output);
}

Reply AcceptGap(const Settings& settings) {
  auto asked = AskKafka(settings);
  if (!asked) return Failed(KafkaTrouble(asked.error(), settings.kafka_brokers));
  const auto wanted = PartitionNumber(settings.partition);
  std::erase_if(*asked, [&](const auto& place) { return place.partition != wanted; });
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto gap = Ask(session, [&](store::Transaction& transaction) { return Accept(transaction, settings, *asked); });
  if (!gap) return Failed(DatabaseTrouble(gap.error()));
  if (!*gap) {
    return {kNothing, "",
            Line("partition " + settings.partition + " of " + settings.events_topic +
                 " has no gap: keystrand gap list shows those that have one")};
  }
  Reply reply = Present({**gap}, settings.output);
  if ((*gap)->Missing() > 0) {
    reply.err = Line(Count((*gap)->Missing(), "record") +
                     " will not be read; Stripe lists events for 30 days: keystrand import brings them back");
  }
  return reply;
}

}  // namespace keystrand::worker::op
