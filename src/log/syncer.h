// Syncer: group commit. Threads that turn appended bytes into durable ones, a partition at a time,
// several partitions side by side; who waits helps.
//
//   syncer.Request(partition);            // soon
//   MR_TRY(syncer.Wait({{partition, end}}));  // now: one sync serves all who wait for the
//   partition
//
// Invariants
//   1. A requested partition is synced as long as the threads live; with no threads (tests), only
//      Wait syncs, in the caller's thread, so the order of operations is the same every time.
//   2. The queue holds a partition at most once: it is bounded by the number of partitions.
//
// Thread contract: every function from any thread; the destructor after the last of them.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "log/partition.h"

namespace millrace::log {

class Syncer {
 public:
  explicit Syncer(int threads);
  ~Syncer();

  void Request(const std::shared_ptr<Partition>& partition);

  struct Target {
    std::shared_ptr<Partition> partition;
    Offset end;
  };
  // Returns when everything before each target's end is durable.
  Status Wait(std::span<const Target> targets);

 private:
  void Run();
  // The next partition to sync, or nullptr at the end of the threads' life.
  std::shared_ptr<Partition> Next();

  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::shared_ptr<Partition>> queue_;
  std::set<const Partition*> queued_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::log
