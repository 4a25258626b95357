#include "receiver/events_in_flight.h"

#include <gtest/gtest.h>

namespace keystrand::receiver {
namespace {

const EventIds kEvent{"0123456789abcdef", "trace", "evt_1", "invoice.paid"};

TEST(EventsInFlightTest, AReportedEventCannotBeGivenUp) {
  EventsInFlight in_flight;
  in_flight.Add(kEvent);
  EXPECT_TRUE(in_flight.Reported(kEvent));
  EXPECT_FALSE(in_flight.GiveUp(kEvent.request_id));
}

TEST(EventsInFlightTest, AnEventGivenUpIsNamedOnceAndItsReportIsLate) {
  EventsInFlight in_flight;
  in_flight.Add(kEvent);
  const auto event = in_flight.GiveUp(kEvent.request_id);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->event_id, "evt_1");
  EXPECT_EQ(event->trace_id, "trace");
  EXPECT_FALSE(in_flight.GiveUp(kEvent.request_id));
  EXPECT_FALSE(in_flight.Reported(kEvent));
}

TEST(EventsInFlightTest, ARequestWithoutAnEventIsUnknown) { EXPECT_FALSE(EventsInFlight().GiveUp("other")); }

}  // namespace
}  // namespace keystrand::receiver
