#include "log/record_batch.h"

#include "base/bytes.h"
#include "log/compression.h"

namespace millrace::log {
namespace {

constexpr int16_t kAbortMarker = 0;
constexpr int16_t kCommitMarker = 1;

// Reads the records of a decoded body. The varint reader is this file's hot loop: one byte is the
// common case and is decided inline.
class RecordReader {
 public:
  RecordReader(std::string_view body) : at_(body.data()), end_(at_ + body.size()) {}

  bool AtEnd() const { return at_ == end_; }

  // One record into `record` with `offset` as its offset delta and `timestamp` as its delta; false
  // when it is malformed.
  bool Next(flow::RecordView& record, int64_t& offset_delta, int64_t& timestamp_delta) {
    const int64_t length = Varint();
    if (length < 0 || length > end_ - at_) return false;
    const char* const after = at_ + length;
    if (at_ == after) return false;
    ++at_;  // attributes: none are defined
    timestamp_delta = Varint();
    offset_delta = Varint();
    if (!Field(after, record.key, record.key_size)) return false;
    if (!Field(after, record.value, record.value_size)) return false;
    if (at_ > after) return false;
    record.raw_headers = {at_, static_cast<size_t>(after - at_)};
    at_ = after;
    return !failed_;
  }

 private:
  int64_t Varint() {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80)
      return UnZigZag(static_cast<uint8_t>(*at_++));
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return UnZigZag(value);
    }
    failed_ = true;
    return -1;
  }
  bool Field(const char* after, const char*& field, uint32_t& size) {
    const int64_t length = Varint();
    if (failed_ || length < -1 || length > after - at_) return false;
    field = length < 0 ? nullptr : at_;
    size = length < 0 ? 0 : static_cast<uint32_t>(length);
    at_ += size;
    return true;
  }

  const char* at_;
  const char* const end_;
  bool failed_ = false;
};

struct Body {
  std::string_view bytes;
  std::shared_ptr<const void> owner;
};

Result<Body> OpenBody(const BatchHeader& header, std::string_view batch,
                      const std::shared_ptr<const void>& owner, const DecodeLimits& limits) {
  const std::string_view stored =
      batch.substr(kBatchHeaderBytes, header.total_bytes() - kBatchHeaderBytes);
  const auto codec = static_cast<Codec>(header.codec_number());
  if (codec == Codec::kNone && owner != nullptr) return Body{stored, owner};
  MR_ASSIGN(DecodedBytes decoded, Decompress(codec, stored, limits.decoded_bytes_max));
  return Body{decoded.view(), std::shared_ptr<const void>(decoded.owner, decoded.owner.get())};
}

std::unexpected<Error> Malformed(const BatchHeader& header, int64_t record) {
  return Fail(ErrorCode::kDamaged, "record batch at offset {}: record {} of {} is malformed",
              header.base_offset, record, header.record_count);
}

Status ReadRecords(const BatchHeader& header, const Body& body, Offset from, Offset to,
                   flow::RecordBlock& block) {
  RecordReader reader(body.bytes);
  // A record takes at least 7 bytes, so the count cannot make us allocate more than the body's size
  // warrants.
  if (static_cast<size_t>(header.record_count) > body.bytes.size() / 7)
    return Malformed(header, header.record_count);
  block.records.reserve(block.records.size() + static_cast<size_t>(header.record_count));
  int64_t previous_delta = -1;
  for (int32_t i = 0; i < header.record_count; ++i) {
    flow::RecordView record;
    int64_t offset_delta = 0;
    int64_t timestamp_delta = 0;
    if (!reader.Next(record, offset_delta, timestamp_delta) || offset_delta <= previous_delta ||
        offset_delta > header.last_offset_delta) {
      return Malformed(header, i);
    }
    previous_delta = offset_delta;
    record.offset = header.base_offset + offset_delta;
    if (record.offset < from || record.offset >= to) continue;
    record.timestamp =
        TimestampMs(header.log_append_time()
                        ? header.max_timestamp
                        : static_cast<int64_t>(static_cast<uint64_t>(header.base_timestamp) +
                                               static_cast<uint64_t>(timestamp_delta)));
    block.bytes += record.key_size + record.value_size;
    block.records.push_back(record);
  }
  if (!reader.AtEnd()) return Malformed(header, header.record_count);
  return {};
}

size_t FieldBytes(std::optional<std::string_view> field) {
  if (!field) return 1;
  return VarintSize(ZigZag(static_cast<int64_t>(field->size()))) + field->size();
}

void AppendField(std::string& to, std::optional<std::string_view> field) {
  AppendSignedVarint(to, field ? static_cast<int64_t>(field->size()) : -1);
  if (field) to += *field;
}

size_t HeaderBytes(std::span<const flow::Header> headers) {
  size_t bytes = VarintSize(ZigZag(static_cast<int64_t>(headers.size())));
  for (const flow::Header& header : headers)
    bytes += FieldBytes(header.key) + FieldBytes(header.value);
  return bytes;
}

}  // namespace

Status DecodeBatch(std::string_view bytes, const std::shared_ptr<const void>& owner,
                   const DecodeLimits& limits, Offset from, Offset to, flow::RecordBlock& block) {
  MR_ASSIGN(const BatchHeader header, VerifyBatch(bytes, limits.batch_bytes_max));
  return DecodeVerifiedBatch(header, bytes, owner, limits, from, to, block);
}

