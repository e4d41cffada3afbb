// What the metadata database keeps of the schedule, and what lists and pages show: plain records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "schedule/dag.h"
#include "schedule/states.h"

namespace millrace::schedule {

// The state of a DAG that survives restarts.
struct DagRecord {
  std::string dag_id;
  bool paused = false;
  TimestampUs cursor;         // the last due time that was handled: run, skipped or dropped
  int64_t skipped_count = 0;  // due times that were skipped or dropped, ever
};

struct RunRecord {
  int64_t run_key = 0;  // number in this database
  std::string dag_id;
  std::string
      run_id;  // unique in its DAG: scheduled__2026-01-01T00:00:00Z, manual__..., backfill__...
  RunType type = RunType::kScheduled;
  RunState state = RunState::kQueued;
  TimestampUs logical_date;  // unique in its DAG; of a scheduled run, its due time
  TimestampUs data_interval_start;
  TimestampUs data_interval_end;
  std::string conf_json = "{}";
  TimestampUs queued_at;
  std::optional<TimestampUs> started_at = {};
  std::optional<TimestampUs> ended_at = {};
  int64_t backfill_id = 0;       // 0: none
  std::string stop_reason;       // "" or why it was ended early: "cancelled", "timed out"
  std::string warning;           // "" or the last TaskOutcome::warning of its tries, at most 4 KiB
  int64_t first_generation = 1;  // of its task instances
};

struct TaskInstanceRecord {
  std::string task_id;
  TaskState state = TaskState::kNone;
  int try_number = 0;     // tries so far, over all generations
  int failures = 0;       // failed tries of this generation
  int interruptions = 0;  // tries of this generation that died with the process, one after another
  Generation generation{1};
  std::optional<TimestampUs> started_at = {};  // of the last try
  std::optional<TimestampUs> ended_at = {};
  std::optional<TimestampUs> retry_at = {};  // of kUpForRetry
};

struct TryRecord {
  std::string task_id;
  int try_number = 1;
  Generation generation{1};
  TryState state = TryState::kRunning;
  TimestampUs started_at;
  std::optional<TimestampUs> ended_at = {};
  std::string error;  // at most 4 KiB
};

struct LogLine {
  int64_t number = 0;  // from 1
  TimestampUs at;
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

enum class BackfillState { kRunning, kDone, kCancelled };

// What a backfill does with a logical date that has a run already.
enum class Reprocess {
  kNone,    // leaves it
  kFailed,  // runs it again when it failed
  kAll,     // runs it again; an active run is left alone
};

struct BackfillRecord {
  int64_t backfill_id = 0;
  std::string dag_id;
  TimestampUs from;  // due times in [from, to]
  TimestampUs to;
  TimestampUs cursor;  // the last due time that was handled
  int parallelism = 1;
  Reprocess reprocess = Reprocess::kNone;
  std::string conf_json = "{}";
  BackfillState state = BackfillState::kRunning;
  int64_t started_count = 0;
  TimestampUs created_at;
};

// A run's place in lists: the newest logical date first, then the newest run.
struct RunPlace {
  TimestampUs logical_date;
  int64_t run_key = 0;
};

// What to list: every given field must match.
struct RunFilter {
  std::optional<std::string> dag_id = {};
  std::optional<RunState> state = {};
  std::optional<RunType> type = {};
  std::optional<TimestampUs> logical_from = {};  // inclusive
  std::optional<TimestampUs> logical_to = {};    // inclusive
  // Only runs that a list has after this one; `total` counts the others too.
  std::optional<RunPlace> after = {};
};

struct RunPage {
  std::vector<RunRecord> runs;  // the newest logical date first
  int64_t total = 0;            // that match
};

// "none", "failed", "all"; "running", "done", "cancelled".
std::string_view Name(Reprocess reprocess);
std::string_view Name(BackfillState state);

}  // namespace millrace::schedule
