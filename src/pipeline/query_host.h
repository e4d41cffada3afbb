// QueryHost: one streaming query of the project, kept running on a workspace: made from its
// definition, brought over from an older definition, restarted after failures that pass.
//
// What an edited query does (docs/guides/changing-a-project.md): unflushed epochs are first re-run
// with the definition they ran with; then the new definition goes on from the stored positions if
// it is compatible, or Start refuses with every difference and the command that helps.
//
// Thread contract: every function from any thread; Start, Stop and Maintain one at a time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/stream/query.h"
#include "engine/stream/spec.h"
#include "pipeline/query_definition.h"
#include "pipeline/workspace.h"

namespace millrace::pipeline {

// What all queries of a project share.
struct QueryEnvironment {
  Workspace& workspace;
  engine::IntentLog& intents;
  engine::TimeSource& time;
};

class QueryHost {
 public:
  QueryHost(QueryEnvironment environment, QueryDefinition definition);
  ~QueryHost();

  const std::string& name() const { return definition_.name; }
  const QueryDefinition& definition() const { return definition_; }

  Status Start();
  // Commits what is under way and ends; one that has failed keeps its failure, which is no error
  // here. A stopped query may be started again.
  Status Stop();
  // Once a second: pins the log at what is flushed, restarts after a failure that may pass.
  void Maintain();

  bool running() const;
  std::optional<Error> failure() const;  // why it does not run, if by itself
  // Counters since the host was made, over every stop and start.
  engine::QueryMetrics Metrics() const;
  Status CatchUp(std::chrono::nanoseconds timeout);
  void Wake();

  // A spec of `definition` whose tables are those of the store now. `shadow` replaces the table of
  // the same name.
  struct Built {
    engine::QuerySpec spec;
    engine::QueryWorld world;
    std::vector<std::unique_ptr<flow::Source>> sources;  // the world points to them
  };
  // For a query that left the project: re-runs what it had not flushed, with what it ran with, so
  // that its tables have all that was readable before; then nothing of it holds back the log of
  // intents. Its tables, state and positions stay.
  static Status Retire(const QueryEnvironment& environment, const std::string& query);

  static Result<Built> Build(const QueryEnvironment& environment, const QueryDefinition& definition,
                             const store::TableHandle& shadow = nullptr);

 private:
  Status StartAfresh();
  Status Prepare(const Built& built);
  engine::QueryMetrics MetricsLocked() const;  // mutex_ held
  void NoteProgress();
  // The newest flush, as far as it was told by nobody else: an idle query commits nothing.
  void TruncateIntents();

  QueryEnvironment environment_;
  QueryDefinition definition_;
  mutable std::mutex mutex_;
  std::optional<Built> built_;
  std::unique_ptr<engine::StreamingQuery> query_;
  std::optional<Error> failure_;
  engine::QueryMetrics last_metrics_;  // up to the latest stop: counters go on from them
  int64_t restart_at_ns_ = 0;
  int64_t restart_delay_ns_ = 0;
};

}  // namespace millrace::pipeline
