#pragma once

#include "worker/operator/console.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// `keystrand import FILE`
Reply Import(const Settings& settings);

}  // namespace keystrand::worker::op
