#include "worker/store/errors.h"

#include <gtest/gtest.h>

#include <string>

namespace keystrand::worker::store {
namespace {

struct Case {
  const char* sqlstate;
  ErrorCode code;
};

const Case kCases[] = {
    {"", ErrorCode::kUnavailable},           {"22003", ErrorCode::kRejected},    {"22P02", ErrorCode::kRejected},
    {"22021", ErrorCode::kRejected},         {"23505", ErrorCode::kRejected},    {"23514", ErrorCode::kRejected},
    {"54000", ErrorCode::kRejected},         {"25P03", ErrorCode::kTimeout},     {"57014", ErrorCode::kTimeout},
    {"40001", ErrorCode::kConflict},         {"40P01", ErrorCode::kConflict},    {"55P03", ErrorCode::kConflict},
    {"08006", ErrorCode::kUnavailable},      {"57P01", ErrorCode::kUnavailable}, {"57P03", ErrorCode::kUnavailable},
    {"57P05", ErrorCode::kUnavailable},      {"53300", ErrorCode::kUnavailable}, {"53100", ErrorCode::kUnavailable},
    {"58030", ErrorCode::kUnavailable},      {"28P01", ErrorCode::kUnavailable}, {"3D000", ErrorCode::kUnavailable},
    {"25006", ErrorCode::kUnavailable},      {"42P01", ErrorCode::kMisdeployed}, {"42501", ErrorCode::kMisdeployed},
    {"42703", ErrorCode::kMisdeployed},      {"21000", ErrorCode::kInternal},    {"0A000", ErrorCode::kInternal},
    {"P0001", ErrorCode::kInternal},         {"XX000", ErrorCode::kInternal},    {"99999", ErrorCode::kInternal},
    {"23503", ErrorCode::kMissingReference}, {"26000", ErrorCode::kUnavailable}, {"40003", ErrorCode::kInternal},
};

TEST(FromSqlStateTest, EachClassHasOneMeaning) {
  for (const auto& test : kCases) EXPECT_EQ(NameOf(FromSqlState(test.sqlstate)), NameOf(test.code)) << test.sqlstate;
}

TEST(FromSqlStateTest, OnlyMessagesThatQuoteNoRowAreShown) {
  for (const auto* shown : {"08006", "25006", "28P01", "3D000", "40P01", "42501", "53100", "57P01", "58030"}) {
    EXPECT_TRUE(MessageNamesOnlyObjects(shown)) << shown;
  }
  for (const auto* kept : {"22P02", "23505", "23514", "P0001", "XX000", "21000", ""}) {
    EXPECT_FALSE(MessageNamesOnlyObjects(kept)) << kept;
  }
}

TEST(FromSqlStateTest, DamagedFilesAreNotAnErrorToRetry) {
  EXPECT_TRUE(IsCorruption("XX001"));
  EXPECT_TRUE(IsCorruption("XX002"));
  EXPECT_FALSE(IsCorruption("XX000"));
}

}  // namespace
}  // namespace keystrand::worker::store
