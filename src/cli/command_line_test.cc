#include "cli/command_line.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "io/file_system.h"

namespace millrace::cli {
namespace {

ParsedCommandLine Parse(std::vector<std::string> words) {
  std::vector<const char*> argv = {"millrace"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return ParseCommandLine(static_cast<int>(argv.size()), argv.data());
}

// The words of a line as a shell would see them, for the quoting that our examples use.
std::vector<std::string> ShellWords(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ') {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(word);
  return words;
}

// The `millrace ...` commands within an example line: before &&, | and <, in <(...) too.
std::vector<std::vector<std::string>> CommandsOf(std::string_view line) {
  std::vector<std::vector<std::string>> commands;
  bool taking = false;
  for (std::string word : ShellWords(line)) {
    if (word == "millrace" || word == "<(millrace") {
      commands.emplace_back();
      taking = true;
    } else if (word == "&&" || word == "|" || word == "<" || word == ">") {
      taking = false;
    } else if (taking) {
      if (word.ends_with(')') && word.find('(') == std::string::npos) word.pop_back();
      commands.back().push_back(word);
    }
  }
  return commands;
}

TEST(CommandTable, EveryExampleParsesAsItsCommand) {
  for (const CommandEntry& command : AllCommands()) {
    std::string_view examples = command.examples;
    bool shown = false;
    while (!examples.empty()) {
      const size_t end = std::min(examples.find('\n'), examples.size());
      for (const auto& words : CommandsOf(examples.substr(0, end))) {
        const ParsedCommandLine parsed = Parse(words);
        ASSERT_TRUE(parsed.line) << examples.substr(0, end) << "\n" << parsed.text;
        shown = shown || parsed.line->command->name == command.name;
      }
      examples.remove_prefix(std::min(end + 1, examples.size()));
    }
    EXPECT_TRUE(shown) << command.name << " has no example of itself";
  }
}

TEST(CommandLine, AMisspeltCommandIsNamedWithTheNearest) {
  const ParsedCommandLine parsed = Parse({"qurey", "SELECT 1"});
  EXPECT_FALSE(parsed.line);
  EXPECT_EQ(parsed.exit_code, 2);
  EXPECT_EQ(parsed.text, "millrace: no command \"qurey\"\n  try: millrace query\n");
}

TEST(CommandLine, AMistakeNamesItsCommandAndWhereHelpIs) {
  const ParsedCommandLine parsed = Parse({"query"});
  EXPECT_EQ(parsed.exit_code, 2);
  EXPECT_EQ(parsed.text, "millrace query: SELECT is required\n  try: millrace query --help\n");
}

TEST(CommandLine, ASiblingAsksTheSameProjectAndData) {
  const ParsedCommandLine plain = Parse({"run", "p.yaml"});
  ASSERT_TRUE(plain.line);
  EXPECT_EQ(plain.line->Sibling("query", "p.yaml"), "millrace query --project p.yaml");
  const ParsedCommandLine full = Parse({"run", "--data", "my data", "--profile", "p"});
  ASSERT_TRUE(full.line);
  EXPECT_EQ(full.line->Sibling("query", "it's.yaml"),
            "millrace query --project 'it'\\''s.yaml' --data 'my data' --profile p");
}

TEST(CommandTable, EveryOperationExistsAndEveryOneHasACommand) {
  size_t operations = 0;
  for (const CommandEntry& command : AllCommands()) {
    if (command.kind != CommandKind::kOperation) continue;
    ++operations;
    EXPECT_TRUE(std::ranges::any_of(pipeline::AllOperations(), [&](const auto& operation) {
      return operation.name == command.name;
    })) << command.name;
  }
  EXPECT_EQ(operations, pipeline::AllOperations().size());
}

TEST(CommandTable, HelpShowsExamplesBeforeOptions) {
  for (const CommandEntry& command : AllCommands()) {
    const ParsedCommandLine parsed = Parse({std::string(command.name), "--help"});
    EXPECT_FALSE(parsed.line) << command.name;
    EXPECT_EQ(parsed.exit_code, 0) << command.name;
    const size_t examples = parsed.text.find("Examples:");
    ASSERT_NE(examples, std::string::npos) << parsed.text;
    EXPECT_LT(examples, parsed.text.find("--help")) << parsed.text;
    for (const OptionEntry& option : command.options)
      EXPECT_NE(parsed.text.find(fmt::format("--{}", option.name)), std::string::npos);
  }
}

TEST(CommandsReference, IsThePageInTheDocs) {
  const auto page =
      io::ReadWholeFile(io::PosixFileSystem(), MILLRACE_SOURCE_DIR "/docs/reference/commands.md");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE(*page == CommandsReference())
      << "run: millrace schema --commands > docs/reference/commands.md";
}

TEST(CommandLine, TellsFlagsArgumentsAndProjectApart) {
  const ParsedCommandLine parsed = Parse(
      {"query", "--format", "csv", "SELECT 1", "--project", "p.yaml", "--data", "d", "--explain"});
  ASSERT_TRUE(parsed.line) << parsed.text;
  EXPECT_EQ(parsed.line->request.name, "query");
  EXPECT_EQ(parsed.line->request.arguments, std::vector<std::string>{"SELECT 1"});
  EXPECT_EQ(parsed.line->request.flags,
            (std::map<std::string, std::string>{{"explain", "true"}, {"format", "csv"}}));
  EXPECT_EQ(parsed.line->project_file, "p.yaml");
  EXPECT_EQ(parsed.line->data_folder, "d");
}

TEST(CommandLine, UsageErrorsEndWithTwo) {
  const std::vector<std::vector<std::string>> kWrong = {
      {"qurey"},
      {"query"},                               // its argument is missing
      {"query", "SELECT 1", "--format", "x"},  // no such choice
      {"query", "SELECT 1", "--nope"},
      {"tail", "t", "--last"},  // its value is missing
      {"restore", "a"},
      {"init", "f", "--project", "p.yaml"},  // takes no project
      {"version", "extra"},
  };
  for (const auto& words : kWrong) {
    const ParsedCommandLine parsed = Parse(words);
    EXPECT_FALSE(parsed.line) << words[0];
    EXPECT_EQ(parsed.exit_code, 2) << words[0];
    EXPECT_FALSE(parsed.text.empty()) << words[0];
  }
  EXPECT_EQ(Parse({}).exit_code, 2);
  EXPECT_EQ(Parse({"--help"}).exit_code, 0);
}

TEST(CompletionScript, KnowsEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = CompletionScript(shell);
    for (const CommandEntry& command : AllCommands())
      EXPECT_NE(script.find(command.name), std::string::npos) << shell << " " << command.name;
  }
  EXPECT_TRUE(CompletionScript("csh").empty());
}

}  // namespace
}  // namespace millrace::cli
