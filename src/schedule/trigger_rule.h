// Judge: what a task's trigger rule says, given the states of the tasks right before it.
#pragma once

#include <cstddef>

#include "schedule/dag.h"
#include "schedule/states.h"

namespace millrace::schedule {

struct UpstreamCounts {
  size_t total = 0;
  size_t finished = 0;
  size_t failed = 0;   // failed or upstream_failed
  size_t skipped = 0;  // skipped or removed

  void Add(TaskState state) {
    ++total;
    finished += IsFinished(state) ? 1 : 0;
    failed += state == TaskState::kFailed || state == TaskState::kUpstreamFailed ? 1 : 0;
    skipped += state == TaskState::kSkipped || state == TaskState::kRemoved ? 1 : 0;
  }
};

enum class Verdict { kWait, kRun, kSkip, kUpstreamFailed };

// The verdict depends on the states alone, not on the order in which they came about, but for
// kWait: once it is another, no later state of an unfinished upstream task changes it.
constexpr Verdict Judge(TriggerRule rule, const UpstreamCounts& upstream) {
  const bool all_finished = upstream.finished == upstream.total;
  switch (rule) {
    case TriggerRule::kAllSuccess:
      if (upstream.failed > 0) return Verdict::kUpstreamFailed;
      if (!all_finished) return Verdict::kWait;
      return upstream.skipped > 0 ? Verdict::kSkip : Verdict::kRun;
    case TriggerRule::kAllDone:
      return all_finished ? Verdict::kRun : Verdict::kWait;
    case TriggerRule::kOneFailed:
      if (upstream.failed > 0) return Verdict::kRun;
      return all_finished ? Verdict::kSkip : Verdict::kWait;
  }
  return Verdict::kWait;
}

}  // namespace millrace::schedule
