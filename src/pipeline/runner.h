// Runner: a project at work on its workspace: streaming queries, scheduler, and the upkeep between
// them.
//
//   MR_ASSIGN(auto runner, Runner::Start(workspace, {}));
//   ... runner->Snapshot() for live display and metrics ...
//   MR_TRY(runner->Drain());
//
// Life cycle: Start resolves tries that died (asking the log), re-runs stored epochs, then starts
// queries and scheduler. When it returns, every table has reached the last durable intent: tables
// are open for reading. A query that fails by itself is started again after a pause (1 s, doubled
// up to 30 s, or to 5 s when a peer is away) as long as its failure may pass (kUnavailable,
// kTimeout, kResourceExhausted); any other stays stopped and is shown with its reason. Damage
// (kDamaged) stops only the queries that read what is damaged, at the start too.
//
// Upkeep, once a second: the log keeps what no query has flushed yet (pins), restarts queries,
// forgets commit tags that nobody will ask for (commit_tags.h), closes nothing.
//
// Thread contract: every function from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/stream/query.h"
#include "pipeline/workspace.h"
#include "schedule/scheduler.h"

namespace millrace::pipeline {

struct QueryStatus {
  std::string name;
  bool running = false;
  std::string failure;  // why it stopped or did not start; empty while it runs
  ErrorCode failure_code = ErrorCode::kInternal;  // of `failure`
  engine::QueryMetrics metrics;
};

struct RunnerSnapshot {
  std::vector<QueryStatus> queries;
  std::vector<schedule::DagInfo> dags;
  schedule::SchedulerCounters schedule;
  uint64_t extracted_records = 0;  // committed by http tasks since the start
  uint64_t limits_reached = 0;     // http tries that stopped at limits and left the rest
  uint64_t extracted_pages = 0;
  uint64_t log_bytes = 0;
  bool draining = false;
};

struct RunnerOptions {
  bool schedule = true;  // false: only the queries (tests, replay)
  int workers = 16;
};

struct ReplayOptions {
  std::string from = "earliest";  // see replay_start.h
  bool partial = false;           // windows that the start cuts in two are rebuilt from a part
};

class Runner {
 public:
  static Result<std::unique_ptr<Runner>> Start(Workspace& workspace, RunnerOptions options);
  // Drains with the project's shutdown_timeout if Drain was not called.
  virtual ~Runner() = default;

  virtual RunnerSnapshot Snapshot() = 0;
  virtual Workspace& workspace() = 0;
  // nullptr when it was started without its schedule, and once it is drained.
  virtual schedule::Scheduler* scheduler() = 0;
  // Waits until every query has committed all that was readable at the call.
  virtual Status CatchUp(std::chrono::milliseconds timeout) = 0;
  // No new tries; running ones end their page or are cancelled; epochs are committed, tables
  // flushed.
  virtual Status Drain() = 0;

  // Runs `body` while no query commits anything: queries are stopped at their epoch's end, and
  // started again after it.
  virtual Status WhileStill(const std::function<Status()>& body) = 0;

  // Rebuilds a table from the log (table_replay.h). `progress` hears what is being done.
  // kInvalidArgument: no query writes the table; kUnavailable: another replay is under way.
  virtual Status ReplayTable(const std::string& table, const ReplayOptions& options,
                             CancelToken& cancel,
                             const std::function<void(std::string_view)>& progress) = 0;
};

}  // namespace millrace::pipeline
