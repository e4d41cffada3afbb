// millrace: one program, one command a run. See command_table.cc for what there is.
#include <csignal>

#include "base/heap.h"
#include "cli/commands.h"

namespace {

using millrace::cli::CommandLine;

int Dispatch(const CommandLine& line) {
  using namespace millrace::cli;  // NOLINT: the commands, and only here
  struct Entry {
    std::string_view name;
    int (*run)(const CommandLine&);
  };
  constexpr Entry kLocal[] = {
      {"run", RunCommand},       {"check", CheckCommand},           {"test", TestCommand},
      {"init", InitCommand},     {"restore", RestoreCommand},       {"inspect", InspectCommand},
      {"schema", SchemaCommand}, {"completion", CompletionCommand}, {"version", VersionCommand},
  };
  for (const Entry& entry : kLocal) {
    if (entry.name == line.command->name) return entry.run(line);
  }
  return OperationCommand(line);
}

}  // namespace

int main(int argc, char** argv) {
  millrace::KeepFreedMemory();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that left shows as a failed write
  const millrace::cli::ParsedCommandLine parsed = millrace::cli::ParseCommandLine(argc, argv);
  if (parsed.line) return Dispatch(*parsed.line);
  if (parsed.exit_code == 0)
    millrace::cli::WriteOut(parsed.text);
  else
    millrace::cli::WriteError(parsed.text);
  return parsed.exit_code;
}
