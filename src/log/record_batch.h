// Encoding and decoding the records of a batch (layout: batch_header.h and
// docs/formats/log-segment.md).
//
//   BatchBuilder builder(Codec::kLz4);
//   for (const auto& r : records) builder.Add(r);
//   MR_ASSIGN(std::string batch, builder.Finish({}));
//
//   flow::RecordBlock block;
//   MR_TRY(DecodeBatch(bytes, nullptr, limits, Offset(0), end, block));
//
// A record: length varint, attributes i8, timestamp delta varint, offset delta varint, key length
// varint (-1: none) and key, value likewise, then the headers: count varint, and key and value of
// each with varint lengths. Varints are zig-zag.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "flow/types.h"
#include "log/batch_header.h"
#include "log/producer_state.h"

namespace millrace::log {

struct DecodeLimits {
  size_t batch_bytes_max = 8 << 20;
  size_t decoded_bytes_max = 64 << 20;
};

// Appends the records of the batch at the start of `bytes` with from <= offset < to to `block`.
// Checksum, codec and grammar are checked. `owner` owns `bytes`, which are followed by
// flow::kReadPadding readable ones: an uncompressed batch is then not copied; with nullptr it is.
// Control batches give no records. kDamaged, kResourceExhausted (decoded_bytes_max).
Status DecodeBatch(std::string_view bytes, const std::shared_ptr<const void>& owner,
                   const DecodeLimits& limits, Offset from, Offset to, flow::RecordBlock& block);

// The same for a batch whose checksum was verified.
Status DecodeVerifiedBatch(const BatchHeader& header, std::string_view bytes,
                           const std::shared_ptr<const void>& owner, const DecodeLimits& limits,
                           Offset from, Offset to, flow::RecordBlock& block);

// What a batch says beside its records.
struct BatchStamp {
  Producer producer;
  int32_t base_sequence = -1;
  bool transactional = false;
};

class BatchBuilder {
 public:
  explicit BatchBuilder(Codec codec);

  void Add(const flow::OutRecord& record);
  void Add(const flow::RecordView& record);  // headers as they are
  // For rewriting batches: the next record's offset is `delta` behind the base (rising).
  void AddAt(int32_t offset_delta, int64_t timestamp_delta, const flow::RecordView& record);

  int32_t records() const { return count_; }
  // Uncompressed size so far, header included.
  size_t bytes() const { return body_.size(); }

  // The batch with offset 0 and no timestamps (the log sets both), and an empty builder again.
  Result<std::string> Finish(const BatchStamp& stamp);
  // The batch with every field of `header` that the records do not decide; codec is the builder's.
  Result<std::string> FinishAs(BatchHeader header);

 private:
  void AppendRecord(int32_t offset_delta, int64_t timestamp_delta,
                    std::optional<std::string_view> key, std::optional<std::string_view> value,
                    std::span<const flow::Header> headers, std::string_view raw_headers);

  Codec codec_;
  std::string body_;  // starts with room for the header
  int32_t count_ = 0;
  int32_t last_delta_ = -1;
};

// A control batch (one record, key {version i16, type i16}: 0 abort, 1 commit) that ends the
// transaction of `producer`.
std::string BuildMarker(Producer producer, bool commit);
// What a control batch decides; nullopt for a type this version does not know. kDamaged.
Result<std::optional<bool>> MarkerDecision(const BatchHeader& header, std::string_view bytes,
                                           const DecodeLimits& limits);

}  // namespace millrace::log
