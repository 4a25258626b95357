#pragma once

#include <functional>
#include <string_view>

namespace keystrand::kafka {

/// Gets the name and value of a record's header; views of the record.
using HeaderVisitor = std::function<void(std::string_view name, std::string_view value)>;

}  // namespace keystrand::kafka
