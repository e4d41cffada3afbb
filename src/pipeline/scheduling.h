// The scheduler of a project: its DAGs and pools on the workspace's database.
#pragma once

#include <memory>

#include "base/result.h"
#include "pipeline/operation.h"
#include "pipeline/workspace.h"
#include "schedule/scheduler.h"

namespace millrace::pipeline {

// Opened, not started.
Result<std::unique_ptr<schedule::Scheduler>> OpenScheduler(Workspace& workspace,
                                                           schedule::TaskFactory factory,
                                                           int workers);

// The running scheduler, or one opened for the time of an operation.
class SchedulerAccess {
 public:
  static Result<SchedulerAccess> Of(OperationContext& context);
  // kUnavailable when no scheduler runs: what is asked of it would not happen.
  static Result<SchedulerAccess> Running(OperationContext& context);
  schedule::Scheduler* operator->() const { return scheduler_; }
  schedule::Scheduler& operator*() const { return *scheduler_; }

 private:
  std::unique_ptr<schedule::Scheduler> owned_;
  schedule::Scheduler* scheduler_ = nullptr;
};

}  // namespace millrace::pipeline
