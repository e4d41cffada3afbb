#include "pipeline/runner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connect/connectors.h"
#include "cql/client/testing_server.h"
#include "pipeline/backup.h"
#include "pipeline/operation.h"
#include "pipeline/query_host.h"

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
    OpenProject(kProject, folder_ + "/data");
  }
  void TearDown() override {
    Close();
    std::filesystem::remove_all(folder_);
  }

  void OpenProject(std::string_view text, const std::string& data_folder) {
    Close();
    const auto file =
        io::PosixFileSystem().OpenForWrite(folder_ + "/pipeline.yaml", io::OpenMode::kTruncate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Append(text));
    Open(data_folder);
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
  ASSERT_TRUE(Do({"dead-letters", {"show", "refused"}, {{"last", "1"}}, ""}));
  EXPECT_EQ(std::ranges::count(output_.written, '\n'), 1) << output_.written;
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

// Turns one bit of a byte.
void Damage(const std::string& path, int64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  ASSERT_NE(byte, EOF) << path;
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 1));
}

TEST_F(RunnerTest, ABackupWithDamagedTablesOrRunsIsNotRestored) {
  Start();
  Produce("a", fmt::format("{{\"id\":\"{}\",\"n\":1}}\n", std::string(3000, 'x')));
  runner_.reset();
  ASSERT_TRUE(Do({"backup", {folder_ + "/backup"}, {}, ""}));
  const std::string copy = folder_ + "/copy";
  for (const auto& [path, at] : {std::pair(LargestFile(folder_ + "/backup/store", ".sst"), 100),
                                 std::pair(folder_ + "/backup/meta/millrace.db", 100)}) {
    std::filesystem::copy(folder_ + "/backup", copy, std::filesystem::copy_options::recursive);
    Damage(copy + path.substr((folder_ + "/backup").size()), at);
    const auto restored = RestoreBackup(io::PosixFileSystem(), copy, folder_ + "/restored");
    ASSERT_FALSE(restored) << path;
    EXPECT_EQ(restored.error().code, ErrorCode::kDamaged) << restored.error().ToString();
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/restored"));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/restored.partial"));
    std::filesystem::remove_all(copy);
  }
  EXPECT_TRUE(RestoreBackup(io::PosixFileSystem(), folder_ + "/backup", folder_ + "/restored"));
}

TEST_F(RunnerTest, ADamagedBackupIsNotRestored) {
  Start();
  Produce("a", fmt::format("{{\"id\":\"{}\",\"n\":1}}\n", std::string(3000, 'x')));
  Produce("b", "{\"id\":\"y\",\"n\":1}\n");
  ASSERT_TRUE(Do({"backup", {folder_ + "/backup"}, {}, ""}));
  const std::string segment = LargestFile(folder_ + "/backup/log/raw", ".log");
  Damage(segment, 65);  // within the first batch's records
  const auto restored =
      RestoreBackup(io::PosixFileSystem(), folder_ + "/backup", folder_ + "/restored");
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, ErrorCode::kDamaged) << restored.error().ToString();
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/restored"));
}

