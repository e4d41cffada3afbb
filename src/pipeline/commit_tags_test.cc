// Commit tags are forgotten while a scheduler works on a real log, the process is killed at random
// moments, and still no task instance commits twice or is taken for done without its records.
#include "pipeline/commit_tags.h"

#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extract/extractor.h"
#include "meta/sqlite.h"

namespace millrace::pipeline {
namespace {

using std::chrono::milliseconds;

constexpr size_t kKeep = 0;  // every tag that may go goes at once
constexpr int kRuns = 400;

std::string OwnerOf(const schedule::TaskKey& key) {
  return extract::TransactionOwner(key.dag_id, key.task_id, key.logical_date);
}

// What an http task does: nothing when its generation is committed, else one record in one
// transaction.
class CommitTask final : public schedule::Task {
 public:
  explicit CommitTask(log::Log& log) : log_(log) {}
  Result<schedule::TaskOutcome> Run(schedule::TaskContext& context) override {
    const std::string owner = OwnerOf(context.key);
    flow::TransactionalWriter& writer = log_.transactions();
    MR_ASSIGN(const auto last, writer.LastCommitted(owner));
    if (last && last->sequence >= context.key.generation.value) return schedule::TaskOutcome{};
    MR_ASSIGN(auto transaction, writer.Begin(owner));
    MR_TRY(transaction->Append("out", PartitionId(0), {owner, "x", {}}));
    MR_TRY(transaction->Commit({owner, context.key.generation.value, ""}));
    transaction.reset();
    // Between the commit and its record in the database: most kills fall here.
    std::this_thread::sleep_for(milliseconds(2));
    return schedule::TaskOutcome{};
  }

 private:
  log::Log& log_;
};

// Log, run history and scheduler of one process; work is one run after the other.
struct World {
  explicit World(const std::string& folder) {
    log::LogOptions log_options;
    log_options.folder = folder + "/log";
    log_options.maintenance_interval_ms = 0;
    log = log::Log::Open(log_options, io::PosixFileSystem(), io::SystemClock()).value();
    if (!log->FindTopic("out")) {
      EXPECT_TRUE(log->CreateTopic({.name = "out"}));
    }
    database = meta::SqliteDatabase::Open(folder + "/meta.db", {}).value();
    schedule::DagSpec spec;
    spec.id = "d";
    spec.timetable = schedule::Timetable::Parse("", TimeZone::Utc()).value();
    schedule::TaskSpec task;
    task.id = "t";
    task.kind = "commit";
    spec.tasks = {task};
    spec.max_active_runs = 4;
    schedule::SchedulerOptions options;
    options.clock = &io::SystemClock();
    options.interruptions_max = 1000;
    options.factory = [this](const std::string&, const schedule::TaskSpec&) {
      return Result<std::unique_ptr<schedule::Task>>(std::make_unique<CommitTask>(*log));
    };
    options.resolver = [this](const schedule::TaskKey& key) -> Result<bool> {
      MR_ASSIGN(const auto last, log->transactions().LastCommitted(OwnerOf(key)));
      return last && last->sequence >= key.generation.value;
    };
    scheduler = schedule::Scheduler::Open(*database, {schedule::Dag::Create(spec).value()},
                                          std::move(options))
                    .value();
    EXPECT_TRUE(scheduler->Start());
  }

