#include "schedule/scheduler_core.h"

#include <algorithm>

#include "base/check.h"
#include "base/logging.h"

namespace millrace::schedule {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// The wall clock may be set: nobody sleeps longer without a look at it.
constexpr int64_t kSleepUsMax = 30'000'000;
constexpr int64_t kLogFlushUs = 200'000;
constexpr int64_t kStallUs = 1'000'000;
constexpr int64_t kPurgePeriodUs = 60'000'000;
constexpr int64_t kPurgeRunsMax = 200;  // in one commit
constexpr int kDefaultPoolSlots = 128;
constexpr int kBackfillPoolSlots = 4;

}  // namespace

SchedulerCore::SchedulerCore(meta::Database& database, SchedulerOptions options)
    : database_(database),
      store_(database),
      options_(std::move(options)),
      clock_(*options_.clock),
      random_(options_.random_seed) {
  ready_.AddPool(std::string(kDefaultPool), kDefaultPoolSlots);
  ready_.AddPool(std::string(kBackfillPool), kBackfillPoolSlots);
  for (const PoolSpec& pool : options_.pools) ready_.AddPool(pool.name, pool.slots);
  free_workers_ = options_.workers;
}

SchedulerCore::~SchedulerCore() {
  bool is_running = false;
  {
    Lock lock(mutex_);
    is_running = started_ && !stopping_;
  }
  if (is_running) {
    const Status drained = Drain(std::chrono::milliseconds(0), std::chrono::seconds(30));
    if (!drained)
      logging::Warning("schedule.drain_incomplete", {{"error", drained.error().message}});
  }
  for (std::thread& worker : workers_) worker.join();
  if (loop_.joinable()) loop_.join();
  // A try that was decided but never ran (its commit failed) and its run hold each other.
  for (auto& [key, run] : runs_) {
    for (TaskProgress& task : run->tasks) task.live.reset();
  }
}

Status SchedulerCore::Start() {
  Lock lock(mutex_);
  MR_CHECK(!started_, "a scheduler is started once");
  started_ = true;
  loop_ = std::thread([this] { Loop(); });
  for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { Work(); });
  return {};
}

void SchedulerCore::Loop() {
  Lock lock(mutex_);
  while (true) {
    const bool may_decide = !stalled_until_ && !draining_;
    RunTimers();
    if (may_decide) {
      const TimestampUs now = clock_.Now();
      for (auto& [id, dag] : dags_) RunDueTimes(dag, now);
      AdvanceBackfills();
      FillSlots();
    }
    if (stalled_until_ && *stalled_until_ <= clock_.Now()) stalled_until_.reset();
    if (!batch_.changes.empty() && !stalled_until_) {
      CommitBatch(lock);
      if (!fatal_) continue;
    }
    if (fatal_ || (stopping_ && (batch_.changes.empty() || stalled_until_))) break;
    WaitForNews(lock);
  }
  stopping_ = true;
  work_wake_.notify_all();
  durable_.notify_all();
}

void SchedulerCore::CommitBatch(Lock& lock) {
  Batch batch = std::exchange(batch_, Batch{});
  batch_.number = batch.number + 1;
  batch_in_flight_ = true;
  lock.unlock();
  const Status written =
      database_.Write([&](meta::Session& session) { return batch.changes.WriteTo(session); });
  lock.lock();
  batch_in_flight_ = false;
  if (written)
    OnDurable(std::move(batch));
  else
    OnCommitFailed(std::move(batch), written.error());
}

void SchedulerCore::OnDurable(Batch batch) {
  durable_number_ = batch.number;
  ++counters_.commits;
  for (const RunPtr& run : batch.ended) {
    if (IsFinished(run->record.state)) runs_.erase(run->record.run_key);
  }
  for (std::shared_ptr<LiveTry>& attempt : batch.starts) {
    const auto timeout = attempt->run->dag->dag.task(attempt->task).try_timeout;
    if (timeout.count() > 0) {
      attempt->deadline_ns = clock_.MonotonicNs() + nanoseconds(timeout).count();
      deadlines_.emplace(*attempt->deadline_ns, attempt);
    }
    work_.push_back(std::move(attempt));
    work_wake_.notify_one();
  }
  durable_.notify_all();
}

