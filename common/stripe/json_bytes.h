#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/// Runs of bytes in JSON text, 16 at a time where the processor can: most names, texts and indents end within them, so
/// that no loop's end has to be guessed. Included by this folder's .cc files only.
namespace keystrand::stripe {

constexpr bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// A byte that is not simply a part of a string: a quote, a backslash, a control character, or beyond ASCII.
constexpr bool EndsPlain(char c) { return c == '"' || c == '\\' || static_cast<signed char>(c) < 0x20; }

#ifdef __SSE2__
inline constexpr std::size_t kStride = 16;

inline __m128i StrideAt(std::string_view text, std::size_t at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
}
inline unsigned BitsOf(__m128i bytes) { return static_cast<unsigned>(_mm_movemask_epi8(bytes)); }

/// A bit for each of the 16 bytes that ends what is plain.
inline unsigned PlainEnds(__m128i bytes) {
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));  // signed: beyond ASCII too
  return BitsOf(_mm_or_si128(_mm_or_si128(quote, backslash), low));
}

/// A bit for each of the 16 bytes that is no blank.
inline unsigned BlankEnds(__m128i bytes) {
  const __m128i space = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));
  const __m128i line = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'));
  const __m128i back = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r'));
  const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
  return ~BitsOf(_mm_or_si128(_mm_or_si128(space, line), _mm_or_si128(back, tab))) & 0xFFFFU;
}
#endif

/// The first position from `at` on whose byte ends what is plain; the text's end if none does.
inline std::size_t SkipPlain(std::string_view text, std::size_t at) {
#ifdef __SSE2__
  for (; at + kStride <= text.size(); at += kStride) {
    const unsigned ends = PlainEnds(StrideAt(text, at));
    if (ends != 0) return at + static_cast<std::size_t>(__builtin_ctz(ends));
  }
#endif
  while (at < text.size() && !EndsPlain(text[at])) ++at;
  return at;
}

/// The first position from `at` on that is no white space; the text's end if there is none.
inline std::size_t SkipBlanks(std::string_view text, std::size_t at) {
  if (at < text.size() && static_cast<unsigned char>(text[at]) > ' ') return at;
#ifdef __SSE2__
  for (; at + kStride <= text.size(); at += kStride) {
    const unsigned ends = BlankEnds(StrideAt(text, at));
    if (ends != 0) return at + static_cast<std::size_t>(__builtin_ctz(ends));
  }
#endif
  while (at < text.size() && IsBlank(text[at])) ++at;
  return at;
}

/// Likewise, where `usual` blanks are expected: if it is so, the processor goes on before it has counted them.
inline std::size_t SkipBlanks(std::string_view text, std::size_t at, std::size_t& usual) {
#ifdef __SSE2__
  if (usual < kStride && at + kStride <= text.size()) {
    const unsigned ends = BlankEnds(StrideAt(text, at));
    if ((ends & ((2U << usual) - 1)) == 1U << usual) return at + usual;
  }
#endif
  const std::size_t end = SkipBlanks(text, at);
  usual = end - at;
  return end;
}

}  // namespace keystrand::stripe
