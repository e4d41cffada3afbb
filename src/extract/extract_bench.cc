// extract_bench URL [RUNS]: records a second from an HTTP API that answers like the users API into
// topics in memory, pages of 500, 40 pages a run. Start the API first:
//
//   millrace_users_api --port 18080 & extract_bench http://127.0.0.1:18080/api/ 5
//
// Prints one line a run, and "extract.records_per_second <value>" (the median) at the end.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <sys/resource.h>

#include "extract/harness.h"

namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& at) {
    return static_cast<double>(at.tv_sec) + 1e-6 * static_cast<double>(at.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace millrace;
  using namespace millrace::extract;
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s URL [RUNS]\n", argv[0]);
    return 2;
  }
  HttpSourceSpec spec = Harness::LocalSpec(argv[1]);
  spec.query = {{"results", "500"}, {"seed", "{{ run_id }}"}};
  spec.paginate = {.kind = PageKind::kPage, .parameter = "page"};
  spec.limits.pages = 40;
  spec.key = "$.login.uuid";
  std::vector<double> rates;
  for (int run = 0; run < (argc > 2 ? std::strtol(argv[2], nullptr, 10) : 3); ++run) {
    Harness harness;
    const int64_t begin_ns = io::SystemClock().MonotonicNs();
    const double begin_cpu = CpuSeconds();
    const auto report = harness.Run(spec);
    if (!report) {
      std::fprintf(stderr, "%s\n", report.error().ToString().c_str());
      return 1;
    }
    const double elapsed = static_cast<double>(io::SystemClock().MonotonicNs() - begin_ns) * 1e-9;
    rates.push_back(static_cast<double>(report->records) / elapsed);
    std::printf("%ld records in %.3f s: %.0f records/s, %.2f CPU-seconds per million here\n",
                static_cast<long>(report->records), elapsed, rates.back(),
                (CpuSeconds() - begin_cpu) * 1e6 / static_cast<double>(report->records));
  }
  std::ranges::sort(rates);
  std::printf("extract.records_per_second %.0f\n", rates[rates.size() / 2]);
  return 0;
}
