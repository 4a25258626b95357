#pragma once

namespace keystrand {

extern const char* const kVersion;   ///< "0.1.0"
extern const char* const kRevision;  ///< of the source, 12 hex digits; "unknown" outside a checkout

}  // namespace keystrand
