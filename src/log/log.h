// Log: the embedded durable log. Topics of partitions of Kafka record batches v2, on disk exactly
// as on the wire (docs/formats/log-segment.md).
//
//   MR_ASSIGN(auto log, Log::Open({.folder = "data/log"}, io::PosixFileSystem(),
//   io::SystemClock())); MR_TRY(log->CreateTopic({.name = "users_raw", .partitions = 4}));
//   MR_TRY(log->Append("users_raw", PartitionId(0), records));          // durable when it returns
//   MR_ASSIGN(auto ticket, log->AppendAsync("users_raw", PartitionId(1), records));
//   MR_TRY(log->Wait(ticket));                                          // the sync overlapped work
//   MR_ASSIGN(auto transaction, log->transactions().Begin("dag/users/fetch/2026-01-01T00:00:00Z"));
//   MR_ASSIGN(auto source, log->OpenSource("users_raw"));
//
// Invariants
//   1. What Append or Commit acknowledged is on stable storage (durability kSync), is read again
//      with the same offset for ever, until retention, compaction or DeleteRecords take it.
//   2. Readers see only what is synced and, read-committed, what is decided; both limits never
//      go back, also not over a crash.
//   3. LogAppendTime never goes back within a partition.
//   4. A failed sync ends the log: `on_fatal` is called once, every later call fails.
//   5. Damage is never served: the partition closes with kDamaged, naming file and byte.
//
// Thread contract: every function from any thread. Sources and transactions must go before the log.
// Errors: kNotFound no such topic or partition; kResourceExhausted disk budget or disk full;
// kDamaged; kIo; kConflict fenced producer.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "flow/source.h"
#include "flow/transaction.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "log/metrics.h"
#include "log/producer_state.h"
#include "log/types.h"

namespace millrace::log {

class Log {
 public:
  // Recovers: cuts torn tails, completes decided transactions, aborts undecided ones. A damaged
  // partition does not stop it (see DamagedPartitions). kUnavailable: another process has it.
  static Result<std::unique_ptr<Log>> Open(LogOptions options, io::FileSystem& fs,
                                           io::Clock& clock);
  // Waits for what was appended to be durable and leaves a checkpoint.
  ~Log();

  // --- topics. Durable when they return.
  Status CreateTopic(TopicSpec spec);
  // All of them or none, with fewer syncs than one by one.
  Status CreateTopics(std::span<const TopicSpec> specs);
  // Changes settings of an existing topic; the partition count may only grow.
  Status AlterTopic(const TopicSpec& spec);
  Status DeleteTopic(const std::string& name);
  Result<TopicInfo> FindTopic(const std::string& name) const;
  std::vector<TopicInfo> Topics() const;

  // --- writing
  Result<AppendTicket> Append(const std::string& topic, PartitionId partition,
                              std::span<const flow::OutRecord> records);
  Result<AppendTicket> AppendAsync(const std::string& topic, PartitionId partition,
                                   std::span<const flow::OutRecord> records);
  // One encoded batch, as a Kafka producer sends it: validated (checksum, count, sequence), then
  // offsets and LogAppendTime are set. kInvalidArgument: malformed; kConflict: fenced epoch or out
  // of sequence.
  Result<AppendTicket> AppendBatchAsync(const std::string& topic, PartitionId partition,
                                        std::string batch);
  // Returns when the append is durable.
  Status Wait(const AppendTicket& ticket);
  Status WaitAll(std::span<const AppendTicket> tickets);
  // Everything appended so far is durable when it returns; the store calls it before it flushes.
  Status Flush();

  flow::TransactionalWriter& transactions();
  // The newest commit tag of every owner is remembered (LastCommitted) until whoever knows that
  // nobody will ask for it again forgets it: memory and `__transactions` grow with the owners.
  size_t TransactionOwnerCount() const;
  // The one that committed longest ago first.
  std::vector<RememberedTag> CommitTags() const;
  // Forgets those that are still their owner's newest and whose owner has no transaction open. A
  // crash soon after may bring some back.
  Status ForgetCommitTags(std::span<const RememberedTag> tags);
  // A producer id that was never used before, with epoch 0 (Kafka's InitProducerId).
  Result<Producer> NewProducer();

  // --- reading
  Result<std::unique_ptr<flow::Source>> OpenSource(const std::string& topic);
  Result<PartitionOffsets> Offsets(const std::string& topic, PartitionId partition) const;
  // The first offset whose record's timestamp is at or after `at`; the end of what is readable when
  // there is none.
  Result<Offset> OffsetForTime(const std::string& topic, PartitionId partition, TimestampMs at);
  // Whole batches as they are on disk, read-uncommitted, from the one that holds `from`, for the
  // Kafka protocol; empty at the high watermark.
  struct RawBatches {
    std::string bytes;
    std::vector<AbortedTransaction> aborted;  // that touch the range
  };
  Result<RawBatches> ReadRaw(const std::string& topic, PartitionId partition, Offset from,
                             size_t bytes_max);

  // --- retention
  // Retention, compaction and DeleteRecords keep what lies at or behind `offset`; one pin per
  // (name, partition). Pins are not stored: set them before the first maintenance.
  void SetPin(const std::string& name, const TopicPartition& at, Offset offset);
  void DropPins(const std::string& name);
  // Records before `before` are readable no longer, durably. kConflict when a pin lies before it.
  Status DeleteRecords(const std::string& topic, PartitionId partition, Offset before);
  // One round of retention, compaction and checkpoints.
  Status RunMaintenance();
  uint64_t DiskBytes() const;
  LogMetrics Metrics() const;
  std::vector<LostRange> LostRanges() const;

  // --- care
  struct Damage {
    TopicPartition at;
    Error error;
  };
  std::vector<Damage> DamagedPartitions() const;
  // A copy that Open can open, of everything durable now: closed segments are hard-linked, of the
  // open ones the synced part is copied. `target` must not exist.
  Status Checkpoint(const std::string& target);

 private:
  class Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::log
