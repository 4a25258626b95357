#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "common/http/framing_policy.h"

/// The heads of all hostile inputs (tests/data/hostile/heads.txt, made by tests/e2e/hostile/heads.py), each judged at
/// every prefix: as they arrive from a slow sender, and where one breaks off.
namespace keystrand::http {
namespace {

constexpr int kAccepted = 200;
constexpr int kMore = 0;

struct Case {
  std::string name;
  int status;         ///< what the policy must say in the end
  std::string bytes;  ///< a head, and a little of what follows it
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

std::string Unescaped(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r': bytes += '\r'; break;
      case 'n': bytes += '\n'; break;
      case 't': bytes += '\t'; break;
      case 'x':
        bytes += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default: bytes += text[i];
    }
  }
  return bytes;
}

std::vector<Case> Cases() {
  std::ifstream file(KEYSTRAND_TEST_DATA "/hostile/heads.txt");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    const std::size_t name_end = line.find(' ');
    const std::size_t status_end = line.find(' ', name_end + 1);
    cases.push_back({line.substr(0, name_end), std::stoi(line.substr(name_end + 1, status_end - name_end - 1)),
                     Unescaped(std::string_view(line).substr(status_end + 1))});
  }
  return cases;
}

std::string NameOfCase(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char c : info.param.name) name += c == '-' ? '_' : c;
  return name;
}

struct Judged {
  int status;  ///< kMore, kAccepted, or that of the refusal
  std::size_t head_bytes;
};
Judged Judge(std::string_view bytes) {
  RequestHead head;
  const HeadVerdict verdict = JudgeHead(bytes, HeadLimits{}, head);
  switch (verdict.state) {
    case HeadState::kIncomplete: return {kMore, 0};
    case HeadState::kAccepted: return {kAccepted, verdict.head_bytes};
    case HeadState::kRefused: return {verdict.status, 0};
  }
  return {-1, 0};
}

class FramingPrefix : public testing::TestWithParam<Case> {};

TEST_P(FramingPrefix, EndsInTheVerdictOfTheTable) { EXPECT_EQ(Judge(GetParam().bytes).status, GetParam().status); }

/// Nothing is decided before it can be, no prefix gets another verdict than the whole, and what is decided stays so
/// whatever arrives later: a head of one length, or a refusal with one status.
TEST_P(FramingPrefix, NeverSaysAnythingElseOnTheWay) {
  const std::string& bytes = GetParam().bytes;
  const std::size_t head_bytes = bytes.find("\r\n\r\n") + 4;
  bool decided = false;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Judged judged = Judge(std::string_view(bytes).substr(0, size));
    if (judged.status == kMore) {
      ASSERT_FALSE(decided) << "undecided again after " << size << " bytes";
      continue;
    }
    decided = true;
    ASSERT_EQ(judged.status, GetParam().status) << "after " << size << " bytes";
    if (judged.status != kAccepted) continue;
    ASSERT_EQ(judged.head_bytes, head_bytes) << "after " << size << " bytes";
    ASSERT_GE(size, head_bytes);
  }
  EXPECT_TRUE(decided || GetParam().status == kMore);
}

INSTANTIATE_TEST_SUITE_P(Hostile, FramingPrefix, testing::ValuesIn(Cases()), NameOfCase);

TEST(FramingPrefixData, IsThere) { EXPECT_GT(Cases().size(), 300U); }

}  // namespace
}  // namespace keystrand::http
