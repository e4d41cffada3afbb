// Digests with a fixed, public meaning: MD5, SHA-1, SHA-2 (OpenSSL) and CRC-32 (zlib).
//
// Thread contract: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace {

enum class DigestKind : uint8_t { kMd5, kSha1, kSha224, kSha256, kSha384, kSha512 };

inline constexpr size_t kDigestBytesMax = 64;

struct DigestBytes {
  std::array<char, kDigestBytesMax> bytes{};
  size_t size = 0;
  std::string_view view() const { return {bytes.data(), size}; }
};

DigestBytes DigestOf(DigestKind kind, std::string_view input);

// CRC-32 of gzip and PNG (polynomial 0x04C11DB7, reflected); not CRC-32C.
uint32_t Crc32(std::string_view input);

}  // namespace millrace
