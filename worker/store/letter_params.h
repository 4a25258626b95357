#pragma once

#include <vector>

#include "worker/store/dead_letters.h"
#include "worker/store/params.h"
#include "worker/store/result_rows.h"

/// What the statements on dead letters are told and tell alike.
namespace keystrand::worker::store {

/// $1 to $3: topic, partition, offset; of one letter, or as arrays of many.
Params PositionParams(const SourcePosition& letter);
Params PositionParams(const std::vector<SourcePosition>& letters);

/// $1 to $21: the columns of keystrand.dead_letters from source_topic to worker, `headers` as two arrays.
Params LetterParams(const DeadLetter& letter);

/// The next eight: stage, error_code, error_message, fingerprint, attempts, first_failed_at, failed_at, worker.
void AddFailure(const DeadLetter& letter, Params& params);

/// Rows of topic, partition and offset.
std::vector<SourcePosition> PositionsIn(const Rows& rows);

}  // namespace keystrand::worker::store
