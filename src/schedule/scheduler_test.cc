#include "schedule/scheduler.h"

#include <atomic>

#include "schedule/scheduler_testing.h"

namespace millrace::schedule {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SchedulerTest : public SchedulerHarness {};

// Blocks until cancelled; then fails.
Result<TaskOutcome> UntilCancelled(TaskContext& context) {
  while (!context.cancel.cancelled()) std::this_thread::sleep_for(milliseconds(1));
  return Fail(ErrorCode::kCancelled, "was asked to stop");
}

Result<TaskOutcome> Failing(TaskContext&) { return Fail(ErrorCode::kUnavailable, "no luck"); }

TEST_F(SchedulerTest, ASuccessIsDurableBeforeTheNextTaskStarts) {
  Open({Spec("d", {Node("a"), Node("b", {"a"}), Node("c", {"b"})})});
  std::atomic<int> checked = 0;
  for (const auto& [task, before] : {std::pair("b", "a"), std::pair("c", "b")}) {
    Body(fmt::format("d.{}", task),
         [&, before = std::string(before)](TaskContext& context) -> Result<TaskOutcome> {
           RunRecord run;
           run.dag_id = context.key.dag_id;
           run.run_id = context.key.run_id;
           const bool durable = TaskOf(run, before).state == TaskState::kSuccess &&
                                TaskOf(run, context.key.task_id).state == TaskState::kRunning;
           checked += durable ? 1 : 0;
           return TaskOutcome{};
         });
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Finish(Trigger("d")).state, RunState::kSuccess);
  EXPECT_EQ(checked, 40);
}

TEST_F(SchedulerTest, ASuccessCanCarryAWarning) {
  Open({Spec("d", {Node("a"), Node("b", {"a"})})});
  Body("d.a", [](TaskContext&) -> Result<TaskOutcome> {
    return TaskOutcome{TaskOutcome::Verdict::kSuccess, "half of it is missing"};
  });
  const RunRecord run = Finish(Trigger("d"));
  EXPECT_EQ(run.state, RunState::kSuccess);
  EXPECT_EQ(run.warning, "half of it is missing");
  const auto lines = scheduler_->ReadLog("d", run.run_id, "a", 1, 1, 10);
  ASSERT_TRUE(lines.has_value() && lines->size() == 1);
  EXPECT_EQ((*lines)[0].level, LogLevel::kWarning);
  Reopen({Spec("d", {Node("a"), Node("b", {"a"})})});
  EXPECT_EQ(Runs("d")[0].warning, "half of it is missing");
  Body("d.a", [](TaskContext&) -> Result<TaskOutcome> { return TaskOutcome{}; });
  ASSERT_TRUE(scheduler_->Clear({.dag_id = "d", .run_id = run.run_id}).has_value());
  EXPECT_EQ(Finish(run).warning, "") << "a cleared run begins anew";
}

TEST_F(SchedulerTest, ATryKnowsWhoItIs) {
  std::string seen;
  Body("d.a", [&](TaskContext& context) -> Result<TaskOutcome> {
    seen = fmt::format("{} {} {} {} {} {} {} {}", context.key.dag_id, context.key.task_id,
                       context.key.generation, context.try_number, Name(context.run_type),
                       FormatUtc(context.key.logical_date), FormatUtc(context.data_interval_start),
                       context.conf_json);
    return TaskOutcome{};
  });
  Open({Spec("d", {Node("a")}, "@hourly")});
  Finish(Trigger(
      "d",
      {.conf_json = R"({"n": 1})", .run_id = "mine", .logical_date = At("2025-12-31T23:30:00Z")}));
  EXPECT_EQ(seen, R"(d a 1 1 manual 2025-12-31T23:30:00Z 2025-12-31T23:00:00Z {"n": 1})");
  const auto same = scheduler_->Trigger("d", {.run_id = "mine"});
  EXPECT_EQ(same.error().code, ErrorCode::kAlreadyExists);
  const auto same_date = scheduler_->Trigger("d", {.logical_date = At("2025-12-31T23:30:00Z")});
  EXPECT_EQ(same_date.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(scheduler_->Trigger("d", {.conf_json = "[1]"}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(scheduler_->Trigger("no", {}).error().code, ErrorCode::kNotFound);
}

TEST_F(SchedulerTest, RetriesWhenTheirTimeHasCome) {
  TaskSpec task = Node("a");
  task.retry = {
      .retries = 2, .delay = seconds(10), .factor = 3, .delay_max = seconds(60), .jitter = 0};
  std::atomic<int> tries = 0;
  Body("d.a", [&](TaskContext& context) -> Result<TaskOutcome> {
    ++tries;
    return Failing(context);
  });
  Open({Spec("d", {task})});
  const RunRecord run = Trigger("d");
  const auto waits = [&] { return TaskOf(run, "a").state == TaskState::kUpForRetry; };
  ASSERT_TRUE(Eventually(waits));
  Advance(milliseconds(9999));
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(tries, 1);
  Advance(milliseconds(1));
  ASSERT_TRUE(Eventually([&] { return tries == 2 && waits(); }));
  EXPECT_EQ(*TaskOf(run, "a").retry_at - clock_.Now(), 30'000'000);
  Advance(seconds(30));
  EXPECT_EQ(Finish(run).state, RunState::kFailed);
  const auto kept = scheduler_->ListTries("d", run.run_id, "a").value();
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[2].state, TryState::kFailed);
  EXPECT_NE(kept[2].error.find("no luck"), std::string::npos);
}

TEST_F(SchedulerTest, WhatCanNeverBeRightIsNotTriedAgain) {
  TaskSpec task = Node("a");
  task.retry.retries = 5;
  Body("d.a", [](TaskContext&) -> Result<TaskOutcome> {
    return Fail(ErrorCode::kInvalidArgument, "bad");
  });
  Open({Spec("d", {task})});
  const RunRecord run = Finish(Trigger("d"));
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_EQ(TaskOf(run, "a").try_number, 1);
}

TEST_F(SchedulerTest, AThrowingTaskFails) {
  Body("d.a", [](TaskContext&) -> Result<TaskOutcome> { throw std::runtime_error("thrown"); });
  Open({Spec("d", {Node("a")})});
  const RunRecord run = Finish(Trigger("d"));
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_NE(scheduler_->ListTries("d", run.run_id, "a").value()[0].error.find("thrown"),
            std::string::npos);
}

TEST_F(SchedulerTest, AFailureThatCommittedIsASuccess) {
  options_.resolver = [](const TaskKey& key) -> Result<bool> { return key.task_id == "a"; };
  Body("d.a", Failing);
  Body("d.b", Failing);
  Open({Spec("d", {Node("a"), Node("b")})});
  EXPECT_EQ(StatesOf(Finish(Trigger("d"))), "a=success b=failed");
}

TEST_F(SchedulerTest, ATryTimesOut) {
  TaskSpec task = Node("a");
  task.try_timeout = seconds(5);
  Body("d.a", UntilCancelled);
  Open({Spec("d", {task, Node("b", {"a"})})});
  const RunRecord run = Trigger("d");
  ASSERT_TRUE(Eventually([&] { return TaskOf(run, "a").state == TaskState::kRunning; }));
  std::this_thread::sleep_for(milliseconds(30));  // the time-out counts from the start of the task
  Advance(seconds(5));
  EXPECT_EQ(Finish(run).state, RunState::kFailed);
  EXPECT_EQ(StatesOf(run), "a=failed b=upstream_failed");
  EXPECT_TRUE(
      scheduler_->ListTries("d", run.run_id, "a").value()[0].error.starts_with("timed out"));
}

TEST_F(SchedulerTest, ARunTimesOutAndIsCancelled) {
  DagSpec spec = Spec("d", {Node("a"), Node("b", {"a"})});
  spec.run_timeout = seconds(60);
  Body("d.a", UntilCancelled);
  Open({spec});
  const RunRecord run = Trigger("d");
  ASSERT_TRUE(Eventually([&] { return TaskOf(run, "a").state == TaskState::kRunning; }));
  Advance(seconds(60));
  const RunRecord timed_out = Finish(run);
  EXPECT_EQ(timed_out.state, RunState::kFailed);
  EXPECT_EQ(timed_out.stop_reason, "timed out");
  EXPECT_EQ(StatesOf(run), "a=failed b=skipped");

  const RunRecord second = Trigger("d");
  const RunRecord queued = Trigger("d");
  ASSERT_TRUE(Eventually([&] { return TaskOf(second, "a").state == TaskState::kRunning; }));
  EXPECT_EQ(scheduler_->GetRun("d", queued.run_id).value().state, RunState::kQueued);
  ASSERT_TRUE(scheduler_->CancelRun("d", queued.run_id).has_value());
  EXPECT_EQ(StatesOf(Finish(queued)), "a=skipped b=skipped");
  ASSERT_TRUE(scheduler_->CancelRun("d", second.run_id).has_value());
  EXPECT_EQ(Finish(second).stop_reason, "cancelled");
  EXPECT_EQ(scheduler_->CancelRun("d", second.run_id).error().code, ErrorCode::kConflict);
}

TEST_F(SchedulerTest, ClearRaisesTheGenerationOfTheTaskAndThoseAfterIt) {
  std::atomic<bool> works = false;
  Body("d.b", [&](TaskContext& context) {
    return works ? Result<TaskOutcome>(TaskOutcome{}) : Failing(context);
  });
  Open({Spec("d", {Node("a"), Node("b", {"a"}), Node("c", {"b"})})});
  const RunRecord run = Finish(Trigger("d"));
  EXPECT_EQ(StatesOf(run), "a=success b=failed c=upstream_failed");
  works = true;
  EXPECT_EQ(
      scheduler_
          ->Clear({.dag_id = "d", .run_id = run.run_id, .task_ids = {"a"}, .only_failed = true})
          .value(),
      2);
  EXPECT_EQ(Finish(run).state, RunState::kSuccess);
  EXPECT_EQ(StatesOf(run), "a=success b=success c=success");
  EXPECT_EQ(TaskOf(run, "a").generation, Generation(1));
  EXPECT_EQ(TaskOf(run, "b").generation, Generation(2));
  EXPECT_EQ(TaskOf(run, "b").try_number, 2);
  EXPECT_EQ(TaskOf(run, "c").generation, Generation(2));
  EXPECT_EQ(
      scheduler_
          ->Clear({.dag_id = "d", .run_id = run.run_id, .task_ids = {"b"}, .downstream = false})
          .value(),
      1);
  Finish(run);
  EXPECT_EQ(TaskOf(run, "b").generation, Generation(3));
  EXPECT_EQ(TaskOf(run, "c").generation, Generation(2));
  EXPECT_EQ(
      scheduler_->Clear({.dag_id = "d", .run_id = run.run_id, .task_ids = {"z"}}).error().code,
      ErrorCode::kNotFound);
}

TEST_F(SchedulerTest, ClearingARunningTaskWaitsForItsTry) {
  std::atomic<int> running = 0, most = 0;
  Body("d.a", [&](TaskContext& context) -> Result<TaskOutcome> {
    most = std::max(most.load(), ++running);
    if (context.key.generation == Generation(1)) {
      const auto ended = UntilCancelled(context);
      std::this_thread::sleep_for(milliseconds(20));
    }
    --running;
    return TaskOutcome{};
  });
  Open({Spec("d", {Node("a")})});
  const RunRecord run = Trigger("d");
  ASSERT_TRUE(Eventually([&] { return running == 1; }));
  EXPECT_EQ(scheduler_->Clear({.dag_id = "d", .run_id = run.run_id}).value(), 1);
  EXPECT_EQ(Finish(run).state, RunState::kSuccess);
  EXPECT_EQ(most, 1);
  EXPECT_EQ(TaskOf(run, "a").generation, Generation(2));
  EXPECT_EQ(TaskOf(run, "a").try_number, 2);
}

TEST_F(SchedulerTest, PoolsBoundWhatRunsAndPriorityGoesFirst) {
  options_.pools = {{"narrow", 3}};
  std::vector<TaskSpec> tasks;
  for (int i = 0; i < 12; ++i) {
    tasks.push_back(Node(fmt::format("t{}", i)));
    tasks.back().pool = "narrow";
    tasks.back().pool_slots = 1 + i % 2;
    tasks.back().priority = i;
  }
  std::mutex mutex;
  std::vector<int> order;
  int used = 0, most = 0;
  std::atomic<bool> go = false;
  for (int i = 0; i < 12; ++i) {
    Body(fmt::format("d.t{}", i), [&, i](TaskContext&) -> Result<TaskOutcome> {
      {
        std::lock_guard lock(mutex);
        order.push_back(i);
        used += 1 + i % 2;
        most = std::max(most, used);
      }
      while (!go) std::this_thread::sleep_for(milliseconds(1));
      std::this_thread::sleep_for(milliseconds(2));
      std::lock_guard lock(mutex);
      used -= 1 + i % 2;
      return TaskOutcome{};
    });
  }
  Open({Spec("d", tasks)});
  const RunRecord run = Trigger("d");
  ASSERT_TRUE(Eventually([&] {
    std::lock_guard lock(mutex);
    return order.size() == 2;
  }));
  EXPECT_EQ(TaskOf(run, "t0").state, TaskState::kScheduled);
  go = true;
  EXPECT_EQ(Finish(run).state, RunState::kSuccess);
  EXPECT_LE(most, 3);
  std::sort(order.begin(), order.begin() + 2);
  EXPECT_EQ(std::vector<int>(order.begin(), order.begin() + 2), (std::vector<int>{10, 11}));
  for (const PoolInfo& pool : scheduler_->ListPools()) EXPECT_EQ(pool.used_slots, 0) << pool.name;
}

TEST_F(SchedulerTest, KeepsABoundedNumberOfLines) {
  std::atomic<bool> go = false;
  Body("d.a", [&](TaskContext& context) -> Result<TaskOutcome> {
    context.log.Write(LogLevel::kWarning, "first");
    context.log.Write(LogLevel::kInfo, std::string(20000, 'x'));
    while (!go) std::this_thread::sleep_for(milliseconds(1));
    for (int i = 0; i < 20000; ++i) context.log.Write(LogLevel::kInfo, "line");
    return TaskOutcome{};
  });
  Open({Spec("d", {Node("a")})});
  const RunRecord run = Trigger("d");
  const auto lines = [&](int64_t from) {
    return scheduler_->ReadLog("d", run.run_id, "a", 1, from, 1000).value();
  };
  ASSERT_TRUE(Eventually([&] {  // while it runs
    Advance(milliseconds(10));
    return lines(1).size() == 2;
  }));
  EXPECT_EQ(lines(1)[0].text, "first");
  EXPECT_EQ(lines(1)[0].level, LogLevel::kWarning);
  EXPECT_LT(lines(1)[1].text.size(), 9000u);
  go = true;
  Finish(run);
  const auto last = lines(10000);
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[1].number, 10001);
  EXPECT_NE(last[1].text.find("10002 lines were dropped"), std::string::npos) << last[1].text;
}

TEST_F(SchedulerTest, DrainInterruptsAndTheNextStartGoesOn) {
  std::atomic<bool> blocks = true;
  Body("d.a", [&](TaskContext& context) -> Result<TaskOutcome> {
    if (blocks) return UntilCancelled(context);
    return TaskOutcome{};
  });
  const std::vector<DagSpec> specs = {Spec("d", {Node("a"), Node("b", {"a"})})};
  Open(specs);
  const RunRecord run = Trigger("d");
  ASSERT_TRUE(Eventually([&] { return TaskOf(run, "a").state == TaskState::kRunning; }));
  ASSERT_TRUE(scheduler_->Drain(milliseconds(10), seconds(5)).has_value());
  EXPECT_EQ(StatesOf(run), "a=up_for_retry b=none");
  EXPECT_EQ(scheduler_->Trigger("d", {}).error().code, ErrorCode::kUnavailable);
  blocks = false;
  Reopen(specs);
  EXPECT_EQ(StatesOf(Finish(run)), "a=success b=success");
  EXPECT_EQ(TaskOf(run, "a").failures, 0);
}

TEST_F(SchedulerTest, PoolsAndDagsAreChecked) {
  TaskSpec wide = Node("a");
  wide.pool = "nowhere";
  std::vector<Dag> dags = {Dag::Create(Spec("d", {wide})).value()};
  EXPECT_EQ(Scheduler::Open(*database_, dags, options_).error().code, ErrorCode::kInvalidArgument);
  dags = {Dag::Create(Spec("d", {Node("a")})).value(), Dag::Create(Spec("d", {Node("a")})).value()};
  EXPECT_EQ(Scheduler::Open(*database_, dags, options_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SchedulerTest, OldRunsAreRemovedWhole) {
  options_.keep_finished = std::chrono::hours(1);
  Body("d.a", [](TaskContext& context) -> Result<TaskOutcome> {
    context.log.Write(LogLevel::kInfo, "line");
    return TaskOutcome{};
  });
  Open({Spec("d", {Node("a")})});
  const RunRecord old = Finish(Trigger("d"));
  Advance(std::chrono::minutes(50));
  const RunRecord young = Finish(Trigger("d"));
  Advance(std::chrono::minutes(20));
  ASSERT_TRUE(Eventually([&] { return Runs("d").size() == 1; }));
  EXPECT_EQ(Runs("d")[0].run_id, young.run_id);
  EXPECT_EQ(scheduler_->GetRun("d", old.run_id).error().code, ErrorCode::kNotFound);
  int64_t rows = 0;
  ASSERT_TRUE(database_
                  ->Read([&](meta::Session& session) -> Status {
                    for (const char* table : {"task_instance", "task_try", "try_log"}) {
                      MR_ASSIGN(const auto count,
                                meta::QueryAll(
                                    session, fmt::format("SELECT count(*) FROM {}", table), {}, 1));
                      rows += count[0][0].AsInteger();
                    }
                    return {};
                  })
                  .has_value());
  EXPECT_EQ(rows, 3);
}

}  // namespace
}  // namespace millrace::schedule
