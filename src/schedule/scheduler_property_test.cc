// Random DAGs with random trigger rules, failures, skips and retries, compared with a naive
// reference that walks the tasks in order.
#include <atomic>
#include <set>

#include "schedule/scheduler_testing.h"

namespace millrace::schedule {
namespace {

// What a task does at each try: fails `failures` times, then succeeds or skips.
struct Fate {
  int failures = 0;
  bool skips = false;
};

struct RandomDag {
  DagSpec spec;
  std::vector<Fate> fates;
};

struct Expected {
  TaskState state = TaskState::kNone;
  int tries = 0;
};

RandomDag MakeDag(io::Random& random, int number) {
  RandomDag made;
  made.spec.id = fmt::format("d{}", number);
  made.spec.max_active_runs = 3;
  const size_t count = 1 + random.Next() % 14;
  for (size_t i = 0; i < count; ++i) {
    TaskSpec task;
    task.id = fmt::format("t{}", i);
    task.kind = "random";
    task.rule = static_cast<TriggerRule>(random.Next() % 3);
    task.priority = static_cast<int>(random.Next() % 3);
    task.retry = {.retries = static_cast<int>(random.Next() % 3),
                  .delay = std::chrono::milliseconds(1)};
    for (size_t before = 0; before < i; ++before) {
      if (random.Next() % 3 == 0) task.upstream.push_back(fmt::format("t{}", before));
    }
    made.spec.tasks.push_back(std::move(task));
    const uint64_t luck = random.Next() % 10;
    made.fates.push_back({luck < 6 ? 0 : static_cast<int>(luck - 5), random.Next() % 8 == 0});
  }
  return made;
}

std::vector<Expected> Reference(const RandomDag& made) {
  std::vector<Expected> expected(made.spec.tasks.size());
  for (size_t i = 0; i < expected.size(); ++i) {  // upstream tasks have lower numbers
    const TaskSpec& task = made.spec.tasks[i];
    int failed = 0, skipped = 0;
    for (const std::string& name : task.upstream) {
      const TaskState state = expected[std::stoul(name.substr(1))].state;
      failed += state == TaskState::kFailed || state == TaskState::kUpstreamFailed ? 1 : 0;
      skipped += state == TaskState::kSkipped ? 1 : 0;
    }
    if (task.rule == TriggerRule::kAllSuccess && failed > 0) {
      expected[i].state = TaskState::kUpstreamFailed;
    } else if ((task.rule == TriggerRule::kAllSuccess && skipped > 0) ||
               (task.rule == TriggerRule::kOneFailed && failed == 0)) {
      expected[i].state = TaskState::kSkipped;
    } else {
      const bool fails = made.fates[i].failures > task.retry.retries;
      expected[i].tries = std::min(made.fates[i].failures, task.retry.retries) + 1;
      expected[i].state = fails ? TaskState::kFailed
                                : (made.fates[i].skips ? TaskState::kSkipped : TaskState::kSuccess);
    }
  }
  return expected;
}

RunState ExpectedRun(const RandomDag& made, const std::vector<Expected>& expected) {
  std::set<std::string> followed;
  for (const TaskSpec& task : made.spec.tasks)
    followed.insert(task.upstream.begin(), task.upstream.end());
  for (size_t i = 0; i < expected.size(); ++i) {
    const TaskState state = expected[i].state;
    if (!followed.contains(made.spec.tasks[i].id) &&
        (state == TaskState::kFailed || state == TaskState::kUpstreamFailed))
      return RunState::kFailed;
  }
  return RunState::kSuccess;
}

class PropertyTest : public SchedulerHarness {};

TEST_F(PropertyTest, RandomDagsEndAsTheReferenceSays) {
  options_.clock = &io::SystemClock();
  options_.pools = {{"default_pool", 3}};
  io::SeededRandom random(42);
  std::vector<RandomDag> dags;
  std::vector<DagSpec> specs;
  for (int i = 0; i < 60; ++i) {
    dags.push_back(MakeDag(random, i));
    specs.push_back(dags.back().spec);
  }
  // Counted by the run, so that runs side by side do not mix.
  std::mutex mutex;
  std::map<std::string, int> tries;
  for (const RandomDag& made : dags) {
    for (size_t i = 0; i < made.fates.size(); ++i) {
      const Fate fate = made.fates[i];
      Body(made.spec.id + "." + made.spec.tasks[i].id,
           [&, fate](TaskContext& context) -> Result<TaskOutcome> {
             std::lock_guard lock(mutex);
             const int number =
                 ++tries[context.key.dag_id + context.key.run_id + context.key.task_id];
             EXPECT_EQ(number, context.try_number);
             if (number <= fate.failures) return Fail(ErrorCode::kUnavailable, "fated to fail");
             return TaskOutcome{fate.skips ? TaskOutcome::Verdict::kSkipped
                                           : TaskOutcome::Verdict::kSuccess};
           });
    }
  }
  Open(specs);
  std::vector<RunRecord> runs;
  for (int round = 0; round < 3; ++round) {
    for (const RandomDag& made : dags) runs.push_back(Trigger(made.spec.id));
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    const RandomDag& made = dags[i % dags.size()];
    const std::vector<Expected> expected = Reference(made);
    const RunRecord ended = Finish(runs[i]);
    EXPECT_EQ(Name(ended.state), Name(ExpectedRun(made, expected))) << made.spec.id;
    const auto tasks = scheduler_->ListTaskInstances(ended.dag_id, ended.run_id).value();
    ASSERT_EQ(tasks.size(), expected.size());
    for (size_t t = 0; t < tasks.size(); ++t) {
      EXPECT_EQ(Name(tasks[t].state), Name(expected[t].state))
          << made.spec.id << " " << tasks[t].task_id;
      EXPECT_EQ(tasks[t].try_number, expected[t].tries) << made.spec.id << " " << tasks[t].task_id;
    }
  }
}

// A database whose writes fail when told to.
class FaultyDatabase final : public meta::Database {
 public:
  explicit FaultyDatabase(meta::Database& real) : real_(real) {}
  Status Write(const std::function<Status(meta::Session&)>& body) override {
    const ErrorCode code = fault_.load();
    if (code != ErrorCode::kInternal) return Fail(code, "made to fail");
    return real_.Write(body);
  }
  Status Read(const std::function<Status(meta::Session&)>& body) override {
    return real_.Read(body);
  }
  void Break(ErrorCode code) { fault_ = code; }
  void Mend() { fault_ = ErrorCode::kInternal; }