// Damage closes what it is in; the query that reads it says so, and everything else goes on.
TEST_F(RunnerTest, ADamagedPartitionStopsOnlyTheQueriesThatReadIt) {
  constexpr std::string_view kTwo = R"(millrace: 1
name: t
api: {listen: "off"}
topics:
  raw: {schema: "id STRING, n INT"}
  other: {schema: "id STRING, n INT"}
queries:
  double: {sql: 'SELECT id, n * 2 AS n FROM STREAM(raw)', into: k.doubled}
  copy: {sql: 'SELECT id, n FROM STREAM(other)', into: k.copied}
tables:
  - "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
  - "CREATE TABLE k.doubled (id text PRIMARY KEY, n int);"
  - "CREATE TABLE k.copied (id text PRIMARY KEY, n int);"
)";
  OpenProject(kTwo, folder_ + "/two");
  // Nobody has read these.
  Produce("a", fmt::format("{{\"id\":\"{}\",\"n\":1}}\n", std::string(3000, 'x')));
  Produce("b", "{\"id\":\"y\",\"n\":1}\n");
  Close();
  const std::string segment = LargestFile(folder_ + "/two/log/raw", ".log");
  Damage(segment, 65);  // within the first batch's records
  // The next start reads the whole segment.
  std::filesystem::remove(std::filesystem::path(segment).replace_extension(".index"));
  Open(folder_ + "/two");
  Start();
  ASSERT_NE(runner_, nullptr);
  // A backup stands still and goes on in the same state.
  for (int round = 0; round < 2; ++round) {
    const std::string line = fmt::format("{{\"id\":\"z{}\",\"n\":7}}\n", round);
    const std::string session = fmt::format("c{}", round);
    ASSERT_TRUE(Do({"produce", {"other"}, {{"session", session}, {"sequence", "1"}}, line}));
    const auto copied = [&] { return runner_->Snapshot().queries[1].metrics.records_in; };
    for (int i = 0; i < 1000 && copied() <= static_cast<uint64_t>(round); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const RunnerSnapshot snapshot = runner_->Snapshot();
    ASSERT_EQ(snapshot.queries.size(), 2u);
    EXPECT_FALSE(snapshot.queries[0].running);
    EXPECT_EQ(snapshot.queries[0].failure_code, ErrorCode::kDamaged);
    EXPECT_NE(snapshot.queries[0].failure.find("log/raw/0/"), std::string::npos)
        << snapshot.queries[0].failure;
    EXPECT_TRUE(snapshot.queries[1].running) << snapshot.queries[1].failure;
    EXPECT_TRUE(runner_->WhileStill([] { return Status(); }));
    ASSERT_TRUE(Do({"status", {}, {}, ""}));
    EXPECT_NE(output_.written.find("log/raw/0/"), std::string::npos) << output_.written;
    ASSERT_TRUE(Do({"query", {"SELECT count(*) FROM k.copied"}, {{"format", "csv"}}, ""}));
    EXPECT_NE(output_.written.find(fmt::format("\n{}", round + 1)), std::string::npos)
        << output_.written;
  }
  EXPECT_TRUE(runner_->Drain());
}

TEST_F(RunnerTest, ReplayRebuildsATable) {
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\n{\"id\":\"y\",\"n\":2}\nno json\n");
  const Status replayed = Do({"replay", {"k.doubled"}, {{"from", "earliest"}}, ""});
  ASSERT_TRUE(replayed) << replayed.error().ToString();
  EXPECT_EQ(Rows(), "id,n\nx,2\ny,4\n");
  EXPECT_EQ(runner_->Snapshot().queries[0].metrics.records_in, 3u);  // counters go on
  EXPECT_EQ(runner_->Snapshot().queries[0].metrics.rejected, 1u);
  Produce("b", "{\"id\":\"z\",\"n\":3}\n");
  EXPECT_EQ(Rows(), "id,n\nx,2\ny,4\nz,6\n");
  ASSERT_TRUE(Do({"dead-letters", {"list"}, {{"json", "true"}}, ""}));
  EXPECT_NE(output_.written.find("\"count\":1,"), std::string::npos) << output_.written;
  EXPECT_FALSE(Do({"replay", {"k.nope"}, {}, ""}));
}

TEST_F(RunnerTest, AReplayFromLaterHoldsOnlyRowsFromThereOn) {
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\n{\"id\":\"y\",\"n\":2}\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const int64_t between_ms = io::SystemClock().Now().value / 1000;
  Produce("b", "{\"id\":\"y\",\"n\":3}\n{\"id\":\"z\",\"n\":4}\n");
  ASSERT_EQ(Rows(), "id,n\nx,2\ny,6\nz,8\n");
  Status done = Do({"replay", {"k.doubled"}, {{"from", std::to_string(between_ms)}}, ""});
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(Rows(), "id,n\ny,6\nz,8\n");
  Produce("c", "{\"id\":\"w\",\"n\":5}\n");
  EXPECT_EQ(Rows(), "id,n\nw,10\ny,6\nz,8\n");

  // Records without a key take turns: x, y, w and so on are spread over both partitions.
  done = Do({"replay", {"k.doubled"}, {{"from", "raw:0:1,raw:1:1"}}, ""});
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(Rows(), "id,n\nw,10\ny,6\nz,8\n");
  done = Do({"replay", {"k.doubled"}, {{"from", "raw:0:99"}}, ""});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInvalidArgument) << done.error().ToString();
  EXPECT_EQ(Rows(), "id,n\nw,10\ny,6\nz,8\n");  // as it was
  ASSERT_TRUE(Do({"replay", {"k.doubled"}, {}, ""}));
  EXPECT_EQ(Rows(), "id,n\nw,10\nx,2\ny,6\nz,8\n");
}

