#include "log/batch_header.h"

#include "base/bytes.h"
#include "base/crc32c.h"

namespace millrace::log {
namespace {

BatchHeader Load(const char* from) {
  BatchHeader header;
  header.base_offset = Offset(LoadBig<int64_t>(from));
  header.length = LoadBig<int32_t>(from + 8);
  header.leader_epoch = LoadBig<int32_t>(from + 12);
  header.crc = LoadBig<uint32_t>(from + kBatchCrcOffset);
  header.attributes = LoadBig<int16_t>(from + 21);
  header.last_offset_delta = LoadBig<int32_t>(from + 23);
  header.base_timestamp = LoadBig<int64_t>(from + 27);
  header.max_timestamp = LoadBig<int64_t>(from + 35);
  header.producer_id = LoadBig<int64_t>(from + 43);
  header.producer_epoch = LoadBig<int16_t>(from + 51);
  header.base_sequence = LoadBig<int32_t>(from + 53);
  header.record_count = LoadBig<int32_t>(from + 57);
  return header;
}

}  // namespace

std::string_view CodecName(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "none";
    case Codec::kGzip:
      return "gzip";
    case Codec::kSnappy:
      return "snappy";
    case Codec::kLz4:
      return "lz4";
    case Codec::kZstd:
      return "zstd";
  }
  return "unknown";
}

Result<BatchHeader> ParseBatchHeader(std::string_view bytes, size_t batch_bytes_max) {
  if (bytes.size() < kBatchHeaderBytes) {
    return Fail(ErrorCode::kDamaged, "record batch of {} bytes, its header needs {}", bytes.size(),
                kBatchHeaderBytes);
  }
  if (const int magic = bytes[16]; magic != 2)
    return Fail(ErrorCode::kDamaged, "record batch with magic {}, only 2 is known", magic);
  const BatchHeader header = Load(bytes.data());
  if (header.length < static_cast<int32_t>(kBatchHeaderBytes - kBatchPrefixBytes) ||
      header.total_bytes() > batch_bytes_max) {
    return Fail(ErrorCode::kDamaged, "record batch claims {} bytes, allowed are {} to {}",
                header.length, kBatchHeaderBytes - kBatchPrefixBytes, batch_bytes_max);
  }
  if (header.record_count < 0 || header.last_offset_delta < 0 ||
      header.record_count > int64_t{header.last_offset_delta} + 1 || header.base_offset.value < 0 ||
      header.base_offset.value > INT64_MAX - header.last_offset_delta - 1) {
    return Fail(ErrorCode::kDamaged, "record batch with {} records over {} offsets from {}",
                header.record_count, int64_t{header.last_offset_delta} + 1, header.base_offset);
  }
  return header;
}

Result<BatchHeader> VerifyBatch(std::string_view bytes, size_t batch_bytes_max) {
  MR_ASSIGN(const BatchHeader header, ParseBatchHeader(bytes, batch_bytes_max));
  if (bytes.size() < header.total_bytes()) {
    return Fail(ErrorCode::kDamaged, "record batch of {} bytes is cut after {}",
                header.total_bytes(), bytes.size());
  }
  const uint32_t crc = Crc32c(bytes.substr(kBatchCrcFrom, header.total_bytes() - kBatchCrcFrom));
  if (crc != header.crc) {
    return Fail(ErrorCode::kDamaged, "record batch at offset {}: checksum {:08x}, stored {:08x}",
                header.base_offset, crc, header.crc);
  }
  return header;
}

void StoreBatchHeader(const BatchHeader& header, char* to) {
  StoreBig(to, header.base_offset.value);
  StoreBig(to + 8, header.length);
  StoreBig(to + 12, header.leader_epoch);
  to[16] = 2;
  StoreBig(to + kBatchCrcOffset, header.crc);
  StoreBig(to + 21, header.attributes);
  StoreBig(to + 23, header.last_offset_delta);
  StoreBig(to + 27, header.base_timestamp);
  StoreBig(to + 35, header.max_timestamp);
  StoreBig(to + 43, header.producer_id);
  StoreBig(to + 51, header.producer_epoch);
  StoreBig(to + 53, header.base_sequence);
  StoreBig(to + 57, header.record_count);
}

void SealBatch(char* batch, size_t bytes) {
  const uint32_t crc = Crc32c(std::string_view(batch + kBatchCrcFrom, bytes - kBatchCrcFrom));
  StoreBig(batch + kBatchCrcOffset, crc);
}

int32_t SequencePlus(int32_t sequence, int32_t count) {
  const int64_t sum = int64_t{sequence} + count;
  return static_cast<int32_t>(sum > INT32_MAX ? sum - INT32_MAX - 1 : sum);
}

}  // namespace millrace::log
