// ChangeSet: the state changes of one commit, gathered in memory and written in one transaction.
// Every change is a whole record; of two changes of one record the later wins.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "meta/database.h"
#include "schedule/records.h"

namespace millrace::schedule {

class ChangeSet {
 public:
  void Put(DagRecord record) { dags_.push_back(std::move(record)); }
  void Put(RunRecord record) { runs_.push_back(std::move(record)); }
  void Put(BackfillRecord record) { backfills_.push_back(std::move(record)); }
  void Put(int64_t run_key, TaskInstanceRecord record) {
    tasks_.emplace_back(run_key, std::move(record));
  }
  void Put(int64_t run_key, TryRecord record) { tries_.emplace_back(run_key, std::move(record)); }
  void AppendLog(int64_t run_key, const std::string& task_id, int try_number,
                 std::vector<LogLine> lines);
  // Removes finished runs that ended before `ended_before`, with all that belongs to them; at most
  // `runs_max`.
  void Purge(TimestampUs ended_before, int64_t runs_max);

  bool empty() const;
  // Adds `later` behind these changes.
  void Append(ChangeSet later);
  Status WriteTo(meta::Session& session) const;

 private:
  struct LogPart {
    int64_t run_key;
    std::string task_id;
    int try_number;
    std::vector<LogLine> lines;
  };
  struct PurgePart {
    TimestampUs ended_before;
    int64_t runs_max;
  };
  std::vector<DagRecord> dags_;
  std::vector<RunRecord> runs_;
  std::vector<BackfillRecord> backfills_;
  std::vector<std::pair<int64_t, TaskInstanceRecord>> tasks_;
  std::vector<std::pair<int64_t, TryRecord>> tries_;
  std::vector<LogPart> logs_;
  std::vector<PurgePart> purges_;
};

}  // namespace millrace::schedule
