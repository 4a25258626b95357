#include "common/config/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace keystrand::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

/// A file that lives as long as this.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("keystrand_settings_" + std::to_string(getpid()) + "_" + std::to_string(++count_) + ".toml")) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  inline static int count_ = 0;
  std::filesystem::path path_;
};

enum class Mode { kAll, kNone };

struct Fields {
  Listen listen{"0.0.0.0", 8080};
  std::string topic = "keystrand.events";
  std::int64_t body_bytes_max = 1048576;
  std::size_t threads = 4;
  seconds tolerance{300};
  milliseconds ack_timeout{5000};
  bool verbose = false;
  Mode mode = Mode::kAll;
  std::string level = "info";
  std::vector<std::string> types;
  std::vector<Secret> signing_secrets;
  Secret token;
  DatabaseUrl database_url;
  std::map<std::string, std::string> kafka;
  Sections endpoints;
};

/// A program with one setting of each type. Every test reads it anew.
class ReaderTest : public testing::Test {
 protected:
  ReaderTest() : reader_({"keystrand-test", "A program of this test", "1.2.3"}) {
    reader_.Add(fields_.listen, {"listen", "where deliveries come in"});
    reader_.Add(fields_.topic, {"events-topic", "the topic of events"});
    reader_.Add(fields_.body_bytes_max, {"body-bytes-max", "largest body"}, {1024, 1 << 24}, "bytes");
    reader_.Add(fields_.threads, {"threads", "threads that serve"}, {1, 256});
    reader_.Add(fields_.tolerance, {"tolerance-seconds", "clock difference"}, {seconds(1), seconds(86400)});
    reader_.Add(fields_.ack_timeout, {"ack-timeout-ms", "how long an answer waits"}, {milliseconds(1), seconds(60)});
    reader_.Add(fields_.verbose, {"verbose", "say more"});
    reader_.Add(fields_.mode, {"mode", "which"}, {{"all", Mode::kAll}, {"none", Mode::kNone}});
    reader_.Add(fields_.level, {"log-level", "least level"}, std::vector<std::string>{"debug", "info"});
    reader_.Add(fields_.types, {"types", "object types"});
    reader_.Add(fields_.signing_secrets, {"signing-secrets", "the secrets, first = primary"});
    reader_.Add(fields_.token, {"token", "a token"});
    reader_.Add(fields_.database_url, {"database-url", "the database"});
    reader_.AddKafkaProperties(fields_.kafka);
  }

  Outcome Read(std::vector<std::string> arguments, Environment environment = {}) {
    std::vector<const char*> argv{"keystrand-test"};
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    return reader_.Read(static_cast<int>(argv.size()), argv.data(), environment);
  }
  Outcome ReadFile(const std::string& text, std::vector<std::string> arguments = {}, Environment environment = {}) {
    const TemporaryFile file(text);
    environment["KEYSTRAND_CONFIG"] = file.path();
    return Read(std::move(arguments), std::move(environment));
  }

  Fields fields_;
  Reader reader_;
};

TEST_F(ReaderTest, KeepsTheDefaultsWhenNothingIsGiven) {
  EXPECT_TRUE(Read({}).ready);
  EXPECT_EQ(fields_.listen.Text(), "0.0.0.0:8080");
  EXPECT_EQ(fields_.tolerance, seconds(300));
}

