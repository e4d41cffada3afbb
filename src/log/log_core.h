// LogCore: the topics and partitions behind Log, shared by transactions, sources and maintenance.
//
// Invariants
//   1. The catalog on disk names a topic only when its folders are durable; it forgets a topic
//      before its folder goes.
//   2. A partition stays usable through its shared_ptr after its topic went: it answers kNotFound.
//
// Thread contract: every function from any thread. Lock order: topics_mutex_ before a partition's.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/file_system.h"
#include "log/partition.h"
#include "log/syncer.h"
#include "log/topic_catalog.h"
#include "log/types.h"

namespace millrace::log {

// Wakes those who wait for new records of a topic.
class Notifier {
 public:
  void Notify();
  // Waits until `ready` holds, Wake() was called after the call began, or time is up; true: ready.
  template <typename Ready>
  bool WaitUntil(io::Clock& clock, std::chrono::nanoseconds timeout, const uint64_t& wakes,
                 Ready ready);
  std::mutex& mutex() { return mutex_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct Topic {
  TopicInfo info;
  std::vector<std::shared_ptr<Partition>> partitions;
  std::shared_ptr<Notifier> notifier = std::make_shared<Notifier>();
};

class LogCore {
 public:
  LogCore(LogOptions options, io::FileSystem& fs, io::Clock& clock);
  ~LogCore();

  // Takes the lock of the folder, reads the catalog and opens every partition.
  Status Open();

  // All of them or none; the more at once, the fewer syncs.
  Status CreateTopics(std::span<const TopicSpec> specs);
  Status AlterTopic(const TopicSpec& spec);
  Status DeleteTopic(const std::string& name);
  // A snapshot: it does not change when the topic does.
  Result<std::shared_ptr<const Topic>> FindTopic(const std::string& name) const;
  Result<std::shared_ptr<Partition>> FindPartition(const std::string& topic,
                                                   PartitionId partition) const;
  std::vector<std::shared_ptr<const Topic>> Topics() const;
  std::vector<std::shared_ptr<Partition>> Partitions() const;
  Result<Producer> NewProducer();
  TopicCatalog catalog() const;

  // kInvalidArgument for a record that no batch could hold.
  Status CheckRecord(const flow::OutRecord& record) const;
  // kResourceExhausted when `bytes` more would pass the disk budget.
  Status CheckBudget(uint64_t bytes);
  void CountAppended(uint64_t bytes) { disk_bytes_ += bytes; }
  uint64_t RecountDiskBytes();
  // Syncs every partition.
  Status Flush();

  const LogCounters& counters() const { return counters_; }
  Syncer& syncer() { return *syncer_; }
  // Held alone while the markers of one transaction are appended, shared while the readable ends of
  // several partitions are asked: nobody sees half of it. Taken before any partition's lock; reads
  // do without.
  std::shared_mutex& publishing() { return publishing_; }
  const LogOptions& options() const { return options_; }
  io::FileSystem& fs() { return fs_; }
  io::Clock& clock() { return clock_; }
  // kIo once a sync has failed.
  Status alive() const;

 private:
  std::string FolderOfTopic(const std::string& name) const;
  Status LoadCatalog();
  Status StoreCatalog(const TopicCatalog& catalog);
  Status FinishDeletions();
  // Makes the folders of partitions [first, count) durable within the topic's folder, which is
  // durable once the log's folder is synced.
  Status MakeFolders(const std::string& topic, int32_t first, int32_t count);
  Status ClearLeftovers(const std::string& topic);
  std::shared_ptr<Partition> OpenPartition(const Topic& topic, int32_t number);
  void Fatal(const Error& error);

  const LogOptions options_;
  io::FileSystem& fs_;
  io::Clock& clock_;
  LogCounters counters_;
  PartitionContext context_;
  std::unique_ptr<io::FileLock> folder_lock_;

  mutable std::mutex topics_mutex_;
  TopicCatalog catalog_;
  std::map<std::string, std::shared_ptr<const Topic>> topics_;
  int64_t next_producer_id_ = 0;
  int64_t producer_ids_end_ = 0;

  std::shared_mutex publishing_;
  std::atomic<uint64_t> disk_bytes_ = 0;
  std::atomic<bool> dead_ = false;
  std::unique_ptr<Syncer> syncer_;
};

template <typename Ready>
bool Notifier::WaitUntil(io::Clock& clock, std::chrono::nanoseconds timeout, const uint64_t& wakes,
                         Ready ready) {
  std::unique_lock lock(mutex_);
  const uint64_t wakes_before = wakes;
  const int64_t deadline = clock.MonotonicNs() + timeout.count();
  while (!ready()) {
    const int64_t left = deadline - clock.MonotonicNs();
    if (wakes != wakes_before || left <= 0) return false;
    clock.WaitFor(changed_, lock, std::chrono::nanoseconds(left));
  }
  return true;
}

}  // namespace millrace::log
