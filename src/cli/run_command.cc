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
      WriteError("stopping at once; the next start recovers\n");
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

}  // namespace

int RunCommand(const CommandLine& line) {
  const auto for_ns = RunFor(line);
  if (!for_ns) return Complain(for_ns.error());
  auto project = LoadNamedProject(line, ProjectFileOf(line, true));
  if (!project) return Complain(project.error());
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
  if (!workspace) return Complain(workspace.error());
  for (const std::string& change : (*workspace)->changes())
    logging::Info("project.applied", {{"change", change}});

  // The doors open first: /livez answers while the pipeline recovers, /readyz once it is ready.
  auto doors = api::Doors::Open(**workspace);
  if (!doors) return Complain(doors.error());
  auto runner =
      pipeline::Runner::Start(**workspace, {.schedule = !line.request.Switch("no-schedule")});
  if (!runner) return Complain(runner.error());
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
  if (!drained) return Complain(drained.error());
  const bool failed = std::ranges::any_of(
      last.queries, [](const pipeline::QueryStatus& query) { return !query.failure.empty(); });
  return failed ? 1 : 0;
}

}  // namespace millrace::cli
