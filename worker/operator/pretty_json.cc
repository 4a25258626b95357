#include "worker/operator/pretty_json.h"

#include "common/stripe/json_tree.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Of valid JSON.
class Indenter {
 public:
  explicit Indenter(std::string_view text) : text_(text) {}

  std::string Run() && {
    for (at_ = 0; at_ < text_.size(); ++at_) Take(text_[at_]);
    return std::move(out_);
  }

 private:
  void Take(char c) {
    if (c == '"') return TakeString();
    if (IsBlank(c)) return;
    if (c == '{' || c == '[') return Open(c);
    if (c == '}' || c == ']') return Close(c);
    out_ += c;
    if (c == ',') Break();
    if (c == ':') out_ += ' ';
  }

  void TakeString() {
    const std::size_t begin = at_++;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    out_ += text_.substr(begin, at_ + 1 - begin);
  }

  void Open(char c) {
    out_ += c;
    std::size_t next = at_ + 1;
    while (IsBlank(text_[next])) ++next;
    if (text_[next] == '}' || text_[next] == ']') {  // empty: on one line
      out_ += text_[next];
      at_ = next;
      return;
    }
    ++depth_;
    Break();
  }

  void Close(char c) {
    --depth_;
    Break();
    out_ += c;
  }

  void Break() { out_ += "\n" + std::string(2 * depth_, ' '); }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string PrettyJson(std::string_view text) {
  const std::string indented = stripe::ReadJsonTree(text) ? Indenter(text).Run() : std::string(text);
  std::string safe;
  for (std::size_t from = 0; from <= indented.size();) {
    const std::size_t end = std::min(indented.find('\n', from), indented.size());
    safe += Safe(std::string_view(indented).substr(from, end - from)) + "\n";
    from = end + 1;
  }
  return safe;
}

}  // namespace keystrand::worker::op
