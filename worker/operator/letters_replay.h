#pragma once

#include <cstdint>
#include <string>

#include "common/kafka/publisher.h"
#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/letter_actions.h"
#include "worker/store/letter_search.h"

namespace keystrand::worker::op {

/// What a replay does with a letter.
struct ReplayDecision {
  enum class What : std::uint8_t {
    kReplay,   ///< under a fresh replay id
    kSend,     ///< once more, under the one it has
    kSettled,  ///< nothing: its replay went through meanwhile
    kRefuse,   ///< see `reason`
  };
  What what = What::kRefuse;
  std::string reason;  ///< and the remedy
};

/// `resume`: only letters that are replaying are to be sent. Pure.
ReplayDecision DecideReplay(const store::LockedLetter& letter, bool resume);

/// The record that repeats a letter's: its key, partition, bytes and headers, and the headers of the replay in place of
/// those of an earlier one. `content` must outlive the record. Pure.
kafka::OutgoingRecord ReplayRecord(const store::LockedLetter& letter, const store::LetterContent& content,
                                   const std::string& actor);

/// `keystrand dead-letters replay`
Reply ReplayLetters(const Settings& settings);

}  // namespace keystrand::worker::op
