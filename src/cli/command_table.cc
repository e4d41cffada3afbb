#include "cli/command_table.h"

#include <fmt/format.h>

namespace millrace::cli {
namespace {

constexpr OptionEntry kProjectOptions[] = {
    {"project", "FILE", "Project file; default: pipeline.yaml in this folder"},
    {"data", "FOLDER", "Data folder instead of the project's"},
    {"profile", "NAME", "Profile of the project: where each role runs"},
};

constexpr OptionEntry kJson = {"json", "", "One JSON object a line, for machines"};

using enum CommandKind;

const std::vector<CommandEntry> kCommands = {
    {"run",
     kLocal,
     "Run the pipeline until Ctrl-C",
     {{"FILE", "Project file", false}},
     {{"for", "DURATION", "Stop by itself after this time, e.g. 20s"},
      {"json", "", "Progress as JSON lines on standard output"},
      {"accept-loss", "", "Give up damaged parts of the log, recording what is lost"},
      {"no-schedule", "", "Run only the queries, start no task"}},
     "millrace run examples/users/pipeline.yaml\nmillrace run --for 20s"},
    {"check",
     kLocal,
     "Find every mistake of a project before anything runs",
     {{"FILE", "Project file", false}},
     {kJson},
     "millrace check\nmillrace check examples/users/pipeline.yaml"},
    {"test",
     kLocal,
     "Run the project's fixtures: records in, rows expected, in milliseconds",
     {{"FILE", "Project file", false}},
     {{"filter", "TEXT", "Only tests whose name contains this"}, kJson},
     "millrace test\nmillrace test --filter rejects"},
    {"init",
     kLocal,
     "Make a new project that runs, with a test",
     {{"FOLDER", "Folder to make"}},
     {},
     "millrace init my-pipeline && cd my-pipeline && millrace test && millrace run",
     false},
    {"query",
     kOperation,
     "Ask tables and topics in SQL",
     {{"SELECT", "The query; - reads it from standard input"}},
     {{"format", "FORMAT", "How rows are shown", "table|json|csv"},
      {"json", "", "The same as --format json"},
      {"explain", "", "Show the plan instead"}},
     "millrace query \"SELECT country, count(*) AS users FROM users.by_id GROUP BY country ORDER "
     "BY users DESC LIMIT 5\"\n"
     "millrace query --format csv \"SELECT * FROM users.by_country WHERE country = 'Finland' "
     "LIMIT 10\"\n"
     "millrace query \"SELECT _partition, count(*) FROM users_raw GROUP BY _partition\""},
    {"tail",
     kOperation,
     "Show the newest records of a topic",
     {{"TOPIC", "Topic"}},
     {{"last", "N", "How many (default 10)"},
      {"all", "", "From the beginning"},
      {"follow", "", "Go on as records come"},
      kJson},
     "millrace tail users_raw --last 3\nmillrace tail users_rejected --follow --json"},
    {"produce",
     kOperation,
     "Append lines of standard input to a topic, each a record",
     {{"TOPIC", "Topic"}},
     {{"key-separator", "TEXT",
       "What stands between key and value of a line; without it records have no key"}},
     "millrace produce users_raw < users.jsonl\nprintf 'k1\\t{\"a\":1}\\n' | millrace produce "
     "events --key-separator $'\\t'"},
    {"topics",
     kOperation,
     "List topics with their offsets",
     {},
     {kJson, {"internal", "", "Internal topics too"}},
     "millrace topics"},
    {"tables",
     kOperation,
     "List tables, or show one as CQL, or drop one",
     {{"TABLE", "keyspace.table", false}},
     {{"drop", "", "Drop the table and all its rows, while the pipeline is stopped"},
      {"yes", "", "Do it"},
      kJson},
     "millrace tables\nmillrace tables users.by_country\n"
     "millrace tables users.by_country --drop --yes && millrace replay users.by_country"},
    {"runs",
     kOperation,
     "List runs; with a run, its tasks, tries and logs",
     {{"DAG", "Only this DAG", false}, {"RUN", "This run in full", false}},
     {{"limit", "N", "How many (default 20)"},
      {"state", "STATE", "Only runs in this state", "queued|running|success|failed"},
      kJson},
     "millrace runs\nmillrace runs users manual__2026-01-01T00:00:00Z"},
    {"trigger",
     kOperation,
     "Start a run by hand",
     {{"DAG", "DAG; needless when the project has one", false}},
     {{"conf", "JSON", "Parameters, {{ params.NAME }} in templates"},
      {"logical-date", "TIME", "Default: now"},
      {"wait", "", "Wait for the run's end"},
      {"timeout", "SECONDS", "Longest wait (default 3600)"},
      kJson},
     "millrace trigger users --wait\nmillrace trigger users --conf '{\"pages\": 3}'"},
    {"backfill",
     kOperation,
     "Run a DAG for the logical dates of a range; shows the number of runs first",
     {{"DAG", "DAG; needless when the project has one", false}},
     {{"from", "TIME", "First logical date"},
      {"to", "TIME", "Last logical date"},
      {"parallelism", "N", "Runs at once (default 1)"},
      {"reprocess", "WHAT", "Dates that have a run already", "none|failed|all"},
      {"conf", "JSON", "Parameters of each run, {{ params.NAME }} in templates"},
      {"yes", "", "Start them"},
      {"list", "", "List the DAG's backfills instead"},
      kJson},
     "millrace backfill users --from 2026-01-01T00:00:00Z --to 2026-01-02T00:00:00Z\n"
     "millrace backfill users --from 2026-01-01T00:00:00Z --to 2026-01-02T00:00:00Z --yes\n"
     "millrace backfill users --list"},
    {"clear",
     kOperation,
     "Run the tasks of a run again",
     {{"DAG", "DAG"}, {"RUN", "Run id"}},
     {{"tasks", "A,B", "Only these tasks and what follows them"},
      {"only-these", "", "Not what follows them"},
      {"only-failed", "", "Only failed ones"},
      kJson},
     "millrace clear users manual__2026-01-01T00:00:00Z --only-failed"},
    {"cancel",
     kOperation,
     "Cancel a run that is not finished, or the rest of a backfill",
     {{"DAG", "DAG", false}, {"RUN", "Run id", false}},
     {{"backfill", "ID", "Start no further runs of this backfill; those under way go on"}},
     "millrace cancel users manual__2026-01-01T00:00:00Z\nmillrace cancel --backfill 3"},
    {"pause",
     kOperation,
     "Pause a DAG's schedule",
     {{"DAG", "DAG; needless when the project has one", false}},
     {{"off", "", "Let it go on"}},
     "millrace pause users\nmillrace pause users --off"},
    {"status", kOperation, "What the running pipeline is doing", {}, {kJson}, "millrace status"},
    {"dead-letters",
     kOperation,
     "Refused records: list by reason, show, replay after a fix",
     {{"list|show|replay", "What to do (default list)", false},
      {"TOPIC", "Dead-letter topic (show, replay)", false}},
     {{"condition", "NAME", "Only this reason (show, replay)"},
      {"query", "NAME", "Only letters of this query (show, replay)"},
      {"last", "N", "show: only the last so many"},
      kJson},
     "millrace dead-letters\nmillrace dead-letters show users_rejected --condition EXPECT_email\n"
     "millrace dead-letters replay users_rejected"},
    {"replay",
     kOperation,
     "Rebuild a table from the log, then swap it in whole",
     {{"TABLE", "keyspace.table"}},
     {{"from", "WHERE",
       "earliest (default), a time, milliseconds since 1970, or TOPIC:PARTITION:OFFSET,...; the "
       "table then holds only rows from there on"},
      {"partial", "", "Accept windows that the start cuts: they are rebuilt from a part"},
      kJson},
     "millrace replay users.by_country\n"
     "millrace replay users.by_country --from 2026-01-31T12:00:00Z\n"
     "millrace replay users.by_country --from users_raw:0:1200,users_raw:1:1180"},
    {"backup",
     kOperation,
     "Copy the data folder while the pipeline runs",
     {{"FOLDER", "Folder to make"}},
     {kJson},
     "millrace backup /backups/users-2026-01-01"},
    {"restore",
     kLocal,
     "Make a data folder from a backup",
     {{"BACKUP", "The backup"}, {"FOLDER", "Data folder to make"}},
     {},
     "millrace restore /backups/users-2026-01-01 data",
     false},
    {"inspect",
     kLocal,
     "Verify every checksum of a log folder or file off line, and print its batches",
     {{"PATH", "A data folder, a topic's folder or a segment file"}},
     {{"batches", "", "Print every batch"}, kJson},
     "millrace inspect data\nmillrace inspect --batches data/log/users_raw/0",
     false},
    {"schema",
     kLocal,
     "JSON Schema of the project file, for editors",
     {},
     {{"markdown", "", "The settings reference instead"},
      {"functions", "", "The functions reference instead"},
      {"commands", "", "The commands reference instead"},
      {"templates", "", "The templates reference instead"},
      {"fixtures", "", "The reference of fixture files instead"},
      {"api", "", "The REST API reference instead"},
      {"metrics", "", "The metrics reference instead"}},
     "millrace schema > pipeline.schema.json",
     false},
    {"completion",
     kLocal,
     "Shell completion script",
     {{"SHELL", "bash, zsh or fish"}},
     {},
     "source <(millrace completion bash)",
     false},
    {"version", kLocal, "Version and build", {}, {kJson}, "millrace version", false},
};

void AppendOptionRows(std::string& page, std::span<const OptionEntry> options) {
  for (const OptionEntry& option : options) {
    page += fmt::format("| `--{}{}{}` | {}{} |\n", option.name, option.value.empty() ? "" : " ",
                        option.value, option.help,
                        option.choices.empty() ? "" : fmt::format(" ({})", option.choices));
  }
}

std::string BashScript() {
  std::string cases;
  std::string names;
  for (const CommandEntry& command : AllCommands()) {
    names += fmt::format("{}{}", names.empty() ? "" : " ", command.name);
    std::string options = "--help";
    for (const OptionEntry& option : command.options) options += fmt::format(" --{}", option.name);
    for (const OptionEntry& option : kProjectOptions) {
      if (command.takes_project) options += fmt::format(" --{}", option.name);
    }
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command.name, options);
  }
  return fmt::format(
      "_millrace() {{\n  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" words=\"\"\n  if [ "
      "\"$COMP_CWORD\" -eq 1 ]; then\n"
      "    words=\"{}\"\n  else case \"${{COMP_WORDS[1]}}\" in\n{}  esac; fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n  case \"$word\" in -*) ;; *) "
      "COMPREPLY+=($(compgen -f -- \"$word\")) ;; esac\n}}\n"
      "complete -F _millrace millrace\n",
      names, cases);
}

std::string FishScript() {
  std::string script;
  for (const CommandEntry& command : AllCommands()) {
    script += fmt::format("complete -c millrace -n __fish_use_subcommand -a {} -d '{}'\n",
                          command.name, command.summary);
    for (const OptionEntry& option : command.options) {
      script +=
          fmt::format("complete -c millrace -n '__fish_seen_subcommand_from {}' -l {} -d '{}'{}\n",
                      command.name, option.name, option.help, option.value.empty() ? "" : " -r");
    }
  }
  return script;
}

}  // namespace

