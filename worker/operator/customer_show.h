#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/customer_state.h"

namespace keystrand::worker::op {

/// What the operator sees of customers, and how far back the settled events were looked for.
struct CustomerReport {
  std::int64_t now_ms = 0;
  std::int64_t settled_since_ms = 0;
  std::vector<store::CustomerState> customers;
};

/// Why a strand stands as it does and what to do, in a sentence. Pure.
std::string StrandText(const store::CustomerState& customer);
std::string CustomersText(const CustomerReport& report);
/// An object a line, one for each customer.
std::string CustomersJson(const CustomerReport& report);

/// `keystrand customer show KEY`
Reply ShowCustomer(const Settings& settings);

}  // namespace keystrand::worker::op
