// SchedulerHarness: a scheduler with a database in a folder of its own, tasks given as functions,
// and a virtual or the real clock. For tests only.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "meta/sqlite.h"
#include "schedule/civil.h"
#include "schedule/scheduler.h"

namespace millrace::schedule {

using TaskBody = std::function<Result<TaskOutcome>(TaskContext&)>;

inline TimestampUs At(std::string_view text) { return ParseUtc(text).value(); }

class FunctionTask final : public Task {
 public:
  explicit FunctionTask(TaskBody body) : body_(std::move(body)) {}
  Result<TaskOutcome> Run(TaskContext& context) override { return body_(context); }

 private:
  TaskBody body_;
};

// Waits in real time for what other threads bring about.
inline bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 10000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

class SchedulerHarness : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "schedule_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    database_ = meta::SqliteDatabase::Open(folder_ + "/meta.db", {}).value();
    options_.clock = &clock_;
    options_.random_seed = 1;
    options_.factory = [this](const std::string& dag, const TaskSpec& spec) {
      std::lock_guard lock(mutex_);
      const auto body = bodies_.find(dag + "." + spec.id);
      TaskBody chosen =
          body == bodies_.end() ? [](TaskContext&) { return TaskOutcome{}; } : body->second;
      return Result<std::unique_ptr<Task>>(std::make_unique<FunctionTask>(std::move(chosen)));
    };
  }
  void TearDown() override {
    scheduler_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  static DagSpec Spec(const std::string& id, std::vector<TaskSpec> tasks,
                      std::string_view timetable = "") {
    DagSpec spec;
    spec.id = id;
    spec.timetable = Timetable::Parse(timetable, TimeZone::Utc()).value();
    spec.tasks = std::move(tasks);
    return spec;
  }
  static TaskSpec Node(std::string id, std::vector<std::string> upstream = {}) {
    TaskSpec spec;
    spec.id = std::move(id);
    spec.kind = "function";
    spec.upstream = std::move(upstream);
    return spec;
  }

  void Open(const std::vector<DagSpec>& specs) {
    std::vector<Dag> dags;
    for (const DagSpec& spec : specs) dags.push_back(Dag::Create(spec).value());
    auto opened = Scheduler::Open(*Db(), std::move(dags), options_);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    scheduler_ = std::move(*opened);
    ASSERT_TRUE(scheduler_->Start().has_value());
  }
  void Reopen(const std::vector<DagSpec>& specs) {
    scheduler_.reset();
    Open(specs);
  }
  virtual meta::Database* Db() { return database_.get(); }

  void Body(const std::string& dag_and_task, TaskBody body) {
    std::lock_guard lock(mutex_);
    bodies_[dag_and_task] = std::move(body);
  }
  RunRecord Trigger(const std::string& dag, TriggerRequest request = {}) {
    auto run = scheduler_->Trigger(dag, std::move(request));
    EXPECT_TRUE(run.has_value()) << run.error().ToString();
    return run.value_or(RunRecord{});
  }
  RunRecord Finish(const RunRecord& run) {
    auto ended = scheduler_->WaitForRun(run.dag_id, run.run_id, std::chrono::seconds(20));
    EXPECT_TRUE(ended.has_value()) << ended.error().ToString();
    return ended.value_or(RunRecord{});
  }
  std::string StatesOf(const RunRecord& run) {
    std::string all;
    const auto tasks = scheduler_->ListTaskInstances(run.dag_id, run.run_id);
    EXPECT_TRUE(tasks.has_value());
    for (const TaskInstanceRecord& task : *tasks)
      all += fmt::format("{}{}={}", all.empty() ? "" : " ", task.task_id, Name(task.state));
    return all;
  }
  TaskInstanceRecord TaskOf(const RunRecord& run, const std::string& task_id) {
    const auto tasks = scheduler_->ListTaskInstances(run.dag_id, run.run_id);
    for (const TaskInstanceRecord& task : tasks.value()) {
      if (task.task_id == task_id) return task;
    }
    return {};
  }
  std::vector<RunRecord> Runs(const std::string& dag) {
    return scheduler_->ListRuns({.dag_id = dag}, 1000, 0).value().runs;
  }
  // Finished runs of a DAG, the oldest first, as "00:00:10 00:00:20".
  std::string FinishedTimes(const std::string& dag) {
    std::string all;
    auto runs = Runs(dag);
    for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
      if (IsFinished(run->state))
        all += (all.empty() ? "" : " ") + FormatUtc(run->logical_date).substr(11, 8);
    }
    return all;
  }
  void Advance(std::chrono::milliseconds by) { clock_.Advance(by); }

  std::string folder_;
  io::VirtualClock clock_{At("2026-01-01T00:00:00Z")};
  std::unique_ptr<meta::SqliteDatabase> database_;
  SchedulerOptions options_;
  std::mutex mutex_;
  std::map<std::string, TaskBody> bodies_;  // guarded by mutex_
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace millrace::schedule
