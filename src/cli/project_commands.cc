// Commands around a project: test, init; and inspect.
#include "base/logging.h"
#include "cli/commands.h"
#include "cli/new_project.h"
#include "io/clock.h"
#include "log/inspect.h"
#include "pipeline/fixture.h"
#include "pipeline/json_text.h"

namespace millrace::cli {
namespace {

std::string ResultText(const pipeline::FixtureResult& result) {
  std::string text = fmt::format("{}  {}  ({:.0f} ms)\n", result.passed ? "ok    " : "FAILED",
                                 result.name, result.milliseconds);
  if (!result.passed)
    text += fmt::format("{}:{}: {}", result.file, result.where.line, result.report);
  return text;
}

std::string ResultJson(const pipeline::FixtureResult& result) {
  return pipeline::JsonText()
             .Field("test", result.name)
             .Field("file", result.file)
             .Field("line", int64_t{result.where.line})
             .Field("passed", result.passed)
             .Field("milliseconds", result.milliseconds)
             .Field("report", result.report)
             .Object() +
         "\n";
}

std::string FindingText(const log::Finding& finding, bool json) {
  if (!json) {
    return fmt::format("{} @{}: {}{}\n", finding.file, finding.position,
                       finding.torn_tail ? "torn tail: " : "DAMAGED: ", finding.message);
  }
  return pipeline::JsonText()
             .Field("file", finding.file)
             .Field("position", finding.position)
             .Field("finding", finding.torn_tail ? "torn_tail" : "damaged")
             .Field("message", finding.message)
             .Object() +
         "\n";
}

}  // namespace

int TestCommand(const CommandLine& line) {
  logging::Configure(logging::Level::kError, logging::Format::kAuto);
  const auto project = LoadNamedProject(line, ProjectFileOf(line, true));
  if (!project) return Complain(project.error());
  if (project->test_files.empty()) {
    return Complain({ErrorCode::kNotFound, "the project has no tests",
                     "put fixtures into tests/*.yaml beside the project file"});
  }
  pipeline::Problems problems;
  int passed = 0;
  int failed = 0;
  for (const std::string& file : project->test_files) {
    for (const pipeline::FixtureResult& result : pipeline::RunFixtures(
             *project, io::PosixFileSystem(), file, line.request.Flag("filter"), problems)) {
      ++(result.passed ? passed : failed);
      WriteOut(line.request.Switch("json") ? ResultJson(result) : ResultText(result));
    }
  }
  for (const pipeline::Problem& problem : problems) WriteError(problem.ToString() + "\n");
  if (problems.empty() && passed + failed == 0) {
    return Complain({ErrorCode::kNotFound,
                     fmt::format("no test has \"{}\" in its name", line.request.Flag("filter")),
                     "millrace test"});
  }
  const std::string counts = fmt::format("{} passed, {} failed\n", passed, failed);
  line.request.Switch("json") ? WriteError(counts) : WriteOut(counts);
  if (!problems.empty()) return 2;
  return failed > 0 || passed == 0 ? 3 : 0;
}

int InitCommand(const CommandLine& line) {
  const std::string& folder = line.request.arguments[0];
  io::FileSystem& fs = io::PosixFileSystem();
  if (fs.Exists(folder)) {
    return Complain({ErrorCode::kAlreadyExists, fmt::format("{} exists", folder),
                     "name a folder that does not exist yet"});
  }
  for (const NewProjectFile& file : NewProjectFiles()) {
    const std::string path = io::JoinPath(folder, file.name);
    if (const Status made = fs.CreateFolders(io::FolderOf(path)); !made)
      return Complain(made.error());
    if (const Status written = io::WriteFileAtomically(fs, path, file.text); !written)
      return Complain(written.error());
    WriteError(fmt::format("  {}\n", path));
  }
  WriteOut(fmt::format("cd {}\nmillrace test\nmillrace run\n", folder));
  return 0;
}

int InspectCommand(const CommandLine& line) {
  const bool json = line.request.Switch("json");
  const auto visit = [&](const log::BatchSummary& batch) {
    if (json) {
      WriteOut(pipeline::JsonText()
                   .Field("file", batch.file)
                   .Field("position", batch.position)
                   .Field("base_offset", batch.header.base_offset.value)
                   .Field("records", int64_t{batch.header.record_count})
                   .Field("bytes", uint64_t{batch.header.total_bytes()})
                   .Object() +
               "\n");
      return;
    }
    WriteOut(fmt::format("{} @{}  offset {}  {} records  {} bytes{}\n", batch.file, batch.position,
                         batch.header.base_offset, batch.header.record_count,
                         batch.header.total_bytes(),
                         batch.marker ? (*batch.marker ? "  COMMIT" : "  ABORT") : ""));
  };
  const bool each = line.request.Switch("batches");
  const auto report =
      log::Inspect(io::PosixFileSystem(), line.request.arguments[0],
                   each ? std::function<void(const log::BatchSummary&)>(visit) : nullptr);
  if (!report) return Complain(report.error());
  for (const log::Finding& finding : report->findings) {
    WriteOut(FindingText(finding, json));
  }
  if (json) {
    WriteOut(pipeline::JsonText()
                 .Field("files", uint64_t{report->files})
                 .Field("batches", uint64_t{report->batches})
                 .Field("records", uint64_t{report->records})
                 .Field("bytes", uint64_t{report->bytes})
                 .Field("ok", report->ok())
                 .Object() +
             "\n");
    return report->ok() ? 0 : ExitCodeFor(ErrorCode::kDamaged);
  }
  WriteOut(fmt::format("{} files, {} batches, {} records, {} bytes: {}\n", report->files,
                       report->batches, report->records, report->bytes,
                       report->ok() ? "every checksum is right" : "DAMAGED"));
  return report->ok() ? 0 : ExitCodeFor(ErrorCode::kDamaged);
}

}  // namespace millrace::cli
