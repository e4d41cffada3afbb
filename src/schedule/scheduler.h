// Scheduler: starts the runs of DAGs when they are due or asked for, runs their tasks in order on
// worker threads, tries again what failed, and keeps every state in the metadata database.
//
//   // Open resolves what a crash left.
//   MR_ASSIGN(auto scheduler, Scheduler::Open(database, dags, options));
//   MR_TRY(scheduler->Start());
//   MR_ASSIGN(RunRecord run, scheduler->Trigger("users", {.conf_json = R"({"pages": 3})"}));
//   MR_TRY(scheduler->Drain(5s, 30s));
//
// Invariants
//   1. A state is on stable storage before anything that follows from it happens: a try's "running"
//      before its task runs, a task's success before a task after it starts, a run before its first
//      task, the answer of every command before it returns. Changes of many runs share a commit.
//   2. One run per DAG and logical date, whatever happens; a due time is handled once: its run and
//      the DAG's cursor are written in one transaction.
//   3. One try of a task instance at a time. Clear and backfill raise the generation; a try of an
//      older generation changes nothing but its own record.
//   4. A task instance whose try did not end well is only declared failed after the TryResolver
//      said that nothing was committed.
//   5. A run fails when one of its last tasks (those with none after them) is failed or
//      upstream_failed, and succeeds otherwise, as in Airflow.
//   6. Memory follows active runs only: they are bounded by max_active_runs and the queues of each
//      DAG.
//
// Pausing stops the timetable. Runs that exist go on, and runs can be started by hand.
//
// Not possible: ending a task that ignores its CancelToken. Its slot stays taken until it returns.
//
// Thread contract: every function from any thread; commands wait for one commit (some
// milliseconds).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/clock.h"
#include "meta/database.h"
#include "schedule/dag.h"
#include "schedule/records.h"
#include "schedule/task.h"

namespace millrace::schedule {

// Limits how many tries of the tasks that name it run at the same time.
struct PoolSpec {
  std::string name;
  int slots = 1;  // 1-10,000
};

// Tries of backfill runs take their slots here, so that they do not starve live runs.
inline constexpr std::string_view kBackfillPool = "backfill_pool";

struct SchedulerOptions {
  io::Clock* clock = &io::SystemClock();
  uint64_t random_seed = io::SystemSeed();  // of retry jitter
  int workers = 16;                         // tries at the same time, over all pools; 1-1,000
  // default_pool (128 slots) and backfill_pool (4) are there unless given.
  std::vector<PoolSpec> pools = {};
  // How often in a row a try may die with the process before its task instance fails: a task that
  // ends the process must not do so for ever.
  int interruptions_max = 5;
  // Finished runs older than this are removed with their tries and lines, from time to time; 0:
  // never.
  std::chrono::hours keep_finished{24 * 30};
  TaskFactory factory;
  TryResolver resolver;
  // The database failed for good: nothing is started any more; the owner ends the process. Must not
  // call the scheduler.
  std::function<void(const Error&)> on_fatal = {};
};

struct TriggerRequest {
  std::string conf_json = "{}";                  // a JSON object, at most 64 KiB; not parsed here
  std::string run_id = {};                       // "": manual__<logical date>
  std::optional<TimestampUs> logical_date = {};  // nullopt: now
};

struct ClearRequest {
  std::string dag_id;
  std::string run_id;
  std::vector<std::string> task_ids = {};  // empty: all
  bool downstream = true;                  // also every task after them
  bool only_failed = false;                // of these, only those failed or upstream_failed
};

struct BackfillRequest {
  std::string dag_id;
  TimestampUs from;  // due times in [from, to]; `to` at most now
  TimestampUs to;
  int parallelism = 1;  // runs at the same time; 1-100
  Reprocess reprocess = Reprocess::kNone;
  std::string conf_json = "{}";
};

// What a backfill would do.
struct BackfillPlan {
  int64_t due_count = 0;                 // logical dates in the range; at most 100,000 are allowed
  int64_t existing_count = 0;            // of these, with a run
  int64_t run_count = 0;                 // runs it would start
  std::vector<TimestampUs> first_dates;  // the first 10
};

struct DagInfo {
  DagRecord record;
  std::optional<TimestampUs> next_due;  // also while paused
  int64_t missed_count = 0;             // due times since the cursor, counted up to 1,000
  int active_runs = 0;
  int queued_runs = 0;
};

struct PoolInfo {
  std::string name;
  int slots = 0;
  int used_slots = 0;
  int waiting = 0;  // task instances
};

// Counters since Open, for metrics.
struct SchedulerCounters {
  int64_t runs_started = 0;
  int64_t runs_succeeded = 0;
  int64_t runs_failed = 0;
  int64_t tries_started = 0;
  int64_t tries_failed = 0;
  int64_t tries_interrupted = 0;
  int64_t due_skipped = 0;
  int64_t commits = 0;
};

class SchedulerCore;

class Scheduler {
 public:
  // Migrates the database, takes up the runs it holds and resolves tries that died. Starts nothing
  // yet. kInvalidArgument: two DAGs of one name, an unknown pool, a task wider than its pool.
  // Errors of the database and of the TryResolver are passed on. DAGs of the database that are not
  // given rest. `database` must outlive the scheduler.
  static Result<std::unique_ptr<Scheduler>> Open(meta::Database& database, std::vector<Dag> dags,
                                                 SchedulerOptions options);
  // Drains without patience when Drain was not called; waits for tasks that are running.
  ~Scheduler();

