// SchedulerCore: the state behind Scheduler, and the threads that drive it. Private to
// src/schedule.
//
// How it works
//   Everything is decided in memory, under one mutex, by whoever brings the news: a worker whose
//   try ended, a command, the loop thread when a time has come. Decisions are recorded in `batch_`:
//   the changes, and the tries that may start once they are durable. The loop thread takes the
//   batch, writes it in one transaction without the mutex, and then hands its tries to the workers.
//   What is decided meanwhile goes into the next batch: commits are shared without waiting for
//   company.
//
// Lock order: mutex_ before BufferedTryLog's own and before the database's. Reads of the database
// under mutex_ are few (rare commands, dates that may exist already). Tasks, the TryResolver (but
// for Recover) and commits run without it.
//
// Files: scheduler_core.cc (threads, commits, slots), _runs.cc (runs and tries), _due.cc
// (timetables and backfills), _recovery.cc (what a process left), _commands.cc (what people ask
// for).
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "schedule/change_set.h"
#include "schedule/ready_queue.h"
#include "schedule/run_store.h"
#include "schedule/scheduler.h"
#include "schedule/trigger_rule.h"
#include "schedule/try_log.h"

namespace millrace::schedule {

// Why a try's CancelToken was cancelled; the first reason counts.
enum class CancelReason { kNone, kTimedOut, kStopped, kCleared, kShutdown };

struct RunProgress;

// A try between the decision to start it and the record of its end.
struct LiveTry {
  std::shared_ptr<RunProgress> run;
  size_t task = 0;
  TryRecord record;
  CancelToken cancel;
  CancelReason reason = CancelReason::kNone;  // guarded by SchedulerCore::mutex_
  std::optional<int64_t> deadline_ns;
  std::unique_ptr<BufferedTryLog> log;
};

struct TaskProgress {
  TaskInstanceRecord record;
  std::shared_ptr<LiveTry> live;  // may be of an older generation
};

struct DagProgress {
  DagProgress(Dag taken, DagRecord kept) : dag(std::move(taken)), record(std::move(kept)) {}
  Dag dag;
  DagRecord record;
  TimestampUs live_since;  // due times up to here are missed ones: the catch-up policy decides
  std::optional<TimestampUs> next_due;
  bool waits_for_room = false;           // a missed due time; looked at again when a run ends
  TimestampUs greatest_date{INT64_MIN};  // of all its runs
  int active_runs = 0;                   // running, backfills not counted
  std::deque<std::shared_ptr<RunProgress>> queued;
};

// A run that is queued or running, or whose end is not durable yet.
struct RunProgress {
  RunRecord record;
  DagProgress* dag = nullptr;
  std::vector<TaskProgress> tasks;  // as in the Dag
  size_t unfinished = 0;
  size_t live_tries = 0;
};

struct BackfillProgress {
  BackfillRecord record;
  DagProgress* dag = nullptr;
  int active_runs = 0;
};

class SchedulerCore {
 public:
  SchedulerCore(meta::Database& database, SchedulerOptions options);
  ~SchedulerCore();

  // Once, before any other function.
  Status TakeDags(std::vector<Dag> dags);
  Status Recover();

  Status Start();
  Status Drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit);

  Result<RunRecord> Trigger(const std::string& dag_id, TriggerRequest request);
  Result<int> Clear(const ClearRequest& request);
  Status CancelRun(const std::string& dag_id, const std::string& run_id);
  Status SetPaused(const std::string& dag_id, bool paused);
  Result<BackfillPlan> PlanBackfill(const BackfillRequest& request);
  Result<BackfillRecord> StartBackfill(const BackfillRequest& request);
  Status CancelBackfill(int64_t backfill_id);
  std::vector<DagInfo> ListDags();
  Result<DagInfo> GetDag(const std::string& dag_id);
  Result<std::vector<TimestampUs>> NextDue(const std::string& dag_id, size_t count);
  std::vector<PoolInfo> ListPools();
  SchedulerCounters Counters();
  Result<RunRecord> GetRun(const std::string& dag_id, const std::string& run_id);
  Result<std::vector<TaskInstanceRecord>> ListTaskInstances(const std::string& dag_id,
                                                            const std::string& run_id);
  Result<RunRecord> WaitForRun(const std::string& dag_id, const std::string& run_id,
                               std::chrono::milliseconds timeout);
  RunStore& store() { return store_; }

 private:
  using Lock = std::unique_lock<std::mutex>;
  using RunPtr = std::shared_ptr<RunProgress>;

  struct Batch {
    int64_t number = 1;
    ChangeSet changes;
    std::vector<std::shared_ptr<LiveTry>> starts;
    std::vector<RunPtr> ended;  // leave memory when durable, unless cleared meanwhile
  };
  struct Timer {
    enum class Kind { kRetry, kRunTimeout };
    Kind kind = Kind::kRetry;
    std::weak_ptr<RunProgress> run;
    size_t task = 0;
    Generation generation;
  };

