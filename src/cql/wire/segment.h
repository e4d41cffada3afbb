// Segments: what carries frames in version 5 once STARTUP is answered (section 2.2 of the
// specification), and LZ4 as both versions use it.
//
//   plain:      payload bytes, 17 bits | self-contained, 1 | padding, 6          | CRC24, 3 bytes
//   compressed: compressed bytes, 17 bits | plain bytes, 17 | self-contained, 1 | padding, 5 |
//               CRC24, 3 bytes
//   then the payload and its CRC32, 4 bytes; all numbers little-endian.
//
// A self-contained segment holds whole frames; one that is not holds a part of one long frame. A
// compressed segment with plain size 0 holds its payload as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cql/wire/protocol.h"

namespace millrace::cql::wire {

enum class Compression : uint8_t { kNone, kLz4 };

uint32_t Crc24(std::string_view bytes);         // of a segment's header
uint32_t SegmentCrc32(std::string_view bytes);  // of its payload

// Appends one segment; `payload` of at most kSegmentPayloadMax bytes.
void AppendSegment(std::string_view payload, bool self_contained, Compression compression,
                   std::string& out);

struct SegmentHeader {
  size_t stored_bytes = 0;  // of the payload as it is sent
  size_t plain_bytes = 0;   // 0: it is not compressed
  bool self_contained = false;
};
inline size_t SegmentHeaderBytes(Compression compression) {
  return compression == Compression::kLz4 ? 8 : 6;
}
// `bytes`: SegmentHeaderBytes of them. kDamaged: the checksum differs.
Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes, Compression compression);
// `stored`: the payload and its 4 bytes of checksum. Appends the plain payload. kDamaged.
Status DecodeSegmentPayload(const SegmentHeader& header, std::string_view stored, std::string& out);

// One LZ4 block behind its plain size as 4 bytes, big-endian: bodies of compressed frames (v4).
void AppendLz4Body(std::string_view plain, std::string& out);
// kDamaged, also when the plain size is above `bytes_max`.
Status DecodeLz4Body(std::string_view stored, size_t bytes_max, std::string& out);

}  // namespace millrace::cql::wire
