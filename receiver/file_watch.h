#pragma once

#include <cstdint>
#include <string>

namespace keystrand::receiver {

/// Notices that a file was written or replaced (also by the renamed symbolic links of Kubernetes).
class FileWatch {
 public:
  explicit FileWatch(std::string path);
  /// Whether it is another one than at the last call, or at the construction.
  [[nodiscard]] bool Changed();

 private:
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = -1;
    std::int64_t modified_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  [[nodiscard]] Stamp Look() const;

  std::string path_;
  Stamp seen_;
};

}  // namespace keystrand::receiver
