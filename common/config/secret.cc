#include "common/config/secret.h"

#include <ostream>

namespace keystrand::config {

std::ostream& operator<<(std::ostream& out, const Secret& secret) { return secret.empty() ? out : out << kHidden; }

}  // namespace keystrand::config
