#include "base/check.h"
#include "base/logging.h"
#include "schedule/civil.h"
#include "schedule/scheduler_core.h"

namespace millrace::schedule {
namespace {

constexpr size_t kErrorBytesMax = 4096;

// Errors that no further try can mend.
bool IsFinal(ErrorCode code) {
  return code == ErrorCode::kInvalidArgument || code == ErrorCode::kUnsupported ||
         code == ErrorCode::kConflict;
}

std::string_view ReasonText(CancelReason reason) {
  switch (reason) {
    case CancelReason::kNone:
      return "";
    case CancelReason::kTimedOut:
      return "timed out: ";
    case CancelReason::kStopped:
      return "the run was stopped: ";
    case CancelReason::kCleared:
      return "cleared: ";
    case CancelReason::kShutdown:
      return "interrupted by a shutdown: ";
  }
  return "";
}

}  // namespace

SchedulerCore::RunPtr SchedulerCore::MakeProgress(RunRecord record, DagProgress& dag) {
  auto run = std::make_shared<RunProgress>();
  run->record = std::move(record);
  run->dag = &dag;
  run->tasks.resize(dag.dag.size());
  run->unfinished = dag.dag.size();
  for (size_t i = 0; i < dag.dag.size(); ++i) {
    run->tasks[i].record.task_id = dag.dag.task(i).id;
    run->tasks[i].record.generation = Generation(run->record.first_generation);
  }
  return run;
}

SchedulerCore::RunPtr SchedulerCore::NewRun(DagProgress& dag, RunType type,
                                            TimestampUs logical_date) {
  RunRecord record;
  record.run_key = next_run_key_++;
  record.dag_id = dag.dag.id();
  record.run_id = fmt::format("{}__{}", Name(type), FormatUtc(logical_date));
  record.type = type;
  record.logical_date = logical_date;
  record.data_interval_end = logical_date;
  record.data_interval_start =
      dag.dag.spec().timetable.LastBefore(logical_date).value_or(logical_date);
  record.queued_at = clock_.Now();
  dag.greatest_date = std::max(dag.greatest_date, logical_date);
  RunPtr run = MakeProgress(std::move(record), dag);
  runs_.emplace(run->record.run_key, run);
  return run;
}

// Takes a new or reopened run into its DAG's queue, or starts it. Backfills have their own limit.
void SchedulerCore::Enqueue(const RunPtr& run) {
  run->record.state = RunState::kQueued;
  if (run->record.backfill_id != 0) {
    const auto backfill = backfills_.find(run->record.backfill_id);
    if (backfill != backfills_.end()) ++backfill->second.active_runs;
    StartRun(run);
    return;
  }
  run->dag->queued.push_back(run);
  AdmitRuns(*run->dag);
  if (run->record.state == RunState::kQueued) PutRun(*run);
}

void SchedulerCore::AdmitRuns(DagProgress& dag) {
  while (!dag.queued.empty() && dag.active_runs < dag.dag.spec().max_active_runs) {
    const RunPtr run = std::move(dag.queued.front());
    dag.queued.pop_front();
    ++dag.active_runs;
    StartRun(run);
  }
}

void SchedulerCore::StartRun(const RunPtr& run) {
  run->record.state = RunState::kRunning;
  run->record.started_at = clock_.Now();
  ++counters_.runs_started;
  PutRun(*run);
  ArmRunTimeout(run);
  for (size_t i = 0; i < run->tasks.size(); ++i) Evaluate(run, i);
  SettleRun(run);
}

void SchedulerCore::ArmRunTimeout(const RunPtr& run) {
  const auto timeout = run->dag->dag.spec().run_timeout;
  if (timeout.count() == 0) return;
  const int64_t timeout_us = std::chrono::microseconds(timeout).count();
  timers_.emplace(*run->record.started_at + timeout_us,
                  Timer{Timer::Kind::kRunTimeout, run, 0, Generation(0)});
}

// Asks the trigger rule of a task that waits.
void SchedulerCore::Evaluate(const RunPtr& run, size_t task) {
  TaskProgress& progress = run->tasks[task];
  if (progress.record.state != TaskState::kNone || progress.live != nullptr) return;
  if (!run->record.stop_reason.empty()) {
    FinishTask(run, task, TaskState::kSkipped);
    return;
  }
  const Dag& dag = run->dag->dag;
  UpstreamCounts counts;
  for (const size_t before : dag.upstream(task)) counts.Add(run->tasks[before].record.state);
  switch (Judge(dag.task(task).rule, counts)) {
    case Verdict::kWait:
      return;
    case Verdict::kRun:
      MakeReady(run, task);
      return;
    case Verdict::kSkip:
      FinishTask(run, task, TaskState::kSkipped);
      return;
    case Verdict::kUpstreamFailed:
      FinishTask(run, task, TaskState::kUpstreamFailed);
      return;
  }
}

void SchedulerCore::MakeReady(const RunPtr& run, size_t task) {
  const TaskSpec& spec = run->dag->dag.task(task);
  run->tasks[task].record.state = TaskState::kScheduled;
  run->tasks[task].record.retry_at.reset();
  const bool is_backfill = run->record.backfill_id != 0;
  const std::string pool = is_backfill ? std::string(kBackfillPool) : spec.pool;
  const int slots = std::min(spec.pool_slots, ready_.SlotsOf(pool));
  ready_.Add(pool, {spec.priority, run->record.logical_date, 0, run->record.run_key, task, slots});
  newly_ready_.emplace_back(run, task);
}

// Gives a task its final state and asks those after it, and so on.
void SchedulerCore::FinishTask(const RunPtr& run, size_t task, TaskState state) {
  TaskProgress& progress = run->tasks[task];
  MR_CHECK(!IsFinished(progress.record.state) && IsFinished(state), "a task finishes once");
  progress.record.state = state;
  progress.record.retry_at.reset();
  progress.record.ended_at = clock_.Now();
  --run->unfinished;
  PutTask(*run, task);
  for (const size_t next : run->dag->dag.downstream(task)) Evaluate(run, next);
}

void SchedulerCore::SettleRun(const RunPtr& run) {
  if (run->record.state != RunState::kRunning || run->unfinished > 0 || run->live_tries > 0) return;
  const Dag& dag = run->dag->dag;
  bool failed = !run->record.stop_reason.empty();
  for (size_t i = 0; i < dag.size(); ++i) {
    const TaskState state = run->tasks[i].record.state;
    const bool is_bad = state == TaskState::kFailed || state == TaskState::kUpstreamFailed;
    failed = failed || (dag.downstream(i).empty() && is_bad);
  }
  run->record.state = failed ? RunState::kFailed : RunState::kSuccess;
  run->record.ended_at = clock_.Now();
  ++(failed ? counters_.runs_failed : counters_.runs_succeeded);
  PutRun(*run);
  batch_.ended.push_back(run);
  if (failed)
    logging::Warning("run.failed", {{"dag", run->record.dag_id}, {"run", run->record.run_id}});
  if (run->record.backfill_id != 0) {
    const auto backfill = backfills_.find(run->record.backfill_id);
    if (backfill != backfills_.end()) --backfill->second.active_runs;
    return;
  }
  --run->dag->active_runs;
  run->dag->waits_for_room = false;
  AdmitRuns(*run->dag);
}

// Ends a run early: what runs is cancelled, what has not started is skipped. The reason is durable,
// so that a crash does not bring the run back to life.
void SchedulerCore::StopRun(const RunPtr& run, std::string_view reason) {
  run->record.stop_reason = reason;
  if (run->record.state == RunState::kQueued) {
    auto& queued = run->dag->queued;
    std::erase(queued, run);
    ++run->dag->active_runs;  // given back by SettleRun
    run->record.state = RunState::kRunning;
  }
  PutRun(*run);
  for (size_t i = 0; i < run->tasks.size(); ++i) {
    TaskProgress& progress = run->tasks[i];
    if (progress.live != nullptr) CancelTry(*progress.live, CancelReason::kStopped);
    const TaskState state = progress.record.state;
    if (state == TaskState::kScheduled) ready_.Remove(run->record.run_key, i);
    if (state == TaskState::kScheduled || state == TaskState::kUpForRetry)
      FinishTask(run, i, TaskState::kSkipped);
    else
      Evaluate(run, i);
  }
  SettleRun(run);
}

void SchedulerCore::StartTry(const RunPtr& run, size_t task) {
  TaskInstanceRecord& record = run->tasks[task].record;
  record.state = TaskState::kRunning;
  ++record.try_number;
  record.started_at = clock_.Now();
  record.ended_at.reset();
  auto attempt = std::make_shared<LiveTry>();
  attempt->run = run;
  attempt->task = task;
  attempt->record = {record.task_id,
                     record.try_number,
                     record.generation,
                     TryState::kRunning,
                     *record.started_at,
                     std::nullopt,
                     ""};
  LiveTry* const raw = attempt.get();
  attempt->log = std::make_unique<BufferedTryLog>(clock_, [this, raw] { ArmLogFlush(raw); });
  run->tasks[task].live = attempt;
  ++run->live_tries;
  --free_workers_;
  ++counters_.tries_started;
  live_tries_.insert(raw);
  PutTask(*run, task);
  batch_.changes.Put(run->record.run_key, attempt->record);
  batch_.starts.push_back(std::move(attempt));
}

void SchedulerCore::OnTryEnded(LiveTry& attempt, const Result<TaskOutcome>& result,
                               bool was_committed) {
  const RunPtr run = attempt.run;
  TaskProgress& progress = run->tasks[attempt.task];
  const TaskSpec& spec = run->dag->dag.task(attempt.task);
  const bool is_backfill_slot = run->record.backfill_id != 0;
  const std::string pool = is_backfill_slot ? std::string(kBackfillPool) : spec.pool;
  ready_.Release(pool, std::min(spec.pool_slots, ready_.SlotsOf(pool)));
  live_tries_.erase(&attempt);
  logs_to_flush_.erase(&attempt);
  --run->live_tries;

  const bool succeeded = result.has_value() || was_committed;
  const bool skipped = result && result->verdict == TaskOutcome::Verdict::kSkipped;
  TryRecord& record = attempt.record;
  record.ended_at = clock_.Now();
  record.state = TryState::kFailed;
  if (succeeded) record.state = skipped ? TryState::kSkipped : TryState::kSuccess;
  if (!result)
    record.error = fmt::format("{}{}", ReasonText(attempt.reason), result.error().ToString())
                       .substr(0, kErrorBytesMax);
  if (result && !result->warning.empty()) KeepWarning(attempt, result->warning);
  batch_.changes.AppendLog(run->record.run_key, record.task_id, record.try_number,
                           attempt.log->Take(true));
  batch_.changes.Put(run->record.run_key, record);

  const std::shared_ptr<LiveTry> keep = std::exchange(progress.live, nullptr);
  if (progress.record.generation != record.generation) {
    Evaluate(run, attempt.task);  // it was cleared and waited for this try to end
  } else if (succeeded) {
    FinishTask(run, attempt.task, skipped ? TaskState::kSkipped : TaskState::kSuccess);
  } else {
    AfterFailure(run, attempt, result.error());
  }
  SettleRun(run);
}

void SchedulerCore::KeepWarning(const LiveTry& attempt, const std::string& warning) {
  RunRecord& run = attempt.run->record;
  run.warning = warning.substr(0, kErrorBytesMax);
  PutRun(*attempt.run);
  logging::Warning("try.warning", {{"dag", run.dag_id},
                                   {"run", run.run_id},
                                   {"task", attempt.record.task_id},
                                   {"try", attempt.record.try_number},
                                   {"warning", run.warning}});
}

void SchedulerCore::AfterFailure(const RunPtr& run, LiveTry& attempt, const Error& error) {
  TaskInstanceRecord& record = run->tasks[attempt.task].record;
  const RetryPolicy& policy = run->dag->dag.task(attempt.task).retry;
  ++counters_.tries_failed;
  logging::Warning("try.failed", {{"dag", run->record.dag_id},
                                  {"run", run->record.run_id},
                                  {"task", record.task_id},
                                  {"try", record.try_number},
                                  {"error", attempt.record.error}});
  if (attempt.reason == CancelReason::kShutdown && run->record.stop_reason.empty()) {
    RetryAt(run, attempt.task, clock_.Now());
    return;
  }
  ++record.failures;
  record.interruptions = 0;
  const bool is_final = IsFinal(error.code) || !run->record.stop_reason.empty();
  if (is_final || record.failures > policy.retries) {
    FinishTask(run, attempt.task, TaskState::kFailed);
    return;
  }
  const auto delay = RetryDelay(policy, record.failures, random_.Next());
  RetryAt(run, attempt.task, clock_.Now() + std::chrono::microseconds(delay).count());
}

void SchedulerCore::RetryAt(const RunPtr& run, size_t task, TimestampUs at) {
  TaskInstanceRecord& record = run->tasks[task].record;
  record.state = TaskState::kUpForRetry;
  record.ended_at = clock_.Now();
  record.retry_at = at;
  PutTask(*run, task);
  timers_.emplace(at, Timer{Timer::Kind::kRetry, run, task, record.generation});
}

void SchedulerCore::CancelTry(LiveTry& attempt, CancelReason reason) {
  if (attempt.reason != CancelReason::kNone) return;
  attempt.reason = reason;
  attempt.cancel.Cancel();
}

// Raises the generation of tasks and lets them run again. A live try is cancelled; the task waits
// for its end. Returns how many.
int SchedulerCore::ClearTasks(const RunPtr& run, const std::vector<size_t>& tasks) {
  for (const size_t task : tasks) {
    TaskProgress& progress = run->tasks[task];
    TaskInstanceRecord& record = progress.record;
    if (record.state == TaskState::kScheduled) ready_.Remove(run->record.run_key, task);
    if (IsFinished(record.state)) ++run->unfinished;
    record.state = TaskState::kNone;
    record.failures = 0;
    record.interruptions = 0;
    record.generation = record.generation + 1;
    record.retry_at.reset();
    if (progress.live != nullptr) CancelTry(*progress.live, CancelReason::kCleared);
    PutTask(*run, task);
  }
  if (run->record.state == RunState::kRunning) {
    for (const size_t task : tasks) Evaluate(run, task);
  }
  return static_cast<int>(tasks.size());
}

// A finished run whose tasks were cleared waits for its turn again.
void SchedulerCore::Reopen(const RunPtr& run) {
  run->record.stop_reason.clear();
  run->record.warning.clear();
  run->record.ended_at.reset();
  run->record.queued_at = clock_.Now();
  Enqueue(run);
}

}  // namespace millrace::schedule
