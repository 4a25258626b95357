#include "worker/operator/letter_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(LetterChoice, BecomesAFilter) {
  LetterChoice choice;
  choice.status = "open";
  choice.type = "invoice.paid";
  choice.since = "1h";
  choice.limit = 5;
  const auto filter = choice.Filter(7'200'000);
  EXPECT_EQ(filter.status, "open");
  EXPECT_EQ(filter.event_type, "invoice.paid");
  EXPECT_EQ(filter.since_ms, 3'600'000);
  EXPECT_EQ(filter.until_ms, std::nullopt);
  EXPECT_EQ(filter.limit, 5);
}

TEST(LetterChoice, EveryFieldButTheLimitIsAFilter) {
  EXPECT_FALSE(LetterChoice().HasFilter());
  for (auto field : {&LetterChoice::status, &LetterChoice::type, &LetterChoice::code, &LetterChoice::fingerprint,
                     &LetterChoice::key, &LetterChoice::scope, &LetterChoice::since, &LetterChoice::until}) {
    LetterChoice choice;
    choice.*field = "x";
    EXPECT_TRUE(choice.HasFilter());
  }
}

TEST(LetterChoice, NamesWhatCannotBeRead) {
  LetterChoice choice;
  choice.status = "replaying";
  choice.until = "2026-11-24";
  EXPECT_THAT(choice.Problems(), IsEmpty());
  choice.status = "lost";
  choice.since = "soon";
  EXPECT_THAT(choice.Problems(), ElementsAre(HasSubstr("--status = \"lost\""), HasSubstr("--since = \"soon\"")));
}

}  // namespace
}  // namespace keystrand::worker::op
