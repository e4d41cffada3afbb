// Which commit tags of the log may go. Every task instance that commits leaves a tag behind, which
// the scheduler asks for after a crash (DESIGN invariant 7): without a rule they would pile up for
// ever.
//
// The rule: a tag goes when (1) no run that is queued or running in the database has an instance of
// that owner, so that its end is on stable storage and nobody will ask, and (2) it is not among the
// newest `keep`, so that a run history put back from an older backup still gets true answers.
// Tags of queries and of replayed dead letters never go: there is one for each of them.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "log/log.h"
#include "schedule/scheduler.h"

namespace millrace::pipeline {

class CommitTagUpkeep {
 public:
  static constexpr size_t kKeep = 10'000;

  CommitTagUpkeep(log::Log& log, schedule::Scheduler& scheduler, size_t keep = kKeep)
      : log_(log), scheduler_(scheduler), keep_(keep), next_round_at_(2 * keep) {}

  // Cheap until there are twice as many owners as are kept. One thread at a time; not while a
  // backup is made, which copies database and log one after the other.
  Status Maintain();

 private:
  log::Log& log_;
  schedule::Scheduler& scheduler_;
  const size_t keep_;
  size_t next_round_at_;  // number of owners
};

}  // namespace millrace::pipeline
