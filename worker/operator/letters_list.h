#pragma once

#include <string>
#include <vector>

#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/letter_search.h"

namespace keystrand::worker::op {

/// A line each, under headings. Pure.
std::string LettersText(const std::vector<store::LetterSummary>& letters);
/// An object a line. Pure.
std::string LettersJson(const std::vector<store::LetterSummary>& letters);

/// `keystrand dead-letters list`
Reply ListLetters(const Settings& settings);

}  // namespace keystrand::worker::op
