#pragma once

#include "worker/operator/console.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// `keystrand prune`
Reply Prune(const Settings& settings);

}  // namespace keystrand::worker::op
