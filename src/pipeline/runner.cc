#include "pipeline/runner.h"

#include <algorithm>
#include <future>

#include "base/logging.h"
#include "connect/connectors.h"
#include "pipeline/commit_tags.h"
#include "pipeline/query_host.h"
#include "pipeline/scheduling.h"
#include "pipeline/table_replay.h"
#include "pipeline/tasks.h"

namespace millrace::pipeline {
namespace {

constexpr auto kUpkeepInterval = std::chrono::seconds(1);
constexpr auto kBackupInterval = std::chrono::hours(1);
constexpr int kDatabaseBackups = 3;

class RunnerImpl final : public Runner {
 public:
  explicit RunnerImpl(Workspace& workspace) : workspace_(workspace) {}

  ~RunnerImpl() override {
    if (const Status drained = Drain(); !drained) {
      logging::Warning("runner.drain_failed", {{"error", drained.error().ToString()}});
    }
  }

  Status Begin(const RunnerOptions& options) {
    MR_ASSIGN(intents_, connect::OpenIntentLog(workspace_.log()));
    time_ = connect::MakeTimeSource(workspace_.clock());
    MR_ASSIGN(tasks_, TaskEnvironment::Make(workspace_));
    const QueryEnvironment environment{workspace_, *intents_, *time_};
    RetireRemovedQueries(environment);
    for (const QueryDef& query : workspace_.project().queries) {
      hosts_.push_back(std::make_unique<QueryHost>(environment, QueryDefinition::Of(query)));
      MR_TRY(ForgetInterruptedReplays(environment, hosts_.back()->definition().tables));
    }
    MR_TRY(StartQueries());
    if (options.schedule) {
      MR_ASSIGN(scheduler_, OpenScheduler(workspace_, MakeTaskFactory(*tasks_), options.workers));
      commit_tags_ = std::make_unique<CommitTagUpkeep>(workspace_.log(), *scheduler_);
      MR_TRY(scheduler_->Start());
    }
    upkeep_ = std::thread([this] { Upkeep(); });
    return {};
  }

  RunnerSnapshot Snapshot() override {
    RunnerSnapshot snapshot;
    for (const auto& host : hosts_) {
      const std::optional<millrace::Error> failure = host->failure();
      snapshot.queries.push_back({host->name(), host->running(), failure ? failure->ToString() : "",
                                  failure ? failure->code : ErrorCode::kInternal, host->Metrics()});
    }
    if (scheduler_ != nullptr) {
      snapshot.dags = scheduler_->ListDags();
      snapshot.schedule = scheduler_->Counters();
    } else {
      snapshot.schedule = last_counters_;
    }
    snapshot.extracted_records = tasks_->extracted_records;
    snapshot.limits_reached = tasks_->limits_reached;
    snapshot.extracted_pages = tasks_->extracted_pages;
    snapshot.log_bytes = workspace_.topics().DiskBytes();
    snapshot.draining = draining_;
    return snapshot;
  }

  Workspace& workspace() override { return workspace_; }
  schedule::Scheduler* scheduler() override { return scheduler_.get(); }

  Status CatchUp(std::chrono::milliseconds timeout) override {
    for (const auto& host : hosts_) MR_TRY(host->CatchUp(timeout));
    return {};
  }

  Status Drain() override {
    if (draining_.exchange(true)) return {};
    const auto limit =
        std::chrono::milliseconds(workspace_.project().settings.shutdown_timeout_us / 1000);
    Status result;
    if (scheduler_ != nullptr) {
      if (Status drained = scheduler_->Drain(limit * 3 / 4, limit); !drained)
        result = std::move(drained);
    }
    StopUpkeep();
    if (const Status settled = workspace_.topics().Settle(); !settled)
      logging::Warning("topics.not_settled", {{"error", settled.error().ToString()}});
    // What the last tries committed still goes into the tables; what the time does not allow for
    // waits in the log.
    for (const auto& host : hosts_) {
      if (host->failure()) continue;  // told when it failed
      if (const Status caught_up = host->CatchUp(limit); !caught_up) {
        logging::Warning("query.stopped_behind",
                         {{"query", host->name()}, {"error", caught_up.error().message}});
      }
    }
    for (const auto& host : hosts_) {
      if (Status stopped = host->Stop(); !stopped && result) result = std::move(stopped);
    }
    if (Status flushed = workspace_.store().Flush(); !flushed && result)
      result = std::move(flushed);
    if (scheduler_ != nullptr) last_counters_ = scheduler_->Counters();
    commit_tags_.reset();
    scheduler_.reset();
    return result;
  }

  Status WhileStill(const std::function<Status()>& body) override {
    std::lock_guard still(upkeep_body_);
    Status done;
    for (const auto& host : hosts_) {
      if (Status stopped = host->Stop(); !stopped && done) done = std::move(stopped);
    }
    if (done) done = body();
    MR_TRY(StartQueries());
    return done;
  }

  Status ReplayTable(const std::string& table, const ReplayOptions& options, CancelToken& cancel,
                     const std::function<void(std::string_view)>& progress) override {
    MR_ASSIGN(QueryHost* const live, WriterOf(table));
    const std::unique_lock alone(replay_mutex_, std::try_to_lock);
    if (!alone) return Fail(ErrorCode::kUnavailable, "another table is being replayed");
    return pipeline::ReplayTable({{workspace_, *intents_, *time_},
                                  *live,
                                  upkeep_body_,
                                  table,
                                  options.from,
                                  options.partial,
                                  cancel,
                                  progress});
  }

