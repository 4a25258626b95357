#include <gtest/gtest.h>

#include "common/core/result.h"

namespace keystrand {
namespace {

struct Case {
  ErrorCode code;
  const char* name;
  Disposition disposition;
};

const Case kCases[] = {
    {ErrorCode::kMalformed, "malformed", Disposition::kDeadLetter},
    {ErrorCode::kUnsupported, "unsupported", Disposition::kDeadLetter},
    {ErrorCode::kUnauthenticated, "unauthenticated", Disposition::kRefuse},
    {ErrorCode::kRejected, "rejected", Disposition::kDeadLetter},
    {ErrorCode::kMissingReference, "missing_reference", Disposition::kRetryCounted},
    {ErrorCode::kTimeout, "timeout", Disposition::kRetryCounted},
    {ErrorCode::kConflict, "conflict", Disposition::kRetryNow},
    {ErrorCode::kUnavailable, "unavailable", Disposition::kHold},
    {ErrorCode::kMisdeployed, "misdeployed", Disposition::kOpenBreaker},
    {ErrorCode::kInternal, "internal", Disposition::kRetryCounted},
    {ErrorCode::kCrashed, "crashed", Disposition::kDeadLetter},
};

class ErrorCodeTest : public testing::TestWithParam<Case> {};

TEST_P(ErrorCodeTest, HasItsPublishedNameAndOneDisposition) {
  EXPECT_EQ(NameOf(GetParam().code), GetParam().name);
  EXPECT_EQ(DispositionOf(GetParam().code), GetParam().disposition);
}

INSTANTIATE_TEST_SUITE_P(All, ErrorCodeTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(ResultTest, CarriesTheValueOrTheError) {
  const Result<int> failed = Fail(ErrorCode::kMalformed, "no id");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(failed.error().detail, "no id");
  EXPECT_EQ(Result<int>(7).value(), 7);
}

}  // namespace
}  // namespace keystrand
