#include "tests/fuzz/plain_json.h"

#include <algorithm>

namespace keystrand::fuzz {
namespace {

using Kind = PlainJson::Kind;

constexpr int kDepthMax = 64;

/// Thrown within this file at the first fault.
struct NotJson {};

void Need(bool holds) {
  if (!holds) throw NotJson{};
}

void AppendUtf8(std::string& text, unsigned code) {
  const auto add = [&](unsigned byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) return add(0xC0 | code >> 6), add(0x80 | (code & 0x3F));
  if (code < 0x10000) return add(0xE0 | code >> 12), add(0x80 | (code >> 6 & 0x3F)), add(0x80 | (code & 0x3F));
  add(0xF0 | code >> 18), add(0x80 | (code >> 12 & 0x3F)), add(0x80 | (code >> 6 & 0x3F)), add(0x80 | (code & 0x3F));
}

class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : text_(text) {}

  PlainJson ReadAll() {
    PlainJson json = ReadValue(0);
    SkipBlanks();
    Need(at_ == text_.size());
    return json;
  }

 private:
  [[nodiscard]] bool Sees(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] bool SeesDigit() const { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }
  bool Take(char c) { return Sees(c) && ++at_ != 0; }
  unsigned TakeByte() {
    Need(at_ < text_.size());
    return static_cast<unsigned char>(text_[at_++]);
  }
  void SkipBlanks() {
    while (Sees(' ') || Sees('\t') || Sees('\n') || Sees('\r')) ++at_;
  }
  void TakeDigits() {
    Need(SeesDigit());
    while (SeesDigit()) ++at_;
  }

  PlainJson ReadValue(int depth) {
    SkipBlanks();
    const std::size_t begin = at_;
    PlainJson json;
    if (Sees('{')) {
      json = ReadObject(depth + 1);
    } else if (Sees('[')) {
      json = ReadArray(depth + 1);
    } else if (Sees('"')) {
      json.kind = Kind::kString;
      json.text = ReadString();
    } else if (Sees('-') || SeesDigit()) {
      json.kind = Kind::kNumber;
      json.text = ReadNumber();
    } else {
      json.kind = ReadWord();
    }
    json.source = text_.substr(begin, at_ - begin);
    return json;
  }

  PlainJson ReadObject(int depth) {
    Need(depth <= kDepthMax && Take('{'));
    PlainJson json;
    json.kind = Kind::kObject;
    SkipBlanks();
    if (Take('}')) return json;
    do {
      SkipBlanks();
      std::string key = ReadString();
      SkipBlanks();
      Need(Take(':'));
      json.members.push_back({std::move(key), ReadValue(depth)});
      SkipBlanks();
    } while (Take(','));
    Need(Take('}'));
    return json;
  }

  PlainJson ReadArray(int depth) {
    Need(depth <= kDepthMax && Take('['));
    PlainJson json;
    json.kind = Kind::kArray;
    SkipBlanks();
    if (Take(']')) return json;
    do {
      json.items.push_back(ReadValue(depth));
      SkipBlanks();
    } while (Take(','));
    Need(Take(']'));
    return json;
  }

  Kind ReadWord() {
    for (const auto& [word, kind] : {std::pair("null", Kind::kNull), {"true", Kind::kTrue}, {"false", Kind::kFalse}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += std::string_view(word).size();
      return kind;
    }
    throw NotJson{};
  }

  std::string ReadNumber() {
    const std::size_t begin = at_;
    Take('-');
    if (!Take('0')) TakeDigits();
    if (Take('.')) TakeDigits();
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      TakeDigits();
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string ReadString() {
    Need(Take('"'));
    std::string decoded;
    while (!Take('"')) {
      if (Take('\\')) {
        ReadEscape(decoded);
      } else {
        ReadCharacter(decoded);
      }
    }
    return decoded;
  }

  void ReadEscape(std::string& decoded) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (Take('u')) return AppendUtf8(decoded, ReadEscapedCode());
    const std::size_t found = kNames.find(static_cast<char>(TakeByte()));
    Need(found != std::string_view::npos);
    decoded.push_back(kMeanings[found]);
  }

  unsigned ReadEscapedCode() {
    const unsigned code = ReadHex();
    Need(code < 0xDC00 || code > 0xDFFF);
    if (code < 0xD800 || code > 0xDBFF) return code;
    Need(Take('\\') && Take('u'));
    const unsigned low = ReadHex();
    Need(low >= 0xDC00 && low <= 0xDFFF);
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }

  unsigned ReadHex() {
    static constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
    unsigned value = 0;
    for (int i = 0; i < 4; ++i) {
      const std::size_t digit = kDigits.find(static_cast<char>(TakeByte()));
      Need(digit != std::string_view::npos);
      value = value * 16 + static_cast<unsigned>(digit < 16 ? digit : digit - 6);
    }
    return value;
  }

  /// One character of UTF-8: decoded, and only its shortest form is good.
  void ReadCharacter(std::string& decoded) {
    const std::size_t begin = at_;
    const unsigned lead = TakeByte();
    Need(lead >= 0x20);
    const int more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    unsigned code = more == 0 ? lead : more == 1 ? lead & 0x1F : more == 2 ? lead & 0x0F : lead & 0x07;
    for (int i = 0; i < more; ++i) {
      const unsigned byte = TakeByte();
      Need((byte & 0xC0) == 0x80);
      code = code << 6 | (byte & 0x3F);
    }
    Need(code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF));
    const std::size_t size = decoded.size();
    AppendUtf8(decoded, code);
    Need(std::string_view(decoded).substr(size) == text_.substr(begin, at_ - begin));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const PlainJson* PlainJson::Find(std::string_view key) const {
  const auto found =
      std::find_if(members.rbegin(), members.rend(), [&](const auto& member) { return member.key == key; });
  return found == members.rend() ? nullptr : &found->value;
}

std::size_t PlainJson::Count(std::string_view key) const {
  return static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(), [&](const auto& member) { return member.key == key; }));
}

std::optional<PlainJson> ReadPlainJson(std::string_view text) try {
  return PlainReader(text).ReadAll();
} catch (const NotJson&) {
  return std::nullopt;
}

bool HasNul(const PlainJson& json) {
  const auto has = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  return has(json.text) || std::any_of(json.items.begin(), json.items.end(), HasNul) ||
         std::any_of(json.members.begin(), json.members.end(),
                     [&](const auto& member) { return has(member.key) || HasNul(member.value); });
}

std::string NulReplaced(std::string_view text) {
  std::string clean;
  for (const char c : text) clean.append(c == '\0' ? "\uFFFD" : std::string(1, c));
  return clean;
}

}  // namespace keystrand::fuzz
