// Latency from append to readable row, at a steady 1,000 records/s for SECONDS (default 60), fsync
// on:
//
//   latency_bench [SECONDS] [FOLDER]
//
// Record i is due at start + i ms; its latency counts from that time, whether or not the appender
// was late (no coordinated omission), until a reader finds its row in users.by_id by key. The whole
// created_users query runs in between.
#include <cstdlib>
#include <thread>

#include "base/hash.h"
#include "base/logging.h"
#include "connect/connectors.h"
#include "measure.h"
#include "pipeline/query_host.h"
#include "user_records.h"

namespace millrace::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPeriod = std::chrono::milliseconds(1);
constexpr auto kWarmUp = std::chrono::seconds(2);

Result<bool> IsReadable(store::Store& store, const store::TableHandle& table,
                        const std::string& key) {
  store::ScanRequest request;
  request.columns = {"id"};
  request.partition = data::Value::List{data::Value::String(key)};
  MR_ASSIGN(const store::ScanPage page, store.Scan(table, request));
  return page.rows.rows == 1;
}

Status Append(log::Log& log, const std::vector<UserRecord>& users, Clock::time_point start) {
  for (size_t i = 0; i < users.size(); ++i) {
    std::this_thread::sleep_until(start + kPeriod * i);
    const flow::OutRecord record{users[i].key, users[i].value, {}};
    const PartitionId partition(KafkaPartitionOf(users[i].key, 4));
    MR_ASSIGN(const auto ticket, log.AppendAsync("users_raw", partition, std::span(&record, 1)));
  }
  return {};
}

Status Run(int seconds, const std::string& folder) {
  pipeline::Problems problems;
  pipeline::LoadOptions load;
  load.data_folder = folder;
  MR_ASSIGN(
      const pipeline::Project project,
      pipeline::LoadProject(io::PosixFileSystem(), "examples/users/pipeline.yaml", load, problems));
  MR_ASSIGN(const auto workspace,
            pipeline::Workspace::Open(project, io::PosixFileSystem(), io::SystemClock(), {}));
  MR_ASSIGN(const auto intents, connect::OpenIntentLog(workspace->log()));
  const auto time = connect::MakeTimeSource(io::SystemClock());
  pipeline::QueryDefinition definition = pipeline::QueryDefinition::Of(project.queries[0]);
  definition.tables = {"users.by_id"};
  pipeline::QueryHost host({*workspace, *intents, *time}, definition);
  MR_TRY(host.Start());
  MR_ASSIGN(const store::TableHandle table, workspace->FindTable("users.by_id"));

  std::vector<UserRecord> users;
  UserRecords source(7);
  const size_t count = static_cast<size_t>(seconds) * 1000 + static_cast<size_t>(kWarmUp / kPeriod);
  while (users.size() < count) {
    if (UserRecord user = source.Next(); !user.malformed) users.push_back(std::move(user));
  }
  const Clock::time_point start = Clock::now() + std::chrono::milliseconds(100);
  Status appended;
  std::thread appender([&] { appended = Append(workspace->log(), users, start); });
  std::vector<double> latencies;
  Status status;
  for (size_t i = 0; i < users.size() && status; ++i) {
    const Clock::time_point due = start + kPeriod * i;
    std::this_thread::sleep_until(due);
    while (true) {
      const auto readable = IsReadable(workspace->store(), table, users[i].key);
      if (!readable) {
        status = std::unexpected(readable.error());
        break;
      }
      if (*readable) break;
      if (Clock::now() - due > std::chrono::seconds(30)) {
        status = Fail(ErrorCode::kTimeout, "row {} did not come within 30 s", i);
        break;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    if (due >= start + kWarmUp)
      latencies.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
  }
  appender.join();
  MR_TRY(status);
  MR_TRY(appended);
  MR_TRY(host.Stop());
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double quantile) {
    return latencies[static_cast<size_t>(quantile * static_cast<double>(latencies.size() - 1))];
  };
  fmt::print(
      stderr,
      "latency over {} records: p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms, max {:.2f} ms\n",
      latencies.size(), at(0.5), at(0.99), at(0.999), latencies.back());
  Report("latency_append_to_row.p50_ms", at(0.5), "ms");
  Report("latency_append_to_row.p99_ms", at(0.99), "ms");
  return {};
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 60;
  const std::string folder = argc > 2 ? argv[2] : "build/bench/data-latency";
  millrace::logging::Configure(millrace::logging::Level::kWarning,
                               millrace::logging::Format::kAuto);
  millrace::io::FileSystem& fs = millrace::io::PosixFileSystem();
  if (const auto removed = millrace::io::RemoveTree(fs, folder); !removed) return 1;
  const auto done = millrace::bench::Run(seconds, folder);
  if (!done) fmt::print(stderr, "latency_bench: {}\n", done.error().ToString());
  if (const auto removed = millrace::io::RemoveTree(fs, folder); !removed) return 1;
  return done ? 0 : 1;
}