  // Threads and commits (scheduler_core.cc). All functions below need mutex_, unless they say
  // otherwise.
  void Loop();
  void CommitBatch(Lock& lock);
  void OnDurable(Batch batch);
  void OnCommitFailed(Batch batch, const Error& error);
  void WaitForNews(Lock& lock);
  void RunTimers();
  void FillSlots();
  void FlushLogs();
  void Work();                                     // takes mutex_
  void RunTry(LiveTry& attempt);                   // without mutex_, but at the end
  Result<TaskOutcome> CallTask(LiveTry& attempt);  // without mutex_
  bool WasCommitted(const LiveTry& attempt);       // without mutex_
  void ArmLogFlush(LiveTry* attempt);              // takes mutex_
  Status WaitDurable(Lock& lock);
  Status CheckUsable() const;
  bool HasWorkInHand() const;

  // Runs and tries (scheduler_core_runs.cc).
  RunPtr NewRun(DagProgress& dag, RunType type, TimestampUs logical_date);
  RunPtr MakeProgress(RunRecord record, DagProgress& dag);
  void Enqueue(const RunPtr& run);
  void AdmitRuns(DagProgress& dag);
  void StartRun(const RunPtr& run);
  void Evaluate(const RunPtr& run, size_t task);
  void MakeReady(const RunPtr& run, size_t task);
  void FinishTask(const RunPtr& run, size_t task, TaskState state);
  void SettleRun(const RunPtr& run);
  void StopRun(const RunPtr& run, std::string_view reason);
  void StartTry(const RunPtr& run, size_t task);
  void KeepWarning(const LiveTry& attempt, const std::string& warning);
  void OnTryEnded(LiveTry& attempt, const Result<TaskOutcome>& result, bool was_committed);
  void AfterFailure(const RunPtr& run, LiveTry& attempt, const Error& error);
  void RetryAt(const RunPtr& run, size_t task, TimestampUs at);
  void CancelTry(LiveTry& attempt, CancelReason reason);
  void PutRun(const RunProgress& run) { batch_.changes.Put(run.record); }
  void PutTask(const RunProgress& run, size_t task) {
    batch_.changes.Put(run.record.run_key, run.tasks[task].record);
  }
  void ArmRunTimeout(const RunPtr& run);
  int ClearTasks(const RunPtr& run, const std::vector<size_t>& tasks);
  void Reopen(const RunPtr& run);

  // Timetables and backfills (scheduler_core_due.cc).
  void RunDueTimes(DagProgress& dag, TimestampUs now);
  bool RunMissed(DagProgress& dag, TimestampUs due);
  void RunLive(DagProgress& dag, TimestampUs due);
  void Skip(DagProgress& dag, TimestampUs due);
  bool HasRun(DagProgress& dag, TimestampUs date);
  std::optional<TimestampUs> NextDueOf(const DagProgress& dag, TimestampUs after) const;
  void AdvanceBackfills();
  void AdvanceBackfill(BackfillProgress& backfill);
  bool BackfillDate(BackfillProgress& backfill, TimestampUs date);

  // Recovery (scheduler_core_recovery.cc); before Start, without mutex_.
  Status RecoverRun(const RunRecord& record, DagProgress& dag);
  Status RecoverTries(const RunPtr& run);
  void ResolveTry(const RunPtr& run, TryRecord attempt, bool was_committed);
  Result<RunPtr> LoadRun(const RunRecord& record, DagProgress& dag);
  void ResumeRun(const RunPtr& run);
  Status RecoverBackfills();

  // Commands (scheduler_core_commands.cc).
  Result<DagProgress*> FindDag(const std::string& dag_id);
  Result<RunPtr> FindOrLoadRun(const std::string& dag_id, const std::string& run_id);
  DagInfo InfoOf(const DagProgress& dag) const;
  TimestampUs FreeDate(DagProgress& dag, TimestampUs wanted);
  Status CheckBackfill(const BackfillRequest& request, const DagProgress& dag) const;

  meta::Database& database_;
  RunStore store_;
  const SchedulerOptions options_;
  io::Clock& clock_;

  std::mutex mutex_;
  // Guarded by mutex_ from here on.
  io::SeededRandom random_;
  std::map<std::string, DagProgress, std::less<>> dags_;
  std::unordered_map<int64_t, RunPtr> runs_;       // by run_key
  std::map<int64_t, BackfillProgress> backfills_;  // those that are running
  ReadyQueue ready_;
  std::vector<std::pair<RunPtr, size_t>> newly_ready_;  // not yet written as "scheduled"
  std::unordered_set<LiveTry*> live_tries_;
  std::multimap<TimestampUs, Timer> timers_;
  std::multimap<int64_t, std::weak_ptr<LiveTry>> deadlines_;  // by monotonic ns
  std::unordered_set<LiveTry*> logs_to_flush_;
  std::optional<TimestampUs> flush_logs_at_;
  std::optional<TimestampUs> purge_at_;
  Batch batch_;
  int64_t durable_number_ = 0;  // batches up to this one are on stable storage
  bool batch_in_flight_ = false;
  std::optional<TimestampUs> stalled_until_;  // the disk is full or the database locked
  std::optional<Error> fatal_;
  bool started_ = false;
  bool draining_ = false;
  bool stopping_ = false;
  int free_workers_ = 0;
  int64_t next_run_key_ = 1;
  int64_t next_backfill_id_ = 1;
  SchedulerCounters counters_;
  std::deque<std::shared_ptr<LiveTry>> work_;  // bounded by the number of workers

  std::condition_variable news_;       // for the loop thread
  std::condition_variable work_wake_;  // for the workers
  std::condition_variable durable_;    // for commands and waiters
  std::thread loop_;
  std::vector<std::thread> workers_;
};

}  // namespace millrace::schedule
