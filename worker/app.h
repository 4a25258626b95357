#pragma once

#include "worker/settings.h"

namespace keystrand::worker {

/// Builds the worker and runs it until SIGTERM or SIGINT. Returns the exit code: 0 after an orderly stop, 1 when it
/// cannot go on.
int Run(const Settings& settings);

}  // namespace keystrand::worker
