#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

#include "common/http/framing_policy.h"
#include "tests/fuzz/target.h"

/// The input is the bytes of a connection, from the place where a request must begin.
namespace keystrand::fuzz {
namespace {

using http::HeadLimits;
using http::HeadState;
using http::HeadVerdict;
using http::RequestHead;

// --- A second reading of a head, from RFC 9112 alone: it splits where the policy scans, and judges only whole heads.
// ---

using Text = std::string;
using Texts = std::vector<Text>;

Texts Split(const Text& text, const Text& separator) {
  Texts parts;
  std::size_t begin = 0;
  for (std::size_t at = 0; (at = text.find(separator, begin)) != Text::npos; begin = at + separator.size()) {
    parts.push_back(text.substr(begin, at - begin));
  }
  parts.push_back(text.substr(begin));
  return parts;
}

Text Lower(Text text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

Text Stripped(const Text& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == Text::npos ? "" : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

bool All(const Text& text, bool (*allowed)(unsigned char)) { return std::all_of(text.begin(), text.end(), allowed); }
bool IsOf(unsigned char c, std::string_view set) { return set.find(static_cast<char>(c)) != std::string_view::npos; }
bool IsAlphanumeric(unsigned char c) { return c < 0x80 && std::isalnum(c) != 0; }
bool IsToken(const Text& text) {
  return !text.empty() && All(text, [](unsigned char c) { return IsAlphanumeric(c) || IsOf(c, "!#$%&'*+-.^_`|~"); });
}

struct PlainField {
  Text name;  // in lower case
  Text value;
  std::size_t line_bytes = 0;
};

struct PlainHead {
  Text method, target, version;
  std::vector<PlainField> fields;

  [[nodiscard]] Texts Values(const Text& name) const {
    Texts values;
    for (const auto& field : fields) {
      if (field.name == name) values.push_back(field.value);
    }
    return values;
  }
};

/// The limits that a head just keeps.
HeadLimits ClosestLimits(const PlainHead& head) {
  HeadLimits limits{head.target.size(), 0, 0, head.fields.size()};
  for (const auto& field : head.fields) {
    limits.field_bytes_max = std::max(limits.field_bytes_max, field.line_bytes);
    limits.block_bytes_max += field.line_bytes + 2;
  }
  return limits;
}

std::optional<PlainField> ReadField(const Text& line) {
  const std::size_t colon = line.find(':');
  if (colon == Text::npos || !IsToken(line.substr(0, colon))) return std::nullopt;
  return PlainField{Lower(line.substr(0, colon)), Stripped(line.substr(colon + 1)), line.size()};
}

/// The syntax; nothing if it is wrong anywhere. `text`: up to the empty line.
std::optional<PlainHead> ReadPlainly(const Text& text) {
  const Texts lines = Split(text, "\r\n");
  for (const Text& line : lines) {
    if (!All(line, [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7F); })) return std::nullopt;
  }
  const Texts words = Split(lines.front(), " ");
  if (words.size() != 3 || !IsToken(words[0]) || words[0].size() > 32 || words[1].empty()) return std::nullopt;
  if (!All(words[1], [](unsigned char c) { return c > 0x20 && c < 0x7F; })) return std::nullopt;
  PlainHead head{words[0], words[1], words[2], {}};
  for (std::size_t i = 1; i < lines.size(); ++i) {
    auto field = ReadField(lines[i]);
    if (!field) return std::nullopt;
    head.fields.push_back(std::move(*field));
  }
  return head;
}

bool IsLength(const Text& text) {
  if (text.empty() || !All(text, [](unsigned char c) { return c >= '0' && c <= '9'; })) return false;
  const Text digits = text.substr(std::min(text.find_first_not_of('0'), text.size() - 1));
  return digits.size() < 20 || (digits.size() == 20 && digits <= "18446744073709551615");
}

bool IsHost(const Text& text) {
  return !text.empty() && All(text, [](unsigned char c) { return IsAlphanumeric(c) || IsOf(c, "-._~!$&'()*+;=%:[]"); });
}

bool IsFramedOneWayOnly(const PlainHead& head) {
  const Texts lengths = head.Values("content-length");
  if (!head.Values("transfer-encoding").empty() || lengths.size() > 1) return false;
  return lengths.empty() ? head.method != "POST" : IsLength(lengths.front());
}

/// Whether the policy may, and so must, accept it.
bool IsAcceptable(const PlainHead& head) {
  const bool is_1_1 = head.version == "HTTP/1.1";
  const Texts hosts = head.Values("host");
  const Texts expectations = head.Values("expect");
  const Texts encodings = head.Values("content-encoding");
  return (is_1_1 || head.version == "HTTP/1.0") && IsFramedOneWayOnly(head) &&
         (hosts.empty() ? !is_1_1 : hosts.size() == 1 && IsHost(hosts.front())) &&
         (!is_1_1 || expectations.empty() ||
          (expectations.size() == 1 && Lower(expectations.front()) == "100-continue")) &&
         std::all_of(encodings.begin(), encodings.end(), [](const Text& value) { return Lower(value) == "identity"; });
}

bool IsWithin(const HeadLimits& used, const HeadLimits& limits) {
  return used.target_bytes_max <= limits.target_bytes_max && used.block_bytes_max <= limits.block_bytes_max &&
         used.field_bytes_max <= limits.field_bytes_max && used.fields_max <= limits.fields_max;
}

bool AsksToClose(const PlainHead& head) {
  for (const Text& value : head.Values("connection")) {
    for (const Text& option : Split(value, ",")) {
      if (Lower(Stripped(option)) == "close") return true;
    }
  }
  return false;
}

// --- What is promised. ---

HeadVerdict Judge(std::string_view bytes, const HeadLimits& limits) {
  static RequestHead head;  // as a connection has one for all its requests
  return JudgeHead(bytes, limits, head);
}

void CheckReading(const RequestHead& head, const PlainHead& plain) {
  const Texts lengths = plain.Values("content-length");
  Check(head.method == plain.method && head.target == plain.target, "method and target are those of the request line");
  Check(head.path == plain.target.substr(0, plain.target.find('?')), "the path ends at the first question mark");
  Check(head.content_length == (lengths.empty() ? 0 : std::stoull(lengths.front())), "the length is the given one");
  Check(head.keep_alive == (plain.version == "HTTP/1.1" && !AsksToClose(plain)), "close is heard");
  Check(head.expects_continue == (plain.version == "HTTP/1.1" && !plain.Values("expect").empty()), "expect is heard");
  Check(head.fields().size() == plain.fields.size(), "no field is lost");
  for (std::size_t i = 0; i < plain.fields.size(); ++i) {
    Check(Lower(Text(head.fields()[i].name)) == plain.fields[i].name, "field names are kept, in order");
    Check(head.fields()[i].value == plain.fields[i].value, "field values are kept, in order");
  }
}

/// Which beginnings are judged: all of a short input, of a long one those about its line ends and its own end.
bool IsTelling(std::string_view bytes, std::size_t size) {
  constexpr std::size_t kShort = 100;
  if (bytes.size() <= kShort || size + 3 > bytes.size()) return true;
  const std::string_view around = bytes.substr(size < 2 ? 0 : size - 2, 4);
  return around.find_first_of("\r\n") != std::string_view::npos && bytes.size() <= 20 * kShort;
}

/// However the bytes are cut on their way, the outcome is the same.
void CheckBeginnings(std::string_view bytes, const HeadLimits& limits, const HeadVerdict& whole) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    if (!IsTelling(bytes, size)) continue;
    const HeadVerdict part = Judge(bytes.substr(0, size), limits);
    if (part.state == HeadState::kRefused) {
      Check(whole.state == HeadState::kRefused, "what is refused stays refused, whatever follows");
    }
    if (part.state == HeadState::kAccepted) {
      Check(whole.state == HeadState::kAccepted, "what is accepted stays accepted, whatever follows");
      Check(part.head_bytes == whole.head_bytes, "a head has one end, whatever follows");
    }
    const bool holds_head = whole.state == HeadState::kAccepted && size >= whole.head_bytes;
    if (holds_head) Check(part.state == HeadState::kAccepted, "a whole head needs nothing after it");
  }
}

/// A head that just keeps all limits is accepted however it is cut; a limit lower by one refuses it.
void CheckLimits(std::string_view head, const PlainHead& plain) {
  const HeadLimits closest = ClosestLimits(plain);
  const HeadVerdict verdict = Judge(head, closest);
  Check(verdict.state == HeadState::kAccepted, "a limit is inclusive");
  CheckBeginnings(head, closest, verdict);
  HeadLimits lower = closest;
  lower.target_bytes_max -= 1;
  Check(Judge(head, lower).status == 414, "a longer target is refused");
  if (plain.fields.empty()) return;
  for (std::size_t HeadLimits::*const limit :
       {&HeadLimits::block_bytes_max, &HeadLimits::field_bytes_max, &HeadLimits::fields_max}) {
    lower = closest;
    lower.*limit -= 1;
    Check(Judge(head, lower).status == 431, "more or longer fields are refused");
  }
}

void CheckVerdict(const HeadVerdict& verdict, std::string_view bytes) {
  static constexpr int kStatuses[] = {400, 411, 414, 415, 417, 431};
  switch (verdict.state) {
    case HeadState::kIncomplete:
      return Check(bytes.size() < HeadBytesMax(HeadLimits{}), "what fills the room for a head is judged");
    case HeadState::kAccepted:
      return Check(bytes.substr(0, verdict.head_bytes).ends_with("\r\n\r\n"), "a head ends with an empty line");
    case HeadState::kRefused:
      return Check(std::count(std::begin(kStatuses), std::end(kStatuses), verdict.status) == 1, "one of six statuses");
  }
}

}  // namespace

std::size_t NanosecondsPerByteMax() { return 10; }

void RunInput(std::string_view input) {
  const HeadLimits limits;
  RequestHead head;
  const HeadVerdict verdict = Timed(input.size(), [&] { return JudgeHead(input, limits, head); });
  CheckVerdict(verdict, input);
  CheckBeginnings(input, limits, verdict);

  const bool accepted = verdict.state == HeadState::kAccepted;
  const std::size_t end = input.find("\r\n\r\n");
  if (end == std::string_view::npos) return Check(!accepted, "a head has an end");
  const auto plain = ReadPlainly(Text(input.substr(0, end)));
  const bool acceptable = plain && IsAcceptable(*plain) && IsWithin(ClosestLimits(*plain), limits);
  Check(accepted == acceptable, acceptable ? "a good head is accepted" : "a head of two readings is refused");
  if (!accepted) return Check(verdict.state == HeadState::kRefused, "a whole head is judged");
  Check(verdict.head_bytes == end + 4, "the head ends at the first empty line");
  CheckReading(head, *plain);
  CheckLimits(input.substr(0, verdict.head_bytes), *plain);
}

}  // namespace keystrand::fuzz
