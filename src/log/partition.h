// Partition: the batches of one partition in their segments, who may read how far, and what its
// producers have sent.
//
// The life of a batch: Append (checked, offsets and time set, written to the active segment) ->
// Sync (one round covers everything appended before it) -> readable; a transactional one when its
// marker or its decision is there (transactions.h).
//
// Invariants
//   1. start <= last stable <= high watermark <= end; none of them ever goes back.
//   2. The high watermark only passes bytes that a sync covered (durability kSync).
//   3. A segment is synced before its successor is made, and the successor's name before anything
//      in it is acknowledged: a hole between two synced segments is damage, never a crash.
//   4. A damaged partition answers every call with the same kDamaged error; its files are kept.
//
// Thread contract: every function from any thread. Lock order: sync turn, then mutex_; a notifier
// is called without either.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/file_system.h"
#include "log/metrics.h"
#include "log/partition_checkpoint.h"
#include "log/producer_state.h"
#include "log/record_batch.h"
#include "log/segment.h"
#include "log/types.h"

namespace millrace::log {

// What a partition is given by the log it belongs to; outlives it.
struct PartitionContext {
  io::FileSystem& fs;
  io::Clock& clock;
  const LogOptions& options;
  // A sync failed: called once per failure, ends the process.
  std::function<void(const Error&)> fatal;
  LogCounters& counters;
};

class Partition {
 public:
  // Opens or makes the partition in `folder` (which exists) and recovers it. Damage does not fail
  // it: see status().
  static std::shared_ptr<Partition> Open(PartitionContext& context, TopicPartition at,
                                         std::string folder, const TopicSpec& spec);
  ~Partition();

  const TopicPartition& at() const { return at_; }
  const std::string& folder() const { return folder_; }
  // kDamaged or kIo: closed for reading and writing.
  Status status() const;
  PartitionOffsets offsets() const;
  void SetSpec(const TopicSpec& spec);
  // The topic went: every later call answers kNotFound.
  void Retire();
  // Called, without locks, whenever more may have become readable.
  void OnProgress(std::function<void()> notify);

  struct Appended {
    Offset first;
    Offset end;
    TimestampMs log_append_time;
    bool duplicate = false;
  };
  // Appends whole batches that lie one behind the other in `batches`: all or none. Their checksums
  // were verified or made by us. kInvalidArgument, kConflict (producer), kResourceExhausted.
  Result<Appended> Append(std::string batches);
  // Ends a transaction in this partition. When the disk has no room the marker is written before
  // the next append.
  Status AppendMarker(Producer producer, bool commit);

  // Makes everything appended before the call durable, or waits for who does.
  Status MakeDurable();
  // Whether offsets before `end` are durable.
  bool IsDurable(Offset end) const;
  bool needs_sync() const;
  // A marker waits for room on the disk.
  bool has_pending_markers() const;

  // Records of [from, to); see flow::Source::Read. Read-committed: nothing at or behind the last
  // stable offset, nothing aborted.
  Result<flow::RecordBlock> Read(Offset from, Offset to, size_t bytes_max, bool committed);
  // Whole batches from the one that holds `from`, up to the high watermark.
  Result<std::string> ReadRaw(Offset from, size_t bytes_max);
  std::vector<AbortedTransaction> AbortedIn(Offset from, Offset to) const;
  Result<Offset> OffsetForTime(TimestampMs at);

  // The undecided transaction of a producer here, if any.
  std::optional<OpenTransaction> FindOpen(ProducerId producer) const;
  std::vector<OpenTransaction> OpenTransactions() const;
  // Whether a recorded loss touches [first, last].
  bool LostAnyOf(Offset first, Offset last) const;
  std::vector<LostRange> Lost() const;

  // --- care (partition_care.cc)
  // Records before `before` are readable no longer.
  Status DeleteBefore(Offset before);
  // Removes closed segments that age and size allow. Segments at or behind `keep_from` stay, unless
  // the topic's retention is forced: then the lost range is recorded.
  Status Retain(std::optional<Offset> keep_from);
  // Key compaction of the closed segments before `keep_from`.
  Status Compact(std::optional<Offset> keep_from);
  // Closes the active segment when it holds anything.
  Status Roll();
  // Stores what a quick start needs, if anything changed.
  Status WriteCheckpoint();
  uint64_t disk_bytes() const;
  // The partition as a copy would hold it: closed segments, and the synced part of the active one.
  struct CopyPlan {
    std::vector<std::string> whole;  // paths of closed segments: immutable
    std::string active;              // path; empty: none
    uint64_t active_bytes = 0;
    std::string checkpoint;  // contents of the copy's checkpoint file
  };
  Result<CopyPlan> PlanCopy();

