#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/http/request_head.h"

namespace keystrand::http {

struct HeadLimits {
  std::size_t target_bytes_max = 2048;  ///< a webhook URL is under 200; longer is a scanner's
  std::size_t block_bytes_max = 8192;   ///< all field lines with their CRLFs: Stripe sends about 600
  std::size_t field_bytes_max = 4096;   ///< one field line: a signature header with 16 v1 elements has 1.1 KiB
  std::size_t fields_max = 64;          ///< Stripe sends about ten, proxies add a few; at most kFieldsMax
};

/// Room that a head within `limits` needs: request line, field block, the empty line.
[[nodiscard]] std::size_t HeadBytesMax(const HeadLimits& limits);

enum class HeadState : std::uint8_t {
  kIncomplete,  ///< a good beginning: read more
  kAccepted,    ///< `head` is set, `head_bytes` were used, the body follows
  kRefused,     ///< answer `status` and close; nothing after these bytes may be read as a request
};

struct HeadVerdict {
  HeadState state = HeadState::kIncomplete;
  int status = 0;              ///< of kRefused: 400, 411, 414, 415, 417 or 431
  std::size_t head_bytes = 0;  ///< of kAccepted
};

/// Judges the bytes received so far on a connection at the place where a request must begin, and reads them into
/// `head`. Strict: whatever another HTTP implementation might frame differently is refused, because two readings of one
/// byte stream are how requests are smuggled. One Content-Length of plain digits or none; no Transfer-Encoding
/// (chunked: 411, everything else: 400); CRLF line ends; no folded lines; one Host. Refuses as soon as the bytes cannot
/// become good, so a slow sender of nonsense is not waited for. On kRefused `head` holds the parts that were read (at
/// least method and path when the request line was good). Pure. Source: RFC 9112 sections 2 to 6, RFC 9110
/// section 10.1.1.
[[nodiscard]] HeadVerdict JudgeHead(std::string_view bytes, const HeadLimits& limits, RequestHead& head);

}  // namespace keystrand::http