  int RunCount() { return static_cast<int>(scheduler->ListRuns({}, 1, 0)->total); }
  // Triggers runs until there are so many, forgetting all the time.
  void Work(int runs) {
    CommitTagUpkeep upkeep(*log, *scheduler, kKeep);
    for (int number = RunCount(); number < runs; number = RunCount()) {
      // A date of its own for each run, whatever the clock does.
      const TimestampUs date(1'767'225'600'000'000 + int64_t{number} * 1'000'000);
      static_cast<void>(scheduler->Trigger("d", {.logical_date = date}));
      EXPECT_TRUE(upkeep.Maintain());
      if (number % 50 == 0) {
        EXPECT_TRUE(log->RunMaintenance());
      }
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
  bool Finish() {
    for (int i = 0; i < 20'000; ++i) {
      const schedule::DagInfo info = scheduler->GetDag("d").value();
      if (info.active_runs + info.queued_runs == 0) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }
  std::map<std::string, int> Committed() {
    std::map<std::string, int> counts;
    const auto source = log->OpenSource("out").value();
    const auto range = source->Readable(PartitionId(0)).value();
    for (Offset next = range.begin; next < range.end;) {
      const auto block = source->Read(PartitionId(0), next, range.end, 1 << 20).value();
      for (const auto& record : block.records) ++counts[std::string(record.key_view())];
      next = block.next;
    }
    return counts;
  }

  std::unique_ptr<log::Log> log;
  std::unique_ptr<meta::SqliteDatabase> database;
  std::unique_ptr<schedule::Scheduler> scheduler;
};

class CommitTagTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace_tags_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(CommitTagTest, NothingIsCommittedTwiceOverKillsWhileTagsAreForgotten) {
  io::SeededRandom random(io::SystemSeed());
  for (int round = 0; round < 10; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      World world(folder_);
      world.Work(kRuns);
      while (true) pause();
    }
    std::this_thread::sleep_for(milliseconds(60 + random.Next() % 150));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
  }
  World world(folder_);
  world.Work(kRuns);
  ASSERT_TRUE(world.Finish());
  const std::map<std::string, int> committed = world.Committed();
  EXPECT_EQ(committed.size(), static_cast<size_t>(kRuns));
  for (const auto& [owner, count] : committed) EXPECT_EQ(count, 1) << owner;

  EXPECT_LE(world.log->TransactionOwnerCount(), 8U);  // of runs that were active
  // Every run is finished; its end is on stable storage a moment after it is seen.
  for (int i = 0; i < 1000 && !world.log->CommitTags().empty(); ++i) {
    ASSERT_TRUE(CommitTagUpkeep(*world.log, *world.scheduler, 0).Maintain());
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(world.log->CommitTags().size(), 0U);
}

TEST_F(CommitTagTest, TheTagOfARunningTryStays) {
  World world(folder_);
  // Committed, but its end is not in the database yet: as a crash would find it.
  world.Work(1);
  ASSERT_TRUE(world.Finish());
  ASSERT_TRUE(world.database->Write([](meta::Session& session) {
    return session.Execute("UPDATE run SET state = $1", {"running"});
  }));
  CommitTagUpkeep keeps_none(*world.log, *world.scheduler, 0);
  ASSERT_TRUE(keeps_none.Maintain());
  EXPECT_EQ(world.log->CommitTags().size(), 1U);
  ASSERT_TRUE(world.database->Write([](meta::Session& session) {
    return session.Execute("UPDATE run SET state = $1", {"success"});
  }));
  ASSERT_TRUE(CommitTagUpkeep(*world.log, *world.scheduler, 0).Maintain());
  EXPECT_EQ(world.log->CommitTags().size(), 0U);
}

TEST_F(CommitTagTest, TagsOfQueriesAreNotTouched) {
  World world(folder_);
  const auto commit = [&](const std::string& owner) {
    const auto transaction = world.log->transactions().Begin(owner).value();
    ASSERT_TRUE(transaction->Append("out", PartitionId(0), {std::nullopt, "x", {}}));
    ASSERT_TRUE(transaction->Commit({owner, 1, ""}));
  };
  for (const char* owner : {"query/q/dead_letters", "produce/out/1", "replay/rejected"})
    commit(owner);
  ASSERT_TRUE(CommitTagUpkeep(*world.log, *world.scheduler, 0).Maintain());
  std::vector<std::string> left;
  for (const auto& tag : world.log->CommitTags()) left.push_back(tag.owner);
  EXPECT_EQ(left, (std::vector<std::string>{"query/q/dead_letters", "replay/rejected"}));
}

}  // namespace
}  // namespace millrace::pipeline