constexpr std::string_view kWindows = R"(millrace: 1
name: t
api: {listen: "off"}
topics:
  raw: {partitions: 2, schema: "at TIMESTAMP, n INT", event_time: at, watermark_delay: 0s}
queries:
  counted:
    sql: >
      SELECT window.start AS minute, count(*) AS n FROM STREAM(raw)
      GROUP BY window(at, '1 minute')
    idle_timeout: 300ms
    into: k.counted
    dead_letters: refused
tables:
  - "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
  - "CREATE TABLE k.counted (minute timestamp PRIMARY KEY, n bigint);"
)";

// Windows that closed only because a partition was idle are closed by the replay too.
TEST_F(RunnerTest, AReplayOfWindowsClosesWhatWasClosedAndRefusesToCutOne) {
  OpenProject(kWindows, folder_ + "/windows");
  Start();
  Produce("a",
          "{\"at\":\"2026-01-01T00:00:10Z\",\"n\":1}\n"
          "{\"at\":\"2026-01-01T00:00:20Z\",\"n\":1}\n");
  Produce("b", "{\"at\":\"2026-01-01T00:05:00Z\",\"n\":1}\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  Produce("c", "{\"at\":\"2026-01-01T00:05:01Z\",\"n\":1}\n");  // partition 1 is idle
  const std::string wanted = "minute,n\n2026-01-01 00:00:00,2\n";
  const auto rows = [&] {
    const Status done = Do({"query", {"SELECT minute, n FROM k.counted"}, {{"format", "csv"}}, ""});
    std::erase(output_.written, '\r');
    return done ? output_.written : done.error().ToString();
  };
  for (int i = 0; i < 100 && rows() != wanted; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_EQ(rows(), wanted);

  Status done = Do({"replay", {"k.counted"}, {}, ""});
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_NE(output_.notes.find("its rows are of windows"), std::string::npos) << output_.notes;
  EXPECT_EQ(rows(), wanted);
  done = Do({"replay", {"k.counted"}, {{"from", "0:1"}}, ""});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kUnsupported) << done.error().ToString();
  EXPECT_EQ(rows(), wanted);
  done = Do({"replay", {"k.counted"}, {{"from", "0:1"}, {"partial", "true"}}, ""});
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(rows(), "minute,n\n2026-01-01 00:00:00,1\n");
}

// The project with its query under another name.
std::string Renamed(std::string_view project) {
  std::string text(project);
  text.replace(text.find("  double:"), 9, "  twice:");
  return text;
}

TEST_F(RunnerTest, ARemovedQueryIsBroughtToItsEndAndHoldsNothingBack) {
  Close();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Open(folder_ + "/data");
    Start();
    Produce("a", "{\"id\":\"x\",\"n\":1}\n");
    _exit(HasFailure() ? 1 : 0);  // nothing is flushed
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  std::string later = Renamed(kProject);
  later.replace(later.find("dead_letters"), 0, "start: latest\n    ");  // it will not write x anew
  OpenProject(later, folder_ + "/data");
  EXPECT_EQ(Rows(), "id,n\n");  // not flushed
  {
    const auto intents = connect::OpenIntentLog(workspace_->log()).value();
    const auto time = connect::MakeTimeSource(workspace_->clock());
    ASSERT_EQ(intents->Queries(), std::vector<std::string>{"double"});
    ASSERT_TRUE(QueryHost::Retire({*workspace_, *intents, *time}, "double"));
    EXPECT_EQ(intents->Load("double")->intents.size(), 0U);
    EXPECT_EQ(intents->Load("double")->definitions.size(), 1U);  // should it come back
  }
  EXPECT_EQ(Rows(), "id,n\nx,2\n");
  Start();
  EXPECT_EQ(Rows(), "id,n\nx,2\n");
}

TEST_F(RunnerTest, AnIdleQueryHoldsNoIntentsBackOnceItIsFlushed) {
  const auto intents = connect::OpenIntentLog(workspace_->log()).value();
  const auto time = connect::MakeTimeSource(workspace_->clock());
  QueryHost host({*workspace_, *intents, *time}, QueryDefinition::Of(project_->queries[0]));
  ASSERT_TRUE(host.Start());
  Produce("a", "{\"id\":\"x\",\"n\":1}\n");
  ASSERT_TRUE(host.CatchUp(std::chrono::seconds(30)));
  EXPECT_GT(intents->Load("double")->intents.size(), 0U);
  // The marker of the record's transaction may come as an epoch of its own.
  for (int i = 0; i < 1000 && !intents->Load("double")->intents.empty(); ++i) {
    ASSERT_TRUE(workspace_->store().Flush());
    host.Maintain();
  }
  EXPECT_EQ(intents->Load("double")->intents.size(), 0U);
}

// A process that is killed during a replay leaves a shadow and a query's progress behind.
TEST_F(RunnerTest, AnInterruptedReplayIsForgottenByTheNextStart) {
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\n");
  runner_.reset();
  ASSERT_TRUE(workspace_->store().CreateShadow("k", "doubled"));
  flow::EpochWrite left;
  left.query = "__replay/k.doubled";
  left.progress.epoch = EpochId(7);
  ASSERT_TRUE(workspace_->store().Commit(std::move(left)));
  Close();
  Open(folder_ + "/data");
  Start();
  EXPECT_EQ(workspace_->store().LoadProgress("__replay/k.doubled")->epoch, EpochId(0));
  EXPECT_EQ(Rows(), "id,n\nx,2\n");
  ASSERT_TRUE(Do({"replay", {"k.doubled"}, {}, ""}));
  EXPECT_EQ(Rows(), "id,n\nx,2\n");
}

constexpr std::string_view kTwoQueries = R"(millrace: 1
name: t
api: {listen: "off"}
topics:
  raw: {partitions: 2, schema: "id STRING, n INT"}
queries:
  picky:
    sql: SELECT id, n FROM STREAM(raw)
    into: k.picked
    expect:
      - {name: small, condition: n < 1000}
      - {name: even, condition: n % 2 = 0}
    dead_letters: refused
  any:
    sql: SELECT id, n FROM STREAM(raw)
    into: k.all
    dead_letters: refused
tables:
  - "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
  - "CREATE TABLE k.picked (id text PRIMARY KEY, n int);"
  - "CREATE TABLE k.all (id text PRIMARY KEY, n int);"
)";

