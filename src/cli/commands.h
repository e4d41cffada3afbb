// The commands that this process does on its own, and the way of operations to whoever can do them.
// Each returns the process's exit code (see result.h), having said on standard error what went
// wrong.
#pragma once

#include <string_view>

#include "base/result.h"
#include "cli/command_line.h"
#include "pipeline/project.h"

namespace millrace::cli {

int RunCommand(const CommandLine& line);
int CheckCommand(const CommandLine& line);
int TestCommand(const CommandLine& line);
int InitCommand(const CommandLine& line);
int RestoreCommand(const CommandLine& line);
int InspectCommand(const CommandLine& line);
int SchemaCommand(const CommandLine& line);
int CompletionCommand(const CommandLine& line);
int VersionCommand(const CommandLine& line);
// In the running pipeline when there is one, else on the data folder itself.
int OperationCommand(const CommandLine& line);

// Says the error on standard error, with its hint on a line of its own; the exit code that belongs
// to it.
int Complain(const Error& error);
// Reads and checks the project a command line names, mistakes to standard error; warnings only for
// `run`.
Result<pipeline::Project> LoadNamedProject(const CommandLine& line, const std::string& file);
// The same, problems to the caller.
Result<pipeline::Project> LoadProjectQuietly(const CommandLine& line, const std::string& file,
                                             pipeline::Problems& problems);
void ShowProblems(const pipeline::Problems& problems, bool with_warnings);
// The data folder of a command line, whether or not the rest of its project is right; empty when
// the project file does not tell.
std::string DataFolderOf(const CommandLine& line, const std::string& file);
// The project file of a command line: its option, its first argument when `from_argument`, or
// pipeline.yaml.
std::string ProjectFileOf(const CommandLine& line, bool from_argument);

void WriteOut(std::string_view text);
void WriteError(std::string_view text);

}  // namespace millrace::cli