 private:
  meta::Database& real_;
  std::atomic<ErrorCode> fault_ = ErrorCode::kInternal;  // kInternal: none
};

class FaultTest : public SchedulerHarness {
 protected:
  void SetUp() override {
    SchedulerHarness::SetUp();
    faulty_ = std::make_unique<FaultyDatabase>(*database_);
    Body("d.a", [this](TaskContext&) -> Result<TaskOutcome> {
      while (!go_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return TaskOutcome{};
    });
    Body("d.b", [this](TaskContext&) -> Result<TaskOutcome> {
      ++started_after_;
      return TaskOutcome{};
    });
  }
  meta::Database* Db() override { return faulty_.get(); }

  std::unique_ptr<FaultyDatabase> faulty_;
  std::atomic<bool> go_ = false;
  std::atomic<int> started_after_ = 0;
};

TEST_F(FaultTest, AFullDiskStopsEverythingUntilThereIsRoom) {
  Open({Spec("d", {Node("a"), Node("b", {"a"})})});
  const RunRecord run = Trigger("d");
  ASSERT_TRUE(Eventually([&] { return scheduler_->Counters().tries_started == 1; }));
  faulty_->Break(ErrorCode::kResourceExhausted);
  go_ = true;
  ASSERT_TRUE(Eventually([&] {
    const auto refused = scheduler_->Trigger("d", {});
    return !refused && refused.error().code == ErrorCode::kResourceExhausted;
  }));
  EXPECT_EQ(started_after_, 0);  // the success before it is not durable
  faulty_->Mend();
  Advance(std::chrono::seconds(2));
  EXPECT_EQ(Finish(run).state, RunState::kSuccess);
  EXPECT_EQ(started_after_, 1);
}

TEST_F(FaultTest, ABrokenDatabaseIsFinal) {
  std::atomic<int> fatal = 0;
  options_.on_fatal = [&](const Error& error) { fatal += error.code == ErrorCode::kIo ? 1 : 100; };
  Open({Spec("d", {Node("a"), Node("b", {"a"})})});
  const RunRecord run = Trigger("d");
  ASSERT_TRUE(Eventually([&] { return scheduler_->Counters().tries_started == 1; }));
  faulty_->Break(ErrorCode::kIo);
  go_ = true;
  ASSERT_TRUE(Eventually([&] { return fatal == 1; }));
  faulty_->Mend();
  EXPECT_EQ(scheduler_->Trigger("d", {}).error().code, ErrorCode::kIo);
  EXPECT_EQ(started_after_, 0);
  // The next process goes on from what is durable.
  Reopen({Spec("d", {Node("a"), Node("b", {"a"})})});
  EXPECT_EQ(Finish(run).state, RunState::kSuccess);
  EXPECT_EQ(TaskOf(run, "a").try_number, 2);
}

}  // namespace
}  // namespace millrace::schedule
