#include "common/config/settings_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace keystrand::config {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBare(char c) { return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; }

/// The text of a basic string's escape, or 0.
char Unescaped(char c) {
  switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

/// A recursive-descent reader. A method that returns nothing or false has said why in `problem_`.
class FileReader {
 public:
  explicit FileReader(std::string_view text) : text_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  SettingsFile Read() {
    while (at_ < text_.size()) {
      const int line = line_;
      if (!ReadLine()) {
        file_.problems.push_back("line " + std::to_string(line) + ": " + problem_);
        SkipLine();
      }
    }
    return std::move(file_);
  }

 private:
  [[nodiscard]] char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n';
  }
  [[nodiscard]] bool AtEnd() const { return at_ >= text_.size(); }
  void SkipBlanks() {
    while (IsBlank(Peek())) ++at_;
  }
  void SkipLine() {
    while (Peek() != '\n') ++at_;
    ++at_;
    ++line_;
  }
  bool Problem(std::string text) {
    problem_ = std::move(text);
    return false;
  }
  std::nullopt_t Nothing(std::string text) {
    problem_ = std::move(text);
    return std::nullopt;
  }

  bool ReadLine() {
    SkipBlanks();
    if (Peek() == '\n' || Peek() == '\r' || Peek() == '#') return EndLine();
    return (Peek() == '[' ? ReadSection() : ReadEntry()) && EndLine();
  }

  bool EndLine() {
    SkipBlanks();
    if (Peek() == '#') {
      while (Peek() != '\n') ++at_;
    }
    if (Peek() == '\r' && Peek(1) == '\n') ++at_;
    if (Peek() != '\n') return Problem("unexpected text at the end; a list is written [\"a\", \"b\"]");
    SkipLine();
    return true;
  }

  bool ReadSection() {
    ++at_;
    section_ = {"?"};  // until the name is known: what follows a bad header must not land in another section
    if (Peek() == '[') return Problem("[[…]] is not used here: write [section]");
    auto path = ReadPath();
    if (!path) return false;
    if (Peek() != ']') return Problem("a section is written [name]");
    ++at_;
    section_ = std::move(*path);
    return true;
  }

  bool ReadEntry() {
    FileEntry entry;
    entry.line = line_;
    auto path = ReadPath();
    if (!path) return false;
    if (Peek() != '=') return Problem("a setting is written name = value");
    ++at_;
    SkipBlanks();
    if (!ReadValue(entry)) return false;
    entry.path = section_;
    entry.path.insert(entry.path.end(), path->begin(), path->end());
    return Keep(std::move(entry));
  }

  bool Keep(FileEntry entry) {
    if (section_.size() == 1 && section_.front() == "?") return true;  // its section was refused
    const auto [earlier, fresh] = lines_.emplace(entry.path, entry.line);
    if (!fresh) return Problem("given before in line " + std::to_string(earlier->second));
    file_.entries.push_back(std::move(entry));
    return true;
  }

  /// Keys joined by dots, and the blanks after them.
  std::optional<std::vector<std::string>> ReadPath() {
    std::vector<std::string> path;
    do {
      if (!path.empty()) ++at_;  // the dot
      SkipBlanks();
      auto key = Peek() == '"' || Peek() == '\'' ? ReadString() : ReadBareKey();
      if (!key) return std::nullopt;
      path.push_back(std::move(*key));
      SkipBlanks();
    } while (Peek() == '.');
    return path;
  }

  std::optional<std::string> ReadBareKey() {
    const auto start = at_;
    while (IsBare(Peek())) ++at_;
    if (start == at_) return Nothing("a name is expected: letters, digits, - and _");
    return std::string(text_.substr(start, at_ - start));
  }

  std::optional<std::string> ReadString() {
    const char quote = Peek();
    if (Peek(1) == quote && Peek(2) == quote) return Nothing("strings over several lines are not used here");
    std::string value;
    for (++at_; Peek() != quote; ++at_) {
      char c = Peek();
      if (c == '\n') return Nothing("the closing quote is missing");
      if (c == '\\' && quote == '"') {
        ++at_;
        c = Unescaped(Peek());
        if (c == 0) return Nothing(R"(only \" \\ \n \r \t are escapes; text in 'single quotes' needs none)");
      }
      value += c;
    }
    ++at_;
    return value;
  }

  bool ReadValue(FileEntry& entry) {
    if (Peek() == '[') return ReadArray(entry);
    auto scalar = ReadScalar();
    if (!scalar) return false;
    entry.values.push_back(std::move(*scalar));
    return true;
  }

  std::optional<std::string> ReadScalar() {
    if (Peek() == '"' || Peek() == '\'') return ReadString();
    std::string token;
    for (; IsBare(Peek()) || Peek() == '+'; ++at_) token += Peek();
    if (token == "true" || token == "false") return token;
    std::erase(token, '_');
    const std::size_t sign = token.starts_with('-') || token.starts_with('+') ? 1 : 0;
    const bool digits =
        token.size() > sign && std::all_of(token.begin() + static_cast<std::ptrdiff_t>(sign), token.end(), IsDigit);
    const bool ends = IsBlank(Peek()) || std::string_view(",]#\r\n").find(Peek()) != std::string_view::npos;
    if (!digits || !ends)
      return Nothing("a value is \"text in quotes\", a whole number, true, false or a list of these");
    return token.starts_with('+') ? token.substr(1) : token;
  }

  /// `[a, b]`, over several lines if need be.
  bool ReadArray(FileEntry& entry) {
    entry.array = true;
    ++at_;
    for (SkipToElement(); Peek() != ']'; SkipToElement()) {
      if (AtEnd()) return Problem("the list has no closing ]");
      auto element = ReadScalar();
      if (!element) return false;
      entry.values.push_back(std::move(*element));
      SkipToElement();
      if (!AtEnd() && Peek() != ',' && Peek() != ']') return Problem("elements of a list are parted by commas");
      if (Peek() == ',') ++at_;
    }
    ++at_;
    return true;
  }

  /// Over blanks, line ends and comments inside an array.
  void SkipToElement() {
    while (!AtEnd() && (IsBlank(Peek()) || Peek() == '\r' || Peek() == '\n' || Peek() == '#')) {
      if (Peek() == '\n' || Peek() == '#') {
        SkipLine();
      } else {
        ++at_;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::vector<std::string> section_;
  std::map<std::vector<std::string>, int> lines_;
  std::string problem_;
  SettingsFile file_;
};

}  // namespace

SettingsFile ParseSettingsFile(std::string_view text) { return FileReader(text).Read(); }

}  // namespace keystrand::config
