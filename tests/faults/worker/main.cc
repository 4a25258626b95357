// keystrand-worker with the tests' eyes and hands in it: it writes what its transactions settle to the tables of
// tests/faults/schema.sql, fails on the events that ask for it, and dies or freezes where a test wants it to.
//
// The settings are keystrand-worker's, and from the environment only: FAULTS_CONTROL, a folder with the folders
// `points` (trip_points.h) and `attempts` (poison.h); FAULTS_BUG, the name of a bug (bugs.h).

#include <cstdlib>
#include <iostream>
#include <memory>

#include "common/core/build_info.h"
#include "tests/faults/worker/bugs.h"
#include "tests/faults/worker/ledger.h"
#include "tests/faults/worker/poison.h"
#include "tests/faults/worker/tripping_observers.h"
#include "worker/app.h"
#include "worker/engine/engine.h"

namespace {

using namespace keystrand;

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? "" : value;
}

int RunWith(const worker::Settings& settings, const std::string& control, faults::Bug bug) {
  const faults::TripPoints points(control + "/points");
  const faults::Poison poison(control + "/attempts");
  const faults::LedgerHandler ledger;
  const faults::LastWins last_wins;
  worker::store::DatabaseSettings database;
  database.url = settings.database_url.Reveal();
  faults::Books books(points, bug, database);
  std::unique_ptr<faults::TrippingDatabaseObserver> database_observer;
  std::unique_ptr<faults::TrippingProducerObserver> producer_observer;
  std::unique_ptr<faults::TrippingConsumerObserver> consumer_observer;

  worker::Attachments attachments;
  attachments.first = {&poison};
  attachments.last = {&ledger};
  if (bug == faults::Bug::kLastWins) attachments.last.push_back(&last_wins);
  attachments.outcomes = &books;
  attachments.adjust = [](worker::engine::EngineSettings& engine) {
    engine.database.copied_rows_min = 4;  // so that batches of the harness, 8 events at most, go both ways
    // It remembers few objects, so that some of what comes late is taken for the newest, again and again.
    engine.rows.stale = {.careful_events = 10, .careful_events_max = 10, .objects = 64};
    engine.rows.events_max = 3;
    // Its events are old, and few: so that most are guessed to be new.
    engine.duplicates = {.careful_events = 10, .late = std::chrono::hours(24 * 3650)};
  };
  attachments.database = [&](worker::store::DatabaseObserver& next) {
    database_observer = std::make_unique<faults::TrippingDatabaseObserver>(
        points, next, [] { faults::LedgerHandler::TransactionEnded(); });
    return database_observer.get();
  };
  attachments.producer = [&](kafka::ProducerObserver& next) {
    producer_observer = std::make_unique<faults::TrippingProducerObserver>(points, next);
    return producer_observer.get();
  };
  attachments.consumer = [&](kafka::ClientObserver& next) {
    consumer_observer = std::make_unique<faults::TrippingConsumerObserver>(points, next);
    return consumer_observer.get();
  };
  return worker::Run(settings, attachments);
}

}  // namespace

int main(int argc, char** argv) {
  const auto control = Environment("FAULTS_CONTROL");
  const auto bug = faults::BugNamed(Environment("FAULTS_BUG"));
  if (control.empty() || !bug) {
    std::cerr << "faults_worker: FAULTS_CONTROL must name a folder, FAULTS_BUG nothing or one of effect-outside, "
                 "order-lost, last-wins\n";
    return 2;
  }
  worker::Settings settings;
  config::Reader reader({"faults_worker", "keystrand-worker as tests/faults needs it.", kVersion});
  settings.AddTo(reader);
  const auto outcome = reader.Read(argc, argv, config::ProcessEnvironment());
  if (!outcome.ready) return outcome.Finish();
  return RunWith(settings, control, *bug);
}
