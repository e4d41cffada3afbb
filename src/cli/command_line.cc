#include "cli/command_line.h"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace millrace::cli {
namespace {

std::vector<std::string> Choices(std::string_view choices) {
  std::vector<std::string> list;
  while (!choices.empty()) {
    const size_t bar = std::min(choices.find('|'), choices.size());
    list.emplace_back(choices.substr(0, bar));
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return list;
}

// Values that CLI11 writes into while it parses, a set for each command.
struct Slots {
  std::vector<std::string> arguments;
  std::map<std::string, std::string> values;
  std::map<std::string, bool> switches;
};

std::string ExamplesFirst(const CommandEntry& command) {
  std::string text = std::string(command.summary) + "\n\nExamples:\n";
  std::string_view rest = command.examples;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    text += fmt::format("  {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

void AddOption(CLI::App& app, const OptionEntry& option, Slots& slots) {
  const std::string name = fmt::format("--{}", option.name);
  if (option.value.empty()) {
    app.add_flag(name, slots.switches[std::string(option.name)], std::string(option.help));
    return;
  }
  CLI::Option* added =
      app.add_option(name, slots.values[std::string(option.name)], std::string(option.help));
  added->type_name(std::string(option.value));
  if (!option.choices.empty()) added->check(CLI::IsMember(Choices(option.choices)));
}

void AddCommand(CLI::App& root, const CommandEntry& command, Slots& slots) {
  CLI::App* app = root.add_subcommand(std::string(command.name), ExamplesFirst(command));
  slots.arguments.resize(command.arguments.size());
  for (size_t i = 0; i < command.arguments.size(); ++i) {
    const ArgumentEntry& argument = command.arguments[i];
    CLI::Option* added =
        app->add_option(std::string(argument.name), slots.arguments[i], std::string(argument.help));
    added->type_name("");
    if (argument.required) added->required();
  }
  for (const OptionEntry& option : command.options) AddOption(*app, option, slots);
  if (!command.takes_project) return;
  for (const OptionEntry& option : ProjectOptions()) AddOption(*app, option, slots);
}

CommandLine Collect(const CommandEntry& command, Slots& slots) {
  CommandLine line;
  line.command = &command;
  line.request.name = command.name;
  for (std::string& argument : slots.arguments) {
    if (!argument.empty()) line.request.arguments.push_back(std::move(argument));
  }
  for (auto& [name, value] : slots.values) {
    if (value.empty()) continue;
    if (name == "project")
      line.project_file = value;
    else if (name == "data")
      line.data_folder = value;
    else if (name == "profile")
      line.profile = value;
    else
      line.request.flags[name] = value;
  }
  for (const auto& [name, set] : slots.switches) {
    if (set) line.request.flags[name] = "true";
  }
  return line;
}

std::string Overview() {
  std::string text =
      "Millrace: from an HTTP API on a schedule, through a durable log and SQL, into tables. "
      "Exactly once.\n\n"
      "Start here:\n  millrace init my-pipeline && cd my-pipeline && millrace run\n  millrace "
      "query \"SELECT ...\"\n\nCommands:\n";
  for (const CommandEntry& command : AllCommands())
    text += fmt::format("  {:<14} {}\n", command.name, command.summary);
  return text + "\nmillrace COMMAND --help shows its examples and options.\n";
}

}  // namespace

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv) {
  if (argc < 2 || std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h" ||
      std::string_view(argv[1]) == "help") {
    return {std::nullopt, argc < 2 ? 2 : 0, Overview()};
  }
  CLI::App root("millrace");
  root.name("millrace");
  root.require_subcommand(1);
  std::vector<Slots> slots(AllCommands().size());
  for (size_t i = 0; i < slots.size(); ++i) AddCommand(root, AllCommands()[i], slots[i]);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = root.exit(error, out, err);
    return {std::nullopt, code == 0 ? 0 : 2, code == 0 ? out.str() : err.str()};
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    if (root.got_subcommand(std::string(AllCommands()[i].name)))
      return {Collect(AllCommands()[i], slots[i]), 0, {}};
  }
  return {std::nullopt, 2, Overview()};
}

}  // namespace millrace::cli
