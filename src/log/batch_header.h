// BatchHeader: the 61 bytes before the records of a Kafka record batch, version 2 ("magic 2";
// kafka.apache.org/documentation/#recordbatch). All numbers big-endian:
//
//   0 base offset i64 | 8 length of the rest i32 | 12 leader epoch i32 | 16 magic i8 = 2 | 17 crc
//   u32 21 attributes i16 | 23 last offset delta i32 | 27 base timestamp i64 | 35 max timestamp i64
//   43 producer id i64 | 51 producer epoch i16 | 53 base sequence i32 | 57 record count i32
//
// The CRC-32C covers byte 21 to the end, so the log may set the offset without touching it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "log/types.h"

namespace millrace::log {

inline constexpr size_t kBatchHeaderBytes = 61;
inline constexpr size_t kBatchPrefixBytes = 12;  // base offset and length
inline constexpr size_t kBatchCrcOffset = 17;
inline constexpr size_t kBatchCrcFrom = 21;

struct BatchHeader {
  Offset base_offset;
  int32_t length = 0;  // of what follows the length field
  int32_t leader_epoch = 0;
  uint32_t crc = 0;
  int16_t attributes = 0;
  int32_t last_offset_delta = 0;
  int64_t base_timestamp = 0;
  int64_t max_timestamp = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t record_count = 0;

  static constexpr int16_t kLogAppendTime = 1 << 3;
  static constexpr int16_t kTransactional = 1 << 4;
  static constexpr int16_t kControl = 1 << 5;

  uint8_t codec_number() const { return attributes & 7; }
  bool log_append_time() const { return (attributes & kLogAppendTime) != 0; }
  bool transactional() const { return (attributes & kTransactional) != 0; }
  bool control() const { return (attributes & kControl) != 0; }
  size_t total_bytes() const { return kBatchPrefixBytes + static_cast<size_t>(length); }
  Offset last_offset() const { return base_offset + last_offset_delta; }
  Offset end_offset() const { return base_offset + last_offset_delta + 1; }
};

// Reads the header at the start of `bytes` and checks that its numbers make sense: magic, length
// from header to `batch_bytes_max`, deltas and count. Neither the checksum nor the body is looked
// at. kDamaged.
Result<BatchHeader> ParseBatchHeader(std::string_view bytes, size_t batch_bytes_max);
// The header and the checksum of a whole batch that lies at the start of `bytes`. kDamaged.
Result<BatchHeader> VerifyBatch(std::string_view bytes, size_t batch_bytes_max);

// Writes all 61 bytes to `to`, the checksum as it stands in `header`.
void StoreBatchHeader(const BatchHeader& header, char* to);
// Computes the checksum of the batch (header and body, whole) and writes it into its header.
void SealBatch(char* batch, size_t bytes);

// The last sequence of a batch: sequences wrap from INT32_MAX to 0.
int32_t SequencePlus(int32_t sequence, int32_t count);

}  // namespace millrace::log
