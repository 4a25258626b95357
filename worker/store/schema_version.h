#pragma once

namespace keystrand::worker::store {

/// The newest migration that the programs need: the number of its file in migrations/. A database that is older is
/// refused; a newer one is fine, since migrations only add.
inline constexpr const char* kSchemaVersion = "20261126120000";

}  // namespace keystrand::worker::store
