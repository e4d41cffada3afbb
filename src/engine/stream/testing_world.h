// FakeWorld: everything a streaming query runs on, in memory, that can die at any step.
//
//   FakeWorld world;
//   world.topic("in").Append(0, "key", R"({"id":"a"})", /*timestamp_ms=*/1000);
//   world.crash.After(17);                       // the 17th step and all behind it fail
//   auto query = StreamingQuery::Start(spec, world.World());
//   ...
//   world.Reboot(random);                        // what was not durable is gone
//
// A step is a point before or after an effect: of the intent log, of a sink's commit, of the store.
// After a crash nothing has effects any more. The store keeps committed and flushed content apart,
// the intent log appended and synced records.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/stream/spec.h"
#include "flow/dead_letter.h"

namespace millrace::engine::testing {

class CrashPoint {
 public:
  // The process dies at step number `steps` from now; negative: never.
  void After(int64_t steps) { left_ = steps; }
  bool dead() const { return left_ == 0; }
  // kIo once dead.
  Status Pass();

 private:
  std::atomic<int64_t> left_ = -1;
};

// Wall and monotonic clock in one, moved by hand; sleepers are woken by real time every 2 ms.
class FakeTime final : public TimeSource {
 public:
  TimestampUs Now() override { return TimestampUs(now_us_); }
  int64_t MonotonicNs() override { return now_us_ * 1000; }
  void WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
               std::chrono::nanoseconds timeout) override;
  void Advance(std::chrono::microseconds by) { now_us_ += by.count(); }

 private:
  std::atomic<int64_t> now_us_ = 1'700'000'000'000'000;
};

class FakeTopic final : public flow::Source {
 public:
  FakeTopic(std::string name, int32_t partitions) : name_(std::move(name)), logs_(partitions) {}

  void Append(int32_t partition, std::optional<std::string> key, std::optional<std::string> value,
              int64_t timestamp_ms);
  // Leaves an offset without record, as a control record does.
  void Skip(int32_t partition);
  size_t records() const;

  const std::string& topic() const override { return name_; }
  int32_t partition_count() const override { return static_cast<int32_t>(logs_.size()); }
  // Whether the partition has records that cannot be read yet.
  void SetPending(int32_t partition, bool pending);

  Result<flow::OffsetRange> Readable(PartitionId partition) override;
  Result<std::vector<flow::PartitionCut>> Cut() override;
  Result<flow::RecordBlock> Read(PartitionId partition, Offset from, Offset to,
                                 size_t bytes_max) override;
  bool WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) override;
  void Wake() override;

 private:
  struct Record {
    int64_t offset;
    int64_t timestamp_ms;
    std::optional<std::string> key;
    std::shared_ptr<std::string> value;  // with padding behind it
    size_t value_size;
  };
  struct PartitionLog {
    std::vector<Record> records;
    int64_t end = 0;
    bool pending = false;
  };
  bool BeyondLocked(std::span<const Offset> seen) const;

  std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  uint64_t wakes_ = 0;
  std::vector<PartitionLog> logs_;
};

class FakeTopics final : public flow::TransactionalWriter {
 public:
  explicit FakeTopics(CrashPoint& crash) : crash_(crash) {}
  Result<std::unique_ptr<flow::Transaction>> Begin(const std::string& owner) override;
  Result<std::optional<flow::CommitTag>> LastCommitted(const std::string& owner) override;

  std::vector<flow::OutRecord> records(const std::string& topic) const;
  // Commits answer kResourceExhausted this many times before they go through.
  void RefuseCommits(int count) { refusals_ = count; }

 private:
  friend class FakeTransaction;
  CrashPoint& crash_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<flow::OutRecord>> topics_;
  std::map<std::string, flow::CommitTag> tags_;
  std::atomic<int> refusals_ = 0;
};

// (table, key) -> (write time, row as text). The key is the first `key_columns` columns, of which
// the first must not be NULL.
using FakeTables = std::map<std::pair<std::string, std::string>, std::pair<int64_t, std::string>>;

class FakeTableWriter final : public flow::TableWriter {
 public:
  FakeTableWriter(std::string table, size_t key_columns)
      : table_(std::move(table)), key_columns_(key_columns) {}
  Result<std::unique_ptr<flow::EncodedRows>> Encode(const data::Batch& batch,
                                                    std::span<const int64_t> write_us,
                                                    data::RowErrors& errors) const override;

 private:
  std::string table_;
  size_t key_columns_;
};

class FakeStore final : public flow::StateStore {
 public:
  explicit FakeStore(CrashPoint& crash) : crash_(crash) {}
  Result<flow::Progress> LoadProgress(const std::string& query) override;
  Status ScanState(
      const std::string& query, uint32_t operator_id,
      const std::function<bool(uint8_t, std::string_view, std::string_view)>& visit) override;
  Result<std::optional<std::string>> GetState(const std::string& query, uint32_t operator_id,
                                              uint8_t key_group, std::string_view key) override;
  Status Commit(flow::EpochWrite write) override;
  Result<flow::Progress> FlushedProgress(const std::string& query) override;
  Status Flush() override;
  Status DropQuery(const std::string& query) override;

  FakeTables tables() const;
  size_t state_entries() const;
  // Every n-th commit is followed by a flush; 0: only Flush().
  void FlushEvery(int commits) { flush_every_ = commits; }
  // Goes back to what was flushed.
  void LoseUnflushed();

 private:
  using StateKey = std::tuple<std::string, uint32_t, uint8_t, std::string>;
  struct Content {
    FakeTables tables;
    std::map<StateKey, std::string> state;
    std::map<std::string, flow::Progress> progress;
  };
  CrashPoint& crash_;
  mutable std::mutex mutex_;
  Content live_;
  Content flushed_;
  int flush_every_ = 0;
  int commits_ = 0;
};

class FakeIntents final : public IntentLog {
 public:
  explicit FakeIntents(CrashPoint& crash) : crash_(crash) {}
  Result<IntentTicket> Append(const flow::EpochIntent& intent) override;
  Status Await(IntentTicket ticket) override;
  Status StoreDefinition(const StoredDefinition& definition) override;
  Result<StoredIntents> Load(const std::string& query) override;
  std::vector<std::string> Queries() override;
  Status Truncate(const std::string& query, EpochId through) override;
  Status Drop(const std::string& query) override;

  // Every intent there ever was that survived, truncated or not: the oracle of window tests.
  std::vector<flow::EpochIntent> history() const;
  // Of the records not awaited, the first `kept` survive.
  void LoseUnsynced(size_t kept);
  size_t unsynced() const;

 private:
  CrashPoint& crash_;
  mutable std::mutex mutex_;
  std::vector<std::string> records_;
  size_t synced_ = 0;
  std::map<std::string, EpochId> truncated_;
};

struct FakeWorld {
  CrashPoint crash;
  FakeTime time;
  FakeTopics topics{crash};
  FakeStore store{crash};
  FakeIntents intents{crash};
  std::map<std::string, std::unique_ptr<FakeTopic>> sources;
  LookupOpener lookups;

  FakeTopic& AddTopic(const std::string& name, int32_t partitions);
  FakeTopic& topic(const std::string& name) { return *sources.at(name); }
  QueryWorld World();
  // The process is gone and comes back; `chance` decides how many unsynced intents survived.
  void Reboot(uint64_t chance);
  std::vector<flow::DeadLetter> DeadLetters(const std::string& name) const;
};

// "users.in/0@17#0 parse MALFORMED_JSON", without epoch and message, sorted.
std::vector<std::string> Summaries(const std::vector<flow::DeadLetter>& letters);

}  // namespace millrace::engine::testing
