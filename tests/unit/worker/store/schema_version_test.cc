#include "worker/store/schema_version.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace keystrand::worker::store {
namespace {

TEST(SchemaVersionTest, IsTheNewestMigration) {
  std::string newest;
  for (const auto& file : std::filesystem::directory_iterator(KEYSTRAND_MIGRATIONS)) {
    newest = std::max(newest, file.path().filename().string());
  }
  EXPECT_EQ(newest.substr(0, newest.find('_')), kSchemaVersion);
}

}  // namespace
}  // namespace keystrand::worker::store
