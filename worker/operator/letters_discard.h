#pragma once

#include <string>

#include "worker/operator/console.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// Why a letter of that status cannot be discarded, with the remedy; empty: it can. Pure.
std::string WhyNotDiscarded(const std::string& status);

/// `keystrand dead-letters discard`
Reply DiscardLetters(const Settings& settings);

}  // namespace keystrand::worker::op
