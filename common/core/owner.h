#pragma once

#include <memory>

namespace keystrand {

/// The owner of a C library's handle: `using QueueHandle = Owner<rd_kafka_queue_t, rd_kafka_queue_destroy>;`
template <auto Destroy>
struct DestroyedBy {
  template <typename T>
  void operator()(T* handle) const noexcept {
    Destroy(handle);
  }
};

template <typename T, auto Destroy>
using Owner = std::unique_ptr<T, DestroyedBy<Destroy>>;

}  // namespace keystrand
