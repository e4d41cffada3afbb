// The codecs of Kafka record batches. Every decoder stops at `bytes_max` of output: a bomb costs
// what its limit allows, no more.
//
//   MR_ASSIGN(DecodedBytes body, Decompress(Codec::kLz4, compressed, 64 << 20));
//
// Formats: gzip (RFC 1952, also several members), snappy (raw, or the framing of Java's xerial
// library, which Kafka's Java clients write), lz4 (frame format, independent blocks), zstd frames.
//
// Thread contract: any thread; contexts are kept per thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "log/types.h"

namespace millrace::log {

// Bytes that are followed by at least flow::kReadPadding readable ones.
struct DecodedBytes {
  std::shared_ptr<char[]> owner;
  size_t size = 0;
  std::string_view view() const { return {owner.get(), size}; }
};
// Uninitialised room for `size` bytes and the padding; the padding is zeroed.
DecodedBytes AllocateDecoded(size_t size);

// kDamaged: not of this codec; kResourceExhausted: more than `bytes_max`; kUnsupported: a codec
// number Kafka does not know.
Result<DecodedBytes> Decompress(Codec codec, std::string_view compressed, size_t bytes_max);

// Appends the compressed form of `bytes` to `to`. Codec::kNone appends them as they are.
Status Compress(Codec codec, std::string_view bytes, std::string& to);

}  // namespace millrace::log
