#include "common/config/reader.h"
#include "receiver/app.h"
#include "receiver/settings.h"

int main(int argc, char** argv) {
  keystrand::receiver::Settings settings;
  const auto outcome = keystrand::receiver::ReadSettings(argc, argv, keystrand::config::ProcessEnvironment(), settings);
  if (!outcome.ready) return outcome.Finish();
  return keystrand::receiver::Run(settings);
}
