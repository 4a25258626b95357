#include "worker/handlers/guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <forward_list>
#include <string>

namespace keystrand::worker::handlers {
namespace {

using store::Candidate;

/// Candidates are views.
std::string_view Kept(std::string text) {
  static std::forward_list<std::string> kept;
  return kept.emplace_front(std::move(text));
}

Candidate Change(std::string id, const std::string& data, std::string previous = "",
                 std::string type = "subscription.updated") {
  return {Kept(std::move(id)), Kept(std::move(type)), "", Kept(std::move(previous)),
          Kept(R"({"id":"o","object":"subscription",)" + data + "}")};
}

/// The chosen event of a set, which must be the same for every order of arrival.
std::string Newest(const std::vector<Candidate>& events) {
  std::vector<std::size_t> order(events.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::string newest;
  do {
    std::vector<Candidate> candidates;
    for (const auto i : order) AddCandidate(candidates, events[i]);
    MonotoneValues values;
    const std::string chosen(candidates[Choose(candidates, values)].event_id);
    EXPECT_TRUE(newest.empty() || newest == chosen) << "depends on the order of arrival";
    newest = chosen;
  } while (std::next_permutation(order.begin(), order.end()));
  return newest;
}

TEST(RankTest, ATombstoneBeatsATerminalStateBeatsALaterSecond) {
  EXPECT_LT((Rank{false, false, 900}), (Rank{false, true, 100}));
  EXPECT_LT((Rank{false, true, 900}), (Rank{true, false, 100}));
  EXPECT_LT((Rank{false, false, 100}), (Rank{false, false, 101}));
}

TEST(ChooseTest, ACreationComesBeforeAnyOtherEvent) {
  EXPECT_EQ(Newest({Change("z", R"("status":"incomplete")", "", "subscription.created"),
                    Change("a", R"("status":"active")")}),
            "a");
}

TEST(ChooseTest, AnEventComesAfterTheStateThatItsPreviousAttributesDescribe) {
  EXPECT_EQ(Newest({Change("z", R"("status":"incomplete")"),
                    Change("a", R"("status":"active")", R"({"status":"incomplete"})")}),
            "a");
}

TEST(ChooseTest, FollowsAChainOfChangesInEveryOrderOfArrival) {
  EXPECT_EQ(Newest({Change("c", R"("status":"incomplete")"),
                    Change("b", R"("status":"past_due")", R"({"status":"incomplete"})"),
                    Change("a", R"("status":"active")", R"({"status":"past_due"})")}),
            "a");
}

TEST(ChooseTest, WhereBothDirectionsHoldTheEventIdDecides) {
  EXPECT_EQ(Newest({Change("a", R"("status":"active")", R"({"status":"past_due"})"),
                    Change("b", R"("status":"past_due")", R"({"status":"active"})")}),
            "b");
}

TEST(ChooseTest, FieldsThatOnlyGrowTellTheNewer) {
  EXPECT_EQ(Newest({Change("z", R"("amount_refunded":100)"), Change("a", R"("amount_refunded":250)")}), "a");
}

TEST(ChooseTest, WhatSaysNothingIsDecidedByTheGreatestEventId) {
  EXPECT_EQ(Newest({Change("a", R"("x":1)"), Change("c", R"("x":2)"), Change("b", R"("x":3)")}), "c");
}

TEST(AddCandidateTest, KeepsTheSameEightInEveryOrder) {
  std::vector<Candidate> up;
  std::vector<Candidate> down;
  for (char id = 'a'; id <= 'l'; ++id) AddCandidate(up, Change(std::string(1, id), R"("x":1)"));
  for (char id = 'l'; id >= 'a'; --id) AddCandidate(down, Change(std::string(1, id), R"("x":1)"));
  ASSERT_EQ(up.size(), kCandidatesMax);
  ASSERT_EQ(down.size(), kCandidatesMax);
  for (std::size_t i = 0; i < up.size(); ++i) EXPECT_EQ(up[i].event_id, down[i].event_id);
  EXPECT_EQ(up.front().event_id, "e");
}

TEST(AddCandidateTest, TheSameEventTwiceCountsOnce) {
  std::vector<Candidate> candidates;
  AddCandidate(candidates, Change("a", R"("x":1)"));
  AddCandidate(candidates, Change("a", R"("x":2)"));
  EXPECT_EQ(candidates.size(), 1U);
}

}  // namespace
}  // namespace keystrand::worker::handlers
