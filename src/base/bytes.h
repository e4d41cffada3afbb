// Reading and writing numbers in byte strings: big-endian (Kafka, CQL, our keys), little-endian
// (our values), and the variable-length integers of protobuf, zig-zag for signed ones (Kafka record
// fields, KIP-98).
//
// ByteReader never reads beyond its input: after a read past the end `ok()` is false, every further
// value is zero, and the caller checks once. Hostile lengths therefore cost nothing.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace millrace {

template <typename T>
constexpr T ByteSwapIf(T value, bool swap) {
  if (!swap) return value;
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}
inline constexpr bool kHostIsLittle = std::endian::native == std::endian::little;

template <typename T>
inline T LoadBig(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return ByteSwapIf(value, kHostIsLittle);
}
template <typename T>
inline void StoreBig(char* to, T value) {
  value = ByteSwapIf(value, kHostIsLittle);
  std::memcpy(to, &value, sizeof(T));
}
template <typename T>
inline T LoadLittle(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return ByteSwapIf(value, !kHostIsLittle);
}
template <typename T>
inline void StoreLittle(char* to, T value) {
  value = ByteSwapIf(value, !kHostIsLittle);
  std::memcpy(to, &value, sizeof(T));
}

template <typename T>
inline void AppendBig(std::string& to, T value) {
  char raw[sizeof(T)];
  StoreBig(raw, value);
  to.append(raw, sizeof(T));
}
template <typename T>
inline void AppendLittle(std::string& to, T value) {
  char raw[sizeof(T)];
  StoreLittle(raw, value);
  to.append(raw, sizeof(T));
}

inline constexpr uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline constexpr int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Base-128, least significant group first; at most 10 bytes.
inline void AppendVarint(std::string& to, uint64_t value) {
  while (value >= 0x80) {
    to.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  to.push_back(static_cast<char>(value));
}
inline void AppendSignedVarint(std::string& to, int64_t value) { AppendVarint(to, ZigZag(value)); }
inline constexpr size_t VarintSize(uint64_t value) {
  return value == 0 ? 1 : (static_cast<size_t>(std::bit_width(value)) + 6) / 7;
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  const char* position() const { return at_; }

  template <typename T>
  T Big() {
    return Fixed<T, true>();
  }
  template <typename T>
  T Little() {
    return Fixed<T, false>();
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    at_ = end_;
    return 0;
  }
  int64_t SignedVarint() { return UnZigZag(Varint()); }
  // The next `size` bytes, or an empty view and !ok() when fewer remain.
  std::string_view Bytes(uint64_t size) {
    if (size > remaining()) {
      ok_ = false;
      at_ = end_;
      return {};
    }
    std::string_view view(at_, size);
    at_ += size;
    return view;
  }
  std::string_view Rest() { return Bytes(remaining()); }

 private:
  template <typename T, bool kBig>
  T Fixed() {
    if (remaining() < sizeof(T)) {
      ok_ = false;
      at_ = end_;
      return T{};
    }
    T value = kBig ? LoadBig<T>(at_) : LoadLittle<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace millrace
