// Dag: tasks, what runs before what, and when and how often the whole is run. Checked once, when
// made; immutable afterwards.
//
//   DagSpec spec;
//   spec.id = "users";
//   spec.timetable = Timetable::Parse("@every 5s", TimeZone::Utc()).value();
//   spec.tasks = {{.id = "fetch_users", .kind = "http"},
//                 {.id = "notify", .kind = "command", .upstream = {"fetch_users"}}};
//   MR_ASSIGN(Dag dag, Dag::Create(spec));
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "schedule/timetable.h"

namespace millrace::schedule {

// When a task may run, looking at the tasks right before it.
enum class TriggerRule {
  // Each succeeded. One failed: the task is upstream_failed at once; else one skipped: skipped.
  kAllSuccess,
  // Each finished, however.
  kAllDone,
  // Some failed (or is upstream_failed), at once; when all finished and none failed: skipped.
  kOneFailed,
};

// How often and how soon a failed task is tried again.
struct RetryPolicy {
  int retries = 0;  // tries after the first; 0-1000
  std::chrono::milliseconds delay{5000};
  double factor = 2.0;  // each delay is so many times the one before; 1-100
  std::chrono::milliseconds delay_max{300000};
  double jitter = 0.1;  // the delay varies by up to this part of it, either way; 0-1
};

// The time from the end of try number `failed_tries` (from 1) to the next one. `random` decides the
// jitter.
std::chrono::milliseconds RetryDelay(const RetryPolicy& policy, int failed_tries, uint64_t random);

inline constexpr std::string_view kDefaultPool = "default_pool";

struct TaskSpec {
  std::string id;    // letters, digits, `_`, `-`, `.`; at most 250
  std::string kind;  // for the TaskFactory alone
  std::vector<std::string> upstream = {};
  TriggerRule rule = TriggerRule::kAllSuccess;
  RetryPolicy retry = {};
  std::chrono::milliseconds try_timeout{0};  // 0: none
  std::string pool = std::string(kDefaultPool);
  int pool_slots = 1;  // each try takes so many
  int priority = 0;    // higher goes first within a pool
};

// What happens to due times that passed while nobody could start their runs (Millrace was down, the
// DAG was paused).
struct CatchUpPolicy {
  enum class Kind {
    kNone,  // dropped
    kLast,  // the last one is run
    kAll,   // all are run, oldest first, each waiting for room
  };
  Kind kind = Kind::kLast;
  std::chrono::milliseconds max_age{0};  // older due times are dropped; 0: no limit
};

// What happens to a due time while max_active_runs of the DAG are active.
struct OverlapPolicy {
  enum class Kind {
    kSkip,   // dropped and counted
    kQueue,  // waits as a queued run; beyond queue_max dropped and counted
  };
  Kind kind = Kind::kSkip;
  int queue_max = 16;  // 1-10,000
};

struct DagSpec {
  std::string id;  // as a task's id
  Timetable timetable = {};
  std::optional<TimestampUs> start =
      {};  // no due time before it; with CatchUpPolicy::kAll also from it on
  std::optional<TimestampUs> end = {};  // no due time after it
  std::vector<TaskSpec> tasks = {};     // 1-1,000
  CatchUpPolicy catch_up = {};
  OverlapPolicy overlap = {};
  int max_active_runs = 1;                   // 1-1,000; backfills have their own limit
  std::chrono::milliseconds run_timeout{0};  // 0: none
  bool starts_paused = false;                // when first seen
};

class Dag {
 public:
  // kInvalidArgument: the message names DAG, task and the offending value, a cycle with its whole
  // path.
  static Result<Dag> Create(DagSpec spec);

  const DagSpec& spec() const { return spec_; }
  const std::string& id() const { return spec_.id; }
  size_t size() const { return spec_.tasks.size(); }
  const TaskSpec& task(size_t index) const { return spec_.tasks[index]; }
  std::optional<size_t> IndexOf(std::string_view task_id) const;
  // Indexes of the tasks right before and right after a task.
  const std::vector<size_t>& upstream(size_t index) const { return upstream_[index]; }
  const std::vector<size_t>& downstream(size_t index) const { return downstream_[index]; }
  // All indexes, each after those before it.
  const std::vector<size_t>& order() const { return order_; }

 private:
  Status Check() const;
  Status Connect();
  Status Sort();

  DagSpec spec_;
  std::vector<std::vector<size_t>> upstream_;
  std::vector<std::vector<size_t>> downstream_;
  std::vector<size_t> order_;
};

}  // namespace millrace::schedule
