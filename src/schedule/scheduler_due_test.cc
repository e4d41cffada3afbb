// Due times, catch-up, overlap, pause and backfills, on a virtual clock that starts at midnight.
#include <atomic>

#include "schedule/scheduler_testing.h"

namespace millrace::schedule {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class DueTest : public SchedulerHarness {
 protected:
  // Moves the clock and waits until the scheduler has looked at it.
  void Step(milliseconds by, const std::string& expected) {
    Advance(by);
    EXPECT_TRUE(Eventually([&] { return FinishedTimes("d") == expected; }))
        << "expected " << expected << "\n     got " << FinishedTimes("d");
  }
  // The same runs are still there a while later.
  void StaysAt(const std::string& expected) {
    std::this_thread::sleep_for(milliseconds(30));
    EXPECT_EQ(FinishedTimes("d"), expected);
  }
  static DagSpec Every10s(CatchUpPolicy::Kind kind = CatchUpPolicy::Kind::kLast) {
    DagSpec spec = Spec("d", {Node("a")}, "@every 10s");
    spec.catch_up.kind = kind;
    return spec;
  }
};

TEST_F(DueTest, RunsWhenDueWithItsInterval) {
  Open({Every10s()});
  Step(milliseconds(9999), "");
  Step(milliseconds(1), "00:00:10");
  Step(seconds(10), "00:00:10 00:00:20");
  const RunRecord run = Runs("d")[0];
  EXPECT_EQ(run.run_id, "scheduled__2026-01-01T00:00:20Z");
  EXPECT_EQ(run.type, RunType::kScheduled);
  EXPECT_EQ(run.data_interval_start, At("2026-01-01T00:00:10Z"));
  EXPECT_EQ(run.data_interval_end, At("2026-01-01T00:00:20Z"));
  const DagInfo info = scheduler_->GetDag("d").value();
  EXPECT_EQ(info.next_due, At("2026-01-01T00:00:30Z"));
  EXPECT_EQ(scheduler_->NextDue("d", 2).value().back(), At("2026-01-01T00:00:40Z"));
}

TEST_F(DueTest, MissedTimesFollowThePolicy) {
  struct Case {
    CatchUpPolicy::Kind kind;
    milliseconds max_age;
    std::string expected;
    int64_t skipped;
  };
  const Case cases[] = {
      {CatchUpPolicy::Kind::kNone, milliseconds(0), "00:00:10 00:01:10", 5},
      {CatchUpPolicy::Kind::kLast, milliseconds(0), "00:00:10 00:01:00 00:01:10", 4},
      {CatchUpPolicy::Kind::kAll, milliseconds(0),
       "00:00:10 00:00:20 00:00:30 00:00:40 00:00:50 00:01:00 00:01:10", 0},
      {CatchUpPolicy::Kind::kAll, seconds(25), "00:00:10 00:00:40 00:00:50 00:01:00 00:01:10", 2},
      {CatchUpPolicy::Kind::kLast, seconds(3), "00:00:10 00:01:10", 5},
  };
  for (const Case& one : cases) {
    TearDown();
    SetUp();
    clock_.Set(At("2026-01-01T00:00:00Z"));
    DagSpec spec = Every10s(one.kind);
    spec.catch_up.max_age = one.max_age;
    Open({spec});
    Step(seconds(10), "00:00:10");
    scheduler_.reset();
    Advance(seconds(54));  // 00:01:04: five due times were missed
    Open({spec});
    const size_t last = one.expected.rfind(' ');
    Step(seconds(0), one.expected.substr(0, last));  // caught up before the next is due
    Step(seconds(6), one.expected);
    StaysAt(one.expected);
    EXPECT_EQ(scheduler_->GetDag("d").value().record.skipped_count, one.skipped);
    Reopen({spec});
    StaysAt(one.expected);
  }
}

TEST_F(DueTest, ANewDagLooksForwardUnlessItAsksForAllFromItsStart) {
  DagSpec spec = Every10s(CatchUpPolicy::Kind::kAll);
  spec.start = At("2025-12-31T23:59:40Z");
  spec.end = At("2026-01-01T00:00:10Z");
  DagSpec late = Spec("late", {Node("a")}, "@every 10s");
  late.start = At("2025-12-31T23:59:40Z");
  Open({spec, late});
  Step(seconds(0), "23:59:40 23:59:50 00:00:00");
  Step(seconds(30), "23:59:40 23:59:50 00:00:00 00:00:10");
  EXPECT_TRUE(Eventually([&] {
    return FinishedTimes("late") == "00:00:10 00:00:20 00:00:30" ||
           FinishedTimes("late") == "00:00:30" || FinishedTimes("late") == "00:00:10";
  }));
}

TEST_F(DueTest, OverlapSkipsOrQueuesWithinItsBound) {
  for (const bool queues : {false, true}) {
    TearDown();
    SetUp();
    clock_.Set(At("2026-01-01T00:00:00Z"));
    std::atomic<bool> go = false;
    Body("d.a", [&](TaskContext&) -> Result<TaskOutcome> {
      while (!go) std::this_thread::sleep_for(milliseconds(1));
      return TaskOutcome{};
    });
    DagSpec spec = Every10s();
    spec.overlap = {queues ? OverlapPolicy::Kind::kQueue : OverlapPolicy::Kind::kSkip, 2};
    Open({spec});
    for (int i = 1; i <= 5; ++i) {
      Advance(seconds(10));
      ASSERT_TRUE(Eventually([&] {
        return scheduler_->GetDag("d").value().record.cursor ==
               At("2026-01-01T00:00:00Z") + i * 10'000'000;
      }));
    }
    EXPECT_EQ(scheduler_->GetDag("d").value().queued_runs, queues ? 2 : 0);
    go = true;
    Step(seconds(0), queues ? "00:00:10 00:00:20 00:00:30" : "00:00:10");
    EXPECT_EQ(scheduler_->GetDag("d").value().record.skipped_count, queues ? 2 : 4);
  }
}

TEST_F(DueTest, MissedRunsWaitForRoomOneByOne) {
  std::atomic<int> running = 0, most = 0;
  Body("d.a", [&](TaskContext&) -> Result<TaskOutcome> {
    most = std::max(most.load(), ++running);
    std::this_thread::sleep_for(milliseconds(2));
    --running;
    return TaskOutcome{};
  });
  DagSpec spec = Every10s(CatchUpPolicy::Kind::kAll);
  spec.start = At("2025-12-31T23:50:00Z");
  spec.max_active_runs = 2;
  Open({spec});
  ASSERT_TRUE(Eventually([&] { return Runs("d").size() == 61 && IsFinished(Runs("d")[0].state); }));
  EXPECT_LE(most, 2);
  EXPECT_EQ(scheduler_->GetDag("d").value().record.skipped_count, 0);
}

TEST_F(DueTest, APausedDagStartsNothingByItself) {
  Open({Every10s()});
  ASSERT_TRUE(scheduler_->SetPaused("d", true).has_value());
  Step(seconds(35), "");
  StaysAt("");
  EXPECT_EQ(scheduler_->GetDag("d").value().missed_count, 3);
  EXPECT_EQ(Finish(Trigger("d", {.run_id = "by_hand"})).state, RunState::kSuccess);
  Reopen({Every10s()});
  EXPECT_TRUE(scheduler_->GetDag("d").value().record.paused);
  ASSERT_TRUE(scheduler_->SetPaused("d", false).has_value());
  Step(seconds(0), "00:00:30 00:00:35");  // the last missed one, and the one by hand
}

TEST_F(DueTest, ARunByHandNeverTakesADueTime) {
  DagSpec spec = Every10s();
  spec.max_active_runs = 2;
  Open({spec});
  clock_.Set(At("2026-01-01T00:00:10Z"));
  const RunRecord by_hand = Finish(Trigger("d"));
  EXPECT_NE(by_hand.logical_date, At("2026-01-01T00:00:10Z"));
  ASSERT_TRUE(Eventually([&] { return Runs("d").size() == 2; }));
  EXPECT_EQ(Runs("d")[1].run_id, "scheduled__2026-01-01T00:00:10Z");
}

TEST_F(DueTest, BackfillsARangeWithoutMovingTheCursor) {
  std::atomic<int> running = 0, most = 0;
  std::atomic<int> flagged = 0;
  Body("d.a", [&](TaskContext& context) -> Result<TaskOutcome> {
    flagged += context.run_type == RunType::kBackfill ? 1 : 0;
    most = std::max(most.load(), ++running);
    std::this_thread::sleep_for(milliseconds(2));
    --running;
    return TaskOutcome{};
  });
  const std::vector<DagSpec> specs = {Every10s()};
  Open(specs);
  Step(seconds(10), "00:00:10");
  const BackfillRequest request{.dag_id = "d",
                                .from = At("2025-12-31T23:59:00Z"),
                                .to = At("2026-01-01T00:00:10Z"),
                                .parallelism = 3};
  const BackfillPlan plan = scheduler_->PlanBackfill(request).value();
  EXPECT_EQ(plan.due_count, 8);
  EXPECT_EQ(plan.existing_count, 1);
  EXPECT_EQ(plan.run_count, 7);
  EXPECT_EQ(plan.first_dates.front(), At("2025-12-31T23:59:00Z"));
  EXPECT_EQ(Runs("d").size(), 1u);  // a plan does nothing
  const TimestampUs cursor = scheduler_->GetDag("d").value().record.cursor;
  const int64_t id = scheduler_->StartBackfill(request).value().backfill_id;
  const auto is_done = [&] {
    return scheduler_->ListBackfills("d").value().back().state == BackfillState::kDone;
  };
  ASSERT_TRUE(Eventually(is_done));
  EXPECT_EQ(scheduler_->ListBackfills("d").value().back().backfill_id, id);
  EXPECT_EQ(scheduler_->ListBackfills("d").value().back().started_count, 7);
  EXPECT_EQ(flagged, 7);
  EXPECT_LE(most, 3);
  EXPECT_EQ(scheduler_->GetDag("d").value().record.cursor, cursor);
  EXPECT_EQ(Runs("d").size(), 8u);
  EXPECT_EQ(Runs("d").back().run_id, "backfill__2025-12-31T23:59:00Z");

  BackfillRequest again = request;
  again.reprocess = Reprocess::kAll;
  const RunRecord live = Runs("d")[0];
  const Generation before = TaskOf(live, "a").generation;
  ASSERT_TRUE(scheduler_->StartBackfill(again).has_value());
  ASSERT_TRUE(Eventually(is_done));
  EXPECT_EQ(flagged, 15);
  EXPECT_EQ(Runs("d").size(), 8u);
  EXPECT_EQ(TaskOf(live, "a").generation, before + 1);
  EXPECT_EQ(scheduler_->CancelBackfill(id).error().code, ErrorCode::kNotFound);
  Step(seconds(10), FinishedTimes("d") + " 00:00:20");
}

TEST_F(DueTest, BackfillsAreCheckedAndGoOnAfterARestart) {
  std::atomic<bool> go = false;
  Body("d.a", [&](TaskContext& context) -> Result<TaskOutcome> {
    while (!go && !context.cancel.cancelled()) std::this_thread::sleep_for(milliseconds(1));
    if (!go) return Fail(ErrorCode::kCancelled, "stopped");
    return TaskOutcome{};
  });
  DagSpec by_hand = Spec("h", {Node("a")});
  const std::vector<DagSpec> specs = {Every10s(), by_hand};
  Open(specs);
  const TimestampUs from = At("2025-12-31T23:58:00Z"), to = At("2025-12-31T23:59:00Z");
  EXPECT_FALSE(scheduler_->PlanBackfill({.dag_id = "h", .from = from, .to = to}).has_value());
  EXPECT_FALSE(scheduler_->PlanBackfill({.dag_id = "d", .from = to, .to = from}).has_value());
  EXPECT_FALSE(
      scheduler_->PlanBackfill({.dag_id = "d", .from = from, .to = At("2027-01-01")}).has_value());
  EXPECT_FALSE(
      scheduler_->PlanBackfill({.dag_id = "d", .from = At("2010-01-01"), .to = to}).has_value());
  ASSERT_TRUE(scheduler_->StartBackfill({.dag_id = "d", .from = from, .to = to}).has_value());
  ASSERT_TRUE(Eventually([&] { return Runs("d").size() == 1; }));
  ASSERT_TRUE(scheduler_->Drain(milliseconds(0), seconds(5)).has_value());
  go = true;
  Reopen(specs);
  ASSERT_TRUE(Eventually(
      [&] { return scheduler_->ListBackfills("d").value()[0].state == BackfillState::kDone; }));
  EXPECT_EQ(Runs("d").size(), 7u);
  for (const RunRecord& run : Runs("d")) EXPECT_EQ(run.state, RunState::kSuccess);
}

}  // namespace
}  // namespace millrace::schedule
