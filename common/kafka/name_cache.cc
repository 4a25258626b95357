#include "common/kafka/name_cache.h"

#include <sys/socket.h>

#include <compare>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace keystrand::kafka {
namespace {

using Steady = std::chrono::steady_clock;

/// One address of a list; `info` points to `address` and to the next one's.
struct Node {
  addrinfo info{};
  sockaddr_storage address{};
};

using Addresses = std::vector<Node>;

Addresses Copy(const addrinfo* list) {
  Addresses addresses;
  for (; list != nullptr; list = list->ai_next) {
    if (list->ai_addr == nullptr || list->ai_addrlen > sizeof(sockaddr_storage)) continue;
    auto& node = addresses.emplace_back();
    node.info = *list;
    std::memcpy(&node.address, list->ai_addr, list->ai_addrlen);
  }
  return addresses;
}

/// A list of the caller's own, as getaddrinfo(3) would have made it.
addrinfo* ToList(const Addresses& addresses) {
  auto* nodes = new Node[addresses.size()];
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    nodes[i] = addresses[i];
    nodes[i].info.ai_addr = reinterpret_cast<sockaddr*>(&nodes[i].address);
    nodes[i].info.ai_canonname = nullptr;
    nodes[i].info.ai_next = i + 1 < addresses.size() ? &nodes[i + 1].info : nullptr;
  }
  return &nodes->info;
}

/// Whether the name's servers have spoken: there is no such name, or it has no address.
bool IsFinal(int error) { return error == EAI_NONAME || error == EAI_NODATA; }

struct Name {
  std::string node;
  std::string service;
  int family;
  int type;
  int protocol;
  int flags;

  auto operator<=>(const Name&) const = default;
};

addrinfo HintsOf(const Name& name) {
  addrinfo hints{};
  hints.ai_family = name.family;
  hints.ai_socktype = name.type;
  hints.ai_protocol = name.protocol;
  hints.ai_flags = name.flags;
  return hints;
}

struct Known {
  Addresses addresses;  ///< of the last good answer
  int error = 0;        ///< of the last look-up that ended
  bool looking = false;
  Steady::time_point since;  ///< when it began to
};

}  // namespace

struct NameCache::Shared {
  explicit Shared(Lookup how) : lookup(std::move(how)) {}

  /// On a thread of its own.
  void Look(const Name& name) {
    const addrinfo hints = HintsOf(name);
    addrinfo* found = nullptr;
    const int error = lookup(name.node.c_str(), name.service.c_str(), &hints, &found);
    Addresses addresses = error == 0 ? Copy(found) : Addresses();
    if (error == 0) ::freeaddrinfo(found);
    {
      const std::lock_guard lock(mutex);
      auto& known = names[name];
      known.looking = false;
      known.error = error;
      if (error == 0 || IsFinal(error)) known.addresses = std::move(addresses);
    }
    ended.notify_all();
  }

  const Lookup lookup;
  std::mutex mutex;
  std::condition_variable ended;  ///< a look-up
  std::map<Name, Known> names;
};

NameCache::NameCache(std::chrono::milliseconds patience, Lookup lookup)
    : patience_(patience), shared_(std::make_shared<Shared>(std::move(lookup))) {}
NameCache::~NameCache() = default;

int NameCache::Resolve(const char* node, const char* service, const addrinfo& hints, addrinfo** found) noexcept {
  try {
    const Name name{node, service, hints.ai_family, hints.ai_socktype, hints.ai_protocol, hints.ai_flags};
    std::unique_lock lock(shared_->mutex);
    auto& known = shared_->names[name];
    if (!known.looking) {
      std::thread([shared = shared_, name] { shared->Look(name); }).detach();
      known.looking = true;
      known.since = Steady::now();
    }
    const bool in_time = shared_->ended.wait_until(lock, known.since + patience_, [&] { return !known.looking; });
    if (known.addresses.empty()) return in_time && known.error != 0 ? known.error : EAI_AGAIN;
    *found = ToList(known.addresses);
    return 0;
  } catch (const std::bad_alloc&) {
    return EAI_MEMORY;
  } catch (const std::exception&) {  // no thread to be had
    return EAI_AGAIN;
  }
}

void NameCache::Free(addrinfo* found) { delete[] reinterpret_cast<Node*>(found); }

}  // namespace keystrand::kafka
