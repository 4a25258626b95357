#include "worker/store/letter_search.h"

namespace keystrand::worker::store {
namespace {

/// A condition whose parameter is null costs nothing: such a statement is planned anew, with the values known.
constexpr Statement kFind{"letters_find", R"(
SELECT l.source_topic, l.source_partition, l.source_offset, l.cycle, l.scope, l.event_id, l.event_type, l.ordering_key,
       l.stage, l.error_code, l.error_message, l.fingerprint, l.attempts,
       (extract(epoch FROM l.first_failed_at) * 1000)::bigint, (extract(epoch FROM l.failed_at) * 1000)::bigint,
       l.worker, l.status, l.replay_id, (extract(epoch FROM l.published_at) * 1000)::bigint
  FROM keystrand.dead_letters l
 WHERE ($1::text IS NULL OR l.source_topic = $1) AND ($2::integer IS NULL OR l.source_partition = $2::integer)
   AND ($3::bigint IS NULL OR l.source_offset = $3::bigint) AND ($4::text IS NULL OR l.event_id = $4)
   AND ($5::text IS NULL OR l.status = $5) AND ($6::text IS NULL OR l.event_type = $6)
   AND ($7::text IS NULL OR l.error_code = $7) AND ($8::text IS NULL OR l.fingerprint = $8)
   AND ($9::text IS NULL OR l.ordering_key = $9) AND ($10::text IS NULL OR l.scope = $10)
   AND ($11::bigint IS NULL OR l.failed_at >= to_timestamp($11::bigint / 1000.0))
   AND ($12::bigint IS NULL OR l.failed_at < to_timestamp($12::bigint / 1000.0))
 ORDER BY l.failed_at DESC, l.source_topic, l.source_partition, l.source_offset LIMIT $13::bigint)"};

constexpr Statement kContent{"letter_content", R"(
SELECT l.record_key, l.payload, coalesce((extract(epoch FROM l.record_timestamp) * 1000)::bigint, -1),
       ARRAY(SELECT h.value ->> 0 FROM jsonb_array_elements(l.headers) WITH ORDINALITY AS h(value, position)
              ORDER BY h.position),
       ARRAY(SELECT h.value ->> 1 FROM jsonb_array_elements(l.headers) WITH ORDINALITY AS h(value, position)
              ORDER BY h.position)
  FROM keystrand.dead_letters l
 WHERE l.source_topic = $1 AND l.source_partition = $2::integer AND l.source_offset = $3::bigint)"};

std::optional<std::string> Given(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

std::optional<std::string> Given(std::optional<std::int64_t> number) {
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

Params ParamsOf(const LetterFilter& filter) {
  Params params;
  params.Add(Given(filter.at ? filter.at->topic : filter.source_topic))
      .Add(filter.at ? std::optional(std::to_string(filter.at->partition)) : std::nullopt)
      .Add(filter.at ? std::optional(std::to_string(filter.at->offset)) : std::nullopt)
      .Add(Given(filter.event_id))
      .Add(Given(filter.status))
      .Add(Given(filter.event_type))
      .Add(Given(filter.error_code))
      .Add(Given(filter.fingerprint))
      .Add(Given(filter.ordering_key))
      .Add(Given(filter.scope))
      .Add(Given(filter.since_ms))
      .Add(Given(filter.until_ms))
      .Add(filter.limit == 0 ? std::nullopt : std::optional(std::to_string(filter.limit)));
  return params;
}

LetterSummary SummaryAt(const Rows& rows, std::size_t row) {
  LetterSummary letter;
  letter.source = {std::string(rows.Text(row, 0)), static_cast<std::int32_t>(rows.Int(row, 1)), rows.Int(row, 2)};
  letter.cycle = static_cast<int>(rows.Int(row, 3));
  letter.scope = rows.Text(row, 4);
  letter.event_id = rows.Text(row, 5);
  letter.event_type = rows.Text(row, 6);
  letter.ordering_key = rows.Text(row, 7);
  letter.stage = rows.Text(row, 8);
  letter.error_code = rows.Text(row, 9);
  letter.error_message = rows.Text(row, 10);
  letter.fingerprint = rows.Text(row, 11);
  letter.attempts = static_cast<int>(rows.Int(row, 12));
  letter.first_failed_at_ms = rows.Int(row, 13);
  letter.failed_at_ms = rows.Int(row, 14);
  letter.worker = rows.Text(row, 15);
  letter.status = rows.Text(row, 16);
  letter.replay_id = rows.Text(row, 17);
  if (!rows.IsNull(row, 18)) letter.published_at_ms = rows.Int(row, 18);
  return letter;
}

}  // namespace

Result<std::vector<LetterSummary>> FindLetters(Transaction& transaction, const LetterFilter& filter) {
  const auto rows = transaction.Run(kFind, ParamsOf(filter));
  if (!rows) return Fail(rows.error());
  std::vector<LetterSummary> letters;
  letters.reserve(rows->size());
  for (std::size_t i = 0; i < rows->size(); ++i) letters.push_back(SummaryAt(*rows, i));
  return letters;
}

Result<std::optional<LetterContent>> ReadLetterContent(Transaction& transaction, const SourcePosition& source) {
  Params params;
  params.Add(source.topic).Add(source.partition).Add(source.offset);
  const auto rows = transaction.Run(kContent, params);
  if (!rows) return Fail(rows.error());
  if (rows->size() == 0) return std::optional<LetterContent>();
  LetterContent content;
  content.key = FromBytea(rows->Text(0, 0));
  content.payload = FromBytea(rows->Text(0, 1));
  content.record_timestamp_ms = rows->Int(0, 2);
  const auto names = ParseTextArray(rows->Text(0, 3));
  const auto values = ParseTextArray(rows->Text(0, 4));
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) content.headers.push_back({names[i], values[i]});
  return std::optional(std::move(content));
}

}  // namespace keystrand::worker::store