 private:
  Result<QueryHost*> WriterOf(const std::string& table);

  // Side by side: after a crash each re-runs what it had not flushed, partly in one thread. A query
  // that damage keeps from starting shows it (Snapshot); the others, and the schedule, go on.
  Status StartQueries() {
    std::vector<std::future<Status>> starts;
    for (const auto& host : hosts_)
      starts.push_back(std::async(std::launch::async, [&host] { return host->Start(); }));
    Status first;
    for (size_t i = 0; i < starts.size(); ++i) {
      Status started = starts[i].get();
      if (started) continue;
      if (started.error().code == ErrorCode::kDamaged) {
        logging::Error("query.failed",
                       {{"query", hosts_[i]->name()}, {"error", started.error().ToString()}});
      } else if (first) {
        first = std::move(started);
      }
    }
    return first;
  }

  // Queries that left the project since they ran. One that cannot be re-run stays as it is.
  void RetireRemovedQueries(const QueryEnvironment& environment) {
    for (const std::string& name : intents_->Queries()) {
      const bool is_known =
          name.starts_with(kReplayPrefix) ||
          std::ranges::find(workspace_.project().queries, name, &QueryDef::name) !=
              workspace_.project().queries.end();
      if (is_known) continue;
      if (const Status retired = QueryHost::Retire(environment, name); !retired) {
        logging::Warning("query.not_retired",
                         {{"query", name}, {"error", retired.error().ToString()}});
      }
    }
  }

  // What was re-run at the start need not be re-run by the next one: a process that is killed again
  // and again before its first regular flush would otherwise take longer with every start.
  void FlushWhatWasReplayed() {
    const auto replayed = [](const auto& host) { return host->Metrics().replayed > 0; };
    if (std::ranges::none_of(hosts_, replayed)) return;
    if (const Status flushed = workspace_.store().Flush(); !flushed) {
      logging::Warning("runner.flush_failed", {{"error", flushed.error().ToString()}});
    }
  }

  void Upkeep() {
    FlushWhatWasReplayed();
    auto backup_at = std::chrono::steady_clock::now();
    std::unique_lock lock(upkeep_mutex_);
    while (!upkeep_stopped_) {
      upkeep_wake_.wait_for(lock, kUpkeepInterval);
      if (upkeep_stopped_) return;
      lock.unlock();
      if (std::chrono::steady_clock::now() >= backup_at) {
        BackUpRuns();
        backup_at += kBackupInterval;
      }
      {
        std::lock_guard body(upkeep_body_);
        for (const auto& host : hosts_) host->Maintain();
        ForgetCommitTags();
      }
      lock.lock();
    }
  }

  // A copy of the run history beside it, should the database be damaged.
  void BackUpRuns() {
    if (scheduler_ == nullptr) return;
    if (const Status done = workspace_.database().RotateBackup(kDatabaseBackups); !done) {
      logging::Warning("runs.backup_failed", {{"error", done.error().message}});
    }
  }

  void ForgetCommitTags() {
    if (commit_tags_ == nullptr) return;
    if (const Status done = commit_tags_->Maintain(); !done) {
      logging::Warning("log.tags_not_forgotten", {{"error", done.error().message}});
    }
  }

  void StopUpkeep() {
    {
      std::lock_guard lock(upkeep_mutex_);
      upkeep_stopped_ = true;
    }
    upkeep_wake_.notify_all();
    if (upkeep_.joinable()) upkeep_.join();
  }

  Workspace& workspace_;
  std::unique_ptr<engine::IntentLog> intents_;
  std::unique_ptr<engine::TimeSource> time_;
  std::unique_ptr<TaskEnvironment> tasks_;
  std::vector<std::unique_ptr<QueryHost>> hosts_;
  std::unique_ptr<schedule::Scheduler> scheduler_;
  std::unique_ptr<CommitTagUpkeep> commit_tags_;  // without a scheduler: nullptr
  schedule::SchedulerCounters last_counters_;     // of a drained scheduler
  std::atomic<bool> draining_ = false;
  std::mutex upkeep_mutex_;  // of the two below
  std::condition_variable upkeep_wake_;
  bool upkeep_stopped_ = false;
  std::mutex upkeep_body_;   // held while hosts are maintained, stopped or started
  std::mutex replay_mutex_;  // held while a table is replayed
  std::thread upkeep_;
};

Result<QueryHost*> RunnerImpl::WriterOf(const std::string& table) {
  QueryHost* writer = nullptr;
  for (const auto& host : hosts_) {
    const auto& tables = host->definition().tables;
    if (std::ranges::find(tables, table) == tables.end()) continue;
    if (writer != nullptr) {
      return Fail(ErrorCode::kUnsupported,
                  "table {} is written by {} and {}: only a table of one query can be rebuilt",
                  table, writer->name(), host->name());
    }
    writer = host.get();
  }
  if (writer == nullptr)
    return Fail(ErrorCode::kInvalidArgument, "no query writes table {}", table);
  return writer;
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::Start(Workspace& workspace, RunnerOptions options) {
  auto runner = std::make_unique<RunnerImpl>(workspace);
  MR_TRY(runner->Begin(options));
  return runner;
}

}  // namespace millrace::pipeline
