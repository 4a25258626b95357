#pragma once

#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::stripe {

/// What `GET /v1/events` answers, or one event out of it.
struct EventList {
  bool is_list = false;
  bool has_more = false;                 ///< of a list: it is one page of several
  std::vector<std::string_view> events;  ///< bytes of each element, into the text; of no list: the whole text
};

/// `text`: one JSON object. A list is one whose `object` is "list", or without one, whose `data` is an array (thin
/// events): its elements are given whatever they are. Anything else is taken for one event, and not looked into.
/// Errors: kMalformed, the detail says what is wrong and where: no JSON object, or a list without `data`.
Result<EventList> ReadEventList(std::string_view text);

/// Whether `object` says that this is an event: "event" or "v2.core.event". Other objects of Stripe have an id, a type
/// and a livemode, too. Errors: kMalformed.
Result<bool> SaysItIsAnEvent(std::string_view text);

}  // namespace keystrand::stripe
