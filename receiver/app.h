#pragma once

#include "receiver/settings.h"

namespace keystrand::receiver {

/// Runs the receiver until SIGTERM or SIGINT and returns the exit code: 0 after a clean stop, 1 if it cannot start.
/// Blocks the signals it handles in the calling thread first, so it must be called before other threads exist.
int Run(const Settings& settings);

}  // namespace keystrand::receiver
