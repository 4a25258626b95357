#pragma once

#include <netdb.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace keystrand::kafka {

/// Looks names up as getaddrinfo(3) does, but within a bound, and with the last good answer where none comes. A
/// resolver that is slow or down must neither stop a client's thread nor cost it a broker whose address it knows.
///
/// Only silence and failures are bridged so, for however long they last. That a name does not exist is an answer, and
/// final: its old address may be somebody else's by now. Thread-safe. Memory: the addresses of each name ever asked
/// for.
class NameCache {
 public:
  using Lookup = std::function<int(const char* node, const char* service, const addrinfo* hints, addrinfo** found)>;

  /// `patience`: how long a look-up is waited for, counted from its start. `lookup`: as getaddrinfo(3), its result
  /// freed by freeaddrinfo(3); called on threads of its own, one per name at a time, that may outlive the cache.
  explicit NameCache(std::chrono::milliseconds patience, Lookup lookup = ::getaddrinfo);
  ~NameCache();
  NameCache(const NameCache&) = delete;
  NameCache& operator=(const NameCache&) = delete;

  /// As getaddrinfo(3); neither `node` nor `service` is null. Blocks for `patience` at most; a look-up that takes
  /// longer goes on, for whoever asks next. Errors: getaddrinfo's; EAI_AGAIN if it was not answered in time. The caller
  /// owns `*found`: Free().
  int Resolve(const char* node, const char* service, const addrinfo& hints, addrinfo** found) noexcept;
  static void Free(addrinfo* found);

 private:
  struct Shared;
  std::chrono::milliseconds patience_;
  std::shared_ptr<Shared> shared_;  ///< with the threads that look up
};

}  // namespace keystrand::kafka
