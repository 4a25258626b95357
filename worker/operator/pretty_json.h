#pragma once

#include <string>
#include <string_view>

namespace keystrand::worker::op {

/// JSON indented by two blanks, every token as it was written. Text that is no JSON comes as it is. Made Safe for a
/// terminal, line by line. Pure.
std::string PrettyJson(std::string_view text);

}  // namespace keystrand::worker::op
