#include "base/hash.h"

#include <limits>

#include <xxhash.h>

#include "base/bytes.h"

namespace millrace {
namespace {

constexpr uint64_t RotateLeft(uint64_t value, int by) {
  return (value << by) | (value >> (64 - by));
}

constexpr uint64_t FinalMix(uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdULL;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ULL;
  k ^= k >> 33;
  return k;
}

constexpr uint64_t kC1 = 0x87c37b91114253d5ULL;
constexpr uint64_t kC2 = 0x4cf5ad432745937fULL;

constexpr uint64_t MixFirst(uint64_t k) { return RotateLeft(k * kC1, 31) * kC2; }
constexpr uint64_t MixSecond(uint64_t k) { return RotateLeft(k * kC2, 33) * kC1; }

// Tail byte i, sign-extended: Cassandra's Java reads signed bytes, and its tokens depend on it.
uint64_t SignedByte(std::string_view bytes, size_t i) {
  return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int8_t>(bytes[i])));
}

uint32_t Murmur2(std::string_view key) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  uint32_t hash = 0x9747b28c ^ static_cast<uint32_t>(key.size());
  size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    uint32_t k = LoadLittle<uint32_t>(key.data() + at) * kMultiplier;
    k ^= k >> 24;
    hash = hash * kMultiplier ^ k * kMultiplier;
  }
  const size_t left = key.size() - at;
  if (left >= 3) hash ^= static_cast<uint32_t>(static_cast<uint8_t>(key[at + 2])) << 16;
  if (left >= 2) hash ^= static_cast<uint32_t>(static_cast<uint8_t>(key[at + 1])) << 8;
  if (left >= 1) {
    hash ^= static_cast<uint8_t>(key[at]);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  return hash ^ hash >> 15;
}

}  // namespace

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

int64_t CassandraToken(std::string_view key) {
  uint64_t h1 = 0, h2 = 0;
  const size_t blocks = key.size() / 16;
  for (size_t i = 0; i < blocks; ++i) {
    h1 ^= MixFirst(LoadLittle<uint64_t>(key.data() + i * 16));
    h1 = (RotateLeft(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= MixSecond(LoadLittle<uint64_t>(key.data() + i * 16 + 8));
    h2 = (RotateLeft(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  const std::string_view tail = key.substr(blocks * 16);
  uint64_t k1 = 0, k2 = 0;
  for (size_t i = tail.size(); i > 8; --i) k2 ^= SignedByte(tail, i - 1) << ((i - 9) * 8);
  for (size_t i = tail.size() < 8 ? tail.size() : 8; i > 0; --i)
    k1 ^= SignedByte(tail, i - 1) << ((i - 1) * 8);
  if (tail.size() > 8) h2 ^= MixSecond(k2);
  if (!tail.empty()) h1 ^= MixFirst(k1);
  h1 ^= key.size();
  h2 ^= key.size();
  h1 += h2;
  h2 += h1;
  h1 = FinalMix(h1);
  h2 = FinalMix(h2);
  h1 += h2;
  const auto token = static_cast<int64_t>(h1);
  return token == std::numeric_limits<int64_t>::min() ? std::numeric_limits<int64_t>::max() : token;
}

int32_t KafkaPartitionOf(std::string_view key, int32_t partitions) {
  return static_cast<int32_t>(Murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace millrace
