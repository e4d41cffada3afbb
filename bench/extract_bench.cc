// Extraction: records a second from the local users API (500 a page, 100 pages a try) into a topic
// of the real log, each try one committed transaction, durable:
//
//   extract_bench URL [TRIES] [FOLDER]        e.g. http://127.0.0.1:18081/api/
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/logging.h"
#include "extract/extractor.h"
#include "measure.h"
#include "pipeline/tasks.h"

namespace millrace::bench {
namespace {

constexpr int64_t kPages = 100;

Status Run(const std::string& url, int tries, const std::string& folder) {
  pipeline::Problems problems;
  pipeline::LoadOptions load;
  load.data_folder = folder;
  MR_ASSIGN(
      const pipeline::Project project,
      pipeline::LoadProject(io::PosixFileSystem(), "examples/users/pipeline.yaml", load, problems));
  MR_ASSIGN(const auto workspace,
            pipeline::Workspace::Open(project, io::PosixFileSystem(), io::SystemClock(), {}));
  MR_ASSIGN(const auto tasks, pipeline::TaskEnvironment::Make(*workspace));
  extract::HttpSourceSpec spec = project.tasks[0].http->source;
  spec.url = url;
  spec.query = {{"results", "500"}, {"seed", "{{ run_id }}"}};
  spec.paginate.pages = kPages;
  MR_ASSIGN(const extract::HttpSource source, extract::CompileSource(spec));
  const extract::ExtractServices services{
      tasks->http(),    io::SystemResolver(), workspace->clock(), workspace->log().transactions(),
      tasks->cursors(), tasks->limits(),      tasks->tokens()};
  std::vector<double> rates;
  for (int i = 0; i < tries; ++i) {
    extract::ExtractContext context;
    context.dag = "users";
    context.task = "fetch_users";
    context.run = fmt::format("bench__{}", i);
    context.generation = Generation(1);
    context.logical_date = TimestampUs(int64_t{i} * 1000000);
    const double cpu = CpuSeconds();
    const Stopwatch watch;
    MR_ASSIGN(const extract::ExtractReport report, extract::Extract(source, context, services));
    rates.push_back(static_cast<double>(report.records) / watch.Seconds());
    fmt::print(stderr,
               "{} records in {:.2f} s: {:.0f} records/s, {:.1f} CPU-seconds per million here\n",
               report.records, watch.Seconds(), rates.back(),
               (CpuSeconds() - cpu) / (static_cast<double>(report.records) / 1e6));
  }
  std::sort(rates.begin(), rates.end());
  Report("extract.records_per_second", rates[rates.size() / 2], "records/s");
  return {};
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} URL [TRIES] [FOLDER]\n", argv[0]);
    return 2;
  }
  const int tries = argc > 2 ? static_cast<int>(std::strtol(argv[2], nullptr, 10)) : 5;
  const std::string folder = argc > 3 ? argv[3] : "build/bench/data-extract";
  millrace::logging::Configure(millrace::logging::Level::kWarning,
                               millrace::logging::Format::kAuto);
  millrace::io::FileSystem& fs = millrace::io::PosixFileSystem();
  if (const auto removed = millrace::io::RemoveTree(fs, folder); !removed) return 1;
  const auto done = millrace::bench::Run(argv[1], tries, folder);
  if (!done) fmt::print(stderr, "extract_bench: {}\n", done.error().ToString());
  if (const auto removed = millrace::io::RemoveTree(fs, folder); !removed) return 1;
  return done ? 0 : 1;
}
