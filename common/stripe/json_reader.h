#pragma once

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/core/result.h"
#include "common/stripe/json_scan.h"

/// The one way in which this folder reads JSON. Included by its .cc files only.
///
/// RapidJSON 1.1.0 left to itself overflows the stack on nesting, crashes on a 27-byte number, takes broken UTF-8 and
/// lone low surrogates, refuses numbers beyond a double, and takes a NUL byte for the end. Hence the iterative parser,
/// numbers as text, and the checks below.
namespace keystrand::stripe {

/// Of a text, what decides which checks its strings need.
struct JsonTextTraits {
  bool ascii = false;            ///< then its encoding needs no validation, which costs a third of the time
  bool unicode_escapes = false;  ///< "\u" occurs: only then can a string decode to a NUL or a lone surrogate
};
JsonTextTraits TraitsOf(std::string_view text);

/// Whether decoded text (otherwise valid UTF-8) holds half of a surrogate pair: RapidJSON lets "\udc00" through.
bool HasLoneSurrogate(std::string_view decoded);

/// `text` with each number that a double may not hold replaced by a zero of the same length.
std::string WithoutHugeNumbers(std::string_view text);

/// Passes RapidJSON's callbacks on to a handler that needs none of its types, with offsets into `text` and with the
/// checks above. A handler stops the reading by returning false. Its members:
///   bool StartObject(size_t offset), EndObject(size_t end), StartArray(), EndArray(), Key(string_view),
///   bool String(string_view), Number(string_view: as written), Bool(bool), Null(); void SawNul(): in the text that
///   follows.
template <typename Handler>
class JsonAdapter {
 public:
  JsonAdapter(std::string_view text, JsonTextTraits traits, const rapidjson::MemoryStream& stream, Handler& handler)
      : text_(text), traits_(traits), stream_(stream), handler_(handler) {}

  /// Why the reading was stopped; empty if the handler did.
  [[nodiscard]] std::string_view fault() const { return fault_; }

  bool StartObject() { return Deeper() && handler_.StartObject(stream_.Tell()); }
  bool EndObject(rapidjson::SizeType) { return --depth_, handler_.EndObject(stream_.Tell() + 1); }
  bool StartArray() { return Deeper() && handler_.StartArray(); }
  bool EndArray(rapidjson::SizeType) { return --depth_, handler_.EndArray(); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    return IsStorable({text, size}) && handler_.Key({text, size});
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return IsStorable({text, size}) && handler_.String({text, size});
  }
  bool RawNumber(const char*, rapidjson::SizeType size, bool) {
    return handler_.Number(text_.substr(stream_.Tell() - size, size));  // as written: what was parsed may be a stand-in
  }
  bool Bool(bool value) { return handler_.Bool(value); }
  bool Null() { return handler_.Null(); }
  // Numbers come as text; the reader wants these to exist.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  bool Deeper() { return ++depth_ <= kJsonDepthMax || Stop("nested deeper than 64 levels"); }
  bool IsStorable(std::string_view decoded) {
    if (!traits_.unicode_escapes) return true;
    if (HasLoneSurrogate(decoded)) return Stop("lone surrogate");
    if (decoded.find('\0') != std::string_view::npos) handler_.SawNul();
    return true;
  }
  bool Stop(std::string_view fault) {
    fault_ = fault;
    return false;
  }

  std::string_view text_;
  JsonTextTraits traits_;
  const rapidjson::MemoryStream& stream_;
  Handler& handler_;
  int depth_ = 0;
  std::string_view fault_;
};

/// Feeds `parsed` (`text`, or a stand-in of the same length) to `handler`. Returns the error, or nothing.
template <unsigned kExtraFlags, typename Handler>
rapidjson::ParseResult FeedJson(std::string_view text, std::string_view parsed, JsonTextTraits traits, Handler& handler,
                                std::string_view& fault) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag | kExtraFlags;
  rapidjson::MemoryStream stream(parsed.data(), parsed.size());
  JsonAdapter<Handler> adapter(text, traits, stream, handler);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, adapter);
  fault = adapter.fault();
  if (!result.IsError() && stream.Tell() != parsed.size()) {  // it stopped at a NUL byte
    return {rapidjson::kParseErrorDocumentRootNotSingular, stream.Tell()};
  }
  return result;
}

template <typename Handler>
rapidjson::ParseResult FeedJson(std::string_view text, std::string_view parsed, Handler& handler,
                                std::string_view& fault) {
  const JsonTextTraits traits = TraitsOf(text);
  if (traits.ascii) return FeedJson<rapidjson::kParseNoFlags>(text, parsed, traits, handler, fault);
  return FeedJson<rapidjson::kParseValidateEncodingFlag>(text, parsed, traits, handler, fault);
}

/// Reads `text`, one JSON value, with a fresh `Handler` and returns that.
/// Errors: kMalformed; the detail is the handler's `fault()` if it stopped the reading, else what is wrong and where.
template <typename Handler>
Result<Handler> ReadJson(std::string_view text) {
  Handler handler;
  std::string_view fault;
  rapidjson::ParseResult result = FeedJson(text, text, handler, fault);
  if (result.Code() ==
      rapidjson::kParseErrorNumberTooBig) {  // valid JSON all the same: rare, so a second reading will do
    handler = Handler();
    result = FeedJson(text, WithoutHugeNumbers(text), handler, fault);
  }
  if (!result.IsError()) return handler;
  if (result.Code() != rapidjson::kParseErrorTermination) fault = rapidjson::GetParseError_En(result.Code());
  if (fault.empty()) return Fail(ErrorCode::kMalformed, handler.fault());
  return Fail(ErrorCode::kMalformed, std::string(fault) + " at byte " + std::to_string(result.Offset()));
}

}  // namespace keystrand::stripe
