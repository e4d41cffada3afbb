#include <algorithm>

#include "schedule/civil.h"
#include "schedule/scheduler_core.h"

namespace millrace::schedule {
namespace {

constexpr size_t kConfBytesMax = 64 * 1024;
constexpr size_t kRunIdBytesMax = 250;
constexpr size_t kQueuedByHandMax = 1000;
constexpr int64_t kBackfillRunsMax = 100000;
constexpr size_t kFirstDatesMax = 10;
constexpr size_t kNextDueMax = 1000;
constexpr int64_t kMissedCountMax = 1000;
constexpr TimestampUs kDateLeast(-2208988800'000'000);      // 1900-01-01
constexpr TimestampUs kDateGreatest(253402300799'000'000);  // 9999-12-31T23:59:59

Status CheckConf(const std::string& conf_json) {
  const auto first = conf_json.find_first_not_of(" \t\r\n");
  const auto last = conf_json.find_last_not_of(" \t\r\n");
  if (conf_json.size() <= kConfBytesMax && first != std::string::npos && conf_json[first] == '{' &&
      conf_json[last] == '}')
    return {};
  return Fail(ErrorCode::kInvalidArgument, "conf must be a JSON object of at most {} bytes",
              kConfBytesMax);
}

Status CheckRunId(const std::string& run_id) {
  const bool is_printable = std::all_of(run_id.begin(), run_id.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  });
  if (run_id.size() <= kRunIdBytesMax && is_printable) return {};
  return Fail(ErrorCode::kInvalidArgument, "a run id is 1-{} bytes without blanks", kRunIdBytesMax);
}

std::unexpected<Error> NoRun(const std::string& dag_id, const std::string& run_id) {
  return Fail(ErrorCode::kNotFound, "dag {} has no run {}", dag_id, run_id);
}

}  // namespace

Result<DagProgress*> SchedulerCore::FindDag(const std::string& dag_id) {
  const auto found = dags_.find(dag_id);
  if (found == dags_.end()) return Fail(ErrorCode::kNotFound, "there is no dag {}", dag_id);
  return &found->second;
}

// A logical date near `wanted` that no run has and that will never be due.
TimestampUs SchedulerCore::FreeDate(DagProgress& dag, TimestampUs wanted) {
  const auto is_due = [&](TimestampUs date) {
    const auto due = NextDueOf(dag, date - 1);
    return due && *due == date;
  };
  while (HasRun(dag, wanted) || is_due(wanted)) ++wanted;
  return wanted;
}

Result<RunRecord> SchedulerCore::Trigger(const std::string& dag_id, TriggerRequest request) {
  MR_TRY(CheckConf(request.conf_json));
  MR_TRY(CheckRunId(request.run_id));
  if (request.logical_date &&
      (*request.logical_date < kDateLeast || *request.logical_date > kDateGreatest))
    return Fail(ErrorCode::kInvalidArgument, "a logical date lies between 1900 and 9999");
  Lock lock(mutex_);
  MR_TRY(CheckUsable());
  MR_ASSIGN(DagProgress* const dag, FindDag(dag_id));
  if (dag->queued.size() >= kQueuedByHandMax)
    return Fail(ErrorCode::kResourceExhausted, "dag {}: {} runs are queued already", dag_id,
                dag->queued.size());
  if (request.logical_date && HasRun(*dag, *request.logical_date))
    return Fail(ErrorCode::kAlreadyExists, "dag {} has a run of {}", dag_id,
                FormatUtc(*request.logical_date));
  if (!request.run_id.empty()) {
    MR_ASSIGN(const auto existing, store_.FindRun(dag_id, request.run_id));
    const bool is_active = std::any_of(runs_.begin(), runs_.end(), [&](const auto& one) {
      return one.second->dag == dag && one.second->record.run_id == request.run_id;
    });
    if (existing || is_active)
      return Fail(ErrorCode::kAlreadyExists, "dag {} has a run {}", dag_id, request.run_id);
  }
  const TimestampUs date =
      request.logical_date ? *request.logical_date : FreeDate(*dag, clock_.Now());
  const RunPtr run = NewRun(*dag, RunType::kManual, date);
  if (!request.run_id.empty()) run->record.run_id = std::move(request.run_id);
  run->record.conf_json = std::move(request.conf_json);
  Enqueue(run);
  const RunRecord record = run->record;
  MR_TRY(WaitDurable(lock));
  return record;
}

Result<SchedulerCore::RunPtr> SchedulerCore::FindOrLoadRun(const std::string& dag_id,
                                                           const std::string& run_id) {
  MR_ASSIGN(DagProgress* const dag, FindDag(dag_id));
  for (const auto& [key, run] : runs_) {
    if (run->dag == dag && run->record.run_id == run_id) return run;
  }
  MR_ASSIGN(const auto record, store_.FindRun(dag_id, run_id));
  if (!record) return NoRun(dag_id, run_id);
  return LoadRun(*record, *dag);
}