// Nothing of the batch was made. What may go through later waits, and with it everything that
// follows from it; anything else ends the scheduler.
void SchedulerCore::OnCommitFailed(Batch batch, const Error& error) {
  const bool may_go_through =
      error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kResourceExhausted;
  logging::Error("schedule.commit_failed",
                 {{"error", error.message}, {"tried_again", may_go_through}});
  if (may_go_through) {
    batch.changes.Append(std::move(batch_.changes));
    batch.starts.insert(batch.starts.end(), batch_.starts.begin(), batch_.starts.end());
    batch.ended.insert(batch.ended.end(), batch_.ended.begin(), batch_.ended.end());
    batch.number = batch_.number;
    batch_ = std::move(batch);
    stalled_until_ = clock_.Now() + kStallUs;
    durable_.notify_all();
    return;
  }
  fatal_ = error;
  if (options_.on_fatal) options_.on_fatal(error);
}

void SchedulerCore::WaitForNews(Lock& lock) {
  const TimestampUs now = clock_.Now();
  TimestampUs until = now + kSleepUsMax;
  const auto at_latest = [&](const std::optional<TimestampUs>& at) {
    if (at) until = std::min(until, *at);
  };
  at_latest(stalled_until_);
  at_latest(flush_logs_at_);
  if (!timers_.empty() && !draining_) at_latest(timers_.begin()->first);
  if (!draining_ && !stalled_until_) {
    at_latest(purge_at_);
    for (const auto& [id, dag] : dags_) at_latest(dag.next_due);
  }
  int64_t wait_ns = nanoseconds(microseconds(std::max<int64_t>(until - now, 0))).count();
  if (!deadlines_.empty())
    wait_ns = std::min(wait_ns, deadlines_.begin()->first - clock_.MonotonicNs());
  if (wait_ns > 0) clock_.WaitFor(news_, lock, nanoseconds(wait_ns));
}

void SchedulerCore::RunTimers() {
  const TimestampUs now = clock_.Now();
  while (!timers_.empty() && timers_.begin()->first <= now && !draining_) {
    const Timer timer = timers_.extract(timers_.begin()).mapped();
    const RunPtr run = timer.run.lock();
    if (run == nullptr || run->record.state != RunState::kRunning) continue;
    if (timer.kind == Timer::Kind::kRunTimeout) {
      // A run that was cleared has started anew since.
      const int64_t timeout_us = microseconds(run->dag->dag.spec().run_timeout).count();
      const bool is_due = *run->record.started_at + timeout_us <= now;
      if (is_due && run->record.stop_reason.empty()) StopRun(run, "timed out");
    } else {
      const TaskInstanceRecord& task = run->tasks[timer.task].record;
      if (task.state == TaskState::kUpForRetry && task.generation == timer.generation)
        MakeReady(run, timer.task);
    }
  }
  const int64_t now_ns = clock_.MonotonicNs();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ns) {
    const auto attempt = deadlines_.extract(deadlines_.begin()).mapped().lock();
    if (attempt != nullptr) CancelTry(*attempt, CancelReason::kTimedOut);
  }
  if (flush_logs_at_ && *flush_logs_at_ <= now) FlushLogs();
  if (options_.keep_finished.count() > 0 && !draining_ && (!purge_at_ || *purge_at_ <= now)) {
    if (purge_at_) {
      const int64_t age_us = microseconds(options_.keep_finished).count();
      batch_.changes.Purge(now - age_us, kPurgeRunsMax);
    }
    purge_at_ = now + kPurgePeriodUs;
  }
}

void SchedulerCore::FillSlots() {
  while (free_workers_ > 0) {
    const auto entry = ready_.Take();
    if (!entry) break;
    StartTry(runs_.at(entry->run_key), entry->task);
  }
  for (const auto& [run, task] : newly_ready_) {
    if (run->tasks[task].record.state == TaskState::kScheduled) PutTask(*run, task);
  }
  newly_ready_.clear();
}

void SchedulerCore::FlushLogs() {
  flush_logs_at_.reset();
  for (LiveTry* attempt : logs_to_flush_)
    batch_.changes.AppendLog(attempt->run->record.run_key, attempt->record.task_id,
                             attempt->record.try_number, attempt->log->Take(false));
  logs_to_flush_.clear();
}

void SchedulerCore::ArmLogFlush(LiveTry* attempt) {
  Lock lock(mutex_);
  if (!live_tries_.contains(attempt)) return;
  logs_to_flush_.insert(attempt);
  if (flush_logs_at_) return;
  flush_logs_at_ = clock_.Now() + kLogFlushUs;
  news_.notify_one();
}

void SchedulerCore::Work() {
  Lock lock(mutex_);
  while (true) {
    work_wake_.wait(lock, [&] { return !work_.empty() || stopping_; });
    if (work_.empty()) return;
    const std::shared_ptr<LiveTry> attempt = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    RunTry(*attempt);
    lock.lock();
  }
}

