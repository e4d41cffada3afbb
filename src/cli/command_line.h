// The command line, understood.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/command_table.h"
#include "pipeline/operation.h"

namespace millrace::cli {

struct CommandLine {
  const CommandEntry* command = nullptr;
  std::string program;  // as it was called: "millrace", "build/release/src/cli/millrace"
  pipeline::OperationRequest
      request;               // name, arguments and flags; project options are in the three below
  std::string project_file;  // empty: not given
  std::string data_folder;
  std::string profile;

  // The command `other` on the same project and data as this line, to be typed into another
  // terminal in the same folder.
  std::string Sibling(std::string_view other, const std::string& file) const;
};

// What to do, or what to print and the exit code to end with (--help, a usage error).
struct ParsedCommandLine {
  std::optional<CommandLine> line;
  int exit_code = 0;
  std::string text;  // standard output when exit_code is 0, else standard error
};

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace millrace::cli
