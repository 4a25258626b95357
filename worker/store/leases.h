#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/store/gaps.h"
#include "worker/store/session.h"

namespace keystrand::worker::store {

/// A partition under the epoch that this worker raised.
struct Lease {
  std::int32_t partition = 0;
  std::int64_t epoch = 0;
  std::optional<std::int64_t> next_offset;  ///< the low watermark of all owners so far; empty: nothing settled yet
  int suspects = 0;                         ///< owners in a row that ended without releasing it
  std::optional<Gap> gap;                   ///< the last that an operator accepted
};

/// Takes the partitions over: waits for transactions of the previous owner that are under way, and ends those that it
/// left standing in the middle of a COPY; then raises the epoch, so that it cannot commit any more. `partitions`
/// sorted.
Result<std::vector<Lease>> RaiseEpochs(Transaction& transaction, const std::string& topic,
                                       const std::vector<std::int32_t>& partitions, const std::string& owner);

struct HeldEpoch {
  std::int32_t partition = 0;
  std::int64_t epoch = 0;
};

inline constexpr std::string_view kFenced = "a partition was taken over";

/// The first two statements of every batch, deferred: shares the partitions' locks (nobody can raise until the commit),
/// then looks, in a new snapshot, which epochs still hold. `held` sorted by partition. Where one does not, the
/// transaction fails with kConflict and kFenced, and `lost`, which outlives it, has those partitions.
void ShareLeases(Transaction& transaction, const std::string& topic, const std::vector<HeldEpoch>& held,
                 std::vector<std::int32_t>& lost);

/// The same for a batch that is written in one round trip with its commit: no answer is waited for. Where an epoch does
/// not hold, nothing is written, and the transaction fails with kConflict.
void AssertLeases(Transaction& transaction, const std::string& topic, const std::vector<HeldEpoch>& held);

/// A low watermark: every offset of the partition below it has its outcome in the database.
struct Progress {
  std::int32_t partition = 0;
  std::int64_t epoch = 0;
  std::optional<std::int64_t> next_offset;  ///< empty: nothing settled under this lease, the stored one stays
};

/// Stores watermarks. Returns the partitions whose epoch still holds; the others were taken over.
Result<std::vector<std::int32_t>> StoreProgress(Transaction& transaction, const std::string& topic,
                                                const std::vector<Progress>& progress);

/// Stores watermarks for the last time and marks the leases as given up in order.
Result<> ReleaseLeases(Transaction& transaction, const std::string& topic, const std::vector<Progress>& progress);

/// Ends these leases in a database that may have gone back, and leaves their positions as they are: what was to be
/// written under them is fenced from now on, and no later lease gets an epoch that looks like theirs. A lease that was
/// taken over there stays as it is.
Result<> EndLeases(Transaction& transaction, const std::string& topic, const std::vector<HeldEpoch>& held,
                   const std::string& owner);

}  // namespace keystrand::worker::store
