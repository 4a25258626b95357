#pragma once

#include <string>

#include "common/kafka/record_reader.h"
#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/dead_letters.h"

namespace keystrand::worker::op {

/// The letter that a record of the dead-letters topic was made of. `own_account`: KEYSTRAND_ACCOUNT.
/// Errors: kMalformed, naming the header that is missing or no number. Pure.
Result<store::DeadLetter> LetterOfRecord(const kafka::StoredRecord& record, const std::string& own_account);

/// `keystrand dead-letters rebuild`
Reply RebuildLetters(const Settings& settings);

}  // namespace keystrand::worker::op
