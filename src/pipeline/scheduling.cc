#include "pipeline/scheduling.h"

#include "pipeline/runner.h"
#include "pipeline/tasks.h"

namespace millrace::pipeline {
namespace {

// For a scheduler that is only asked and never started.
Result<std::unique_ptr<schedule::Task>> NothingRuns(const std::string& dag,
                                                    const schedule::TaskSpec& spec) {
  return Fail(ErrorCode::kUnavailable, "task {} of {} needs the pipeline to be running", spec.id,
              dag);
}

}  // namespace

Result<std::unique_ptr<schedule::Scheduler>> OpenScheduler(Workspace& workspace,
                                                           schedule::TaskFactory factory,
                                                           int workers) {
  std::vector<schedule::Dag> dags;
  for (const schedule::DagSpec& spec : workspace.project().dags) {
    MR_ASSIGN(schedule::Dag dag, schedule::Dag::Create(spec));
    dags.push_back(std::move(dag));
  }
  schedule::SchedulerOptions options;
  options.clock = &workspace.clock();
  options.workers = workers;
  for (const auto& [name, slots] : workspace.project().pools)
    options.pools.push_back({name, slots});
  options.factory = std::move(factory);
  options.resolver = MakeTryResolver(workspace);
  options.on_fatal = [&workspace](const Error& error) { workspace.Fatal(error); };
  return schedule::Scheduler::Open(workspace.database(), std::move(dags), std::move(options));
}

Result<SchedulerAccess> SchedulerAccess::Of(OperationContext& context) {
  if (context.runner != nullptr && context.runner->scheduler() != nullptr) return Running(context);
  SchedulerAccess access;
  MR_ASSIGN(access.owned_, OpenScheduler(context.workspace, NothingRuns, 1));
  access.scheduler_ = access.owned_.get();
  return access;
}

Result<SchedulerAccess> SchedulerAccess::Running(OperationContext& context) {
  SchedulerAccess access;
  if (context.runner != nullptr) access.scheduler_ = context.runner->scheduler();
  if (access.scheduler_ == nullptr) {
    return std::unexpected(Error{ErrorCode::kUnavailable, "the pipeline runs without its schedule",
                                 "start it without --no-schedule"});
  }
  return access;
}

}  // namespace millrace::pipeline