  Status Start();
  // Starts nothing new from now on. Running tries may end within `grace`, then they are cancelled
  // and may take until `limit` (counted from the call). kTimeout: some are still running; they stay
  // "running" in the database and the next start resolves them.
  Status Drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit);

  // kAlreadyExists: the run id or the logical date is taken. kResourceExhausted: 1,000 runs are
  // queued.
  Result<RunRecord> Trigger(const std::string& dag_id, TriggerRequest request);
  // Runs the tasks again, under a raised generation; the number of task instances cleared. A
  // running try of them is cancelled first.
  Result<int> Clear(const ClearRequest& request);
  // Cancels what runs, skips what has not started; the run fails. kConflict: it is finished.
  Status CancelRun(const std::string& dag_id, const std::string& run_id);
  Status SetPaused(const std::string& dag_id, bool paused);

  Result<BackfillPlan> PlanBackfill(const BackfillRequest& request);
  Result<BackfillRecord> StartBackfill(const BackfillRequest& request);
  // Starts no further runs; those under way go on.
  Status CancelBackfill(int64_t backfill_id);
  Result<std::vector<BackfillRecord>> ListBackfills(const std::string& dag_id);

  // Sorted by id.
  std::vector<DagInfo> ListDags();
  Result<DagInfo> GetDag(const std::string& dag_id);
  Result<std::vector<TimestampUs>> NextDue(const std::string& dag_id, size_t count);
  std::vector<PoolInfo> ListPools();
  SchedulerCounters Counters();

  // `limit` 1-1,000. What was committed; a command's changes are there when it returns.
  Result<RunPage> ListRuns(const RunFilter& filter, int64_t limit, int64_t offset);
  Result<RunRecord> GetRun(const std::string& dag_id, const std::string& run_id);
  // In the DAG's order; tasks that were never reached are kNone.
  Result<std::vector<TaskInstanceRecord>> ListTaskInstances(const std::string& dag_id,
                                                            const std::string& run_id);
  Result<std::vector<TryRecord>> ListTries(const std::string& dag_id, const std::string& run_id,
                                           const std::string& task_id);
  // Lines from number `from` (1 is the first) on. A running try's lines are there within 0.2 s.
  Result<std::vector<LogLine>> ReadLog(const std::string& dag_id, const std::string& run_id,
                                       const std::string& task_id, int try_number, int64_t from,
                                       int64_t limit);
  // Task instances of all queued and running runs, also of DAGs that are not given, as they are on
  // stable storage: for any other instance the TryResolver will not be asked.
  Result<std::vector<TaskKey>> UnfinishedInstances();
  // Waits until the run is finished; kTimeout (real time).
  Result<RunRecord> WaitForRun(const std::string& dag_id, const std::string& run_id,
                               std::chrono::milliseconds timeout);

 private:
  explicit Scheduler(std::unique_ptr<SchedulerCore> core);
  std::unique_ptr<SchedulerCore> core_;
};

}  // namespace millrace::schedule
