#include "cli/command_line.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "sql/source_text.h"

namespace millrace::cli {
namespace {

// As one word of a shell.
std::string ShellWord(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("/._-+:,@%=").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// The nearest command of a misspelt one.
std::string UnknownCommand(const std::string& name) {
  std::vector<std::string> names;
  for (const CommandEntry& command : AllCommands()) names.emplace_back(command.name);
  const std::string nearest = sql::NearestName(name, names);
  return fmt::format("millrace: no command \"{}\"\n  try: millrace {}\n", name,
                     nearest.empty() ? "--help" : nearest);
}

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

std::string CommandLine::Sibling(std::string_view other, const std::string& file) const {
  std::string text = fmt::format("{} {} --project {}", ShellWord(program), other, ShellWord(file));
  if (!data_folder.empty()) text += " --data " + ShellWord(data_folder);
  if (!profile.empty()) text += " --profile " + ShellWord(profile);
  return text;
}

ParsedCommandLine ParseCommandLine(int argc, const char* const* argv) {
  if (argc < 2 || std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h" ||
      std::string_view(argv[1]) == "help") {
    return {std::nullopt, argc < 2 ? 2 : 0, Overview()};
  }
  const std::string first = argv[1];
  const auto names_it = [&](const CommandEntry& command) { return command.name == first; };
  if (!first.starts_with('-') && std::ranges::none_of(AllCommands(), names_it))
    return {std::nullopt, 2, UnknownCommand(first)};
  CLI::App root("millrace");
  root.name("millrace");
  root.require_subcommand(1);
  std::vector<Slots> slots(AllCommands().size());
  for (size_t i = 0; i < slots.size(); ++i) AddCommand(root, AllCommands()[i], slots[i]);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream ignored;
    if (root.exit(error, out, ignored) == 0) return {std::nullopt, 0, out.str()};
    return {
        std::nullopt, 2,
        fmt::format("millrace {}: {}\n  try: millrace {} --help\n", first, error.what(), first)};
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!root.got_subcommand(std::string(AllCommands()[i].name))) continue;
    CommandLine line = Collect(AllCommands()[i], slots[i]);
    line.program = argv[0];
    return {std::move(line), 0, {}};
  }
  return {std::nullopt, 2, Overview()};
}

}  // namespace millrace::cli
