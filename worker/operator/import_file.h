#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::worker::op {

/// A file's bytes, mapped: as large as it may be. Must not shrink while it is used.
class MappedFile {
 public:
  /// Errors: kRejected, naming the file and the reason.
  static Result<MappedFile> Open(const std::string& path);
  [[nodiscard]] std::string_view bytes() const;

 private:
  class Mapping;
  explicit MappedFile(std::shared_ptr<const Mapping> mapping) : mapping_(std::move(mapping)) {}
  std::shared_ptr<const Mapping> mapping_;
};

/// An event in the file.
struct FileEvent {
  std::size_t line = 0;   ///< counted from 1
  std::string_view body;  ///< into the text, byte for byte
};

struct BadLine {
  std::size_t line = 0;
  std::string reason;  ///< never a value
};

struct ImportContent {
  std::vector<FileEvent> events;
  std::vector<BadLine> bad;  ///< by line
  bool has_more = false;     ///< a list says that it is one page of several
};

/// What a text of events holds: an event or a list of events a line, blank lines left out, or all of it one of these.
/// An event must be readable (stripe::ParseEnvelope), say that it is one, and be no larger than `body_bytes_max`. Pure.
ImportContent ReadImport(std::string_view text, const std::string& own_account, std::int64_t body_bytes_max);

}  // namespace keystrand::worker::op
