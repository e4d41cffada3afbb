// What flows between modules: records, places and positions. Records only; who produces them is not
// known here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace millrace::flow {

struct TopicPartition {
  std::string topic;
  PartitionId partition;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

// Where a row or a refused record came from. `ordinal` numbers the rows one record gave (explode),
// from 0.
struct Origin {
  std::string topic;
  PartitionId partition;
  Offset offset;
  int32_t ordinal = 0;
};

// "users_raw/2@1041".
std::string ToString(const Origin& origin);

struct Header {
  std::string key;
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};

// A record to be appended. No key: any partition; no value: a tombstone (key compaction).
struct OutRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<Header> headers;
};

// A record as read: views into the block that holds it.
struct RecordView {
  Offset offset;
  TimestampMs timestamp;        // of the topic's kind: CreateTime or LogAppendTime
  const char* key = nullptr;    // nullptr: no key
  const char* value = nullptr;  // nullptr: tombstone
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  std::string_view
      raw_headers;  // as in Kafka's record format: count and (key, value) pairs; see DecodeHeaders

  std::string_view key_view() const { return {key, key_size}; }
  std::string_view value_view() const { return {value, value_size}; }
};

// Kafka's header block: varint count, then varint-sized keys and values. Fails with kDamaged.
Result<std::vector<Header>> DecodeHeaders(std::string_view raw);

// Consecutive readable records of one partition: no control records, nothing aborted. Offsets rise
// but may have gaps.
struct RecordBlock {
  std::vector<RecordView> records;
  // Where to read next: behind the last record, also behind what was skipped (control records,
  // aborted, compacted away).
  Offset next;
  // Owns the bytes the records point into. At least kReadPadding readable bytes follow every value
  // (simdjson needs it).
  std::vector<std::shared_ptr<const void>> owners;
  size_t bytes = 0;  // of keys and values
};
inline constexpr size_t kReadPadding = 64;

// [begin, end): offsets that can be read now.
struct OffsetRange {
  Offset begin;
  Offset end;
  friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};

}  // namespace millrace::flow

template <>
struct std::hash<millrace::flow::TopicPartition> {
  size_t operator()(const millrace::flow::TopicPartition& at) const noexcept {
    return std::hash<std::string>()(at.topic) * 31 + static_cast<size_t>(at.partition.value);
  }
};
