// hash() and xxhash64(): Spark's Murmur3 and xxHash64 of values of any type, seed 42. Each argument
// (and each element and field) is hashed with the result of the one before as its seed; NULL leaves
// it unchanged. Decimals of up to 18 digits hash as a long, wider ones as their bytes.

#include <bit>
#include <span>

#include "base/bytes.h"
#include "engine/functions/collections.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnPtr;
using data::TypeKind;
using Text = std::string_view;

struct Murmur3 {
  using Word = uint32_t;

  static uint32_t MixKey(uint32_t k) { return std::rotl(k * 0xcc9e2d51U, 15) * 0x1b873593U; }
  static uint32_t MixHash(uint32_t h, uint32_t k) { return std::rotl(h ^ k, 13) * 5 + 0xe6546b64U; }
  static uint32_t Finish(uint32_t h, uint32_t length) {
    h ^= length;
    h = (h ^ h >> 16) * 0x85ebca6bU;
    h = (h ^ h >> 13) * 0xc2b2ae35U;
    return h ^ h >> 16;
  }
  static Word OfInt(uint32_t value, Word seed) { return Finish(MixHash(seed, MixKey(value)), 4); }
  static Word OfLong(uint64_t value, Word seed) {
    const uint32_t low = MixHash(seed, MixKey(static_cast<uint32_t>(value)));
    return Finish(MixHash(low, MixKey(static_cast<uint32_t>(value >> 32))), 8);
  }
  // Spark's own way with the tail: each byte, signed, as a word.
  static Word OfBytes(Text bytes, Word seed) {
    uint32_t h = seed;
    size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4)
      h = MixHash(h, MixKey(LoadLittle<uint32_t>(bytes.data() + at)));
    for (; at < bytes.size(); ++at) {
      const int32_t byte = static_cast<int8_t>(bytes[at]);
      h = MixHash(h, MixKey(static_cast<uint32_t>(byte)));
    }
    return Finish(h, static_cast<uint32_t>(bytes.size()));
  }
};

struct XxHash64 {
  using Word = uint64_t;
  static constexpr uint64_t kP1 = 0x9E3779B185EBCA87ULL;
  static constexpr uint64_t kP2 = 0xC2B2AE3D27D4EB4FULL;
  static constexpr uint64_t kP3 = 0x165667B19E3779F9ULL;
  static constexpr uint64_t kP4 = 0x85EBCA77C2B2AE63ULL;
  static constexpr uint64_t kP5 = 0x27D4EB2F165667C5ULL;

  static uint64_t Round(uint64_t h, uint64_t k) { return std::rotl(h + k * kP2, 31) * kP1; }
  static uint64_t MixInt(uint64_t h, uint32_t k) { return std::rotl(h ^ k * kP1, 23) * kP2 + kP3; }
  static uint64_t MixLong(uint64_t h, uint64_t k) {
    return std::rotl(h ^ Round(0, k), 27) * kP1 + kP4;
  }
  static uint64_t Finish(uint64_t h) {
    h = (h ^ h >> 33) * kP2;
    h = (h ^ h >> 29) * kP3;
    return h ^ h >> 32;
  }
  static Word OfInt(uint32_t value, Word seed) { return Finish(MixInt(seed + kP5 + 4, value)); }
  static Word OfLong(uint64_t value, Word seed) { return Finish(MixLong(seed + kP5 + 8, value)); }
  static Word OfBytes(Text bytes, Word seed) {
    uint64_t h = seed + kP5;
    size_t at = 0;
    if (bytes.size() >= 32) {
      uint64_t v[4] = {seed + kP1 + kP2, seed + kP2, seed, seed - kP1};
      for (; at + 32 <= bytes.size(); at += 32) {
        for (size_t i = 0; i < 4; ++i)
          v[i] = Round(v[i], LoadLittle<uint64_t>(bytes.data() + at + i * 8));
      }
      h = std::rotl(v[0], 1) + std::rotl(v[1], 7) + std::rotl(v[2], 12) + std::rotl(v[3], 18);
      for (const uint64_t lane : v) h = (h ^ Round(0, lane)) * kP1 + kP4;
    }
    h += bytes.size();
    for (; at + 8 <= bytes.size(); at += 8) h = MixLong(h, LoadLittle<uint64_t>(bytes.data() + at));
    if (at + 4 <= bytes.size()) {
      h = MixInt(h, LoadLittle<uint32_t>(bytes.data() + at));
      at += 4;
    }
    for (; at < bytes.size(); ++at)
      h = std::rotl(h ^ static_cast<uint8_t>(bytes[at]) * kP5, 11) * kP1;
    return Finish(h);
  }
};

