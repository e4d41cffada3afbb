// topic -> created_users -> tables: the main benchmark. One scenario a process:
//
//   pipeline_bench one|four|none [RECORDS] [FOLDER]
//
// Writes RECORDS user records (default 1,000,000) of about 500 bytes into users_raw (lz4 batches),
// then runs the example's whole created_users query over them into one table, all four, or none
// (parse + transform alone, on one pinned core). The clock stops when the last row is readable and
// flushed; CPU counts flush and compaction until idle. Afterwards the full count and 10,000 random
// rows are verified; a wrong one ends with exit code 1.
#include <cstdlib>

#include <sched.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/heap.h"
#include "base/logging.h"
#include "connect/connectors.h"
#include "measure.h"
#include "pipeline/query_host.h"
#include "user_records.h"

namespace millrace::bench {
namespace {

constexpr size_t kRecordsPerBatch = 500;
constexpr size_t kVerified = 10000;
constexpr auto kTimeout = std::chrono::minutes(30);

struct Written {
  std::vector<UserRecord> sample;  // to be verified
  uint64_t good = 0;
  uint64_t malformed = 0;
  uint64_t bytes = 0;
};

Result<Written> WriteTopic(log::Log& log, uint64_t records) {
  MR_ASSIGN(const log::TopicInfo topic, log.FindTopic("users_raw"));
  std::vector<std::vector<flow::OutRecord>> batches(static_cast<size_t>(topic.spec.partitions));
  UserRecords users(42);
  Written written;
  const uint64_t each = std::max<uint64_t>(records / kVerified, 1);
  const auto flush = [&](size_t p) -> Status {
    MR_ASSIGN(const auto ticket,
              log.AppendAsync("users_raw", PartitionId(static_cast<int32_t>(p)), batches[p]));
    batches[p].clear();
    return {};
  };
  for (uint64_t i = 0; i < records; ++i) {
    UserRecord user = users.Next();
    written.bytes += user.value.size();
    ++(user.malformed ? written.malformed : written.good);
    const auto p = static_cast<size_t>(KafkaPartitionOf(user.key, topic.spec.partitions));
    batches[p].push_back({user.key, user.value, {}});
    if (!user.malformed && i % each == each / 2) written.sample.push_back(std::move(user));
    if (batches[p].size() == kRecordsPerBatch) MR_TRY(flush(p));
  }
  for (size_t p = 0; p < batches.size(); ++p) {
    if (!batches[p].empty()) MR_TRY(flush(p));
  }
  MR_TRY(log.Flush());
  return written;
}

Status Verify(pipeline::Workspace& workspace, const std::vector<std::string>& tables,
              const Written& written) {
  for (const std::string& name : tables) {
    MR_ASSIGN(const store::TableHandle table, workspace.FindTable(name));
    store::ScanRequest request;
    request.columns = {"id"};
    uint64_t rows = 0;
    do {
      MR_ASSIGN(const store::ScanPage page, workspace.store().Scan(table, request));
      rows += page.rows.rows;
      request.paging_state = page.paging_state;
    } while (!request.paging_state.empty());
    if (rows != written.good)
      return Fail(ErrorCode::kInternal, "{}: {} rows, expected {}", name, rows, written.good);
  }
  if (tables.empty()) return {};
  MR_ASSIGN(const store::TableHandle by_id, workspace.FindTable("users.by_id"));
  for (const UserRecord& user : written.sample) {
    store::ScanRequest request;
    request.columns = {"email"};
    request.partition = data::Value::List{data::Value::String(user.key)};
    MR_ASSIGN(const store::ScanPage page, workspace.store().Scan(by_id, request));
    if (page.rows.rows != 1 || page.rows.columns[0]->ValueAt(0).string() != user.email) {
      return Fail(ErrorCode::kInternal, "row {} is not as it was written", user.key);
    }
  }
  return {};
}

void PinToOneCore() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  if (::sched_setaffinity(0, sizeof(set), &set) != 0)
    fmt::print(stderr, "cannot pin to one core: figures are of all cores\n");
}

Status Run(const std::string& scenario, uint64_t records, const std::string& folder) {
  pipeline::Problems problems;
  pipeline::LoadOptions load;
  load.data_folder = folder;
  MR_ASSIGN(
      pipeline::Project project,
      pipeline::LoadProject(io::PosixFileSystem(), "examples/users/pipeline.yaml", load, problems));
  pipeline::QueryDefinition definition = pipeline::QueryDefinition::Of(project.queries[0]);
  if (scenario == "one") definition.tables = {"users.by_id"};
  if (scenario == "none") definition.tables.clear();

  MR_ASSIGN(const auto workspace,
            pipeline::Workspace::Open(project, io::PosixFileSystem(), io::SystemClock(), {}));
  MR_ASSIGN(const auto intents, connect::OpenIntentLog(workspace->log()));
  const auto time = connect::MakeTimeSource(io::SystemClock());
  MR_ASSIGN(const Written written, WriteTopic(workspace->log(), records));
  fmt::print(stderr, "{} records of {} bytes on average, {} malformed, log {} bytes on disk\n",
             records, written.bytes / records, written.malformed, workspace->log().DiskBytes());
  if (scenario == "none") PinToOneCore();

  ForgetPeakMemory();
  pipeline::QueryHost host({*workspace, *intents, *time}, definition);
  const double cpu_before = CpuSeconds();
  const Stopwatch watch;
  MR_TRY(host.Start());
  MR_TRY(host.CatchUp(kTimeout));
  const double readable = watch.Seconds();
  MR_TRY(workspace->store().Flush());
  const double seconds = watch.Seconds();
  MR_TRY(workspace->store().WaitUntilIdle());
  const double cpu = CpuSeconds() - cpu_before;
  const double peak = PeakMemoryMib();
  const engine::QueryMetrics metrics = host.Metrics();
  MR_TRY(host.Stop());
  if (metrics.rejected != written.malformed) {
    return Fail(ErrorCode::kInternal, "{} rejected, expected {}", metrics.rejected,
                written.malformed);
  }
  MR_TRY(Verify(*workspace, definition.tables, written));
  const auto millions = static_cast<double>(records) / 1e6;
  fmt::print(stderr,
             "{}: readable after {:.2f} s, flushed after {:.2f} s, idle at {:.2f} s, {:.2f} "
             "CPU-seconds, {:.0f} MiB; verified\n",
             scenario, readable, seconds, watch.Seconds(), cpu, peak);
  const std::string name = scenario == "none" ? "parse_transform_one_core"
                                              : fmt::format("topic_to_{}_table{}", scenario,
                                                            scenario == "one" ? "" : "s");
  Report(name + ".records_per_second", static_cast<double>(records) / seconds, "records/s");
  Report(name + ".cpu_seconds_per_million", cpu / millions, "s");
  if (scenario == "one") Report("memory.load_mib", peak, "MiB");
  return {};
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  millrace::KeepFreedMemory();
  const std::string scenario = argc > 1 ? argv[1] : "one";
  const uint64_t records = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000000;
  const std::string folder = argc > 3 ? argv[3] : "build/bench/data-" + scenario;
  millrace::logging::Configure(millrace::logging::Level::kWarning,
                               millrace::logging::Format::kAuto);
  millrace::io::FileSystem& fs = millrace::io::PosixFileSystem();
  if (const auto removed = millrace::io::RemoveTree(fs, folder); !removed) return 1;
  const auto done = millrace::bench::Run(scenario, records, folder);
  if (!done) fmt::print(stderr, "pipeline_bench: {}\n", done.error().ToString());
  if (const auto removed = millrace::io::RemoveTree(fs, folder); !removed) return 1;
  return done ? 0 : 1;
}
