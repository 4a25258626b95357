#include "worker/operator/console.h"

#include <chrono>

#include "common/core/clock.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {

std::string Line(const std::string& text) { return "keystrand: " + Safe(text) + "\n"; }

std::string KafkaTrouble(const Error& error, const std::string& brokers) {
  if (error.code != ErrorCode::kUnavailable) return error.detail;
  return "Kafka does not answer at " + brokers + " (" + error.detail +
         "): check that it runs and that KEYSTRAND_KAFKA_BROKERS is right";
}

std::string DatabaseTrouble(const Error& error) {
  if (error.code == ErrorCode::kUnavailable) {
    return "PostgreSQL does not answer (" + error.detail +
           "): check that it runs, KEYSTRAND_DATABASE_URL and its password";
  }
  if (error.code == ErrorCode::kMisdeployed) {
    return "the database is not ready (" + error.detail +
           "): run the migrations (make migrate), check the role's rights";
  }
  return "the database refused (" + error.detail + ")";
}

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock().Now().time_since_epoch()).count();
}

Reply Failed(const std::string& text) { return {kFailed, "", Line(text)}; }

int ExitCodeOf(const Error& error) { return error.code == ErrorCode::kUnavailable ? kUnreachable : kFailed; }

}  // namespace keystrand::worker::op
