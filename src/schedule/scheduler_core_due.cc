#include <algorithm>

#include "base/logging.h"
#include "schedule/scheduler_core.h"

namespace millrace::schedule {
namespace {

// A due time seen this late was missed (the machine slept, the clock was set).
constexpr int64_t kLateUs = 60'000'000;
// In one turn of the loop, so that commits and ends of tries come in between.
constexpr int kDueTimesMax = 500;
constexpr int kBackfillDatesMax = 100;

}  // namespace

std::optional<TimestampUs> SchedulerCore::NextDueOf(const DagProgress& dag,
                                                    TimestampUs after) const {
  const DagSpec& spec = dag.dag.spec();
  if (spec.start) after = std::max(after, *spec.start - 1);
  const auto due = spec.timetable.NextAfter(after);
  if (!due || (spec.end && *due > *spec.end)) return std::nullopt;
  return due;
}

void SchedulerCore::RunDueTimes(DagProgress& dag, TimestampUs now) {
  if (dag.record.paused || dag.waits_for_room) {
    dag.next_due.reset();
    return;
  }
  if (dag.next_due && *dag.next_due > now) return;
  const DagRecord before = dag.record;
  for (int i = 0; i < kDueTimesMax; ++i) {
    dag.next_due = NextDueOf(dag, dag.record.cursor);
    if (!dag.next_due || *dag.next_due > now) break;
    if (*dag.next_due < now - kLateUs) dag.live_since = std::max(dag.live_since, now);
    if (*dag.next_due > dag.live_since) {
      RunLive(dag, *dag.next_due);
    } else if (!RunMissed(dag, *dag.next_due)) {
      dag.waits_for_room = true;
      break;
    }
  }
  if (dag.record.cursor != before.cursor) batch_.changes.Put(dag.record);
}

void SchedulerCore::Skip(DagProgress& dag, TimestampUs due) {
  dag.record.cursor = due;
  ++dag.record.skipped_count;
  ++counters_.due_skipped;
}

void SchedulerCore::RunLive(DagProgress& dag, TimestampUs due) {
  const DagSpec& spec = dag.dag.spec();
  const bool has_room = dag.active_runs < spec.max_active_runs && dag.queued.empty();
  const bool may_queue = spec.overlap.kind == OverlapPolicy::Kind::kQueue &&
                         dag.queued.size() < static_cast<size_t>(spec.overlap.queue_max);
  if (!has_room && !may_queue) {
    Skip(dag, due);
    return;
  }
  dag.record.cursor = due;
  if (!HasRun(dag, due)) Enqueue(NewRun(dag, RunType::kScheduled, due));
}

// Handles the oldest missed due time; false: it waits for room.
bool SchedulerCore::RunMissed(DagProgress& dag, TimestampUs due) {
  const DagSpec& spec = dag.dag.spec();
  const CatchUpPolicy& policy = spec.catch_up;
  const int64_t age_us = std::chrono::microseconds(policy.max_age).count();
  const TimestampUs until = spec.end ? std::min(dag.live_since, *spec.end) : dag.live_since;
  TimestampUs keep_from = due;  // the first one that is not dropped
  if (policy.max_age.count() > 0) keep_from = std::max(keep_from, dag.live_since - age_us);
  if (policy.kind == CatchUpPolicy::Kind::kNone) keep_from = until + 1;
  if (policy.kind == CatchUpPolicy::Kind::kLast) {
    const auto last = spec.timetable.LastBefore(until + 1);
    keep_from = std::max(keep_from, last.value_or(until + 1));
  }
  if (keep_from > due) {
    constexpr int64_t kCountMax = 100'000;
    const int64_t dropped =
        spec.timetable.CountDue(dag.record.cursor, std::min(keep_from - 1, until), kCountMax);
    dag.record.cursor = std::min(keep_from - 1, until);
    dag.record.skipped_count += dropped;
    counters_.due_skipped += dropped;
    logging::Info("schedule.missed_dropped", {{"dag", dag.dag.id()}, {"count", dropped}});
    return true;
  }
  const bool has_room = dag.active_runs < spec.max_active_runs && dag.queued.empty();
  if (!has_room) return false;
  dag.record.cursor = due;
  if (!HasRun(dag, due)) Enqueue(NewRun(dag, RunType::kScheduled, due));
  return true;
}

// Whether the date was taken by a run started by hand or by a backfill. Live due times are newer
// than all runs.
bool SchedulerCore::HasRun(DagProgress& dag, TimestampUs date) {
  if (date > dag.greatest_date) return false;
  for (const auto& [key, run] : runs_) {
    if (run->dag == &dag && run->record.logical_date == date) return true;
  }
  const auto found = store_.FindRunByDate(dag.dag.id(), date);
  if (found) return found->has_value();
  // Unknown. No due time may be lost; a second run of the date the unique index would refuse.
  logging::Error("schedule.read_failed", {{"error", found.error().message}});
  return false;
}

void SchedulerCore::AdvanceBackfills() {
  for (auto at = backfills_.begin(); at != backfills_.end();) {
    BackfillProgress& backfill = at->second;
    if (backfill.record.state == BackfillState::kRunning) AdvanceBackfill(backfill);
    const bool is_over = backfill.record.state != BackfillState::kRunning;
    at = is_over && backfill.active_runs == 0 ? backfills_.erase(at) : std::next(at);
  }
}

void SchedulerCore::AdvanceBackfill(BackfillProgress& backfill) {
  BackfillRecord& record = backfill.record;
  bool changed = false;
  for (int i = 0; i < kBackfillDatesMax && backfill.active_runs < record.parallelism; ++i) {
    const auto due = backfill.dag->dag.spec().timetable.NextAfter(record.cursor);
    if (!due || *due > record.to) {
      if (backfill.active_runs > 0) break;
      record.state = BackfillState::kDone;
      changed = true;
      break;
    }
    record.cursor = *due;
    changed = true;
    if (BackfillDate(backfill, *due)) ++record.started_count;
  }
  if (changed) batch_.changes.Put(record);
}

// Whether a run was started for the date.
bool SchedulerCore::BackfillDate(BackfillProgress& backfill, TimestampUs date) {
  DagProgress& dag = *backfill.dag;
  RunPtr run;
  if (HasRun(dag, date)) {
    for (const auto& [key, known] : runs_) {
      if (known->dag == &dag && known->record.logical_date == date) run = known;
    }
    if (run == nullptr) {
      const auto found = store_.FindRunByDate(dag.dag.id(), date);
      if (!found || !*found) return false;
      auto loaded = LoadRun(**found, dag);
      if (!loaded) return false;
      run = std::move(*loaded);
    }
    const Reprocess reprocess = backfill.record.reprocess;
    const RunState state = run->record.state;
    const bool wanted = reprocess == Reprocess::kAll ||
                        (reprocess == Reprocess::kFailed && state == RunState::kFailed);
    if (!wanted || !IsFinished(state)) return false;
    runs_.emplace(run->record.run_key, run);
    std::vector<size_t> all(dag.dag.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    ClearTasks(run, all);
  } else {
    run = NewRun(dag, RunType::kBackfill, date);
    // Higher than that of any run of this date that was purged: generations of runs count from 1 by
    // clears, seconds since 1970 are beyond all of them.
    run->record.first_generation = clock_.Now().value / 1'000'000;
    for (TaskProgress& task : run->tasks)
      task.record.generation = Generation(run->record.first_generation);
  }
  run->record.type = RunType::kBackfill;
  run->record.conf_json = backfill.record.conf_json;
  run->record.backfill_id = backfill.record.backfill_id;
  Reopen(run);
  return true;
}

}  // namespace millrace::schedule
