#pragma once

#include <cstdint>
#include <string_view>

namespace keystrand::kafka {

/// The partition that Java clients (and so every other tool) would choose: murmur2 of the key, sign bit cleared, modulo
/// the partition count. Source: Apache Kafka, Utils.murmur2 and BuiltInPartitioner.
[[nodiscard]] std::int32_t PartitionOf(std::string_view key, std::int32_t partition_count);

}  // namespace keystrand::kafka
