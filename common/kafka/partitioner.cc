#include "common/kafka/partitioner.h"

namespace keystrand::kafka {
namespace {

constexpr std::uint32_t kSeed = 0x9747b28c;
constexpr std::uint32_t kMultiplier = 0x5bd1e995;
constexpr int kShift = 24;

std::uint32_t Byte(std::string_view key, std::size_t index) { return static_cast<unsigned char>(key[index]); }

std::uint32_t Word(std::string_view key, std::size_t index) {
  return Byte(key, index) | Byte(key, index + 1) << 8 | Byte(key, index + 2) << 16 | Byte(key, index + 3) << 24;
}

std::uint32_t Murmur2(std::string_view key) {
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(key.size());
  const std::size_t whole = key.size() / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4) {
    std::uint32_t word = Word(key, i) * kMultiplier;
    word ^= word >> kShift;
    hash = (hash * kMultiplier) ^ (word * kMultiplier);
  }
  switch (key.size() - whole) {
    case 3: hash ^= Byte(key, whole + 2) << 16; [[fallthrough]];
    case 2: hash ^= Byte(key, whole + 1) << 8; [[fallthrough]];
    case 1: hash = (hash ^ Byte(key, whole)) * kMultiplier; break;
    default: break;
  }
  hash = (hash ^ (hash >> 13)) * kMultiplier;
  return hash ^ (hash >> 15);
}

}  // namespace

std::int32_t PartitionOf(std::string_view key, std::int32_t partition_count) {
  return static_cast<std::int32_t>(Murmur2(key) & 0x7fffffff) % partition_count;
}

}  // namespace keystrand::kafka
