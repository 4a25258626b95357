#include "common/http/address_bound.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "common/http/networks.h"

namespace keystrand::http {

namespace ip = boost::asio::ip;

std::optional<AddressBound::Place> AddressBound::Enter(const ip::address& address) {
  const Key key = KeyOf(address);
  const std::lock_guard lock(mutex_);
  std::size_t& count = counts_[key];
  if (count >= max_) return std::nullopt;  // max_ is not 0, so the entry was there
  ++count;
  return Place(*this, key);
}

void AddressBound::Leave(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(key);
  if (--found->second == 0) counts_.erase(found);
}

/// The network half of an IPv6 address, or an IPv4 address where no network half can be.
AddressBound::Key AddressBound::KeyOf(const ip::address& address) {
  Key key{};
  const ip::address plain = Unmapped(address);
  if (plain.is_v6()) {
    const auto bytes = plain.to_v6().to_bytes();
    std::copy_n(bytes.begin(), key.size(), key.begin());
  } else {
    const auto bytes = plain.to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), key.end() - bytes.size());  // 0:0:a.b.c.d: no network has zeros there
  }
  return key;
}

std::size_t AddressBound::Hash::operator()(const Key& key) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(key.data()), key.size()});
}

}  // namespace keystrand::http
