// Kills a process that runs DAGs at random moments, again and again, and then holds the database
// and what the tasks committed to the laws of scheduler.h.
//
// The child's tasks stand for transactions of the log: committing is one append of a line to a
// file, which survives kill -9 whole or not at all; a second commit of the same line is refused, as
// the log would.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schedule/scheduler_testing.h"

namespace millrace::schedule {
namespace {

using std::chrono::milliseconds;

// The append-only file of commits, and one of starts.
class Ledger {
 public:
  explicit Ledger(std::string path) : path_(std::move(path)) {
    file_ = open(path_.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
  }
  ~Ledger() { close(file_); }
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void Append(const std::string& line) {
    const std::string bytes = line + "\n";
    ASSERT_EQ(write(file_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  std::multiset<std::string> Lines() const {
    std::multiset<std::string> all;
    std::ifstream in(path_);
    for (std::string line; std::getline(in, line);) all.insert(line);
    return all;
  }

 private:
  std::string path_;
  int file_;
};

std::string Text(const TaskKey& key) {
  return fmt::format("{} {} {} {}", key.dag_id, key.task_id, key.logical_date.value,
                     key.generation.value);
}

class CrashTest : public SchedulerHarness {
 protected:
  // Three tasks in a row beside one that fails often; every 40 ms, nothing missed.
  static std::vector<DagSpec> Specs() {
    DagSpec chain = Spec("chain", {Node("a"), Node("b", {"a"}), Node("c", {"b"})}, "@every 40ms");
    chain.catch_up.kind = CatchUpPolicy::Kind::kAll;
    chain.overlap = {OverlapPolicy::Kind::kQueue, 10000};
    chain.max_active_runs = 4;
    DagSpec shaky = Spec("shaky", {Node("a"), Node("b", {"a"})}, "@every 70ms");
    shaky.catch_up.kind = CatchUpPolicy::Kind::kAll;
    shaky.overlap = {OverlapPolicy::Kind::kQueue, 10000};
    shaky.max_active_runs = 2;
    for (TaskSpec& task : shaky.tasks)
      task.retry = {.retries = 3, .delay = milliseconds(2), .delay_max = milliseconds(8)};
    return {chain, shaky};
  }

  // The life of one child: until it is killed, or until nothing is left to do.
  void Live(uint64_t seed, bool to_the_end) {
    Ledger commits(folder_ + "/commits");
    Ledger violations(folder_ + "/violations");
    std::mutex mutex;
    std::multiset<std::string> committed = commits.Lines();
    io::SeededRandom random(seed);
    options_.clock = &io::SystemClock();
    options_.random_seed = seed;
    options_.interruptions_max = 1000;
    options_.resolver = [&](const TaskKey& key) -> Result<bool> {
      std::lock_guard lock(mutex);
      return committed.contains(Text(key));
    };
    options_.factory = [&](const std::string&,
                           const TaskSpec& spec) -> Result<std::unique_ptr<Task>> {
      return std::make_unique<FunctionTask>(
          [&, upstream = spec.upstream](TaskContext& context) -> Result<TaskOutcome> {
            RunRecord run;
            run.dag_id = context.key.dag_id;
            run.run_id = context.key.run_id;
            for (const std::string& before : upstream) {
              if (TaskOf(run, before).state != TaskState::kSuccess)
                violations.Append(Text(context.key));
            }
            std::lock_guard lock(mutex);
            const bool fails = context.key.dag_id == "shaky" && random.Next() % 3 == 0;
            const bool fails_after_commit = random.Next() % 20 == 0;
            if (fails) return Fail(ErrorCode::kUnavailable, "shaky");
            if (committed.contains(Text(context.key)))
              return Fail(ErrorCode::kConflict, "committed already");
            commits.Append(Text(context.key));
            committed.insert(Text(context.key));
            if (fails_after_commit)
              return Fail(ErrorCode::kUnavailable, "the answer to the commit was lost");
            return TaskOutcome{};
          });
    };
    database_ = meta::SqliteDatabase::Open(folder_ + "/meta.db", {}).value();
    Open(Specs());
    Ledger(folder_ + "/opened").Append("opened");
    if (!to_the_end) {
      while (true) pause();
    }
    ASSERT_TRUE(Eventually([&] { return Runs("chain").size() > 10 && Runs("shaky").size() > 10; }));
    for (const char* dag : {"chain", "shaky"})
      ASSERT_TRUE(scheduler_->SetPaused(dag, true).has_value());
    ASSERT_TRUE(Eventually([&] {
      return scheduler_->GetDag("chain").value().active_runs +
                 scheduler_->GetDag("chain").value().queued_runs +
                 scheduler_->GetDag("shaky").value().active_runs +
                 scheduler_->GetDag("shaky").value().queued_runs ==
             0;
    }));
    ASSERT_TRUE(scheduler_->Drain(std::chrono::seconds(5), std::chrono::seconds(10)).has_value());
  }

  // A task instance succeeded exactly when its generation committed, once; no try is left running.
  void CheckTasks(const RunRecord& run, const std::multiset<std::string>& commits) {
    const auto tasks = scheduler_->ListTaskInstances(run.dag_id, run.run_id).value();
    for (const TaskInstanceRecord& task : tasks) {
      ASSERT_TRUE(IsFinished(task.state)) << run.run_id << " " << task.task_id;
      const TaskKey key{run.dag_id, run.run_id, task.task_id, run.logical_date, task.generation};
      ASSERT_EQ(commits.count(Text(key)), task.state == TaskState::kSuccess ? 1u : 0u)
          << run.run_id << " " << task.task_id << " is " << Name(task.state);
      const auto tries = scheduler_->ListTries(run.dag_id, run.run_id, task.task_id).value();
      for (const TryRecord& attempt : tries)
        ASSERT_NE(attempt.state, TryState::kRunning) << run.run_id;
    }
  }

  void CheckLaws(const std::string& dag, int64_t period_us,
                 const std::multiset<std::string>& commits) {
    std::vector<RunRecord> runs;
    while (true) {
      const RunPage page =
          scheduler_->ListRuns({.dag_id = dag}, 1000, static_cast<int64_t>(runs.size())).value();
      runs.insert(runs.end(), page.runs.begin(), page.runs.end());
      if (page.runs.empty()) break;
    }
    ASSERT_GT(runs.size(), 10u);
    for (size_t i = 0; i < runs.size(); ++i) {
      ASSERT_TRUE(IsFinished(runs[i].state)) << runs[i].run_id;
      // One run each due time, none missing, none twice.
      if (i > 0) {
        ASSERT_EQ(runs[i - 1].logical_date - runs[i].logical_date, period_us) << runs[i].run_id;
      }
      CheckTasks(runs[i], commits);
    }
    EXPECT_EQ(scheduler_->GetDag(dag).value().record.cursor, runs[0].logical_date);
  }
};

TEST_F(CrashTest, KilledAtRandomMomentsItKeepsItsLaws) {
  const char* rounds_text = std::getenv("MILLRACE_CRASH_ROUNDS");
  const int rounds =
      rounds_text == nullptr ? 15 : static_cast<int>(std::strtol(rounds_text, nullptr, 10));
  database_.reset();
  io::SeededRandom random(io::SystemSeed());
  const Ledger opened(folder_ + "/opened");
  for (int round = 0; round <= rounds; ++round) {
    const bool is_last = round == rounds;
    const size_t opened_before = opened.Lines().size();
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Live(random.Next(), is_last);
      _exit(HasFailure() ? 1 : 0);
    }
    if (!is_last) {
      // Most are killed while they work, some while they recover.
      const bool waits_until_open = random.Next() % 4 != 0;
      if (waits_until_open) {
        ASSERT_TRUE(Eventually([&] { return opened.Lines().size() > opened_before; }));
      }
      std::this_thread::sleep_for(milliseconds(random.Next() % 150));
      kill(child, SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (is_last) {
      ASSERT_EQ(status, 0) << "the last child did not end well";
    }
  }
  database_ = meta::SqliteDatabase::Open(folder_ + "/meta.db", {}).value();
  options_.clock = &clock_;  // stands still: nothing becomes due
  Open(Specs());
  const auto commits = Ledger(folder_ + "/commits").Lines();
  for (const std::string& line : commits) ASSERT_EQ(commits.count(line), 1u) << line;
  EXPECT_TRUE(Ledger(folder_ + "/violations").Lines().empty())
      << "a task started before its predecessor's success";
  CheckLaws("chain", 40'000, commits);
  CheckLaws("shaky", 70'000, commits);
}

}  // namespace
}  // namespace millrace::schedule
