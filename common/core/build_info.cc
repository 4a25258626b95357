#include "common/core/build_info.h"

namespace keystrand {

const char* const kVersion = KEYSTRAND_VERSION;
const char* const kRevision = KEYSTRAND_REVISION;

}  // namespace keystrand
