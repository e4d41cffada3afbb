// Operations: asked of the running pipeline over its control socket, or done here on the data
// folder.
#include <csignal>
#include <optional>
#include <thread>

#include <unistd.h>

#include "api/control.h"
#include "base/logging.h"
#include "cli/commands.h"
#include "cli/open_workspace.h"
#include "cli/signals.h"
#include "pipeline/scheduling.h"

namespace millrace::cli {
namespace {

constexpr auto kAskInterval = std::chrono::milliseconds(50);

class ConsoleOutput final : public pipeline::Output {
 public:
  Status Write(std::string_view text) override {
    while (!text.empty()) {
      const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
      if (written < 0) return FailErrno(errno, "cannot write to standard output");
      text.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }
  Status Note(std::string_view text) override {
    if (!text.empty()) WriteError(fmt::format("{}\n", text));
    return {};
  }
};

// Who is asked. Without a project (its file has mistakes) only the pipeline that runs can answer.
struct Target {
  std::string data_folder;
  std::optional<pipeline::Project> project;
};

std::string ReadInput() {
  std::string input;
  char buffer[65536];
  for (ssize_t read; (read = ::read(STDIN_FILENO, buffer, sizeof(buffer))) > 0;)
    input.append(buffer, static_cast<size_t>(read));
  return input;
}

// Opens the data folder for the time of the operation; `opened` tells whether it was.
Status RunHere(const CommandLine& line, const Target& target,
               const pipeline::OperationRequest& request, pipeline::Output& output,
               CancelToken& cancel, const OpenPatience& patience, bool& opened) {
  if (!target.project) {
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("the pipeline on {} has stopped, and the project has mistakes",
                          target.data_folder),
              "millrace check"});
  }
  const pipeline::Project& project = *target.project;
  // Refused before the folder is taken, which a pipeline that is about to start needs.
  MR_TRY(pipeline::AllowWithoutRunner(request, project));
  pipeline::WorkspaceOptions options;
  options.apply_schema = line.command->name == "replay" || line.command->name == "produce";
  if (!io::PosixFileSystem().Exists(project.data_folder) && !options.apply_schema) {
    return std::unexpected(
        Error{ErrorCode::kNotFound, fmt::format("no data folder {}", project.data_folder),
              fmt::format("run the pipeline first: millrace run {}", project.file)});
  }
  MR_ASSIGN(const auto workspace, OpenWorkspace(project, options, patience));
  opened = true;
  pipeline::OperationContext context{*workspace, nullptr, cancel};
  return pipeline::RunOperation(context, request, output);
}

Status RunOnce(const CommandLine& line, const Target& target,
               const pipeline::OperationRequest& request, CancelToken& cancel) {
  ConsoleOutput output;
  const std::string socket = api::ControlSocketPath(target.data_folder);
  OpenPatience patience;
  patience.is_pointless = [&cancel, &socket] {
    return cancel.cancelled() || api::IsListening(socket);
  };
  const auto deadline = std::chrono::steady_clock::now() + patience.limit;
  // A pipeline that starts has the folder before it listens, and listens before it is ready; one
  // that stops gives the folder back: so both are tried in turn.
  while (true) {
    const bool is_over = std::chrono::steady_clock::now() >= deadline || cancel.cancelled();
    if (io::PosixFileSystem().Exists(socket)) {
      const auto client = io::MakeHttpClient();
      auto answerer = api::Answerer::kNobody;
      Status done = api::AskRunning(*client, socket, request, output, &cancel, answerer);
      if (answerer == api::Answerer::kPipeline) return done;
      // A socket left by a process that died is no obstacle.
      if (done.error().code != ErrorCode::kUnavailable) return done;
      if (answerer == api::Answerer::kNotReady) {
        if (is_over) return done;
        std::this_thread::sleep_for(kAskInterval);
        continue;
      }
    }
    bool opened = false;
    Status done = RunHere(line, target, request, output, cancel, patience, opened);
    if (done || opened || is_over || !api::IsListening(socket)) return done;
  }
}

// Standard input in portions that fit a request, each a transaction of its own.
Status ProduceInput(const CommandLine& line, const Target& target, CancelToken& cancel) {
  constexpr size_t kPortionBytes = size_t{4} << 20;
  pipeline::OperationRequest request = line.request;
  request.flags["session"] = fmt::format("{}-{}", ::getpid(), io::SystemClock().Now().value);
  std::string pending;
  char buffer[65536];
  for (int64_t sequence = 1;;) {
    const ssize_t read = ::read(STDIN_FILENO, buffer, sizeof(buffer));
    if (read > 0) pending.append(buffer, static_cast<size_t>(read));
    if (read > 0 && pending.size() < kPortionBytes) continue;
    const size_t end = read > 0 ? pending.rfind('\n') : pending.size();
    // Without any input too: the topic must be there.
    if ((end != std::string::npos && !pending.empty()) || (read <= 0 && sequence == 1)) {
      request.input = pending.substr(0, end);
      request.flags["sequence"] = std::to_string(sequence++);
      pending.erase(0, end);
      MR_TRY(RunOnce(line, target, request, cancel));
    }
    if (read <= 0) return {};
  }
}

// A project that has mistakes by now does not stand between a person and the pipeline that runs.
Result<Target> FindTarget(const CommandLine& line) {
  const std::string file = ProjectFileOf(line, false);
  pipeline::Problems problems;
  auto project = LoadProjectQuietly(line, file, problems);
  if (project) {
    std::string folder = project->data_folder;
    return Target{std::move(folder), std::move(*project)};
  }
  const std::string folder = DataFolderOf(line, file);
  if (folder.empty() || !api::IsListening(api::ControlSocketPath(folder))) {
    ShowProblems(problems, false);
    return std::unexpected(std::move(project.error()));
  }
  WriteError(fmt::format("warning: {}; asking the pipeline that runs on {} (try: {})\n",
                         project.error().message, folder, line.Sibling("check", file)));
  return Target{folder, std::nullopt};
}

}  // namespace

int OperationCommand(const CommandLine& line) {
  logging::Configure(logging::Level::kWarning, logging::Format::kAuto);
  const auto target = FindTarget(line);
  if (!target) return Complain(target.error());
  CancelToken cancel;
  const SignalWatch signals([&cancel](int) { cancel.Cancel(); });
  Status done;
  if (line.command->name == "produce") {
    done = ProduceInput(line, *target, cancel);
  } else {
    pipeline::OperationRequest request = line.request;
    if (line.command->name == "query" && request.arguments[0] == "-")
      request.arguments[0] = ReadInput();
    if (line.command->name == "backup" && !request.arguments[0].starts_with('/')) {
      char folder[4096];
      if (::getcwd(folder, sizeof(folder)) != nullptr)
        request.arguments[0] = io::JoinPath(folder, request.arguments[0]);
    }
    done = RunOnce(line, *target, request, cancel);
  }
  if (done || cancel.cancelled()) return 0;
  return Complain(done.error());
}

}  // namespace millrace::cli