Result<int> SchedulerCore::Clear(const ClearRequest& request) {
  Lock lock(mutex_);
  MR_TRY(CheckUsable());
  MR_ASSIGN(const RunPtr run, FindOrLoadRun(request.dag_id, request.run_id));
  const Dag& dag = run->dag->dag;
  std::vector<bool> chosen(dag.size(), request.task_ids.empty());
  for (const std::string& id : request.task_ids) {
    const auto index = dag.IndexOf(id);
    if (!index) return Fail(ErrorCode::kNotFound, "dag {} has no task {}", dag.id(), id);
    chosen[*index] = true;
  }
  std::vector<size_t> tasks;
  for (const size_t task : dag.order()) {
    if (request.downstream) {
      for (const size_t before : dag.upstream(task)) chosen[task] = chosen[task] || chosen[before];
    }
    const TaskState state = run->tasks[task].record.state;
    const bool is_bad = state == TaskState::kFailed || state == TaskState::kUpstreamFailed;
    if (chosen[task] && (is_bad || !request.only_failed)) tasks.push_back(task);
  }
  if (tasks.empty()) return 0;
  const bool was_finished = IsFinished(run->record.state);
  runs_.emplace(run->record.run_key, run);
  const int count = ClearTasks(run, tasks);
  if (was_finished) Reopen(run);
  MR_TRY(WaitDurable(lock));
  return count;
}

Status SchedulerCore::CancelRun(const std::string& dag_id, const std::string& run_id) {
  Lock lock(mutex_);
  MR_TRY(CheckUsable());
  MR_ASSIGN(const RunPtr run, FindOrLoadRun(dag_id, run_id));
  if (IsFinished(run->record.state))
    return Fail(ErrorCode::kConflict, "dag {}: run {} is finished", dag_id, run_id);
  if (run->record.stop_reason.empty()) StopRun(run, "cancelled");
  return WaitDurable(lock);
}

Status SchedulerCore::SetPaused(const std::string& dag_id, bool paused) {
  Lock lock(mutex_);
  MR_TRY(CheckUsable());
  MR_ASSIGN(DagProgress* const dag, FindDag(dag_id));
  if (dag->record.paused == paused) return {};
  dag->record.paused = paused;
  dag->next_due.reset();
  dag->waits_for_room = false;
  if (!paused) dag->live_since = clock_.Now();  // what passed in between was missed
  batch_.changes.Put(dag->record);
  return WaitDurable(lock);
}

Status SchedulerCore::CheckBackfill(const BackfillRequest& request, const DagProgress& dag) const {
  MR_TRY(CheckConf(request.conf_json));
  if (dag.dag.spec().timetable.ByHandOnly())
    return Fail(ErrorCode::kInvalidArgument, "dag {} has no schedule to backfill by", dag.dag.id());
  if (request.from > request.to)
    return Fail(ErrorCode::kInvalidArgument, "backfill from {} to {}: it ends before it begins",
                FormatUtc(request.from), FormatUtc(request.to));
  if (request.from < kDateLeast || request.to > clock_.Now())
    return Fail(ErrorCode::kInvalidArgument,
                "backfill from {} to {}: the range must lie between 1900 and now",
                FormatUtc(request.from), FormatUtc(request.to));
  if (request.parallelism < 1 || request.parallelism > 100)
    return Fail(ErrorCode::kInvalidArgument, "backfill with {} runs at a time; it must be 1 to 100",
                request.parallelism);
  return {};
}

// Without mutex_: DAGs do not change once taken, and counting may take a while.
Result<BackfillPlan> SchedulerCore::PlanBackfill(const BackfillRequest& request) {
  MR_ASSIGN(const DagProgress* const dag, FindDag(request.dag_id));
  MR_TRY(CheckBackfill(request, *dag));
  const Timetable& timetable = dag->dag.spec().timetable;
  MR_ASSIGN(const auto taken,
            store_.DatesWithRuns(request.dag_id, request.from, request.to, kBackfillRunsMax));
  BackfillPlan plan;
  auto at = taken.begin();
  auto due = timetable.NextAfter(request.from - 1);
  for (; due && *due <= request.to; due = timetable.NextAfter(*due)) {
    if (++plan.due_count > kBackfillRunsMax)
      return Fail(ErrorCode::kInvalidArgument,
                  "backfill of dag {}: more than {} due times; take a shorter range", dag->dag.id(),
                  kBackfillRunsMax);
    while (at != taken.end() && at->first < *due) ++at;
    const bool exists = at != taken.end() && at->first == *due;
    plan.existing_count += exists ? 1 : 0;
    const bool again =
        exists && IsFinished(at->second) &&
        (request.reprocess == Reprocess::kAll ||
         (request.reprocess == Reprocess::kFailed && at->second == RunState::kFailed));
    if (exists && !again) continue;
    ++plan.run_count;
    if (plan.first_dates.size() < kFirstDatesMax) plan.first_dates.push_back(*due);
  }
  return plan;
}

