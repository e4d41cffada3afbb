// millrace run: the pipeline at work, its doors, and what a person sees of it.
#include <algorithm>
#include <csignal>

#include <unistd.h>

#include "api/control.h"
#include "api/doors.h"
#include "base/logging.h"
#include "cli/commands.h"
#include "cli/live_view.h"
#include "cli/open_workspace.h"
#include "cli/signals.h"
#include "pipeline/runner.h"
#include "pipeline/settings.h"

namespace millrace::cli {
namespace {

constexpr auto kRefresh = std::chrono::seconds(1);

// Wakes the main thread: a signal came, or a second one that will not wait.
class StopRequest {
 public:
  void OnSignal(int) {
    if (asked_.exchange(true)) {
      if (::isatty(STDERR_FILENO) != 0)
        WriteError("stopping at once; the next start recovers\n");
      else
        logging::Warning("run.stopping_at_once", {{"action", "the next start recovers"}});
      ::_exit(1);
    }
    wake_.notify_all();
  }
  // True when asked to stop before the time was up.
  bool WaitFor(std::chrono::nanoseconds time) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, time, [this] { return asked_.load(); });
  }
  bool asked() const { return asked_; }

 private:
  std::atomic<bool> asked_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
};

Result<int64_t> RunFor(const CommandLine& line) {
  const std::string text = line.request.Flag("for");
  if (text.empty()) return INT64_MAX;
  const auto micros = pipeline::ParseDuration(text);
  if (!micros)
    return Fail(ErrorCode::kInvalidArgument, "--for \"{}\" is no duration such as 20s", text);
  return *micros * 1000;
}

void Watch(pipeline::Runner& runner, LiveView& view, StopRequest& stop, int64_t for_ns) {
  const int64_t start = io::SystemClock().MonotonicNs();
  while (!stop.asked()) {
    const int64_t left = for_ns - (io::SystemClock().MonotonicNs() - start);
    if (left <= 0) break;
    if (stop.WaitFor(std::min<std::chrono::nanoseconds>(kRefresh, std::chrono::nanoseconds(left))))
      break;
    view.Show(runner.Snapshot());
  }
}

// As an event where every other line is one.
int ComplainOfRun(const Error& error) {
  if (::isatty(STDERR_FILENO) != 0) return Complain(error);
  logging::Error("run.failed", {{"error", error.message}, {"hint", error.hint}});
  return ExitCodeFor(error.code);
}

// A query that failed: 5 where one met damaged data, else 1.
int ExitCodeOf(const pipeline::RunnerSnapshot& last) {
  int code = 0;
  for (const pipeline::QueryStatus& query : last.queries) {
    if (query.failure.empty()) continue;
    if (query.failure_code == ErrorCode::kDamaged) return ExitCodeFor(ErrorCode::kDamaged);
    code = 1;
  }
  return code;
}

}  // namespace

int RunCommand(const CommandLine& line) {
  const auto for_ns = RunFor(line);
  if (!for_ns) return ComplainOfRun(for_ns.error());
  auto project = LoadNamedProject(line, ProjectFileOf(line, true));
  if (!project) return ComplainOfRun(project.error());
  const bool json = line.request.Switch("json");
  const auto style = json                      ? LiveView::Style::kJson
                     : ::isatty(STDERR_FILENO) ? LiveView::Style::kTerminal
                                               : LiveView::Style::kLines;
  LiveView view(
      *project, style,
      {line.Sibling("query", project->file), line.Sibling("dead-letters", project->file)});

  StopRequest stop;
  const SignalWatch signals([&stop](int signal) { stop.OnSignal(signal); });
  pipeline::WorkspaceOptions options;
  options.accept_loss = line.request.Switch("accept-loss");
  const std::string socket = api::ControlSocketPath(project->data_folder);
  auto workspace = OpenWorkspace(*project, options, {.is_pointless = [&stop, &socket] {
    return stop.asked() || api::IsListening(socket);
  }});
  if (!workspace) return ComplainOfRun(workspace.error());
  for (const std::string& change : (*workspace)->changes())
    logging::Info("project.applied", {{"change", change}});

  // The doors open first: /livez answers while the pipeline recovers, /readyz once it is ready.
  auto doors = api::Doors::Open(**workspace);
  if (!doors) return ComplainOfRun(doors.error());
  auto runner =
      pipeline::Runner::Start(**workspace, {.schedule = !line.request.Switch("no-schedule")});
  if (!runner) return ComplainOfRun(runner.error());
  (*doors)->SetRunner(runner->get());
  view.Started((*doors)->address());

  Watch(**runner, view, stop, *for_ns);
  view.Stopping();
  // Operations end first: none may use what is being drained.
  (*doors)->SetRunner(nullptr);
  const Status drained = (*runner)->Drain();
  const pipeline::RunnerSnapshot last = (*runner)->Snapshot();
  doors->reset();
  runner->reset();
  view.Summary(last);
  if (!drained) return ComplainOfRun(drained.error());
  return ExitCodeOf(last);
}

}  // namespace millrace::cli
