#include "worker/operator/letters_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Header = std::pair<std::string, std::string>;
using What = ReplayDecision::What;

store::LockedLetter Letter(const std::string& status, const std::string& inbox_status = "dead") {
  return {{"keystrand.events", 3, 41}, 2, "live/self", "evt_1", status, "replay-2", inbox_status};
}

TEST(DecideReplay, ReplaysWhatIsOpenAndSendsWhatStillReplaysAgain) {
  EXPECT_EQ(DecideReplay(Letter("open"), false).what, What::kReplay);
  EXPECT_EQ(DecideReplay(Letter("open", ""), false).what, What::kReplay);
  EXPECT_EQ(DecideReplay(Letter("open", "parked"), false).what, What::kReplay);
  EXPECT_EQ(DecideReplay(Letter("replaying", "replaying"), false).what, What::kSend);
  EXPECT_EQ(DecideReplay(Letter("replaying", "replaying"), true).what, What::kSend);
}

TEST(DecideReplay, RefusesWhatIsSettledAndSaysWhatToDo) {
  EXPECT_THAT(DecideReplay(Letter("resolved"), false).reason, HasSubstr("went through"));
  EXPECT_THAT(DecideReplay(Letter("discarded"), false).reason, HasSubstr("import its event"));
  EXPECT_THAT(DecideReplay(Letter("open", "applied"), false).reason, HasSubstr("discard it"));
  EXPECT_THAT(DecideReplay(Letter("open"), true).reason, HasSubstr("without --resume"));
}

TEST(DecideReplay, ResumingFindsThatALetterWasSettledMeanwhile) {
  EXPECT_EQ(DecideReplay(Letter("resolved"), true).what, What::kSettled);
}

TEST(ReplayRecord, IsTheOldOneWithTheHeadersOfTheReplay) {
  const store::LetterContent content{"live/self/cus_1",
                                     {{"event-id", "evt_1"},
                                      {"replay-id", "replay-1"},
                                      {"replay-count", "1"},
                                      {"replay-actor", "a"},
                                      {"source-position", "x/0/0"},
                                      {"endpoint", "main"}},
                                     std::string("{\0}", 3),
                                     7};
  const auto record = ReplayRecord(Letter("replaying"), content, "sam\xFF");
  EXPECT_EQ(record.partition, 3);
  EXPECT_EQ(record.key, "live/self/cus_1");
  EXPECT_EQ(record.value, content.payload);
  std::vector<Header> headers;
  for (const auto& header : record.headers) headers.emplace_back(header.name, header.value);
  EXPECT_THAT(headers,
              ElementsAre(Header("event-id", "evt_1"), Header("endpoint", "main"), Header("replay-id", "replay-2"),
                          Header("replay-count", "3"), Header("replay-actor", "sam\xEF\xBF\xBD"),
                          Header("source-position", "keystrand.events/3/41")));
}

}  // namespace
}  // namespace keystrand::worker::op
