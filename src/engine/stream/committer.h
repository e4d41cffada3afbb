// Committer: the thread that commits epochs, one after the other (DESIGN invariant 3a, c, d):
// the intent is on stable storage, then each topic commits, last the store. While it commits epoch
// N the driver is at N+1, and waits in Submit until N is through.
//
// Sinks that say "wait" (disk budget reached, a peer away) are asked again with growing pauses
// until they take it or the query stops; any other failure ends the query.
//
// Thread contract: Submit, Drain and the destructor from the driver; the rest from any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/stream/epoch_runner.h"
#include "engine/stream/spec.h"

namespace millrace::engine {

// An epoch with everything to be committed.
struct ReadyEpoch {
  EpochOutput output;
  std::optional<IntentTicket> ticket;  // none: a replay, its intent is stored already
  int64_t cut_ns = 0;                  // monotonic, when the epoch was cut
  int64_t source_bytes = 0;
};

// What is told about a committed epoch.
struct CommittedEpoch {
  flow::Progress progress;
  uint64_t records_in = 0;
  uint64_t skipped = 0;
  std::vector<EpochOutput::Arrival> arrivals;
  TimestampUs done_at;  // when its rows could be read
  uint64_t rows_out = 0;
  uint64_t rejected = 0;
  uint64_t late = 0;
  uint64_t bytes_in = 0;
  size_t state_entries = 0;
  bool replayed = false;
  int64_t cut_ns = 0;
  int64_t commit_ns = 0;  // monotonic, when the commit began
  int64_t done_ns = 0;
};

class Committer {
 public:
  // Both outlive the committer. On its thread `done` is called after each epoch, `failed` once when
  // it gave up.
  Committer(const QuerySpec& spec, const QueryWorld& world,
            std::function<void(const CommittedEpoch&)> done, std::function<void()> failed);
  ~Committer();  // waits for the epoch under way
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Asks the sinks what they have; before the first Submit.
  Status Prepare();
  // The newest epoch that a sink has; 0: none.
  EpochId NewestCommitted() const;

  // Waits until the epoch before is committed; its failure is returned, and for ever after.
  Status Submit(ReadyEpoch epoch);
  // Waits until all is committed.
  Status Drain();
  // Gives up waiting for sinks that cannot take more: the epoch under way fails with kCancelled.
  void Cancel();
  std::optional<Error> Failure() const;

 private:
  // A topic and whose transactions go there.
  struct Sink {
    std::string owner;
    std::string topic;
    flow::TransactionalWriter* writer = nullptr;
    EpochId committed;
  };

  void Run();
  Status Commit(ReadyEpoch& epoch);
  Status CommitRecords(Sink& sink, EpochId epoch, const std::vector<flow::OutRecord>& records);
  Status TryCommit(Sink& sink, EpochId epoch, const std::vector<flow::OutRecord>& records);
  bool Pause(std::chrono::milliseconds pause);
  void TruncateIntents(int64_t now_ns);

  const QuerySpec& spec_;
  const QueryWorld& world_;
  std::function<void(const CommittedEpoch&)> done_;
  std::function<void()> failed_;
  std::vector<Sink> sinks_;  // the topic sinks, then dead letters, then late
  int64_t truncated_ns_ = 0;
  EpochId truncated_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;       // work came, or the end
  std::condition_variable committed_;  // the slot is free
  std::optional<ReadyEpoch> waiting_;
  bool busy_ = false;
  bool stopping_ = false;
  bool cancelled_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace millrace::engine
