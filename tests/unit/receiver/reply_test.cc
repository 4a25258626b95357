#include "receiver/reply.h"

#include <gtest/gtest.h>

namespace keystrand::receiver {
namespace {

TEST(Reply, TellsTheSenderToTryAgainAboutEverythingButAForgery) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kCrashed); ++code) {
    const auto error = static_cast<ErrorCode>(code);
    EXPECT_EQ(StatusOf(error), error == ErrorCode::kUnauthenticated ? 400 : 503) << NameOf(error);
    EXPECT_EQ(Refused(error).status(), StatusOf(error)) << NameOf(error);
  }
}

TEST(Reply, SaysOneWord) {
  EXPECT_EQ(Accepted().status(), 200);
  EXPECT_EQ(Refused(ErrorCode::kUnauthenticated).body(), R"({"error":"invalid_signature"})");
  EXPECT_EQ(Refused(ErrorCode::kUnavailable).body(), R"({"error":"unavailable"})");
  EXPECT_NE(Refused(ErrorCode::kUnavailable).head().find("\r\nRetry-After: 5\r\n"), std::string_view::npos);
  EXPECT_EQ(Refused(ErrorCode::kUnauthenticated).head().find("Retry-After"), std::string_view::npos);
  EXPECT_EQ(NotFound().status(), 404);
  EXPECT_EQ(MethodNotAllowed().status(), 405);
  EXPECT_NE(MethodNotAllowed().head().find("\r\nAllow: POST\r\n"), std::string_view::npos);
}

}  // namespace
}  // namespace keystrand::receiver
