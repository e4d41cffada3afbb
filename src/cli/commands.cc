// Small commands, and what commands share.
#include "cli/commands.h"

#include <unistd.h>

#include "api/metrics/exposition.h"
#include "api/rest/documents.h"
#include "base/logging.h"
#include "extract/template.h"
#include "io/clock.h"
#include "pipeline/backup.h"
#include "pipeline/fixture.h"
#include "pipeline/json_text.h"
#include "pipeline/settings.h"
#include "sql/functions/reference.h"

namespace millrace::cli {
namespace {

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

// For a run that writes events to standard error.
void LogProblems(const pipeline::Problems& problems) {
  for (const pipeline::Problem& problem : problems) {
    logging::Write(problem.is_warning ? logging::Level::kWarning : logging::Level::kError,
                   "project.problem",
                   {{"key", problem.ToString()},
                    {"file", problem.file},
                    {"line", problem.where.line},
                    {"column", problem.where.column},
                    {"message", problem.message},
                    {"suggestion", problem.suggestion}});
  }
}

std::string ProblemJson(const pipeline::Problem& problem) {
  return pipeline::JsonText()
             .Field("file", problem.file)
             .Field("line", int64_t{problem.where.line})
             .Field("column", int64_t{problem.where.column})
             .Field("severity", problem.is_warning ? "warning" : "error")
             .Field("message", problem.message)
             .Field("suggestion", problem.suggestion)
             .Object() +
         "\n";
}

pipeline::LoadOptions OptionsOf(const CommandLine& line) {
  pipeline::LoadOptions options;
  options.profile = line.profile;
  options.data_folder = line.data_folder;
  options.now = io::SystemClock().Now();
  return options;
}

}  // namespace

void WriteOut(std::string_view text) { WriteAll(STDOUT_FILENO, text); }
void WriteError(std::string_view text) { WriteAll(STDERR_FILENO, text); }

int Complain(const Error& error) {
  WriteError(fmt::format("millrace: {}\n", error.message));
  if (!error.hint.empty()) WriteError(fmt::format("  try: {}\n", error.hint));
  return ExitCodeFor(error.code);
}

std::string ProjectFileOf(const CommandLine& line, bool from_argument) {
  if (!line.project_file.empty()) return line.project_file;
  if (from_argument && !line.request.arguments.empty()) return line.request.arguments[0];
  return "pipeline.yaml";
}

void ShowProblems(const pipeline::Problems& problems, bool with_warnings) {
  const bool color = ::isatty(STDERR_FILENO) != 0;
  for (const pipeline::Problem& problem : problems) {
    if (problem.is_warning && !with_warnings) continue;
    const std::string_view start = !color ? "" : problem.is_warning ? "\033[33m" : "\033[31m";
    WriteError(fmt::format("{}{}{}\n", start, problem.ToString(), color ? "\033[0m" : ""));
  }
}

Result<pipeline::Project> LoadProjectQuietly(const CommandLine& line, const std::string& file,
                                             pipeline::Problems& problems) {
  return pipeline::LoadProject(io::PosixFileSystem(), file, OptionsOf(line), problems);
}

Result<pipeline::Project> LoadNamedProject(const CommandLine& line, const std::string& file) {
  pipeline::Problems problems;
  auto project = LoadProjectQuietly(line, file, problems);
  if (line.command->name == "run" && ::isatty(STDERR_FILENO) == 0)
    LogProblems(problems);
  else
    ShowProblems(problems, line.command->name == "run");
  return project;
}

std::string DataFolderOf(const CommandLine& line, const std::string& file) {
  if (!line.data_folder.empty()) return line.data_folder;
  return pipeline::FindDataFolder(io::PosixFileSystem(), file, OptionsOf(line));
}

int CheckCommand(const CommandLine& line) {
  const std::string file = ProjectFileOf(line, true);
  pipeline::Problems problems;
  const auto project =
      pipeline::LoadProject(io::PosixFileSystem(), file, OptionsOf(line), problems);
  if (line.request.Switch("json")) {
    for (const pipeline::Problem& problem : problems) WriteOut(ProblemJson(problem));
  } else {
    ShowProblems(problems, true);
  }
  if (!project) {
    WriteError(fmt::format("{}: {} problem(s)\n", file, problems.size()));
    return 2;
  }
  WriteError(fmt::format("{}: ok: {} dags, {} topics, {} queries, {} tables\n", file,
                         project->dags.size(), project->topics.size(), project->queries.size(),
                         project->tables.size()));
  return 0;
}

int RestoreCommand(const CommandLine& line) {
  const auto report = pipeline::RestoreBackup(io::PosixFileSystem(), line.request.arguments[0],
                                              line.request.arguments[1]);
  if (!report) return Complain(report.error());
  WriteOut(fmt::format("{} files, {} bytes restored to {}\n", report->files, report->bytes,
                       line.request.arguments[1]));
  return 0;
}

int SchemaCommand(const CommandLine& line) {
  if (line.request.Switch("markdown"))
    WriteOut(pipeline::SettingsReference());
  else if (line.request.Switch("functions"))
    WriteOut(sql::FunctionsReference());
  else if (line.request.Switch("commands"))
    WriteOut(CommandsReference());
  else if (line.request.Switch("templates"))
    WriteOut(extract::TemplatesReference());
  else if (line.request.Switch("fixtures"))
    WriteOut(pipeline::FixturesReference());
  else if (line.request.Switch("api"))
    WriteOut(api::rest::ApiReference());
  else if (line.request.Switch("metrics"))
    WriteOut(api::MetricsReference());
  else
    WriteOut(pipeline::SettingsJsonSchema() + "\n");
  return 0;
}

int CompletionCommand(const CommandLine& line) {
  const std::string script = CompletionScript(line.request.arguments[0]);
  if (script.empty()) {
    return Complain({ErrorCode::kInvalidArgument,
                     fmt::format("no completion for \"{}\"", line.request.arguments[0]),
                     "bash, zsh or fish"});
  }
  WriteOut(script);
  return 0;
}

int VersionCommand(const CommandLine& line) {
  if (line.request.Switch("json")) {
    WriteOut(pipeline::JsonText()
                 .Field("version", MILLRACE_VERSION)
                 .Field("build", MILLRACE_BUILD_TYPE)
                 .Field("compiler", __VERSION__)
                 .Object() +
             "\n");
    return 0;
  }
  WriteOut(
      fmt::format("millrace {} ({}, {})\n", MILLRACE_VERSION, MILLRACE_BUILD_TYPE, __VERSION__));
  return 0;
}

}  // namespace millrace::cli