class LettersTest : public RunnerTest {
 protected:
  void SetUp() override {
    RunnerTest::SetUp();
    OpenProject(kTwoQueries, folder_ + "/data");
  }
  // What a replay of `refused` says, once the queries have the records.
  std::string Replay(std::map<std::string, std::string> flags) {
    const Status done = Do({"dead-letters", {"replay", "refused"}, std::move(flags), ""});
    if (!done) return done.error().ToString();
    EXPECT_TRUE(runner_->CatchUp(std::chrono::seconds(30)));
    return output_.written.substr(0, output_.written.find(' '));
  }
  engine::QueryMetrics MetricsOf(const std::string& name) {
    for (const QueryStatus& query : runner_->Snapshot().queries) {
      if (query.name == name) return query.metrics;
    }
    return {};
  }
};

TEST_F(LettersTest, EachIsReplayedOnceWhateverConditionsAreAskedFor) {
  Start();
  Produce("a",
          "{\"id\":\"a\",\"n\":5}\n{\"id\":\"b\",\"n\":2000}\n{\"id\":\"c\",\"n\":7}\n"
          "{\"id\":\"d\",\"n\":3000}\n{\"id\":\"e\",\"n\":4}\n");
  EXPECT_EQ(Replay({{"condition", "EXPECT_even"}}), "2");
  EXPECT_EQ(Replay({{"condition", "EXPECT_small"}}), "2");
  Produce("b", "{\"id\":\"f\",\"n\":9}\n");
  // The four were refused again, and are letters anew.
  EXPECT_EQ(Replay({{"condition", "EXPECT_small"}}), "2");
  EXPECT_EQ(Replay({{"query", "any"}}), "no");
  EXPECT_EQ(Replay({}), "5");
  EXPECT_EQ(Replay({{"condition", "EXPECT_odd"}}), "no");
}

