// States of runs, task instances and tries, with Airflow's names, as they are stored and shown.
#pragma once

#include <optional>
#include <string_view>

namespace millrace::schedule {

enum class RunState {
  kQueued,   // waits for one of its DAG's max_active_runs
  kRunning,  // some task instance is not finished
  kSuccess,
  kFailed,
};

enum class TaskState {
  kNone,            // waits for tasks before it
  kScheduled,       // may run; waits for pool slots or a worker
  kQueued,          // Airflow's; not used here: a slot and a worker are taken together
  kRunning,         // a try is under way
  kUpForRetry,      // the last try failed; the next waits for its time
  kSuccess,         // from here on finished
  kFailed,          // no try is left
  kUpstreamFailed,  // its trigger rule can no longer be met because a task before it failed
  kSkipped,
  kRemoved,  // its DAG no longer has it
};

enum class TryState { kRunning, kSuccess, kFailed, kSkipped };

enum class RunType { kScheduled, kManual, kBackfill };

// How a log line weighs.
enum class LogLevel { kDebug, kInfo, kWarning, kError };

constexpr bool IsFinished(RunState state) { return state >= RunState::kSuccess; }
constexpr bool IsFinished(TaskState state) { return state >= TaskState::kSuccess; }

// "queued", "up_for_retry", ...; kNone is "none".
std::string_view Name(RunState state);
std::string_view Name(TaskState state);
std::string_view Name(TryState state);
std::string_view Name(RunType type);
std::string_view Name(LogLevel level);

std::optional<RunState> ParseRunState(std::string_view name);
std::optional<TaskState> ParseTaskState(std::string_view name);
std::optional<TryState> ParseTryState(std::string_view name);
std::optional<RunType> ParseRunType(std::string_view name);
std::optional<LogLevel> ParseLogLevel(std::string_view name);

}  // namespace millrace::schedule