// Big-endian two's complement without needless bytes, as Java's BigInteger.toByteArray.
std::string BigEndianBytes(data::Int128 value) {
  std::string bytes;
  for (;;) {
    const auto byte = static_cast<int8_t>(value);
    bytes.insert(bytes.begin(), static_cast<char>(byte));
    value >>= 8;
    if ((value == 0 && byte >= 0) || (value == -1 && byte < 0)) return bytes;
  }
}

template <typename Hash>
typename Hash::Word HashScalar(const Column& column, size_t at, typename Hash::Word seed) {
  switch (column.type().kind()) {
    case TypeKind::kBoolean:
      return Hash::OfInt(column.Values<uint8_t>()[at], seed);
    case TypeKind::kTinyint:
      return Hash::OfInt(static_cast<uint32_t>(column.Values<int8_t>()[at]), seed);
    case TypeKind::kSmallint:
      return Hash::OfInt(static_cast<uint32_t>(column.Values<int16_t>()[at]), seed);
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      return Hash::OfInt(column.Values<uint32_t>()[at], seed);
    case TypeKind::kFloat: {
      const float value = column.Values<float>()[at];
      return Hash::OfInt(std::bit_cast<uint32_t>(value == 0 ? 0.0F : value), seed);
    }
    case TypeKind::kDouble: {
      const double value = column.Values<double>()[at];
      return Hash::OfLong(std::bit_cast<uint64_t>(value == 0 ? 0.0 : value), seed);
    }
    case TypeKind::kDecimal: {
      const data::Int128 value = column.Values<data::Int128>()[at];
      if (column.type().precision() <= 18) return Hash::OfLong(static_cast<uint64_t>(value), seed);
      return Hash::OfBytes(BigEndianBytes(value), seed);
    }
    case TypeKind::kString:
    case TypeKind::kBinary:
      return Hash::OfBytes(column.Values<Text>()[at], seed);
    default:
      return Hash::OfLong(column.Values<uint64_t>()[at], seed);
  }
}

template <typename Hash>
typename Hash::Word HashValue(const Column& column, size_t row, typename Hash::Word seed) {
  if (column.IsNull(row)) return seed;
  const TypeKind kind = column.type().kind();
  if (kind == TypeKind::kStruct) {
    for (const ColumnPtr& field : column.children())
      seed = HashValue<Hash>(*field, row * column.Stride(), seed);
    return seed;
  }
  if (kind == TypeKind::kArray || kind == TypeKind::kMap) {
    const Range range = RangeOf(column, row);
    for (size_t i = range.from; i < range.to; ++i) {
      for (const ColumnPtr& child : column.children()) seed = HashValue<Hash>(*child, i, seed);
    }
    return seed;
  }
  return HashScalar<Hash>(column, row * column.Stride(), seed);
}

template <typename Hash>
ColumnPtr HashOfAll(KernelCall& call) {
  using Signed = std::make_signed_t<typename Hash::Word>;
  return Map<Signed>(call, [&](Cell& cell) {
    typename Hash::Word hash = 42;
    for (const ColumnPtr& arg : call.args) hash = HashValue<Hash>(*arg, cell.row(), hash);
    return static_cast<Signed>(hash);
  });
}

const KernelRegistration kKernels[] = {
    {"hash", Always(HashOfAll<Murmur3>)},
    {"xxhash64", Always(HashOfAll<XxHash64>)},
};

}  // namespace

std::span<const KernelRegistration> SparkHashKernels() { return kKernels; }

}  // namespace millrace::engine
