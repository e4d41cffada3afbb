// Fills users_raw with about MIB mebibytes of log, and lets the example's queries work through
// them:
//
//   fill_log FOLDER MIB
//
// Leaves the folder as a pipeline leaves it that has been running: for start_bench.
#include <cstdlib>

#include "base/hash.h"
#include "base/logging.h"
#include "pipeline/runner.h"
#include "user_records.h"

namespace millrace::bench {
namespace {

constexpr size_t kRecordsPerBatch = 500;

Status Fill(const std::string& folder, uint64_t bytes) {
  pipeline::Problems problems;
  pipeline::LoadOptions load;
  load.data_folder = folder;
  MR_ASSIGN(
      const pipeline::Project project,
      pipeline::LoadProject(io::PosixFileSystem(), "examples/users/pipeline.yaml", load, problems));
  MR_ASSIGN(const auto workspace,
            pipeline::Workspace::Open(project, io::PosixFileSystem(), io::SystemClock(), {}));
  log::Log& log = workspace->log();
  MR_ASSIGN(const auto runner, pipeline::Runner::Start(*workspace, {.schedule = false}));
  UserRecords users(11);
  std::vector<flow::OutRecord> batches[4];
  uint64_t records = 0;
  while (log.DiskBytes() < bytes) {
    for (int i = 0; i < 100000; ++i, ++records) {
      UserRecord user = users.Next();
      const auto p = static_cast<size_t>(KafkaPartitionOf(user.key, 4));
      batches[p].push_back({user.key, user.value, {}});
      if (batches[p].size() < kRecordsPerBatch) continue;
      MR_ASSIGN(const auto ticket,
                log.AppendAsync("users_raw", PartitionId(static_cast<int32_t>(p)), batches[p]));
      batches[p].clear();
    }
    MR_TRY(log.Flush());
    MR_TRY(runner->CatchUp(std::chrono::minutes(5)));
  }
  fmt::print(stderr, "{} records, {} bytes of log\n", records, log.DiskBytes());
  return runner->Drain();
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} FOLDER MIB\n", argv[0]);
    return 2;
  }
  millrace::logging::Configure(millrace::logging::Level::kWarning,
                               millrace::logging::Format::kAuto);
  const auto done = millrace::bench::Fill(argv[1], std::strtoull(argv[2], nullptr, 10) << 20);
  if (!done) fmt::print(stderr, "fill_log: {}\n", done.error().ToString());
  return done ? 0 : 1;
}
