#include "worker/operator/customer_show.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "worker/operator/database.h"

namespace keystrand::worker::op {
namespace {

constexpr int kSettledShown = 10;
/// The windows grow until there is enough: each costs what was settled in it, of all customers.
constexpr std::array kWindows = {std::chrono::hours(1), std::chrono::hours(24), std::chrono::hours(8 * 24),
                                 std::chrono::hours(100 * 24)};

bool IsKnown(const store::CustomerState& customer) {
  return customer.strand || !customer.open_letters.empty() || !customer.settled.empty() || customer.in_mirror;
}

Result<std::vector<store::CustomerState>> ReadStates(store::Session& session, const std::string& asked) {
  std::vector<std::string> keys = {asked};
  if (asked.find('/') == std::string::npos) {
    auto found = Ask(session, [&](store::Transaction& transaction) { return store::KeysOfId(transaction, asked); });
    if (!found) return Fail(found.error());
    keys = std::move(*found);
  }
  return Ask(session, [&](store::Transaction& transaction) { return store::ReadCustomers(transaction, keys); });
}

void Distribute(const std::vector<store::SettledLately>& settled, std::vector<store::CustomerState>& customers) {
  for (auto& customer : customers) {
    customer.settled.clear();
    std::copy_if(settled.begin(), settled.end(), std::back_inserter(customer.settled),
                 [&](const auto& event) { return event.ordering_key == customer.ordering_key; });
  }
}

/// Looks further and further back, until each known customer has enough, or the database takes too long.
void ReadSettled(store::Session& session, CustomerReport& report) {
  std::vector<std::string> keys;
  for (const auto& customer : report.customers) keys.push_back(customer.ordering_key);
  const auto enough = [&] {
    return std::all_of(report.customers.begin(), report.customers.end(),
                       [](const auto& customer) { return customer.settled.size() >= kSettledShown; });
  };
  for (const auto window : kWindows) {
    const auto settled = Ask(session, [&](store::Transaction& transaction) {
      return store::ReadSettledLately(transaction, keys, window, kSettledShown);
    });
    if (!settled) return;  // what was found so far is said to reach only so far
    report.settled_since_ms = report.now_ms - std::chrono::milliseconds(window).count();
    Distribute(*settled, report.customers);
    if (enough()) return;
  }
}

}  // namespace

Reply ShowCustomer(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  auto customers = ReadStates(session, settings.customer);
  if (!customers) return Failed(DatabaseTrouble(customers.error()));
  CustomerReport report{NowMs(), NowMs(), std::move(*customers)};
  if (!report.customers.empty()) ReadSettled(session, report);
  std::erase_if(report.customers, [](const auto& customer) { return !IsKnown(customer); });
  if (report.customers.empty()) {
    return {kNothing, "",
            Line("nothing is known of " + settings.customer +
                 ": no strand, dead letter, mirrored customer or event settled lately; give the whole ordering key "
                 "(live/self/cus_…), as keystrand event show tells it")};
  }
  return {kOk, settings.output == Format::kJson ? CustomersJson(report) : CustomersText(report), ""};
}

}  // namespace keystrand::worker::op