Status DecodeVerifiedBatch(const BatchHeader& header, std::string_view bytes,
                           const std::shared_ptr<const void>& owner, const DecodeLimits& limits,
                           Offset from, Offset to, flow::RecordBlock& block) {
  if (header.control() || header.record_count == 0) return {};
  MR_ASSIGN(Body body, OpenBody(header, bytes, owner, limits));
  const size_t before = block.records.size();
  const size_t bytes_before = block.bytes;
  if (auto status = ReadRecords(header, body, from, to, block); !status) {
    block.records.resize(before);
    block.bytes = bytes_before;
    return status;
  }
  if (block.records.size() > before &&
      (block.owners.empty() || block.owners.back() != body.owner)) {
    block.owners.push_back(std::move(body.owner));
  }
  return {};
}

BatchBuilder::BatchBuilder(Codec codec) : codec_(codec), body_(kBatchHeaderBytes, '\0') {}

void BatchBuilder::Add(const flow::OutRecord& record) {
  AppendRecord(last_delta_ + 1, 0, record.key, record.value, record.headers, {});
}

void BatchBuilder::Add(const flow::RecordView& record) { AddAt(last_delta_ + 1, 0, record); }

void BatchBuilder::AddAt(int32_t offset_delta, int64_t timestamp_delta,
                         const flow::RecordView& record) {
  std::optional<std::string_view> key, value;
  if (record.key != nullptr) key = record.key_view();
  if (record.value != nullptr) value = record.value_view();
  const std::string_view none("\0", 1);
  AppendRecord(offset_delta, timestamp_delta, key, value, {},
               record.raw_headers.empty() ? none : record.raw_headers);
}

void BatchBuilder::AppendRecord(int32_t offset_delta, int64_t timestamp_delta,
                                std::optional<std::string_view> key,
                                std::optional<std::string_view> value,
                                std::span<const flow::Header> headers,
                                std::string_view raw_headers) {
  const size_t length = 1 + VarintSize(ZigZag(timestamp_delta)) + VarintSize(ZigZag(offset_delta)) +
                        FieldBytes(key) + FieldBytes(value) +
                        (raw_headers.empty() ? HeaderBytes(headers) : raw_headers.size());
  AppendSignedVarint(body_, static_cast<int64_t>(length));
  body_.push_back('\0');
  AppendSignedVarint(body_, timestamp_delta);
  AppendSignedVarint(body_, offset_delta);
  AppendField(body_, key);
  AppendField(body_, value);
  if (!raw_headers.empty()) {
    body_ += raw_headers;
  } else {
    AppendSignedVarint(body_, static_cast<int64_t>(headers.size()));
    for (const flow::Header& header : headers) {
      AppendField(body_, header.key);
      AppendField(body_, header.value);
    }
  }
  last_delta_ = offset_delta;
  ++count_;
}

Result<std::string> BatchBuilder::Finish(const BatchStamp& stamp) {
  BatchHeader header;
  header.attributes = stamp.transactional ? BatchHeader::kTransactional : int16_t{0};
  header.producer_id = stamp.producer.id.value;
  header.producer_epoch = stamp.producer.epoch.value;
  header.base_sequence = stamp.base_sequence;
  header.last_offset_delta = std::max(last_delta_, 0);
  return FinishAs(header);
}

Result<std::string> BatchBuilder::FinishAs(BatchHeader header) {
  std::string batch;
  if (codec_ == Codec::kNone) {
    batch = std::move(body_);
  } else {
    const std::string_view records = std::string_view(body_).substr(kBatchHeaderBytes);
    batch.reserve(kBatchHeaderBytes + records.size() / 2 + 1024);
    batch.resize(kBatchHeaderBytes);
    MR_TRY(Compress(codec_, records, batch));
  }
  header.attributes = static_cast<int16_t>((header.attributes & ~7) | static_cast<int16_t>(codec_));
  header.length = static_cast<int32_t>(batch.size() - kBatchPrefixBytes);
  header.record_count = count_;
  StoreBatchHeader(header, batch.data());
  SealBatch(batch.data(), batch.size());
  body_.assign(kBatchHeaderBytes, '\0');
  count_ = 0;
  last_delta_ = -1;
  return batch;
}

std::string BuildMarker(Producer producer, bool commit) {
  std::string key;
  AppendBig<int16_t>(key, 0);
  AppendBig<int16_t>(key, commit ? kCommitMarker : kAbortMarker);
  std::string value;
  AppendBig<int16_t>(value, 0);
  AppendBig<int32_t>(value, 0);  // coordinator epoch
  BatchBuilder builder(Codec::kNone);
  builder.Add(flow::OutRecord{std::move(key), std::move(value), {}});
  BatchHeader header;
  header.attributes = BatchHeader::kTransactional | BatchHeader::kControl;
  header.producer_id = producer.id.value;
  header.producer_epoch = producer.epoch.value;
  return builder.FinishAs(header).value();  // no codec, nothing can fail
}

Result<std::optional<bool>> MarkerDecision(const BatchHeader& header, std::string_view bytes,
                                           const DecodeLimits& limits) {
  BatchHeader as_data = header;
  as_data.attributes = static_cast<int16_t>(header.attributes & ~BatchHeader::kControl);
  flow::RecordBlock block;
  MR_TRY(DecodeVerifiedBatch(as_data, bytes, nullptr, limits, Offset(0), Offset(INT64_MAX), block));
  if (block.records.size() != 1 || block.records[0].key_size < 4) {
    return Fail(ErrorCode::kDamaged, "control batch at offset {} has no control record",
                header.base_offset);
  }
  const auto type = LoadBig<int16_t>(block.records[0].key + 2);
  if (type == kCommitMarker) return std::optional<bool>(true);
  if (type == kAbortMarker) return std::optional<bool>(false);
  return std::optional<bool>();
}

}  // namespace millrace::log
