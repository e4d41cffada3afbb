#include "schedule/scheduler.h"

#include "schedule/scheduler_core.h"

namespace millrace::schedule {
namespace {

Status CheckOptions(const SchedulerOptions& options) {
  if (!options.factory)
    return Fail(ErrorCode::kInternal, "a scheduler needs a factory that makes its tasks");
  if (options.workers < 1 || options.workers > 1000)
    return Fail(ErrorCode::kInvalidArgument, "{} workers; there must be 1 to 1000",
                options.workers);
  for (const PoolSpec& pool : options.pools) {
    if (pool.name.empty() || pool.slots < 1 || pool.slots > 10000)
      return Fail(ErrorCode::kInvalidArgument, "pool \"{}\": {} slots; it must have 1 to 10000",
                  pool.name, pool.slots);
  }
  return {};
}

Status CheckPage(int64_t limit, int64_t offset) {
  if (limit >= 1 && limit <= 1000 && offset >= 0) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "a page has 1 to 1000 entries from offset 0 on, not {} from {}", limit, offset);
}

}  // namespace

Scheduler::Scheduler(std::unique_ptr<SchedulerCore> core) : core_(std::move(core)) {}
Scheduler::~Scheduler() = default;

Result<std::unique_ptr<Scheduler>> Scheduler::Open(meta::Database& database, std::vector<Dag> dags,
                                                   SchedulerOptions options) {
  MR_TRY(CheckOptions(options));
  auto core = std::make_unique<SchedulerCore>(database, std::move(options));
  MR_TRY(core->TakeDags(std::move(dags)));
  MR_TRY(core->Recover());
  return std::unique_ptr<Scheduler>(new Scheduler(std::move(core)));
}

Status Scheduler::Start() { return core_->Start(); }

Status Scheduler::Drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit) {
  return core_->Drain(grace, limit);
}

Result<RunRecord> Scheduler::Trigger(const std::string& dag_id, TriggerRequest request) {
  return core_->Trigger(dag_id, std::move(request));
}

Result<int> Scheduler::Clear(const ClearRequest& request) { return core_->Clear(request); }

Status Scheduler::CancelRun(const std::string& dag_id, const std::string& run_id) {
  return core_->CancelRun(dag_id, run_id);
}

Status Scheduler::SetPaused(const std::string& dag_id, bool paused) {
  return core_->SetPaused(dag_id, paused);
}

Result<BackfillPlan> Scheduler::PlanBackfill(const BackfillRequest& request) {
  return core_->PlanBackfill(request);
}

Result<BackfillRecord> Scheduler::StartBackfill(const BackfillRequest& request) {
  return core_->StartBackfill(request);
}

Status Scheduler::CancelBackfill(int64_t backfill_id) { return core_->CancelBackfill(backfill_id); }

Result<std::vector<BackfillRecord>> Scheduler::ListBackfills(const std::string& dag_id) {
  return core_->store().Backfills(dag_id);
}

std::vector<DagInfo> Scheduler::ListDags() { return core_->ListDags(); }

Result<DagInfo> Scheduler::GetDag(const std::string& dag_id) { return core_->GetDag(dag_id); }

Result<std::vector<TimestampUs>> Scheduler::NextDue(const std::string& dag_id, size_t count) {
  return core_->NextDue(dag_id, count);
}

std::vector<PoolInfo> Scheduler::ListPools() { return core_->ListPools(); }

SchedulerCounters Scheduler::Counters() { return core_->Counters(); }

Result<RunPage> Scheduler::ListRuns(const RunFilter& filter, int64_t limit, int64_t offset) {
  MR_TRY(CheckPage(limit, offset));
  return core_->store().ListRuns(filter, limit, offset);
}

Result<std::vector<TaskKey>> Scheduler::UnfinishedInstances() {
  return core_->store().InstancesOfActiveRuns();
}

Result<RunRecord> Scheduler::GetRun(const std::string& dag_id, const std::string& run_id) {
  return core_->GetRun(dag_id, run_id);
}

Result<std::vector<TaskInstanceRecord>> Scheduler::ListTaskInstances(const std::string& dag_id,
                                                                     const std::string& run_id) {
  return core_->ListTaskInstances(dag_id, run_id);
}

Result<std::vector<TryRecord>> Scheduler::ListTries(const std::string& dag_id,
                                                    const std::string& run_id,
                                                    const std::string& task_id) {
  MR_ASSIGN(const RunRecord run, core_->GetRun(dag_id, run_id));
  return core_->store().Tries(run.run_key, task_id);
}

Result<std::vector<LogLine>> Scheduler::ReadLog(const std::string& dag_id,
                                                const std::string& run_id,
                                                const std::string& task_id, int try_number,
                                                int64_t from, int64_t limit) {
  MR_TRY(CheckPage(limit, from));
  MR_ASSIGN(const RunRecord run, core_->GetRun(dag_id, run_id));
  return core_->store().Log(run.run_key, task_id, try_number, from, limit);
}

Result<RunRecord> Scheduler::WaitForRun(const std::string& dag_id, const std::string& run_id,
                                        std::chrono::milliseconds timeout) {
  return core_->WaitForRun(dag_id, run_id, timeout);
}

}  // namespace millrace::schedule