TEST_F(ReaderTest, ReadsEveryTypeFromFlags) {
  const auto outcome = Read({"--listen=127.0.0.1:1", "--events-topic", "t", "--body-bytes-max=2048", "--threads", "2",
                             "--tolerance-seconds=60", "--ack-timeout-ms=10", "--verbose=true", "--mode=none",
                             "--log-level=debug", "--types=customer, invoice"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_EQ(fields_.listen.Text(), "127.0.0.1:1");
  EXPECT_EQ(fields_.topic, "t");
  EXPECT_EQ(fields_.body_bytes_max, 2048);
  EXPECT_EQ(fields_.threads, 2U);
  EXPECT_EQ(fields_.tolerance, seconds(60));
  EXPECT_EQ(fields_.ack_timeout, milliseconds(10));
  EXPECT_TRUE(fields_.verbose);
  EXPECT_EQ(fields_.mode, Mode::kNone);
  EXPECT_EQ(fields_.level, "debug");
  EXPECT_THAT(fields_.types, ElementsAre("customer", "invoice"));
}

TEST_F(ReaderTest, TheFlagWinsOverTheEnvironment) {
  ASSERT_TRUE(Read({"--events-topic=flag"}, {{"KEYSTRAND_EVENTS_TOPIC", "environment"}}).ready);
  EXPECT_EQ(fields_.topic, "flag");
}

TEST_F(ReaderTest, TheFlagWinsOverTheFile) {
  ASSERT_TRUE(ReadFile("events-topic = 'file'", {"--events-topic=flag"}).ready);
  EXPECT_EQ(fields_.topic, "flag");
}

TEST_F(ReaderTest, TheEnvironmentWinsOverTheFile) {
  ASSERT_TRUE(ReadFile("events-topic = 'file'", {}, {{"KEYSTRAND_EVENTS_TOPIC", "environment"}}).ready);
  EXPECT_EQ(fields_.topic, "environment");
}

TEST_F(ReaderTest, TheFileWinsOverTheDefault) {
  ASSERT_TRUE(ReadFile("events-topic = 'file'\nthreads = 7\ntypes = ['a', 'b']").ready);
  EXPECT_EQ(fields_.topic, "file");
  EXPECT_EQ(fields_.threads, 7U);
  EXPECT_THAT(fields_.types, ElementsAre("a", "b"));
}

TEST_F(ReaderTest, TheConfigFlagWinsOverItsVariable) {
  const TemporaryFile file("events-topic = 'flagged'");
  ASSERT_TRUE(ReadFile("events-topic = 'variable'", {"--config", file.path()}).ready);
  EXPECT_EQ(fields_.topic, "flagged");
}

TEST_F(ReaderTest, AnEmptyVariableCountsAsNotSet) {
  ASSERT_TRUE(ReadFile("threads = 7", {}, {{"KEYSTRAND_THREADS", ""}}).ready);
  EXPECT_EQ(fields_.threads, 7U);
}

TEST_F(ReaderTest, TellsAllProblemsTogetherWithNameValueAndRemedy) {
  const auto outcome = ReadFile("threads = 0\nmode = 'some'\nunknown = 1\nbroken = 1.5",
                                {"--tolerance-seconds=0", "--no-such=1", "--log-level"},
                                {{"KEYSTRAND_BODY_BYTES_MAX", "1 MiB"}, {"KEYSTRAND_LISTEN", "nowhere"}});
  EXPECT_FALSE(outcome.ready);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.text, HasSubstr("9 problems"));
  EXPECT_THAT(outcome.text,
              HasSubstr("tolerance-seconds = \"0\" (--tolerance-seconds): give a whole number of seconds, "
                        "1 to 86400"));
  EXPECT_THAT(outcome.text, HasSubstr("body-bytes-max = \"1 MiB\" (KEYSTRAND_BODY_BYTES_MAX): give a whole number of "
                                      "bytes, 1024 to 16777216"));
  EXPECT_THAT(outcome.text, HasSubstr("listen = \"nowhere\" (KEYSTRAND_LISTEN): give ADDRESS:PORT"));
  EXPECT_THAT(outcome.text, HasSubstr(":1): give a whole number, 1 to 256"));
  EXPECT_THAT(outcome.text, HasSubstr("mode = \"some\""));
  EXPECT_THAT(outcome.text, HasSubstr("line 3: unknown: no such setting here"));
  EXPECT_THAT(outcome.text, HasSubstr("line 4: a value is text in quotes"));
  EXPECT_THAT(outcome.text, HasSubstr("--no-such: no such flag"));
}

TEST_F(ReaderTest, AFlagWithoutItsValueIsAProblem) {
  const auto outcome = Read({"--events-topic=t", "--log-level"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.text, HasSubstr("--log-level: needs one value"));
}

TEST_F(ReaderTest, RefusesAFlagGivenTwice) {
  const auto outcome = Read({"--threads=1", "--threads=2"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.text, HasSubstr("--threads: given twice"));
}

TEST_F(ReaderTest, RefusesNumbersThatAreNoWholeNumbersInRange) {
  for (const auto* bad : {"", " 1", "1 ", "0x10", "1e3", "1.0", "257", "-1", "99999999999999999999"}) {
    EXPECT_FALSE(Read({"--threads=" + std::string(bad)}).ready) << bad;
    EXPECT_EQ(fields_.threads, 4U);
  }
}

TEST_F(ReaderTest, RefusesAMissingFile) {
  const auto outcome = Read({"--config=/no/such/file"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.text, HasSubstr("config = \"/no/such/file\": cannot be read"));
  EXPECT_THAT(Read({"--config=/"}).text, HasSubstr("config = \"/\": cannot be read"));
}

TEST_F(ReaderTest, ASecretComesFromEnvironmentOrFileOnly) {
  ASSERT_TRUE(Read({}, {{"KEYSTRAND_SIGNING_SECRETS", "whsec_invented1,whsec_invented2"}}).ready);
  ASSERT_EQ(fields_.signing_secrets.size(), 2U);
  EXPECT_EQ(fields_.signing_secrets[0].Reveal(), "whsec_invented1");
  ASSERT_TRUE(ReadFile("signing-secrets = ['whsec_invented#3']").ready);
  ASSERT_EQ(fields_.signing_secrets.size(), 1U);
  EXPECT_EQ(fields_.signing_secrets[0].Reveal(), "whsec_invented#3");
}

TEST_F(ReaderTest, ASecretGivenAsFlagIsRefusedWithoutShowingIt) {
  for (const auto& arguments :
       {std::vector<std::string>{"--signing-secrets=hunter2"}, std::vector<std::string>{"--signing-secrets", "hunter2"},
        std::vector<std::string>{"--token", "hunter2"}, std::vector<std::string>{"--signing-secret", "hunter2"},
        std::vector<std::string>{"--tokn=hunter2"}, std::vector<std::string>{"--kafka.sasl.password=hunter2"},
        std::vector<std::string>{"--kafka.sasl.password", "hunter2"}}) {
    const auto outcome = Read(arguments);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.text, AllOf(HasSubstr("1 problem in"), Not(HasSubstr("hunter2")))) << arguments.front();
  }
  EXPECT_THAT(Read({"--token=hunter2"}).text, HasSubstr("set KEYSTRAND_TOKEN or token in the settings file"));
}

TEST_F(ReaderTest, SecretsAreNeverShown) {
  const Environment environment{{"KEYSTRAND_SIGNING_SECRETS", "hunter2,,x"},
                                {"KEYSTRAND_TOKEN", "hunter2"},
                                {"KEYSTRAND_DATABASE_URL", "postgresql://u:hunter2@h/d"},
                                {"KEYSTRAND_KAFKA_SASL_PASSWORD", "hunter2"}};
  EXPECT_THAT(Read({}, environment).text, AllOf(HasSubstr("signing-secrets = ***"), Not(HasSubstr("hunter2"))));
  auto good = environment;
  good["KEYSTRAND_SIGNING_SECRETS"] = "hunter2";
  const auto check = Read({"--check"}, good);
  EXPECT_EQ(check.exit_code, 0);
  EXPECT_THAT(check.text, AllOf(HasSubstr("postgresql://u:***@h/d"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(Read({"--help"}, good).text, Not(HasSubstr("hunter2")));
}

TEST_F(ReaderTest, ADatabaseUrlIsAFlagUnlessItHoldsAPassword) {
  ASSERT_TRUE(Read({"--database-url=postgresql://u@h/d"}).ready);
  EXPECT_EQ(fields_.database_url.Reveal(), "postgresql://u@h/d");
  const auto outcome = Read({"--database-url=postgresql://u:hunter2@h/d"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.text, AllOf(HasSubstr("holds a password"), Not(HasSubstr("hunter2"))));
}

TEST_F(ReaderTest, KafkaPropertiesPassThroughFromEverySource) {
  const auto outcome = ReadFile(
      "[kafka]\nsecurity.protocol = 'ssl'\n\"socket.nagle.disable\" = true\nlinger.ms = 1\nsasl.password = 'from file'",
      {"--kafka.linger.ms=0", "--kafka.client.rack", "a"}, {{"KEYSTRAND_KAFKA_SASL_PASSWORD", "from environment"}});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_THAT(fields_.kafka,
              ElementsAre(Pair("client.rack", "a"), Pair("linger.ms", "0"), Pair("sasl.password", "from environment"),
                          Pair("security.protocol", "ssl"), Pair("socket.nagle.disable", "true")));
}

TEST_F(ReaderTest, RefusesAKafkaFlagWithoutValueOrGivenTwice) {
  EXPECT_THAT(Read({"--kafka.linger.ms"}).text, HasSubstr("--kafka.linger.ms: no value"));
  EXPECT_THAT(Read({"--kafka.a=1", "--kafka.a=2"}).text, HasSubstr("--kafka.a: given twice"));
}

TEST_F(ReaderTest, SectionsWithUnknownNamesAreDeliveredWithTheirKeys) {
  const std::string text = "[endpoint.main]\npath = '/a'\nsecrets = ['hunter2', 'x']\n[endpoint.\"b c\"]\npath = '/b'";
  EXPECT_THAT(ReadFile(text).text, HasSubstr("endpoint.main.path: no such setting"));
  reader_.AddSections("endpoint", {{"path"}, {"secrets", true}}, fields_.endpoints);
  ASSERT_TRUE(ReadFile(text).ready);
  EXPECT_THAT(fields_.endpoints["main"]["path"], ElementsAre("/a"));
  EXPECT_THAT(fields_.endpoints["main"]["secrets"], ElementsAre("hunter2", "x"));
  EXPECT_THAT(fields_.endpoints["b c"]["path"], ElementsAre("/b"));
  EXPECT_THAT(ReadFile(text, {"--check"}).text, AllOf(HasSubstr("endpoint.main.path"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(ReadFile("[endpoint.x]\nfoo = 1").text, HasSubstr("endpoint.x.foo: no such key"));
}

TEST_F(ReaderTest, CheckShowsEachSettingWithItsSource) {
  const auto outcome = ReadFile("threads = 7", {"--check", "--events-topic=t"}, {{"KEYSTRAND_LOG_LEVEL", "debug"}});
  EXPECT_FALSE(outcome.ready);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.text, testing::ContainsRegex("events-topic +t +flag\n"));
  EXPECT_THAT(outcome.text, testing::ContainsRegex("log-level +debug +environment\n"));
  EXPECT_THAT(outcome.text, testing::ContainsRegex("threads +7 +file .*:1\n"));
  EXPECT_THAT(outcome.text, testing::ContainsRegex("mode +all +default\n"));
  EXPECT_EQ(Read({"--check", "--threads=0"}).exit_code, 2);
}

TEST_F(ReaderTest, RequiredSettingsMustBeGiven) {
  std::string brokers;
  reader_.Add(brokers, {"kafka-brokers", "where Kafka is", true});
  EXPECT_THAT(Read({}).text, HasSubstr("kafka-brokers: not set; give --kafka-brokers, KEYSTRAND_KAFKA_BROKERS, or "
                                       "kafka-brokers in the settings file"));
  EXPECT_TRUE(Read({"--kafka-brokers=k:1"}).ready);
}

TEST_F(ReaderTest, RulesSeeTheFieldsAndAreSkippedWhereAFieldIsBad) {
  reader_.Check({"threads"}, [this] {
    return fields_.threads == 5 ? std::vector<std::string>{"threads: five is right out"} : std::vector<std::string>{};
  });
  EXPECT_TRUE(Read({"--threads=4"}).ready);
  EXPECT_THAT(Read({"--threads=5"}).text, HasSubstr("five is right out"));
  EXPECT_THAT(Read({"--threads=x"}).text, Not(HasSubstr("five")));
}

TEST_F(ReaderTest, HelpAndVersionExitCleanlyEvenBesideProblems) {
  const auto help = Read({"--help", "--threads=x"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_FALSE(help.ready);
  EXPECT_THAT(help.text,
              AllOf(HasSubstr("--threads"), HasSubstr("KEYSTRAND_THREADS"), HasSubstr("whole number, 1 to 256"),
                    HasSubstr("Default: 4"), HasSubstr("threads that serve")));
  EXPECT_THAT(help.text, Not(HasSubstr("--signing-secrets")));
  EXPECT_EQ(Read({"--version"}).text, "keystrand-test 1.2.3\n");
}

TEST_F(ReaderTest, ASwitchAloneIsTrue) {
  EXPECT_TRUE(Read({"--verbose"}).ready);
  EXPECT_TRUE(fields_.verbose);
  EXPECT_TRUE(Read({"--verbose", "false", "--events-topic=t"}).ready);
  EXPECT_FALSE(fields_.verbose);
  EXPECT_TRUE(Read({"--verbose", "--events-topic=t"}).ready);
  EXPECT_TRUE(fields_.verbose);
  EXPECT_TRUE(Read({"--verbose=false"}).ready);
  EXPECT_FALSE(fields_.verbose);
  EXPECT_THAT(Read({"--verbose", "maybe"}).text, HasSubstr("\"maybe\": unexpected"));
}

TEST_F(ReaderTest, RefusesAnUnexpectedWord) { EXPECT_THAT(Read({"word"}).text, HasSubstr("\"word\": unexpected")); }

class CommandTest : public ReaderTest {
 protected:
  CommandTest() {
    auto& create = reader_.AddCommand("topics create", "makes the topics");
    create.Add(partitions_, {"partitions", "how many partitions"}, {1, 1000});
    auto& show = reader_.AddCommand("event show", "shows one event");
    show.AddPositional(id_, "ID", "the event");
    show.Require("database-url");
    show.Add(payload_, {"payload", "with its body"});
    reader_.AddCommand("status", "shows the state");
    auto& replay = reader_.AddCommand("replay", "replays letters");
    replay.Add(payload_, {"dry-run", "only say what would be done"});
    replay.AddPositionals(ids_, "ID", "a letter");
    replay.Check({"dry-run"}, [this]() -> std::vector<std::string> {
      return ids_.empty() ? std::vector<std::string>{"give an ID"} : std::vector<std::string>{};
    });
  }
  std::int32_t partitions_ = 12;
  std::vector<std::string> ids_;
  std::string id_;
  bool payload_ = false;
};

TEST_F(CommandTest, ASwitchLeavesThePositionalAlone) {
  const auto outcome = Read({"event", "show", "--payload", "evt_1", "--database-url=postgresql://h/d"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_TRUE(payload_);
  EXPECT_EQ(id_, "evt_1");
}

TEST_F(CommandTest, ReadsCommandFlagsAndSettingsInAnyOrder) {
  auto outcome = Read({"topics", "create", "--partitions", "3", "--events-topic=t"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_EQ(outcome.command, "topics create");
  EXPECT_EQ(partitions_, 3);
  EXPECT_EQ(fields_.topic, "t");
  outcome = Read({"--events-topic=u", "--kafka.linger.ms=1", "status"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_EQ(outcome.command, "status");
  EXPECT_EQ(fields_.topic, "u");
}

TEST_F(CommandTest, ReadsPositionalsAndRequiresWhatTheCommandNeeds) {
  const auto outcome = Read({"event", "show", "evt_1", "--database-url=postgresql://h/d"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_EQ(id_, "evt_1");
  fields_.database_url = {};
  EXPECT_THAT(Read({"event", "show"}).text,
              AllOf(HasSubstr("ID is missing"), HasSubstr("database-url: not set (event show needs it)")));
}

TEST_F(CommandTest, ReadsAnyNumberOfPositionalsBetweenFlags) {
  auto outcome = Read({"replay", "a/1/2", "--dry-run", "b", "--events-topic", "t", "c"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_EQ(ids_, (std::vector<std::string>{"a/1/2", "b", "c"}));
  EXPECT_TRUE(payload_);
  EXPECT_EQ(fields_.topic, "t");
}

TEST_F(CommandTest, ARuleOfACommandHoldsForThatCommandOnly) {
  EXPECT_THAT(Read({"replay"}).text, HasSubstr("give an ID"));
  EXPECT_TRUE(Read({"status"}).ready);
}

TEST_F(CommandTest, RefusesABadFlagOfACommand) {
  EXPECT_THAT(Read({"topics", "create", "--partitions=0"}).text, HasSubstr("partitions = \"0\" (--partitions)"));
  EXPECT_THAT(Read({"status", "--partitions=1"}).text, HasSubstr("--partitions: no such flag"));
}

TEST_F(CommandTest, NeedsACommandThatExists) {
  EXPECT_THAT(Read({}).text, HasSubstr("no command given"));
  EXPECT_THAT(Read({"topics"}).text, HasSubstr("no command given"));
  EXPECT_THAT(Read({"topic", "create"}).text, HasSubstr("\"topic\": unexpected"));
  EXPECT_THAT(Read({"event", "show", "a", "b", "--database-url=h"}).text, HasSubstr("\"b\": unexpected"));
}

TEST_F(CommandTest, HelpListsTheCommands) {
  const auto help = Read({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.text, AllOf(HasSubstr("topics create"), HasSubstr("--partitions"), HasSubstr("event show ID"),
                               HasSubstr("replay [ID]...")));
  const auto one = Read({"topics", "create", "--help"});
  EXPECT_EQ(one.exit_code, 0);
  EXPECT_THAT(one.text, AllOf(HasSubstr("topics create"), HasSubstr("--events-topic"), Not(HasSubstr("event show"))));
}

}  // namespace
}  // namespace keystrand::config
