#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

/// Included by this folder's .cc files only.
namespace keystrand::http {

/// Counts connections by client address. IPv6 counts by /64, which is what one customer of a provider commands.
/// Thread-safe.
class AddressBound {
 public:
  explicit AddressBound(std::size_t max) : max_(max) {}

  /// One connection's right to be there; ends with the object. Must not outlive the bound.
  class Place {
   public:
    Place(Place&& other) noexcept : bound_(std::exchange(other.bound_, nullptr)), key_(other.key_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(bound_, other.bound_);
      std::swap(key_, other.key_);
      return *this;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (bound_ != nullptr) bound_->Leave(key_);
    }

   private:
    friend class AddressBound;
    using Key = std::array<unsigned char, 8>;
    Place(AddressBound& bound, const Key& key) : bound_(&bound), key_(key) {}

    AddressBound* bound_;
    Key key_;
  };

  /// Nothing if the address has all its places.
  [[nodiscard]] std::optional<Place> Enter(const boost::asio::ip::address& address);

 private:
  using Key = Place::Key;
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  static Key KeyOf(const boost::asio::ip::address& address);
  void Leave(const Key& key);

  const std::size_t max_;
  std::mutex mutex_;
  std::unordered_map<Key, std::size_t, Hash> counts_;  // guarded by mutex_
};

}  // namespace keystrand::http
