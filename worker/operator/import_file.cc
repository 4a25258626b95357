#include "worker/operator/import_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/stripe/envelope.h"
#include "common/stripe/event_list.h"

namespace keystrand::worker::op {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view Trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

/// Why the bytes are no event that can be imported; empty: they are one.
std::string Fault(std::string_view body, const std::string& own_account, std::int64_t body_bytes_max) {
  if (std::cmp_greater(body.size(), body_bytes_max)) {
    return "has " + std::to_string(body.size()) + " bytes, more than body-bytes-max (" +
           std::to_string(body_bytes_max) + ")";
  }
  const auto envelope = stripe::ParseEnvelope(body, own_account);
  if (!envelope) return envelope.error().detail;
  const auto says = stripe::SaysItIsAnEvent(body);
  return says && *says ? "" : "an object of Stripe, but no event: its `object` says so";
}

class ImportReader {
 public:
  ImportReader(std::string_view text, const std::string& own_account, std::int64_t body_bytes_max)
      : text_(text), own_account_(own_account), body_bytes_max_(body_bytes_max) {}

  ImportContent Run() && {
    if (!TakeWhole()) TakeLines();
    return std::move(content_);
  }

 private:
  /// A list or event that goes over several lines. Only a file whose first line is no JSON can be one.
  bool TakeWhole() {
    const auto begin = text_.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || text_[begin] != '{') return false;
    const auto end = text_.find('\n', begin);
    if (end == std::string_view::npos || stripe::ReadEventList(text_.substr(begin, end - begin))) return false;
    const auto whole = stripe::ReadEventList(text_.substr(begin, text_.find_last_not_of(" \t\r\n") + 1 - begin));
    if (!whole) return false;
    TakeList(*whole, text_.data(), 1);
    return true;
  }

  void TakeLines() {
    std::size_t number = 0;
    for (std::size_t from = 0; from < text_.size();) {
      const auto end = std::min(text_.find('\n', from), text_.size());
      const auto line = Trimmed(text_.substr(from, end - from));
      ++number;
      if (!line.empty()) TakeLine(line, number);
      from = end + 1;
    }
  }

  void TakeLine(std::string_view line, std::size_t number) {
    const auto list = stripe::ReadEventList(line);
    if (list) return TakeList(*list, line.data(), number);
    content_.bad.push_back({number, list.error().detail});
  }

  /// `counted`: a byte before the elements, in line `number`.
  void TakeList(const stripe::EventList& list, const char* counted, std::size_t number) {
    content_.has_more |= list.has_more;
    for (const auto body : list.events) {
      number += static_cast<std::size_t>(std::count(counted, body.data(), '\n'));
      counted = body.data();
      auto fault = Fault(body, own_account_, body_bytes_max_);
      if (fault.empty()) {
        content_.events.push_back({number, body});
      } else {
        content_.bad.push_back({number, std::move(fault)});
      }
    }
  }

  std::string_view text_;
  const std::string& own_account_;
  std::int64_t body_bytes_max_;
  ImportContent content_;
};

}  // namespace

class MappedFile::Mapping {
 public:
  Mapping(void* address, std::size_t size) : address_(address), size_(size) {}
  ~Mapping() {
    if (address_ != nullptr) munmap(address_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] std::string_view bytes() const { return {static_cast<const char*>(address_), size_}; }

 private:
  void* address_;
  std::size_t size_;
};

Result<MappedFile> MappedFile::Open(const std::string& path) {
  const auto refused = [&](const std::string& why) {
    return Fail(ErrorCode::kRejected, "file " + path + ": " + why + "; give a file that this user may read");
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return refused(std::generic_category().message(errno));
  struct stat about {};
  const bool regular = fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  const auto size = static_cast<std::size_t>(about.st_size);
  void* address = nullptr;
  if (regular && size > 0) address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  const int error = errno;
  close(file);
  if (!regular) return refused("not a file with bytes in it");
  if (address == MAP_FAILED) return refused(std::generic_category().message(error));
  return MappedFile(std::make_shared<const Mapping>(address, size));
}

std::string_view MappedFile::bytes() const { return mapping_->bytes(); }

ImportContent ReadImport(std::string_view text, const std::string& own_account, std::int64_t body_bytes_max) {
  return ImportReader(text, own_account, body_bytes_max).Run();
}

}  // namespace keystrand::worker::op
