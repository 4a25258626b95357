#pragma once

#include <vector>

#include "worker/engine/breakers.h"
#include "worker/engine/entry.h"
#include "worker/engine/retry_policy.h"
#include "worker/handlers/handler.h"
#include "worker/store/inbox.h"

namespace keystrand::worker::engine {

/// Decides what becomes of each event of a batch, in memory: nothing is written here, and deciding again from the same
/// rows ends alike. One per executor.
class Decider {
 public:
  /// References outlive the decider.
  Decider(const std::vector<const handlers::Handler*>& handlers, const RetryPolicy& retry, const Breakers& breakers)
      : handlers_(handlers), retry_(retry), breakers_(breakers) {}

  /// Settles what the inbox knows already: our own earlier work (the same record, or the same replay) is taken over,
  /// what waits there is run, all else is a duplicate, whatever its body says.
  static void JudgeKnown(Entries& entries, const std::vector<store::KnownEvent>& known, const std::string& topic);

  /// In order; an event that is not settled holds back what follows in its lane, and its own copies anywhere in the
  /// batch.
  void Decide(Attempt& attempt) const;

  /// What an attempt comes to that failed with an error that counts. Empty: another try soon, its lane waiting.
  [[nodiscard]] std::unique_ptr<Fate> FateOf(const Item& item, const Error& error, std::string stage) const;

 private:
  void DecideOne(Entry& entry, Attempt& attempt) const;
  void Apply(Entry& entry, handlers::UnitOfWork& work) const;
  void Meet(Entry& entry, const Fate& fate) const;
  void Kill(Entry& entry, const Fate& fate) const;
  void Park(Entry& entry, const Fate& fate) const;
  static void WaitForBreaker(Entry& entry);

  const std::vector<const handlers::Handler*>& handlers_;
  const RetryPolicy& retry_;
  const Breakers& breakers_;
};

/// The key of an event in the inbox: views of the event.
store::EventKeyView KeyOf(const handlers::Event& event);

}  // namespace keystrand::worker::engine
