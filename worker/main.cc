#include "common/core/build_info.h"
#include "worker/app.h"

int main(int argc, char** argv) {
  keystrand::worker::Settings settings;
  keystrand::config::Reader reader({"keystrand-worker",
                                    "Applies Stripe events from Kafka to PostgreSQL, once each, in order per customer.",
                                    keystrand::kVersion});
  settings.AddTo(reader);
  const auto outcome = reader.Read(argc, argv, keystrand::config::ProcessEnvironment());
  if (!outcome.ready) return outcome.Finish();
  return keystrand::worker::Run(settings);
}
