#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace keystrand::http {

/// Bytes received and not yet read as a request: a fixed piece of memory, filled at its end, consumed at its beginning.
/// Consumed bytes stay where they are until MakeRoom, so views into them hold.
class InputBuffer {
 public:
  explicit InputBuffer(std::size_t capacity)
      : capacity_(capacity), bytes_(std::make_unique_for_overwrite<char[]>(capacity)) {}

  [[nodiscard]] std::string_view Unread() const { return {bytes_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] std::span<char> Room() { return {bytes_.get() + end_, capacity_ - end_}; }
  void Filled(std::size_t count) { end_ += count; }
  void Consume(std::size_t count) { begin_ += count; }
  void Clear() { begin_ = end_ = 0; }
  /// Moves the unread bytes to the front. Not while somebody writes into Room().
  void MakeRoom() {
    if (begin_ == 0) return;
    std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }

 private:
  std::size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace keystrand::http
