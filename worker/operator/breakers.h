#pragma once

#include "worker/operator/console.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// `keystrand breaker list`
Reply ListBreakers(const Settings& settings);
/// `keystrand breaker resume HANDLER`
Reply ResumeBreaker(const Settings& settings);
/// `keystrand breaker accept HANDLER N`
Reply AcceptDeadLetters(const Settings& settings);

}  // namespace keystrand::worker::op
