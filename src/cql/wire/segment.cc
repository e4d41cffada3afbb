#include "cql/wire/segment.h"

#include <lz4.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/check.h"

namespace millrace::cql::wire {
namespace {

constexpr uint32_t kCrc24Start = 0x875060;
constexpr uint32_t kCrc24Polynomial = 0x1974f0b;
constexpr size_t kCrc24Bytes = 3;
constexpr size_t kCrc32Bytes = 4;
constexpr int kLengthBits = 17;
constexpr uint64_t kLengthMask = (uint64_t{1} << kLengthBits) - 1;

void AppendLittleBytes(uint64_t value, size_t bytes, std::string& out) {
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t LoadLittleBytes(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// Appends the block, at most `bytes_max` long; 0 when it would be longer.
size_t CompressBlock(std::string_view plain, size_t bytes_max, std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + bytes_max);
  const int size =
      LZ4_compress_default(plain.data(), out.data() + begin, static_cast<int>(plain.size()),
                           static_cast<int>(bytes_max));
  out.resize(begin + static_cast<size_t>(std::max(size, 0)));
  return static_cast<size_t>(std::max(size, 0));
}

Status DecompressBlock(std::string_view stored, size_t plain_bytes, std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + plain_bytes);
  const int size =
      LZ4_decompress_safe(stored.data(), out.data() + begin, static_cast<int>(stored.size()),
                          static_cast<int>(plain_bytes));
  if (size >= 0 && static_cast<size_t>(size) == plain_bytes) return {};
  out.resize(begin);
  return Fail(ErrorCode::kDamaged, "an LZ4 block of {} bytes does not unpack to {}", stored.size(),
              plain_bytes);
}

}  // namespace

uint32_t Crc24(std::string_view bytes) {
  uint32_t crc = kCrc24Start;
  for (const char byte : bytes) {
    crc ^= static_cast<uint32_t>(static_cast<uint8_t>(byte)) << 16;
    for (int bit = 0; bit < 8; ++bit) {
      crc <<= 1;
      if ((crc & 0x1000000) != 0) crc ^= kCrc24Polynomial;
    }
  }
  return crc;
}

uint32_t SegmentCrc32(std::string_view bytes) {
  // The CRC of these four bytes is where every segment's begins.
  static const uint32_t start = [] {
    constexpr unsigned char kPrefix[] = {0xfa, 0x2d, 0x55, 0xca};
    return static_cast<uint32_t>(::crc32(0, kPrefix, sizeof(kPrefix)));
  }();
  return static_cast<uint32_t>(::crc32(start, reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<unsigned int>(bytes.size())));
}

void AppendSegment(std::string_view payload, bool self_contained, Compression compression,
                   std::string& out) {
  MR_CHECK(payload.size() <= kSegmentPayloadMax, "a segment holds at most 131071 bytes");
  const size_t header_at = out.size();
  const size_t header_bytes = SegmentHeaderBytes(compression) - kCrc24Bytes;
  out.resize(header_at + header_bytes + kCrc24Bytes);
  const size_t payload_at = out.size();
  size_t plain_bytes = 0;
  // What does not get shorter is sent as it is.
  if (compression == Compression::kLz4 && !payload.empty() &&
      CompressBlock(payload, payload.size() - 1, out) > 0)
    plain_bytes = payload.size();
  if (plain_bytes == 0) out.append(payload);
  const size_t stored = out.size() - payload_at;
  uint64_t bits = stored;
  if (compression == Compression::kLz4) {
    bits |= static_cast<uint64_t>(plain_bytes) << kLengthBits;
    bits |= static_cast<uint64_t>(self_contained) << (2 * kLengthBits);
  } else {
    bits |= static_cast<uint64_t>(self_contained) << kLengthBits;
  }
  std::string header;
  AppendLittleBytes(bits, header_bytes, header);
  AppendLittleBytes(Crc24(header), kCrc24Bytes, header);
  out.replace(header_at, header.size(), header);
  AppendLittle(out, SegmentCrc32(std::string_view(out).substr(payload_at, stored)));
}

Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes, Compression compression) {
  const size_t header_bytes = SegmentHeaderBytes(compression) - kCrc24Bytes;
  const std::string_view header = bytes.substr(0, header_bytes);
  if (bytes.size() != header_bytes + kCrc24Bytes ||
      LoadLittleBytes(bytes.substr(header_bytes)) != Crc24(header))
    return Fail(ErrorCode::kDamaged, "a segment header fails its checksum");
  const uint64_t bits = LoadLittleBytes(header);
  SegmentHeader decoded;
  decoded.stored_bytes = bits & kLengthMask;
  if (compression == Compression::kLz4) {
    decoded.plain_bytes = bits >> kLengthBits & kLengthMask;
    decoded.self_contained = (bits >> (2 * kLengthBits) & 1) != 0;
  } else {
    decoded.self_contained = (bits >> kLengthBits & 1) != 0;
  }
  return decoded;
}

Status DecodeSegmentPayload(const SegmentHeader& header, std::string_view stored,
                            std::string& out) {
  if (stored.size() != header.stored_bytes + kCrc32Bytes)
    return Fail(ErrorCode::kDamaged, "a segment of {} bytes, its header says {}", stored.size(),
                header.stored_bytes + kCrc32Bytes);
  const std::string_view payload = stored.substr(0, header.stored_bytes);
  if (LoadLittle<uint32_t>(stored.data() + header.stored_bytes) != SegmentCrc32(payload))
    return Fail(ErrorCode::kDamaged, "a segment of {} bytes fails its checksum", payload.size());
  if (header.plain_bytes > 0) return DecompressBlock(payload, header.plain_bytes, out);
  out.append(payload);
  return {};
}

void AppendLz4Body(std::string_view plain, std::string& out) {
  AppendBig(out, static_cast<uint32_t>(plain.size()));
  if (plain.empty()) return;
  CompressBlock(plain, static_cast<size_t>(LZ4_compressBound(static_cast<int>(plain.size()))), out);
}

Status DecodeLz4Body(std::string_view stored, size_t bytes_max, std::string& out) {
  ByteReader from(stored);
  const auto size = from.Big<uint32_t>();
  if (!from.ok() || size > bytes_max)
    return Fail(ErrorCode::kDamaged, "a compressed frame of {} bytes says it unpacks to {}",
                stored.size(), size);
  if (size == 0) return {};
  return DecompressBlock(from.Rest(), size, out);
}

}  // namespace millrace::cql::wire