TEST_F(LettersTest, AReplayedRecordIsTakenByTheQueryThatRefusedItOnly) {
  Start();
  Produce("a", "{\"id\":\"a\",\"n\":5}\n{\"id\":\"b\",\"n\":4}\n");
  EXPECT_EQ(Replay({}), "1");
  EXPECT_EQ(MetricsOf("picky").records_in, 3U);
  EXPECT_EQ(MetricsOf("picky").rejected, 2U);
  EXPECT_EQ(MetricsOf("picky").skipped, 0U);
  EXPECT_EQ(MetricsOf("any").records_in, 2U);
  EXPECT_EQ(MetricsOf("any").skipped, 1U);
  ASSERT_TRUE(Do({"tail", {"raw"}, {}, ""}));
  EXPECT_NE(output_.written.find("(replayed for picky)"), std::string::npos) << output_.written;
  // A table rebuilt from the log takes what its query took.
  ASSERT_TRUE(Do({"replay", {"k.picked"}, {}, ""}));
  ASSERT_TRUE(Do({"replay", {"k.all"}, {}, ""}));
  ASSERT_TRUE(Do({"query", {"SELECT count(*) AS n FROM k.picked"}, {{"format", "csv"}}, ""}));
  EXPECT_EQ(output_.written, "n\r\n1\r\n");
}

TEST_F(LettersTest, LettersOfAQueryThatIsGoneAreAnError) {
  Start();
  Produce("a", "{\"id\":\"a\",\"n\":5}\nno json\n");
  std::string without(kTwoQueries);
  const size_t from = without.find("  picky:");
  without.erase(from, without.find("  any:") - from);
  OpenProject(without, folder_ + "/data");
  Start();
  EXPECT_NE(Replay({}).find("query picky, which the project no longer has"), std::string::npos)
      << Replay({});
  EXPECT_EQ(Replay({{"query", "any"}}), "1");
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

constexpr std::string_view kSchedules = R"(millrace: 1
name: t
api: {listen: "off"}
dags:
  d:
    schedule: "@every 1h"
    start: 2026-01-01T00:00:00Z
    tasks:
      say:
        command:
          argv: [sh, -c, 'echo got $1; exit $2', sh, '{{ params.word }}', '{{ params.code }}']
      after: {needs: [say], command: {argv: [echo, after]}}
      mend: {needs: [say], trigger_rule: one_failed, command: {argv: [echo, mended]}}
      slow: {needs: [say], command: {argv: [sleep, '{{ params.sleep }}']}}
)";

