// ProgressBoard: what is known of committed epochs: for metrics, and for those who wait until the
// query has come somewhere.
//
// Thread contract: every function from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "engine/stream/committer.h"
#include "engine/stream/metrics.h"

namespace millrace::engine {

class ProgressBoard {
 public:
  ProgressBoard(std::string query, const QueryWorld& world);

  // Where the query stands before its first epoch.
  void Set(const flow::Progress& progress);
  void Note(const CommittedEpoch& epoch);
  // What can be read now, by partition, so that lag can be told in seconds.
  void NoteReadable(const std::map<flow::TopicPartition, Offset>& ends);
  // The driver slept and worked for this long.
  void NoteTime(int64_t asleep_ns, int64_t busy_ns);
  // Nothing more will be committed: waiters return.
  void Close();

  // True once every partition has been committed up to its `ends`.
  bool AwaitPositions(const std::map<flow::TopicPartition, Offset>& ends,
                      std::chrono::nanoseconds timeout);
  // True once an epoch whose watermark is at least this was committed.
  bool AwaitWatermark(int64_t at_least_us, std::chrono::nanoseconds timeout);
  QueryMetrics Snapshot() const;

 private:
  static constexpr size_t kRecent = 512;
  bool ReachedLocked(const std::map<flow::TopicPartition, Offset>& ends) const;

  const std::string query_;
  const QueryWorld& world_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  flow::Progress progress_;
  QueryMetrics counts_;
  std::vector<int64_t> epoch_ns_;  // of recent epochs, a ring
  std::vector<int64_t> commit_ns_;
  size_t next_ = 0;
  Histogram epoch_seconds_;
  Histogram commit_seconds_;
  Histogram append_to_row_seconds_;
  double asleep_ns_ = 0;  // both fade over a few seconds
  double busy_ns_ = 0;
  std::map<flow::TopicPartition, int64_t> caught_up_ns_;  // when a partition last had no lag
};

}  // namespace millrace::engine
