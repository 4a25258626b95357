#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/store/dead_letters.h"

namespace keystrand::worker::store {

/// Which letters; an empty field leaves none out.
struct LetterFilter {
  std::optional<SourcePosition> at;  ///< where its record first lay: at most one letter
  std::string event_id;
  std::string status;
  std::string event_type;
  std::string error_code;
  std::string fingerprint;
  std::string ordering_key;
  std::string scope;
  std::string source_topic;
  std::optional<std::int64_t> since_ms;  ///< Unix ms of the last failure, inclusive
  std::optional<std::int64_t> until_ms;  ///< likewise, exclusive
  std::int64_t limit = 0;                ///< 0: all
};

/// A letter but for its headers and body. Texts are empty where there are none; times are Unix ms.
struct LetterSummary {
  SourcePosition source;
  int cycle = 0;
  std::string scope;
  std::string event_id;
  std::string event_type;
  std::string ordering_key;
  std::string stage;
  std::string error_code;
  std::string error_message;
  std::string fingerprint;
  int attempts = 0;
  std::int64_t first_failed_at_ms = 0;
  std::int64_t failed_at_ms = 0;
  std::string worker;
  std::string status;
  std::string replay_id;
  std::optional<std::int64_t> published_at_ms;
};

/// The newest failures first.
Result<std::vector<LetterSummary>> FindLetters(Transaction& transaction, const LetterFilter& filter);

/// What the record of a letter was.
struct LetterContent {
  std::string key;                  ///< byte for byte
  std::vector<HeaderText> headers;  ///< as they came, in their order
  std::string payload;              ///< byte for byte
  std::int64_t record_timestamp_ms = -1;
};

/// Empty: there is no such letter.
Result<std::optional<LetterContent>> ReadLetterContent(Transaction& transaction, const SourcePosition& source);

}  // namespace keystrand::worker::store