// All that a person does with runs, from the project file and the commands alone.
TEST_F(RunnerTest, RunsAreTriggeredWithParametersClearedBackfilledAndCancelled) {
  OpenProject(kSchedules, folder_ + "/schedules");
  Start(/*schedule=*/true);
  const auto said = [&](OperationRequest request) {
    const Status done = Do(std::move(request));
    return output_.written + output_.notes + (done ? "" : done.error().ToString());
  };
  const auto expect_in = [](const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  const std::string conf = R"({"word": "hello", "code": "0", "sleep": "0"})";
  const std::string date = "2025-06-01T00:00:00Z";
  const std::string run = "manual__" + date;
  expect_in(said({"trigger", {}, {{"conf", conf}, {"logical-date", date}, {"wait", "true"}}, ""}),
            run + " success");
  expect_in(said({"runs", {"d", run}, {}, ""}), "got hello");
  expect_in(said({"runs", {"d", run}, {{"json", "true"}}, ""}), "\"text\":\"got hello\"");
  expect_in(said({"runs", {"d", run}, {}, ""}), "task mend  skipped");
  expect_in(said({"trigger", {}, {{"conf", "[1]"}}, ""}), "--conf is no JSON object");
  expect_in(said({"trigger", {}, {{"conf", "{\"a\": "}}, ""}), "--conf is no JSON object");
  expect_in(said({"trigger", {}, {{"logical-date", "x"}}, ""}), "--logical-date: \"x\" is not a");

  const std::string failing = R"({"word": "x", "code": "3", "sleep": "0"})";
  expect_in(said({"trigger", {}, {{"conf", failing}, {"wait", "true"}}, ""}), "failed");
  expect_in(said({"clear", {"d", run}, {{"tasks", "say"}}, ""}), "4 task instances cleared");
  expect_in(said({"clear", {"d", run}, {{"tasks", "after"}, {"only-these", "true"}}, ""}),
            "1 task instances cleared");

  OperationRequest backfill{"backfill",
                            {},
                            {{"from", "2026-01-01T01:00:00Z"},
                             {"to", "2026-01-01T05:00:00Z"},
                             {"parallelism", "5"},
                             {"conf", conf}},
                            ""};
  expect_in(said(backfill), "5 logical dates, 0 with a run already: 5 runs to start");
  expect_in(said(backfill), "nothing started; add --yes to start them");
  backfill.flags["yes"] = "true";
  expect_in(said(backfill), "backfill 1 started");
  for (int i = 0; i < 1000; ++i) {
    if (said({"runs", {}, {{"state", "success"}, {"json", "true"}}, ""}).find("T05:00:00Z") !=
        std::string::npos)
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  backfill.flags.erase("yes");
  expect_in(said(backfill), "5 logical dates, 5 with a run already: 0 runs to start");
  expect_in(said({"backfill", {}, {{"from", "x"}}, ""}), "--from: \"x\" is not a time");
  expect_in(said({"backfill", {}, {{"list", "true"}}, ""}), "2026-01-01T05:00:00Z");

  const std::string slow = R"({"word": "x", "code": "0", "sleep": "60"})";
  const std::string slow_date = "2025-06-02T00:00:00Z";
  ASSERT_TRUE(Do({"trigger", {}, {{"conf", slow}, {"logical-date", slow_date}}, ""}));
  expect_in(said({"cancel", {"d", "manual__" + slow_date}, {}, ""}), "is cancelled");
  expect_in(said({"cancel", {"d"}, {}, ""}), "cancel needs a DAG and a run");
  expect_in(said({"cancel", {}, {{"backfill", "77"}}, ""}), "77");
  expect_in(said({"pause", {}, {}, ""}), "d paused");
  EXPECT_TRUE(runner_->Snapshot().dags[0].record.paused);
  expect_in(said({"pause", {}, {{"off", "true"}}, ""}), "d goes on");
}

TEST_F(RunnerTest, UnknownOperationsAndNumbersAreRefused) {
  EXPECT_EQ(Do({"nope", {}, {}, ""}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Do({"tail", {"raw"}, {{"last", "ten"}}, ""}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RunnerTest, TablesInCassandraHaveAFolderOfTheirOwn) {
  cql::TestServer server({});
  const auto open = [&](const std::string& data_folder, bool cassandra) -> Status {
    Close();
    project_->data_folder = data_folder;
    project_->cassandra.reset();
    if (cassandra) project_->cassandra = CassandraDef{server.Options(), "", false};
    MR_ASSIGN(workspace_, Workspace::Open(*project_, io::PosixFileSystem(), io::SystemClock(), {}));
    return {};
  };
  const std::string folder = folder_ + "/cassandra";
  ASSERT_TRUE(open(folder, true));
  Start();
  Produce("a", "{\"id\":\"x\",\"n\":1}\nno json\n{\"id\":\"z\",\"n\":2}\n");
  size_t rows = 0;
  for (const cql::ReceivedWrite& write : server.writes()) rows += write.rows.size();
  EXPECT_EQ(rows, 2U);
  EXPECT_EQ(runner_->Snapshot().queries[0].metrics.rejected, 1U);
  const Status replay = Do({"replay", {"k.doubled"}, {{"from", "earliest"}}, ""});
  ASSERT_FALSE(replay);
  EXPECT_EQ(replay.error().code, ErrorCode::kUnsupported) << replay.error().ToString();
  ASSERT_TRUE(Do({"backup", {folder_ + "/backup"}, {}, ""}));
  Close();
  ASSERT_TRUE(RestoreBackup(io::PosixFileSystem(), folder_ + "/backup", folder_ + "/restored"));

  for (const std::string& written : {folder, folder_ + "/restored"}) {
    const Status embedded = open(written, false);
    ASSERT_FALSE(embedded);
    EXPECT_EQ(embedded.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(embedded.error().hint.find("--data"), std::string::npos);
    ASSERT_TRUE(open(written, true));
  }
  const Status mixed = open(folder_ + "/data", true);
  ASSERT_FALSE(mixed);
  EXPECT_NE(mixed.error().message.find("embedded"), std::string::npos);
}

TEST_F(RunnerTest, TheFolderHasOneOwner) {
  const auto second = Workspace::Open(*project_, io::PosixFileSystem(), io::SystemClock(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace millrace::pipeline