 private:
  Partition(PartitionContext& context, TopicPartition at, std::string folder,
            const TopicSpec& spec);

  using Segments = std::vector<std::shared_ptr<Segment>>;

  // --- recovery (partition_recovery.cc)
  struct Found;
  Status Recover();
  Result<Found> FindFiles();
  Result<std::optional<PartitionCheckpoint>> LoadCheckpoint();
  Status TakeClosed(const PartitionCheckpoint& checkpoint, Found& found);
  Status ScanTail(const PartitionCheckpoint& checkpoint, Found& found);
  Status ScanFile(Offset base, uint64_t from, std::optional<Offset> next_base,
                  Segment::Extent& extent);
  Status ApplyScanned(const BatchHeader& header, std::string_view bytes, const std::string& path,
                      uint64_t position);
  Status CutOrDamage(const std::string& path, uint64_t position, uint64_t size, bool is_last,
                     const Error& why, bool valid_behind);
  Status CutTail(const std::string& path, uint64_t position, uint64_t size, bool keep_copy);
  Result<std::optional<uint64_t>> Salvage(const std::string& path, Offset base, Offset durable,
                                          Offset recovery);
  Status FinishSalvage(const std::string& path, std::string_view good);
  Result<Offset> ProvenEnd(Offset base, Offset known) const;
  // Whether offsets [from, to) may rightly be missing.
  bool MayBeMissing(Offset from, Offset to) const;

  Status WriteDueCheckpoint();

  // All with mutex_ held.
  Status CheckWritable() const;
  Result<std::optional<Appended>> CheckBatches(std::string& batches);
  Result<Appended> AppendLocked(std::string& batches);
  Status WritePendingMarkers();
  Status RollIfNeeded(size_t bytes);
  Status RollLocked();
  void ApplyAppended(const std::string& batches, Offset end);
  PartitionOffsets OffsetsLocked() const;
  PartitionCheckpoint SnapshotLocked() const;
  // `replacing`: base and size of the segment that compaction is about to put in place.
  Status StoreCheckpointLocked(std::optional<std::pair<Offset, uint64_t>> replacing = {});
  Status RemoveFrontLocked(size_t count, Offset new_start);
  void Damage(Error error);

  // A read's view of the partition: nothing in it changes while the read goes on.
  struct View {
    Segments segments;
    Offset limit;
    bool gaps = false;  // offsets may be missing: compacted or given up
    std::vector<AbortedTransaction> aborted;
  };
  Result<View> MakeView(Offset from, Offset to, bool committed) const;
  Status ReadSegment(Segment& segment, const View& view, Offset to, size_t bytes_max,
                     flow::RecordBlock& block);
  DecodeLimits limits() const;

  // --- compaction (compaction.cc drives it)
  Status ReplaceSegment(Offset base, const std::string& clean_path, const Segment::Extent& extent);

  PartitionContext& context_;
  const TopicPartition at_;
  const std::string folder_;

  mutable std::mutex mutex_;
  TopicSpec spec_;
  Status status_;
  Segments segments_;  // by base offset; the last one is active (none: nothing appended yet)
  Offset start_;
  Offset end_;
  Offset synced_end_;
  Offset data_end_;               // found at opening: may count markers, which are durable then
  uint64_t synced_position_ = 0;  // in the active segment
  TimestampMs last_timestamp_{INT64_MIN};
  ProducerTable producers_;
  std::vector<std::pair<Producer, bool>> pending_markers_;
  Offset cleaned_;
  std::vector<LostRange> lost_;
  Offset checkpointed_;  // `recovery` of the stored checkpoint
  uint64_t bytes_since_checkpoint_ = 0;
  std::function<void()> notify_;

  // The sync turn: one thread syncs, the others wait for it.
  mutable std::condition_variable synced_;
  bool syncing_ = false;
  std::mutex care_mutex_;  // one retention, compaction or checkpoint at a time
};

}  // namespace millrace::log
