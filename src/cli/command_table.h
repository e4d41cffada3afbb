// The table of commands: one entry a command, from which come the parser, --help, shell completion
// and docs/reference/commands.md.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct OptionEntry {
  std::string_view name;   // "format": given as --format
  std::string_view value;  // "FORMAT"; empty: a switch
  std::string_view help;
  std::string_view choices = {};  // "table|json|csv"
};

struct ArgumentEntry {
  std::string_view name;  // "SELECT"
  std::string_view help;
  bool required = true;
};

enum class CommandKind {
  kOperation,  // pipeline::RunOperation, in the running pipeline or on the data folder
  kLocal,      // done by this process on its own
};

struct CommandEntry {
  std::string_view name;
  CommandKind kind;
  std::string_view summary;
  std::vector<ArgumentEntry> arguments;
  std::vector<OptionEntry> options;
  std::string_view examples;  // a line each
  bool takes_project = true;  // has --project, --data, --profile
};

const std::vector<CommandEntry>& AllCommands();
// Options of every command that takes a project.
std::span<const OptionEntry> ProjectOptions();
// docs/reference/commands.md.
std::string CommandsReference();
// A completion script; kinds: "bash", "zsh", "fish". Empty for others.
std::string CompletionScript(std::string_view shell);

}  // namespace millrace::cli
