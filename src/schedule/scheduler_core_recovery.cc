#include <algorithm>

#include "base/logging.h"
#include "schedule/scheduler_core.h"
#include "schedule/schema.h"

namespace millrace::schedule {

Status SchedulerCore::TakeDags(std::vector<Dag> dags) {
  MR_TRY(meta::Migrate(database_, std::string(kSchemaComponent), SchemaMigrations(), clock_.Now()));
  MR_ASSIGN(const std::vector<DagRecord> known, store_.Dags());
  for (Dag& dag : dags) {
    for (const TaskSpec& task : dag.spec().tasks) {
      const int slots = ready_.SlotsOf(task.pool);
      if (slots < task.pool_slots)
        return Fail(ErrorCode::kInvalidArgument,
                    "dag {}, task {}: it needs {} slots of pool {}, which has {}", dag.id(),
                    task.id, task.pool_slots, task.pool, slots);
    }
    const TimestampUs now = clock_.Now();
    DagRecord record{dag.id(), dag.spec().starts_paused, now, 0};
    // A new DAG looks forward, unless it asks for everything from its start.
    if (dag.spec().start && dag.spec().catch_up.kind == CatchUpPolicy::Kind::kAll)
      record.cursor = std::min(now, *dag.spec().start - 1);
    const auto kept = std::find_if(known.begin(), known.end(),
                                   [&](const DagRecord& one) { return one.dag_id == dag.id(); });
    if (kept != known.end())
      record = *kept;
    else
      batch_.changes.Put(record);
    const std::string id = dag.id();
    const auto [place, is_new] = dags_.try_emplace(id, std::move(dag), std::move(record));
    if (!is_new) return Fail(ErrorCode::kInvalidArgument, "there are two dags named {}", id);
    place->second.live_since = now;
  }
  return {};
}

Status SchedulerCore::Recover() {
  Lock lock(mutex_);
  MR_ASSIGN(const int64_t run_key, store_.GreatestRunKey());
  MR_ASSIGN(const int64_t backfill_id, store_.GreatestBackfillId());
  next_run_key_ = run_key + 1;
  next_backfill_id_ = backfill_id + 1;
  for (auto& [id, dag] : dags_) {
    MR_ASSIGN(const RunPage newest, store_.ListRuns({.dag_id = id}, 1, 0));
    if (!newest.runs.empty()) dag.greatest_date = newest.runs[0].logical_date;
  }
  MR_TRY(RecoverBackfills());
  MR_ASSIGN(const std::vector<RunRecord> active, store_.ActiveRuns());
  for (const RunRecord& record : active) {
    const auto dag = dags_.find(record.dag_id);
    if (dag == dags_.end()) {
      logging::Warning("run.without_dag", {{"dag", record.dag_id}, {"run", record.run_id}});
      continue;
    }
    MR_TRY(RecoverRun(record, dag->second));
  }
  for (auto& [id, dag] : dags_) AdmitRuns(dag);
  if (batch_.changes.empty()) return {};
  CommitBatch(lock);
  if (fatal_) return std::unexpected(*fatal_);
  return CheckUsable();
}

Status SchedulerCore::RecoverBackfills() {
  MR_ASSIGN(std::vector<BackfillRecord> all, store_.Backfills(std::nullopt));
  for (BackfillRecord& record : all) {
    const auto dag = dags_.find(record.dag_id);
    if (record.state != BackfillState::kRunning || dag == dags_.end()) continue;
    const int64_t id = record.backfill_id;
    backfills_.emplace(id, BackfillProgress{std::move(record), &dag->second, 0});
  }
  return {};
}

// A run as the database has it; tasks its DAG has no longer become "removed" there.
Result<SchedulerCore::RunPtr> SchedulerCore::LoadRun(const RunRecord& record, DagProgress& dag) {
  MR_ASSIGN(std::vector<TaskInstanceRecord> tasks, store_.Tasks(record.run_key));
  RunPtr run = MakeProgress(record, dag);
  for (TaskInstanceRecord& task : tasks) {
    if (const auto index = dag.dag.IndexOf(task.task_id)) {
      if (IsFinished(task.state)) --run->unfinished;
      run->tasks[*index].record = std::move(task);
    } else if (!IsFinished(record.state) && task.state != TaskState::kRemoved) {
      task.state = TaskState::kRemoved;
      batch_.changes.Put(record.run_key, std::move(task));
    }
  }
  return run;
}

Status SchedulerCore::RecoverRun(const RunRecord& record, DagProgress& dag) {
  MR_ASSIGN(const RunPtr run, LoadRun(record, dag));
  runs_.emplace(record.run_key, run);
  if (record.state == RunState::kQueued) {
    dag.queued.push_back(run);
    return {};
  }
  if (record.backfill_id == 0) {
    ++dag.active_runs;
  } else if (const auto backfill = backfills_.find(record.backfill_id);
             backfill != backfills_.end()) {
    ++backfill->second.active_runs;
  }
  MR_TRY(RecoverTries(run));
  ResumeRun(run);
  return {};
}

// DESIGN invariant 7: what a try that died has done, its transaction tells.
Status SchedulerCore::RecoverTries(const RunPtr& run) {
  MR_ASSIGN(std::vector<TryRecord> tries, store_.Tries(run->record.run_key, std::nullopt));
  for (TryRecord& attempt : tries) {
    if (attempt.state != TryState::kRunning) continue;
    bool was_committed = false;
    if (options_.resolver) {
      const RunRecord& record = run->record;
      MR_ASSIGN(was_committed, options_.resolver({record.dag_id, record.run_id, attempt.task_id,
                                                  record.logical_date, attempt.generation}));
    }
    ResolveTry(run, std::move(attempt), was_committed);
  }
  return {};
}

void SchedulerCore::ResolveTry(const RunPtr& run, TryRecord attempt, bool was_committed) {
  ++counters_.tries_interrupted;
  attempt.state = was_committed ? TryState::kSuccess : TryState::kFailed;
  attempt.ended_at = clock_.Now();
  if (!was_committed) attempt.error = "the process ended during this try; nothing was committed";
  logging::Info("try.resolved", {{"dag", run->record.dag_id},
                                 {"run", run->record.run_id},
                                 {"task", attempt.task_id},
                                 {"try", attempt.try_number},
                                 {"committed", was_committed}});
  const auto index = run->dag->dag.IndexOf(attempt.task_id);
  batch_.changes.Put(run->record.run_key, attempt);
  if (!index) return;
  TaskInstanceRecord& task = run->tasks[*index].record;
  if (task.generation != attempt.generation || task.state != TaskState::kRunning) return;
  if (was_committed) {
    FinishTask(run, *index, TaskState::kSuccess);
    return;
  }
  // The process died, which is not the task's failure, unless it happens every time.
  ++task.interruptions;
  if (!run->record.stop_reason.empty() || task.interruptions > options_.interruptions_max)
    FinishTask(run, *index, TaskState::kFailed);
  else
    RetryAt(run, *index, clock_.Now());
}

// Takes up each task where it stood.
void SchedulerCore::ResumeRun(const RunPtr& run) {
  ArmRunTimeout(run);
  for (size_t i = 0; i < run->tasks.size(); ++i) {
    const TaskInstanceRecord& task = run->tasks[i].record;
    if (task.state == TaskState::kNone) {
      Evaluate(run, i);
    } else if (!run->record.stop_reason.empty() && !IsFinished(task.state)) {
      FinishTask(run, i, TaskState::kSkipped);
    } else if (task.state == TaskState::kScheduled) {
      if (!ready_.Contains(run->record.run_key, i)) MakeReady(run, i);
    } else if (task.state == TaskState::kUpForRetry && task.retry_at) {
      timers_.emplace(*task.retry_at, Timer{Timer::Kind::kRetry, run, i, task.generation});
    }
  }
  SettleRun(run);
}

}  // namespace millrace::schedule
