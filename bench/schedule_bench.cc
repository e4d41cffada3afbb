// How fast the scheduler goes with tasks that do nothing: tries per second over many runs side by
// side, and the time from the end of a task to the start of the one after it in a single chain.
// Every state is durable (SQLite, synchronous=FULL) before what follows from it. Prints two lines:
//   schedule.tries_per_second <value>
//   schedule.gap_p50_ms <value>
// and the 99th percentile of the gap. The database lies in the folder given as the only argument,
// or in the current one, so that real storage is measured.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>

#include <unistd.h>

#include "meta/sqlite.h"
#include "schedule/scheduler.h"

namespace {

using namespace millrace;            // NOLINT
using namespace millrace::schedule;  // NOLINT
using std::chrono::steady_clock;

constexpr int kChainLength = 50;
constexpr int kWideRuns = 200;
constexpr int kSingleRuns = 10;

struct Gaps {
  std::mutex mutex;
  steady_clock::time_point last_end;
  bool has_last = false;
  std::vector<double> ms;
};

class NoOp final : public Task {
 public:
  explicit NoOp(Gaps* gaps) : gaps_(gaps) {}
  Result<TaskOutcome> Run(TaskContext& context) override {
    if (gaps_ == nullptr) return TaskOutcome{};
    std::lock_guard lock(gaps_->mutex);
    const auto now = steady_clock::now();
    const bool is_first = context.key.task_id == "t0";
    if (gaps_->has_last && !is_first)
      gaps_->ms.push_back(std::chrono::duration<double, std::milli>(now - gaps_->last_end).count());
    gaps_->last_end = steady_clock::now();
    gaps_->has_last = true;
    return TaskOutcome{};
  }

 private:
  Gaps* gaps_;
};

Result<Dag> Chain(const std::string& id, int max_active_runs) {
  DagSpec spec;
  spec.id = id;
  spec.max_active_runs = max_active_runs;
  for (int i = 0; i < kChainLength; ++i) {
    TaskSpec task{.id = fmt::format("t{}", i), .kind = "noop"};
    if (i > 0) task.upstream = {fmt::format("t{}", i - 1)};
    spec.tasks.push_back(std::move(task));
  }
  return Dag::Create(std::move(spec));
}

// Seconds from the first trigger to the end of the last run.
Result<double> TimeRuns(Scheduler& scheduler, const std::string& dag, int count) {
  const auto begin = steady_clock::now();
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) {
    MR_ASSIGN(const RunRecord run, scheduler.Trigger(dag, {}));
    ids.push_back(run.run_id);
  }
  for (const std::string& id : ids) {
    MR_ASSIGN(const RunRecord run, scheduler.WaitForRun(dag, id, std::chrono::minutes(2)));
    if (run.state != RunState::kSuccess)
      return Fail(ErrorCode::kInternal, "run {} did not succeed", id);
  }
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

Status Measure(const std::string& folder) {
  MR_ASSIGN(auto database, meta::SqliteDatabase::Open(folder + "/meta.db", {}));
  Gaps gaps;
  std::vector<Dag> dags;
  MR_ASSIGN(Dag wide, Chain("wide", kWideRuns));
  MR_ASSIGN(Dag single, Chain("single", 1));
  dags.push_back(std::move(wide));
  dags.push_back(std::move(single));
  SchedulerOptions options;
  // As many tries share a commit as there are workers: with 64, a disk that syncs in 10 ms carries
  // some 6,000 tries a second.
  options.workers = 64;
  options.factory = [&](const std::string& dag, const TaskSpec&) -> Result<std::unique_ptr<Task>> {
    return std::make_unique<NoOp>(dag == "single" ? &gaps : nullptr);
  };
  MR_ASSIGN(auto scheduler, Scheduler::Open(*database, std::move(dags), std::move(options)));
  MR_TRY(scheduler->Start());
  for (int i = 0; i < kSingleRuns; ++i) MR_TRY(TimeRuns(*scheduler, "single", 1));
  MR_ASSIGN(const double seconds, TimeRuns(*scheduler, "wide", kWideRuns));
  MR_TRY(scheduler->Drain(std::chrono::seconds(1), std::chrono::seconds(5)));
  std::sort(gaps.ms.begin(), gaps.ms.end());
  std::printf("schedule.tries_per_second %.0f tries/s\n", kWideRuns * kChainLength / seconds);
  std::printf("schedule.gap_p50_ms %.3f ms\n", gaps.ms[gaps.ms.size() / 2]);
  std::printf("schedule.gap_p99_ms %.3f ms\n", gaps.ms[gaps.ms.size() * 99 / 100]);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder =
      std::string(argc > 1 ? argv[1] : ".") + "/schedule_bench." + std::to_string(getpid());
  std::filesystem::create_directories(folder);
  const Status measured = Measure(folder);
  std::filesystem::remove_all(folder);
  if (measured) return 0;
  std::fprintf(stderr, "schedule_bench: %s\n", measured.error().ToString().c_str());
  return 1;
}
