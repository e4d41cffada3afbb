#include "pipeline/runner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "pipeline/backup.h"
#include "pipeline/operation.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kProject = R"(millrace: 1
name: t
api: {listen: "off"}
topics:
  raw: {partitions: 2, schema: "id STRING, n INT"}
queries:
  double:
    sql: SELECT id, n * 2 AS n FROM STREAM(raw)
    into: k.doubled
    expect:
      - {name: small, condition: n < 1000}
    dead_letters: refused
dags:
  d:
    tasks:
      hello: {command: {argv: [echo, hello]}}
tables:
  - "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
  - "CREATE TABLE k.doubled (id text PRIMARY KEY, n int);"
)";

class Collected final : public Output {
 public:
  Status Write(std::string_view text) override {
    written += text;
    return {};
  }
  Status Note(std::string_view text) override {
    notes += text;
    return {};
  }
  std::string written;
  std::string notes;
};

// A project with its data in a folder of its own.
class RunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace_runner_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const auto file =
        io::PosixFileSystem().OpenForWrite(folder_ + "/pipeline.yaml", io::OpenMode::kCreateNew);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Append(kProject));
    Open(folder_ + "/data");
  }
  void TearDown() override {
    Close();
    std::filesystem::remove_all(folder_);
  }

  void Open(const std::string& data_folder) {
    Problems problems;
    LoadOptions options;
    options.data_folder = data_folder;
    auto project =
        LoadProject(io::PosixFileSystem(), folder_ + "/pipeline.yaml", options, problems);
    ASSERT_TRUE(project) << (problems.empty() ? "" : problems[0].ToString());
    project_ = std::make_unique<Project>(std::move(*project));
    auto workspace = Workspace::Open(*project_, io::PosixFileSystem(), io::SystemClock(), {});
    ASSERT_TRUE(workspace) << workspace.error().ToString();
    workspace_ = std::move(*workspace);
  }
  void Start(bool schedule = false) {
    auto runner = Runner::Start(*workspace_, {.schedule = schedule, .workers = 2});
    ASSERT_TRUE(runner) << runner.error().ToString();
    runner_ = std::move(*runner);
  }
  void Close() {
    runner_.reset();
    workspace_.reset();
  }

  Status Do(OperationRequest request) {
    output_ = {};
    OperationContext context{*workspace_, runner_.get(), cancel_};
    return RunOperation(context, request, output_);
  }
  void Produce(const std::string& session, const std::string& lines) {
    const Status done = Do({"produce", {"raw"}, {{"session", session}, {"sequence", "1"}}, lines});
    ASSERT_TRUE(done) << done.error().ToString();
    if (runner_ != nullptr) {
      ASSERT_TRUE(runner_->CatchUp(std::chrono::seconds(30)));
    }
  }
  std::string Rows() {
    const Status done =
        Do({"query", {"SELECT id, n FROM k.doubled ORDER BY id"}, {{"format", "csv"}}, ""});
    std::erase(output_.written, '\r');  // CSV's line ends
    return done ? output_.written : done.error().ToString();
  }

  std::string folder_;
  std::unique_ptr<Project> project_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<Runner> runner_;
  CancelToken cancel_;
  Collected output_;
};

TEST_F(RunnerTest, RecordsBecomeRowsAndRefusedOnesDeadLetters) {
  Start();
  Produce("a",
          "{\"id\":\"x\",\"n\":1}\nno json\n{\"id\":\"y\",\"n\":500}\n{\"id\":\"z\",\"n\":2}\n");
  EXPECT_EQ(Rows(), "id,n\nx,2\nz,4\n");
  ASSERT_TRUE(Do({"dead-letters", {"list"}, {{"json", "true"}}, ""}));
  EXPECT_NE(output_.written.find("EXPECT_small"), std::string::npos) << output_.written;
  EXPECT_EQ(std::ranges::count(output_.written, '\n'), 2) << output_.written;
}

TEST_F(RunnerTest, GoesOnAfterARestartAndProducesOnce) {
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\n");
  Close();
  Open(folder_ + "/data");
  EXPECT_EQ(Rows(), "id,n\nx,2\n");  // without a runner: what was flushed
  Start();
  Produce("b", "{\"id\":\"y\",\"n\":3}\n");
  EXPECT_EQ(Rows(), "id,n\nx,2\ny,6\n");
  EXPECT_EQ(runner_->Snapshot().queries[0].metrics.records_in, 1U);
}

