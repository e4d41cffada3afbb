// Task: what a try does. The scheduler knows no kind of task: the pipeline gives a TaskFactory that
// makes one from its kind and specification, and a TryResolver that knows what a try that died has
// done.
//
// Life of a try
//   1. The scheduler makes "try n is running" durable, then makes a Task and calls Run on a worker
//   thread.
//   2. Run does its work in one transaction of owner (dag, task, logical date) and sequence
//   `generation`
//      (DESIGN invariant 7), writes log lines, and looks at `cancel`.
//   3. Run returns. Success or failure is made durable before any task after it starts.
//   A process that died between 2 and 3 left a running try: at the next start the TryResolver says
//   whether its transaction was committed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/ids.h"
#include "base/result.h"
#include "schedule/dag.h"
#include "schedule/states.h"

namespace millrace::schedule {

// Names one task instance and its generation: what a transaction carries.
struct TaskKey {
  std::string dag_id;
  std::string run_id;
  std::string task_id;
  TimestampUs logical_date;
  Generation generation;
};

// Takes a try's log lines; any thread. Lines are cut at 8 KiB; a try keeps its first 10,000 lines
// or 1 MiB and says how many it dropped.
class TryLog {
 public:
  virtual ~TryLog() = default;
  virtual void Write(LogLevel level, std::string_view text) = 0;
};

// What a try is given. Lives as long as Run.
struct TaskContext {
  TaskKey key;
  RunType run_type = RunType::kScheduled;  // kBackfill: must not move a live cursor
  int try_number = 1;                      // counts on over clears
  TimestampUs data_interval_start;         // the due time before the logical date
  TimestampUs data_interval_end;           // the logical date
  std::string conf_json = "{}";            // parameters of the run, a JSON object
  std::optional<int64_t> deadline_monotonic_ns =
      {};  // the try's time-out, on the scheduler's clock
  // Time-out, cancel, clear or shutdown. A Watch of it must not write to `log`.
  CancelToken& cancel;
  TryLog& log;
};

struct TaskOutcome {
  enum class Verdict {
    kSuccess,
    kSkipped,  // there was nothing to do; tasks after it with all_success are skipped too
  };
  Verdict verdict = Verdict::kSuccess;
  std::string warning = {};  // what a user must see of a try that succeeded; shown with its run
};

class Task {
 public:
  virtual ~Task() = default;
  // An error fails the try. kInvalidArgument and kUnsupported (never right as written) and
  // kConflict (fenced by a newer generation) are not tried again; all else is, as the retry policy
  // says. Exceptions are caught and are kInternal errors.
  virtual Result<TaskOutcome> Run(TaskContext& context) = 0;
};

// Makes the task of one try; any thread.
using TaskFactory =
    std::function<Result<std::unique_ptr<Task>>(const std::string& dag_id, const TaskSpec& spec)>;

// Whether the transaction of this task instance and generation was committed. Called before
// anything starts, for each try that was running when the process ended.
using TryResolver = std::function<Result<bool>(const TaskKey& key)>;

}  // namespace millrace::schedule
