// What callers of the log name and get back: topics, settings, positions. No behaviour.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"
#include "flow/types.h"

namespace millrace::log {

using flow::TopicPartition;

// Numbers as in Kafka's batch attributes, bits 0-2.
enum class Codec : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };
std::string_view CodecName(Codec codec);

enum class Cleanup : uint8_t {
  kDelete = 0,   // whole segments go by age and size
  kCompact = 1,  // the last record of each key stays
};

// kSync: acknowledged means fdatasync'ed. kOs: acknowledged means handed to the operating system;
// a power cut may lose the last seconds.
enum class Durability : uint8_t { kSync = 0, kOs = 1 };

inline constexpr int64_t kUnlimited = -1;

struct TopicSpec {
  std::string name = {};  // 1-249 of [a-zA-Z0-9._-], not "." or ".."
  int32_t partitions = 1;
  Cleanup cleanup = Cleanup::kDelete;
  int64_t retention_ms = kUnlimited;         // kDelete: of a segment's newest record
  int64_t retention_bytes = kUnlimited;      // kDelete: per partition
  uint64_t segment_bytes = 64 << 20;         // a segment is closed before it would grow beyond
  int64_t segment_ms = 7 * 86'400'000LL;     // or when its first record is older
  int64_t delete_retention_ms = 86'400'000;  // kCompact: how long tombstones stay
  // Retention may pass pins (what a query of the project has not read); each lost range is counted
  // and reported.
  bool force_retention = false;
  Codec codec = Codec::kLz4;  // of the batches the log builds itself
  bool internal = false;      // not shown to users; names start with "__"
  friend bool operator==(const TopicSpec&, const TopicSpec&) = default;
};

struct TopicInfo {
  TopicSpec spec;
  Uuid id;  // another one after delete and create
};

// start <= last_stable <= high_watermark <= end.
struct PartitionOffsets {
  Offset start;           // first record that may be read
  Offset last_stable;     // below it every transaction is decided
  Offset high_watermark;  // below it everything is on stable storage
  Offset end;             // the next append's offset
  Offset data_end;        // behind the last record; what follows up to `end` are markers
};

// Where an append went. Its records are readable once it is durable (Log::Wait).
struct AppendTicket {
  TopicPartition at;
  Offset first;
  Offset end;  // behind the last record
  TimestampMs log_append_time;
  bool duplicate = false;  // an idempotent producer sent it before; first/end are of that time
};

// The newest commit tag of a transaction's owner, without its detail.
struct RememberedTag {
  std::string owner;
  int64_t sequence = 0;
  Offset decided;  // rises with the time of the commit
};

// A range of offsets that went before its reader had read it, or that --accept-loss gave up.
struct LostRange {
  TopicPartition at;
  Offset begin;
  Offset end;
  std::string reason;  // "retention force", "damage in <file> at byte <n>"
};

struct LogOptions {
  std::string folder = {};  // of the log alone, made when absent
  Durability durability = Durability::kSync;
  uint64_t disk_budget_bytes = UINT64_MAX;  // above it appends are refused, reads go on
  uint64_t checkpoint_bytes = 16 << 20;  // a restart verifies at most about this much per partition
  size_t batch_bytes_max = 8 << 20;      // a larger batch is refused, on append and on read
  size_t decoded_bytes_max = 64 << 20;   // of one batch: the limit against decompression bombs
  // Threads that sync in the background. 0: only Wait() and Flush() sync (tests).
  int sync_threads = 4;
  // Retention and compaction run this often in the background; 0: only RunMaintenance() (tests).
  int64_t maintenance_interval_ms = 10'000;
  // Damage before valid data is skipped and recorded instead of closing the partition.
  bool accept_loss = false;
  // A sync failed: the process must end (DESIGN invariant 1). Empty: log and abort().
  std::function<void(const Error&)> on_fatal = {};
};

}  // namespace millrace::log
