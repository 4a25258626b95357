#include "common/kafka/name_cache.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace keystrand::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 50ms;
constexpr auto kLong = 10s;

/// Name servers that say what they are told to.
class Servers {
 public:
  /// From now on this is the answer: an error of getaddrinfo(3)'s, or else the addresses.
  void Answer(int error, std::vector<std::string> addresses = {}) {
    const std::lock_guard lock(mutex_);
    error_ = error;
    addresses_ = std::move(addresses);
  }

  void Hold() {
    const std::lock_guard lock(mutex_);
    holding_ = true;
  }

  void Release() {
    {
      const std::lock_guard lock(mutex_);
      holding_ = false;
    }
    changed_.notify_all();
  }

  int Asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  int Lookup(const char* service, const addrinfo* hints, addrinfo** found) {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.wait(lock, [this] { return !holding_; });
    if (error_ != 0) return error_;
    addrinfo numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    for (auto address = addresses_.rbegin(); address != addresses_.rend(); ++address) {
      addrinfo* one = nullptr;
      EXPECT_EQ(::getaddrinfo(address->c_str(), service, &numeric, &one), 0);
      one->ai_next = list;
      list = one;
    }
    *found = list;
    return 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int error_ = 0;
  std::vector<std::string> addresses_;
  bool holding_ = false;
  int asked_ = 0;
};

class NameCacheTest : public testing::Test {
 protected:
  NameCache Make(std::chrono::milliseconds patience = kLong) {
    return NameCache(patience,
                     [servers = servers_](const char*, const char* service, const addrinfo* hints, addrinfo** found) {
                       return servers->Lookup(service, hints, found);
                     });
  }

  struct Resolved {
    int error = 0;
    std::vector<std::string> addresses;  ///< as "address:port"

    bool operator==(const Resolved&) const = default;
  };

  static Resolved Ask(NameCache& names, const char* name = "broker.test") {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    Resolved resolved{names.Resolve(name, "9092", hints, &found), {}};
    if (resolved.error != 0) return resolved;
    for (const auto* each = found; each != nullptr; each = each->ai_next) {
      EXPECT_EQ(each->ai_addrlen, sizeof(sockaddr_in));
      const auto* address = reinterpret_cast<const sockaddr_in*>(each->ai_addr);
      char text[INET_ADDRSTRLEN];
      ::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
      resolved.addresses.push_back(std::string(text) + ":" + std::to_string(ntohs(address->sin_port)));
    }
    NameCache::Free(found);
    return resolved;
  }

  /// Until that is what is told; the last answer if it never is.
  static Resolved AskUntil(NameCache& names, const Resolved& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    auto told = Ask(names);
    while (told != wanted && std::chrono::steady_clock::now() < deadline) told = Ask(names);
    return told;
  }

  /// Shared with the threads that look up, which may outlive the test.
  std::shared_ptr<Servers> servers_ = std::make_shared<Servers>();
};

const std::vector<std::string> kTwo = {"192.0.2.1:9092", "192.0.2.2:9092"};

TEST_F(NameCacheTest, TellsWhatTheServersSayNow) {
  auto names = Make();
  servers_->Answer(0, {"192.0.2.1", "192.0.2.2"});
  EXPECT_EQ(Ask(names), (Resolved{0, kTwo}));
  servers_->Answer(0, {"192.0.2.9"});
  EXPECT_EQ(Ask(names), (Resolved{0, {"192.0.2.9:9092"}}));
  EXPECT_EQ(servers_->Asked(), 2);
}

TEST_F(NameCacheTest, BridgesFailuresWithTheLastGoodAnswer) {
  auto names = Make();
  servers_->Answer(0, {"192.0.2.1", "192.0.2.2"});
  Ask(names);
  for (const int failure : {EAI_AGAIN, EAI_FAIL, EAI_SYSTEM, EAI_MEMORY}) {
    servers_->Answer(failure);
    EXPECT_EQ(Ask(names), (Resolved{0, kTwo})) << ::gai_strerror(failure);
  }
}

TEST_F(NameCacheTest, AFailureWithNothingBeforeItIsToldAsItIs) {
  auto names = Make();
  servers_->Answer(EAI_FAIL);
  EXPECT_EQ(Ask(names).error, EAI_FAIL);
}

TEST_F(NameCacheTest, ANameThatIsGoneIsGone) {
  auto names = Make();
  servers_->Answer(0, {"192.0.2.1"});
  Ask(names);
  servers_->Answer(EAI_NONAME);
  EXPECT_EQ(Ask(names).error, EAI_NONAME);
  servers_->Answer(EAI_AGAIN);
  EXPECT_EQ(Ask(names).error, EAI_AGAIN) << "its old address is not taken up again";
}

TEST_F(NameCacheTest, OneNameIsNotAnother) {
  auto names = Make();
  servers_->Answer(0, {"192.0.2.1"});
  Ask(names, "broker.test");
  servers_->Answer(EAI_AGAIN);
  EXPECT_EQ(Ask(names, "other.test").error, EAI_AGAIN);
}

TEST_F(NameCacheTest, WaitsNoLongerThanItsPatience) {
  auto names = Make(kPatience);
  servers_->Answer(0, {"192.0.2.1"});
  servers_->Hold();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask(names).error, EAI_AGAIN);
  EXPECT_GE(std::chrono::steady_clock::now() - began, kPatience);
  servers_->Release();
}

TEST_F(NameCacheTest, SilenceIsBridgedAndItsLateAnswerCounts) {
  auto names = Make(kPatience);
  servers_->Answer(0, {"192.0.2.1", "192.0.2.2"});
  ASSERT_EQ(AskUntil(names, {0, kTwo}), (Resolved{0, kTwo}));
  const int asked = servers_->Asked();
  servers_->Hold();
  EXPECT_EQ(Ask(names), (Resolved{0, kTwo}));
  EXPECT_EQ(Ask(names), (Resolved{0, kTwo}));
  EXPECT_EQ(servers_->Asked(), asked + 1) << "one look-up at a time";
  servers_->Answer(0, {"192.0.2.9"});
  servers_->Release();
  EXPECT_EQ(AskUntil(names, {0, {"192.0.2.9:9092"}}), (Resolved{0, {"192.0.2.9:9092"}}));
}

}  // namespace
}  // namespace keystrand::kafka
