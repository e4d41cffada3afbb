// Driver: the thread that cuts epochs (DESIGN invariant 3): waits for records, decides the ranges,
// reads them, stores the intent, has the runner process them and hands the result to the committer.
//
// Life cycle: Make, Recover (re-runs stored intents on the caller's thread), then Run on a thread
// of its own until Stop or a failure.
//
// Thread contract: Stop and Wake from any thread; the rest from one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "engine/stream/arrival_watch.h"
#include "engine/stream/committer.h"
#include "engine/stream/epoch_runner.h"
#include "engine/stream/pacer.h"
#include "engine/stream/progress_board.h"
#include "engine/stream/spec.h"

namespace millrace::engine {

class Driver {
 public:
  // All outlive the driver.
  static Result<std::unique_ptr<Driver>> Make(const QuerySpec& spec, const QueryWorld& world,
                                              Committer& committer, ProgressBoard& board);

  // Re-runs the stored intents that the state has not reached. With `only_replay` it stops before
  // the first intent of another definition, else that is kConflict.
  Status Recover(bool only_replay);
  // Cuts epochs until Stop() or an error.
  Status Run();
  void Stop();
  void Wake();
  // Cuts an epoch whose watermark is at least this, also without records.
  void RaiseWatermark(int64_t at_least_us);

 private:
  // A partition as the driver sees it, beside its Position (same index).
  struct Reading {
    flow::Source* source = nullptr;
    Offset end;                  // readable, when last asked
    bool unread = true;          // had records then, readable or on their way
    int64_t quiet_since_ns = 0;  // when it last had
  };

  Driver(const QuerySpec& spec, const QueryWorld& world, Committer& committer,
         ProgressBoard& board);
  Status OpenLookups();

  // --- recovery
  Status CheckFirst(const flow::Progress& progress, const StoredIntents& stored,
                    bool only_replay) const;
  Status ReplayIntent(const flow::EpochIntent& intent);
  Status CheckStart(const flow::EpochIntent& intent) const;
  void LeaveTopics();

  // --- positions
  Status AddPartitions(bool is_new_query);
  Status AskReadable();
  void MarkIdle(int64_t now_ns);

  // --- live epochs
  // Waits until there is something to cut; false: stop.
  Result<bool> AwaitCut();
  bool HasRecords() const;
  bool IdlenessCloses(int64_t now_ns);
  int64_t NextWatermark() const;
  void Sleep(int64_t until_ns);
  void ArmWatch();
  Status CutEpoch();
  Result<bool> ReadLive(const std::vector<flow::Position>& start);
  Result<std::vector<LookupTablePtr>> CurrentLookups();
  void ForgetVersions(EpochId epoch, const std::vector<LookupTablePtr>& tables);
  EpochFrame FrameOf(EpochId epoch) const;

  const QuerySpec& spec_;
  const QueryWorld& world_;
  Committer& committer_;
  ProgressBoard& board_;
  const uint64_t definition_hash_;
  std::unique_ptr<EpochRunner> runner_;
  std::vector<std::shared_ptr<LookupSource>> lookups_;  // by number of the program

  EpochId epoch_;  // newest submitted
  int64_t watermark_us_ = flow::Position::kNoWatermark;
  std::vector<flow::Position> positions_;  // sorted by place
  std::vector<Reading> readings_;
  std::vector<Offset> ends_;  // of the epoch being read, by position
  Pacer pacer_;
  // Look-up versions that intents may still name, the oldest first: (first epoch, versions).
  std::deque<std::pair<EpochId, std::vector<uint64_t>>> versions_;

  std::atomic<int64_t> watermark_min_us_ = flow::Position::kNoWatermark;  // RaiseWatermark
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  bool stopping_ = false;
  std::unique_ptr<ArrivalWatch> watch_;  // last: its threads call Wake()
};

}  // namespace millrace::engine