const std::vector<CommandEntry>& AllCommands() { return kCommands; }

std::span<const OptionEntry> ProjectOptions() { return kProjectOptions; }

std::string CommandsReference() {
  std::string page =
      "# Commands\n\nGenerated by `millrace schema --commands` from `src/cli/command_table.cc`; a "
      "test holds it equal.\n\n"
      "Results go to standard output, messages to standard error. Exit codes: 0 done, 1 failed at "
      "run time, 2 usage or\n"
      "configuration, 3 tests failed, 4 unavailable, 5 damaged data. Commands on a project also "
      "take:\n\n"
      "| option | meaning |\n|---|---|\n";
  AppendOptionRows(page, kProjectOptions);
  for (const CommandEntry& command : AllCommands()) {
    page += fmt::format("\n## millrace {}\n\n{}.\n", command.name, command.summary);
    if (!command.arguments.empty() || !command.options.empty())
      page += "\n| argument | meaning |\n|---|---|\n";
    for (const ArgumentEntry& argument : command.arguments) {
      std::string name(argument.name);
      for (size_t bar = name.find('|'); bar != std::string::npos; bar = name.find('|', bar + 2))
        name.insert(bar, "\\");
      page += fmt::format("| `{}`{} | {} |\n", name, argument.required ? "" : " (optional)",
                          argument.help);
    }
    AppendOptionRows(page, command.options);
    page += fmt::format("\n```sh\n{}\n```\n", command.examples);
  }
  return page;
}

std::string CompletionScript(std::string_view shell) {
  if (shell == "bash") return BashScript();
  if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + BashScript();
  if (shell == "fish") return FishScript();
  return {};
}

}  // namespace millrace::cli