Result<BackfillRecord> SchedulerCore::StartBackfill(const BackfillRequest& request) {
  MR_TRY(PlanBackfill(request));
  Lock lock(mutex_);
  MR_TRY(CheckUsable());
  MR_ASSIGN(DagProgress* const dag, FindDag(request.dag_id));
  BackfillRecord record;
  record.backfill_id = next_backfill_id_++;
  record.dag_id = request.dag_id;
  record.from = request.from;
  record.to = request.to;
  record.cursor = request.from - 1;
  record.parallelism = request.parallelism;
  record.reprocess = request.reprocess;
  record.conf_json = request.conf_json;
  record.created_at = clock_.Now();
  batch_.changes.Put(record);
  backfills_.emplace(record.backfill_id, BackfillProgress{record, dag, 0});
  MR_TRY(WaitDurable(lock));
  return record;
}

Status SchedulerCore::CancelBackfill(int64_t backfill_id) {
  Lock lock(mutex_);
  MR_TRY(CheckUsable());
  const auto found = backfills_.find(backfill_id);
  if (found == backfills_.end() || found->second.record.state != BackfillState::kRunning)
    return Fail(ErrorCode::kNotFound, "no backfill {} is running", backfill_id);
  found->second.record.state = BackfillState::kCancelled;
  batch_.changes.Put(found->second.record);
  return WaitDurable(lock);
}

DagInfo SchedulerCore::InfoOf(const DagProgress& dag) const {
  DagInfo info;
  info.record = dag.record;
  info.next_due = NextDueOf(dag, std::max(dag.record.cursor, clock_.Now()));
  info.missed_count =
      dag.dag.spec().timetable.CountDue(dag.record.cursor, clock_.Now(), kMissedCountMax);
  info.active_runs = dag.active_runs;
  info.queued_runs = static_cast<int>(dag.queued.size());
  return info;
}

std::vector<DagInfo> SchedulerCore::ListDags() {
  Lock lock(mutex_);
  std::vector<DagInfo> all;
  for (const auto& [id, dag] : dags_) all.push_back(InfoOf(dag));
  return all;
}

Result<DagInfo> SchedulerCore::GetDag(const std::string& dag_id) {
  Lock lock(mutex_);
  MR_ASSIGN(const DagProgress* const dag, FindDag(dag_id));
  return InfoOf(*dag);
}

Result<std::vector<TimestampUs>> SchedulerCore::NextDue(const std::string& dag_id, size_t count) {
  Lock lock(mutex_);
  MR_ASSIGN(const DagProgress* const dag, FindDag(dag_id));
  std::vector<TimestampUs> all;
  auto due = NextDueOf(*dag, std::max(dag->record.cursor, clock_.Now()));
  for (; due && all.size() < std::min(count, kNextDueMax); due = NextDueOf(*dag, *due))
    all.push_back(*due);
  return all;
}

std::vector<PoolInfo> SchedulerCore::ListPools() {
  Lock lock(mutex_);
  std::vector<PoolInfo> all;
  for (const auto& [name, pool] : ready_.pools())
    all.push_back({name, pool.slots, pool.used, static_cast<int>(pool.waiting)});
  return all;
}

SchedulerCounters SchedulerCore::Counters() {
  Lock lock(mutex_);
  return counters_;
}

Result<RunRecord> SchedulerCore::GetRun(const std::string& dag_id, const std::string& run_id) {
  MR_ASSIGN(const auto record, store_.FindRun(dag_id, run_id));
  if (!record) return NoRun(dag_id, run_id);
  return *record;
}

Result<std::vector<TaskInstanceRecord>> SchedulerCore::ListTaskInstances(
    const std::string& dag_id, const std::string& run_id) {
  MR_ASSIGN(const RunRecord run, GetRun(dag_id, run_id));
  MR_ASSIGN(std::vector<TaskInstanceRecord> stored, store_.Tasks(run.run_key));
  std::vector<TaskInstanceRecord> all;
  if (const auto dag = dags_.find(dag_id);
      dag != dags_.end()) {  // the map does not change any more
    for (const TaskSpec& spec : dag->second.dag.spec().tasks) {
      const auto at = std::find_if(stored.begin(), stored.end(),
                                   [&](const auto& one) { return one.task_id == spec.id; });
      TaskInstanceRecord waiting{.task_id = spec.id,
                                 .generation = Generation(run.first_generation)};
      all.push_back(at == stored.end() ? std::move(waiting) : std::move(*at));
      if (at != stored.end()) stored.erase(at);
    }
  }
  for (TaskInstanceRecord& task : stored) all.push_back(std::move(task));
  return all;
}

Result<RunRecord> SchedulerCore::WaitForRun(const std::string& dag_id, const std::string& run_id,
                                            std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  Lock lock(mutex_);
  const auto is_active = [&] {
    return std::any_of(runs_.begin(), runs_.end(), [&](const auto& one) {
      return one.second->record.dag_id == dag_id && one.second->record.run_id == run_id;
    });
  };
  if (!durable_.wait_until(lock, until, [&] { return fatal_ || stopping_ || !is_active(); }))
    return Fail(ErrorCode::kTimeout, "dag {}: run {} is not finished yet", dag_id, run_id);
  if (fatal_) return std::unexpected(*fatal_);
  lock.unlock();
  return GetRun(dag_id, run_id);
}

}  // namespace millrace::schedule
