// Reading what ChangeSet wrote. Every function reads one snapshot.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "meta/database.h"
#include "schedule/records.h"
#include "schedule/task.h"

namespace millrace::schedule {

class RunStore {
 public:
  explicit RunStore(meta::Database& database) : database_(database) {}

  Result<std::vector<DagRecord>> Dags();
  // Queued and running, the oldest first.
  Result<std::vector<RunRecord>> ActiveRuns();
  // Every task instance of those, finished or not.
  Result<std::vector<TaskKey>> InstancesOfActiveRuns();
  Result<std::optional<RunRecord>> FindRun(const std::string& dag_id, const std::string& run_id);
  Result<std::optional<RunRecord>> FindRunByDate(const std::string& dag_id, TimestampUs date);
  Result<RunPage> ListRuns(const RunFilter& filter, int64_t limit, int64_t offset);
  // The logical dates in [from, to] that have a run, with its state; at most `limit`.
  Result<std::vector<std::pair<TimestampUs, RunState>>> DatesWithRuns(const std::string& dag_id,
                                                                      TimestampUs from,
                                                                      TimestampUs to,
                                                                      int64_t limit);
  Result<std::vector<TaskInstanceRecord>> Tasks(int64_t run_key);
  // All tries of the run, or of one task.
  Result<std::vector<TryRecord>> Tries(int64_t run_key, const std::optional<std::string>& task_id);
  Result<std::vector<LogLine>> Log(int64_t run_key, const std::string& task_id, int try_number,
                                   int64_t from, int64_t limit);
  Result<std::vector<BackfillRecord>> Backfills(const std::optional<std::string>& dag_id);
  // 0 when there is none.
  Result<int64_t> GreatestRunKey();
  Result<int64_t> GreatestBackfillId();

 private:
  Result<std::vector<meta::Row>> Rows(std::string_view statement, meta::Parameters parameters);
  meta::Database& database_;
};

}  // namespace millrace::schedule