void SchedulerCore::RunTry(LiveTry& attempt) {
  const Result<TaskOutcome> result = CallTask(attempt);
  const bool was_committed = !result && WasCommitted(attempt);
  // Before the lock, which a log's first line takes.
  if (result && !result->warning.empty()) attempt.log->Write(LogLevel::kWarning, result->warning);
  Lock lock(mutex_);
  OnTryEnded(attempt, result, was_committed);
  ++free_workers_;
  news_.notify_one();
  if (draining_) durable_.notify_all();
}

Result<TaskOutcome> SchedulerCore::CallTask(LiveTry& attempt) {
  const RunRecord& run =
      attempt.run->record;  // what is read here does not change while a try lives
  const TaskSpec& spec = attempt.run->dag->dag.task(attempt.task);
  TaskContext context{
      .key = {run.dag_id, run.run_id, spec.id, run.logical_date, attempt.record.generation},
      .run_type = run.type,
      .try_number = attempt.record.try_number,
      .data_interval_start = run.data_interval_start,
      .data_interval_end = run.data_interval_end,
      .conf_json = run.conf_json,
      .deadline_monotonic_ns = attempt.deadline_ns,
      .cancel = attempt.cancel,
      .log = *attempt.log};
  try {
    MR_ASSIGN(const std::unique_ptr<Task> task, options_.factory(run.dag_id, spec));
    return task->Run(context);
  } catch (const std::exception& thrown) {
    return Fail(ErrorCode::kInternal, "task {} threw: {}", spec.id, thrown.what());
  } catch (...) {
    return Fail(ErrorCode::kInternal, "task {} threw something that is no exception", spec.id);
  }
}

bool SchedulerCore::WasCommitted(const LiveTry& attempt) {
  if (!options_.resolver) return false;
  const RunRecord& run = attempt.run->record;
  const auto committed = options_.resolver({run.dag_id, run.run_id, attempt.record.task_id,
                                            run.logical_date, attempt.record.generation});
  if (committed) return *committed;
  logging::Warning(
      "schedule.resolve_failed",
      {{"dag", run.dag_id}, {"run", run.run_id}, {"error", committed.error().message}});
  return false;
}

Status SchedulerCore::CheckUsable() const {
  if (fatal_) return std::unexpected(*fatal_);
  if (draining_ || stopping_)
    return Fail(ErrorCode::kUnavailable, "the scheduler is shutting down");
  if (stalled_until_)
    return Fail(ErrorCode::kResourceExhausted,
                "the metadata database takes no writes at the moment (disk full or locked)");
  return {};
}

// Waits until what the caller put into the current batch is durable.
Status SchedulerCore::WaitDurable(Lock& lock) {
  if (!started_) {
    CommitBatch(lock);
    if (fatal_) return std::unexpected(*fatal_);
    return CheckUsable();
  }
  const int64_t number = batch_.number;
  if (batch_.changes.empty()) return {};
  news_.notify_one();
  durable_.wait(lock, [&] { return durable_number_ >= number || fatal_ || stalled_until_; });
  if (fatal_) return std::unexpected(*fatal_);
  if (durable_number_ >= number) return {};
  return Fail(
      ErrorCode::kResourceExhausted,
      "the metadata database takes no writes at the moment (disk full or locked); the change "
      "is made as soon as it does");
}

bool SchedulerCore::HasWorkInHand() const {
  return !live_tries_.empty() || !batch_.changes.empty() || batch_in_flight_;
}

Status SchedulerCore::Drain(std::chrono::milliseconds grace, std::chrono::milliseconds limit) {
  Lock lock(mutex_);
  if (!started_) return {};
  const auto begin = std::chrono::steady_clock::now();
  draining_ = true;
  news_.notify_one();
  const auto is_idle = [&] { return live_tries_.empty() || fatal_; };
  if (!durable_.wait_until(lock, begin + grace, is_idle)) {
    for (LiveTry* attempt : live_tries_) CancelTry(*attempt, CancelReason::kShutdown);
  }
  durable_.wait_until(lock, begin + limit, is_idle);
  durable_.wait_until(
      lock, std::max(begin + limit, std::chrono::steady_clock::now() + std::chrono::seconds(5)),
      [&] { return fatal_ || (batch_.changes.empty() && !batch_in_flight_); });
  stopping_ = true;
  news_.notify_one();
  work_wake_.notify_all();
  if (fatal_) return std::unexpected(*fatal_);
  if (live_tries_.empty()) return {};
  return Fail(ErrorCode::kTimeout, "{} tries did not end in time; the next start resolves them",
              live_tries_.size());
}

}  // namespace millrace::schedule