TEST_F(RunnerTest, ABackupOfTheRunningPipelineGoesOnElsewhere) {
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\n");
  ASSERT_TRUE(Do({"backup", {folder_ + "/backup"}, {}, ""}));
  EXPECT_FALSE(Do({"backup", {folder_ + "/backup"}, {}, ""}));
  EXPECT_TRUE(runner_->Snapshot().queries[0].running);
  Produce("b", "{\"id\":\"y\",\"n\":2}\n");
  EXPECT_EQ(Rows(), "id,n\nx,2\ny,4\n");
  Close();

  const std::string restored = folder_ + "/restored";
  ASSERT_TRUE(RestoreBackup(io::PosixFileSystem(), folder_ + "/backup", restored));
  EXPECT_FALSE(RestoreBackup(io::PosixFileSystem(), folder_ + "/backup", restored));
  Open(restored);
  Start();
  EXPECT_EQ(Rows(), "id,n\nx,2\n");
  Produce("c", "{\"id\":\"z\",\"n\":3}\n");
  EXPECT_EQ(Rows(), "id,n\nx,2\nz,6\n");
}

// The largest file below `folder` whose name ends in `ending`.
std::string LargestFile(const std::string& folder, const std::string& ending) {
  std::string largest;
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || !entry.path().string().ends_with(ending)) continue;
    if (entry.file_size() <= bytes) continue;
    bytes = entry.file_size();
    largest = entry.path().string();
  }
  return largest;
}

TEST_F(RunnerTest, ADamagedBackupIsNotRestored) {
  Start();
  Produce("a", fmt::format("{{\"id\":\"{}\",\"n\":1}}\n", std::string(3000, 'x')));
  Produce("b", "{\"id\":\"y\",\"n\":1}\n");
  ASSERT_TRUE(Do({"backup", {folder_ + "/backup"}, {}, ""}));
  const std::string segment = LargestFile(folder_ + "/backup/log/raw", ".log");
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(65);  // within the first batch's records
  file.put('!');
  file.close();
  const auto restored =
      RestoreBackup(io::PosixFileSystem(), folder_ + "/backup", folder_ + "/restored");
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, ErrorCode::kDamaged) << restored.error().ToString();
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/restored"));
}

TEST_F(RunnerTest, ReplayRebuildsATable) {
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\n{\"id\":\"y\",\"n\":2}\nno json\n");
  const Status replayed = Do({"replay", {"k.doubled"}, {{"from", "earliest"}}, ""});
  ASSERT_TRUE(replayed) << replayed.error().ToString();
  EXPECT_EQ(Rows(), "id,n\nx,2\ny,4\n");
  Produce("b", "{\"id\":\"z\",\"n\":3}\n");
  EXPECT_EQ(Rows(), "id,n\nx,2\ny,4\nz,6\n");
  ASSERT_TRUE(Do({"dead-letters", {"list"}, {{"json", "true"}}, ""}));
  EXPECT_NE(output_.written.find("\"count\":1,"), std::string::npos) << output_.written;
  EXPECT_FALSE(Do({"replay", {"k.nope"}, {}, ""}));
}

TEST_F(RunnerTest, ACancelledReplayLeavesTheTable) {
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\n");
  cancel_.Cancel();
  const Status done = Do({"replay", {"k.doubled"}, {}, ""});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled) << done.error().ToString();
  EXPECT_TRUE(runner_->Snapshot().queries[0].running);
}

TEST_F(RunnerTest, RunsAreTriggeredOnlyWhereASchedulerRuns) {
  const OperationRequest trigger{"trigger", {"d"}, {{"wait", "true"}, {"timeout", "30"}}, ""};
  EXPECT_EQ(Do(trigger).error().code, ErrorCode::kUnavailable);  // nothing runs
  EXPECT_FALSE(AllowWithoutRunner(trigger, *project_));
  EXPECT_TRUE(AllowWithoutRunner({"runs", {}, {}, ""}, *project_));

  Start(/*schedule=*/false);
  const Status refused = Do(trigger);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(Do({"runs", {}, {}, ""}));
  runner_.reset();

  Start(/*schedule=*/true);
  const Status done = Do(trigger);
  EXPECT_TRUE(done) << done.error().ToString();
  EXPECT_NE(output_.written.find("success"), std::string::npos) << output_.written;
}

TEST_F(RunnerTest, UnknownOperationsAndNumbersAreRefused) {
  EXPECT_EQ(Do({"nope", {}, {}, ""}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Do({"tail", {"raw"}, {{"last", "ten"}}, ""}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RunnerTest, TheFolderHasOneOwner) {
  const auto second = Workspace::Open(*project_, io::PosixFileSystem(), io::SystemClock(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace millrace::pipeline
