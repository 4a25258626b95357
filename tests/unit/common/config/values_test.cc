#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/config/database_url.h"
#include "common/config/listen.h"
#include "common/config/secret.h"

namespace keystrand::config {
namespace {

TEST(ListenTest, ReadsAddressAndPort) {
  for (const auto* text : {"0.0.0.0:8080", "127.0.0.1:0", "[::1]:9101"}) {
    const auto listen = Listen::Parse(text);
    ASSERT_TRUE(listen) << text;
    EXPECT_EQ(listen->Text(), text);
  }
  EXPECT_EQ(Listen::Parse("[::1]:9101")->host, "::1");
}

TEST(ListenTest, AnAddressLeftOutIsTheLoopback) { EXPECT_EQ(Listen::Parse(":9102")->Text(), "127.0.0.1:9102"); }

TEST(ListenTest, RefusesWhatIsNoAddressAndPort) {
  for (const auto* text : {"", "8080", "localhost:80", "0.0.0.0", "0.0.0.0:", "0.0.0.0:x", "0.0.0.0:65536",
                           "0.0.0.0:-1", "::1:80", "[127.0.0.1]:80", "0.0.0.0:80 ", "[]:80"}) {
    EXPECT_FALSE(Listen::Parse(text)) << text;
  }
}

TEST(DatabaseUrlTest, PrintsWithoutThePassword) {
  const std::pair<const char*, const char*> cases[] = {
      {"postgresql://user:hunter2@host:5432/name", "postgresql://user:***@host:5432/name"},
      {"postgresql://user:p@ss@host/name", "postgresql://user:***@host/name"},
      {"postgresql://user@host/name?sslmode=require", "postgresql://user@host/name?sslmode=require"},
      {"postgresql://host:5432/name", "postgresql://host:5432/name"},
      {"postgresql://user:a/b@host/name", "***"},
      {"postgresql://host/name?user=u&Password=hunter2", "***"},
      {"postgresql:///name?user=u&passwor%64=hunter2", "***"},
      {"postgresql:///name?options=-c%20geqo%3Doff&x=%", "postgresql:///name?options=-c%20geqo%3Doff&x=%"},
      {"host=h password=hunter2://x", "***"},
      {" postgresql://user:hunter2@host/name", "***"},
      {"host=h dbname=d user=u", "host=h dbname=d user=u"},
      {"host=h PASSWORD = 'hunter2'", "***"},
      {"", ""},
  };
  for (const auto& [text, shown] : cases) {
    std::ostringstream out;
    out << DatabaseUrl(text);
    EXPECT_EQ(out.str(), shown);
    EXPECT_EQ(DatabaseUrl(text).Reveal(), text);
    EXPECT_EQ(DatabaseUrl(text).HasPassword(), std::string(text) != shown);
  }
}

TEST(SecretTest, PrintsAsStars) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "***");
}

}  // namespace
}  // namespace keystrand::config
