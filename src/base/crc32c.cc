#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace millrace {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reversed

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}

[[maybe_unused]] uint32_t Portable(const char* at, const char* end, uint32_t crc) {
  static constexpr std::array<uint32_t, 256> kTable = MakeTable();
  for (; at != end; ++at) crc = kTable[(crc ^ static_cast<uint8_t>(*at)) & 0xff] ^ (crc >> 8);
  return crc;
}

#if defined(__SSE4_2__)
// The crc32 instruction has a latency of 3 and a throughput of 1: three interleaved streams keep it
// busy. The streams are joined by shifting a CRC over kLane zero bytes, which is linear and
// therefore four table look-ups.
constexpr size_t kLane = 1024;

constexpr uint32_t ShiftOneByte(uint32_t crc) {
  for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
  return crc;
}

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

ShiftTable MakeShiftTable() {
  std::array<uint32_t, 32> image{};  // where each bit of a CRC goes after kLane zero bytes
  for (int bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < kLane; ++i) crc = ShiftOneByte(crc);
    image[bit] = crc;
  }
  ShiftTable table{};
  for (int byte = 0; byte < 4; ++byte) {
    for (uint32_t value = 0; value < 256; ++value) {
      for (int bit = 0; bit < 8; ++bit) {
        if (value >> bit & 1) table[byte][value] ^= image[byte * 8 + bit];
      }
    }
  }
  return table;
}

uint32_t ShiftLane(uint32_t crc) {
  static const ShiftTable kTable = MakeShiftTable();
  return kTable[0][crc & 0xff] ^ kTable[1][crc >> 8 & 0xff] ^ kTable[2][crc >> 16 & 0xff] ^
         kTable[3][crc >> 24];
}

uint64_t Word(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, 8);
  return word;
}

uint32_t Hardware(const char* at, const char* end, uint32_t crc) {
  while (static_cast<size_t>(end - at) >= 3 * kLane) {
    uint64_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      a = _mm_crc32_u64(a, Word(at + i));
      b = _mm_crc32_u64(b, Word(at + kLane + i));
      c = _mm_crc32_u64(c, Word(at + 2 * kLane + i));
    }
    crc = ShiftLane(ShiftLane(static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b)) ^
          static_cast<uint32_t>(c);
    at += 3 * kLane;
  }
  uint64_t wide = crc;
  for (; end - at >= 8; at += 8) wide = _mm_crc32_u64(wide, Word(at));
  crc = static_cast<uint32_t>(wide);
  for (; at != end; ++at) crc = _mm_crc32_u8(crc, static_cast<uint8_t>(*at));
  return crc;
}
#endif

}  // namespace

uint32_t Crc32c(std::string_view bytes, uint32_t before) {
  const char* begin = bytes.data();
  const char* end = begin + bytes.size();
#if defined(__SSE4_2__)
  return ~Hardware(begin, end, ~before);
#else
  return ~Portable(begin, end, ~before);
#endif
}

}  // namespace millrace
