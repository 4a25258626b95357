#include "worker/store/letter_params.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/core/utf8.h"

namespace keystrand::worker::store {

Params PositionParams(const SourcePosition& letter) {
  Params params;
  params.Add(letter.topic).Add(letter.partition).Add(letter.offset);
  return params;
}

Params PositionParams(const std::vector<SourcePosition>& letters) {
  Params params;
  params
      .Add(ArrayOf(
          letters, [](const auto& source) -> const auto& { return source.topic; }))
      .Add(ArrayOf(letters, [](const auto& source) { return source.partition; }))
      .Add(ArrayOf(letters, [](const auto& source) { return source.offset; }));
  return params;
}

Params LetterParams(const DeadLetter& letter) {
  auto params = PositionParams(letter.source);
  params.Add(letter.cycle)
      .Add(letter.scope)
      .Add(letter.event_id)
      .Add(letter.event_type)
      .Add(Printable(letter.key))
      .Add(Bytea(letter.key))
      .Add(ArrayOf(letter.headers, [](const auto& header) { return Printable(header.name); }))
      .Add(ArrayOf(letter.headers, [](const auto& header) { return Printable(header.value); }))
      .Add(Bytea(letter.payload))
      .Add(letter.record_timestamp_ms);
  AddFailure(letter, params);
  return params;
}

void AddFailure(const DeadLetter& letter, Params& params) {
  params.Add(letter.stage)
      .Add(letter.error_code)
      .Add(Printable(letter.error_message))
      .Add(Printable(letter.fingerprint))
      .Add(letter.attempts)
      .Add(letter.first_failed_at_ms)
      .Add(letter.failed_at_ms)
      .Add(Printable(letter.worker));
}

std::vector<SourcePosition> PositionsIn(const Rows& rows) {
  std::vector<SourcePosition> positions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    positions.push_back({std::string(rows.Text(i, 0)), static_cast<std::int32_t>(rows.Int(i, 1)), rows.Int(i, 2)});
  }
  return positions;
}

}  // namespace keystrand::worker::store
