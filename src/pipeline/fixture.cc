#include "pipeline/fixture.h"

#include <algorithm>

#include "connect/connectors.h"
#include "data/json_writer.h"
#include "flow/dead_letter.h"
#include "io/sim_file_system.h"
#include "pipeline/json_text.h"
#include "pipeline/query_host.h"
#include "schedule/civil.h"

namespace millrace::pipeline {
namespace {

constexpr uint64_t kFixtureBytesMax = uint64_t{64} << 20;
constexpr std::string_view kDefaultNow = "2026-01-01T00:00:00Z";
constexpr auto kTimeout = std::chrono::seconds(30);

// A YAML value as the JSON it means: unquoted numbers, true, false and null stand for themselves.
std::string JsonOf(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kList: {
      std::string text;
      for (const Node& item : node.items) text += (text.empty() ? "" : ",") + JsonOf(item);
      return "[" + text + "]";
    }
    case Node::Kind::kMap: {
      JsonText text;
      for (const auto& [name, value] : node.members) text.Raw(name, JsonOf(value));
      return text.Object();
    }
    case Node::Kind::kScalar:
      break;
  }
  if (!node.quoted) {
    if (node.text == "true" || node.text == "false" || node.text == "null") return node.text;
    char* end = nullptr;
    [[maybe_unused]] const double number = std::strtod(node.text.c_str(), &end);
    const bool plain = !node.text.empty() && *end == '\0' &&
                       (node.text[0] == '-' || (node.text[0] >= '0' && node.text[0] <= '9'));
    const bool zip = node.text.size() > 1 && node.text[0] == '0' && node.text[1] != '.';
    if (plain && !zip) return node.text;
  }
  std::string quoted;
  data::AppendJsonString(node.text, quoted);
  return quoted;
}

flow::OutRecord RecordOf(const Node& node) {
  const Node* value = node.Find("value");
  const Node* key = node.Find("key");
  if (node.kind == Node::Kind::kMap && value != nullptr && key != nullptr &&
      node.members.size() == 2) {
    return {key->text,
            value->kind == Node::Kind::kScalar && value->quoted ? value->text : JsonOf(*value),
            {}};
  }
  // A quoted scalar is the record's text as it is: malformed records are written so.
  return {std::nullopt, node.kind == Node::Kind::kScalar ? node.text : JsonOf(node), {}};
}

using Cells = std::vector<std::pair<std::string, std::string>>;

// What one actual row shows of the columns an expectation names: both ways a value may be written.
struct ActualRow {
  std::map<std::string, std::string, std::less<>> shown;  // as query shows it
  std::map<std::string, std::string, std::less<>> json;   // as JSON, without quotes
};

bool Matches(const Cells& expected, const ActualRow& actual) {
  return std::ranges::all_of(expected, [&](const auto& cell) {
    const auto shown = actual.shown.find(cell.first);
    const auto json = actual.json.find(cell.first);
    return (shown != actual.shown.end() && shown->second == cell.second) ||
           (json != actual.json.end() && json->second == cell.second);
  });
}

Cells CellsOf(const Node& node) {
  Cells cells;
  for (const auto& [name, value] : node.members) {
    const bool scalar = value.kind == Node::Kind::kScalar;
    cells.emplace_back(
        name, value.kind == Node::Kind::kNull || (scalar && !value.quoted && value.text == "null")
                  ? "NULL"
              : scalar ? value.text
                       : JsonOf(value));
  }
  return cells;
}

std::string Line(char mark, const Cells& cells) {
  std::string text = fmt::format("  {} ", mark);
  for (size_t i = 0; i < cells.size(); ++i)
    text += fmt::format("{}{}={}", i > 0 ? "  " : "", cells[i].first, cells[i].second);
  return text + "\n";
}

// Pairs expected with actual rows, any order; what is left over is the difference, marked - and +.
std::string Compare(const std::string& title, const Node& expected,
                    const std::vector<ActualRow>& actual) {
  std::vector<bool> used(actual.size());
  std::string missing;
  std::vector<std::string> columns;
  for (const Node& item : expected.items) {
    const Cells cells = CellsOf(item);
    for (const auto& [name, value] : cells) {
      if (std::ranges::find(columns, name) == columns.end()) columns.push_back(name);
    }
    bool found = false;
    for (size_t i = 0; i < actual.size() && !found; ++i) {
      if (used[i] || !Matches(cells, actual[i])) continue;
      found = used[i] = true;
    }
    if (!found) missing += Line('-', cells);
  }
  std::string surplus;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (used[i]) continue;
    Cells cells;
    for (const std::string& name : columns) {
      const auto value = actual[i].shown.find(name);
      if (value != actual[i].shown.end()) cells.emplace_back(name, value->second);
    }
    if (columns.empty()) cells.assign(actual[i].shown.begin(), actual[i].shown.end());
    surplus += Line('+', cells);
  }
  return missing.empty() && surplus.empty()
             ? ""
             : fmt::format("{}: - expected, + got\n{}{}", title, missing, surplus);
}

// One test's own little world.
class FixtureWorld {
 public:
  FixtureWorld(const Project& project, io::FileSystem& fs, TimestampUs now)
      : project_(project), real_(fs), clock_(now) {
    project_.data_folder = "data";
    project_.kafka.reset();  // fixtures run on embedded topics
  }

  Status Open(const std::string& query) {
    for (const auto& [name, reference] : project_.references) {
      MR_ASSIGN(const std::string text, io::ReadWholeFile(real_, reference.path));
      MR_TRY(sim_.CreateFolders(io::FolderOf(reference.path)));
      MR_TRY(io::WriteFileAtomically(sim_, reference.path, text));
    }
    WorkspaceOptions options;
    options.in_memory = true;
    MR_ASSIGN(workspace_, Workspace::Open(project_, sim_, clock_, options));
    MR_ASSIGN(intents_, connect::OpenIntentLog(workspace_->log()));
    time_ = connect::MakeTimeSource(clock_);
    for (const QueryDef& def : project_.queries) {
      if (def.name == query) definition_ = QueryDefinition::Of(def);
    }
    if (definition_.name.empty())
      return Fail(ErrorCode::kInvalidArgument, "no query \"{}\"", query);
    return {};
  }

  Status Give(const std::string& topic, const Node& records) {
    MR_ASSIGN(const log::TopicInfo info, workspace_->log().FindTopic(topic));
    for (const Node& node : records.items) {
      const flow::OutRecord record = RecordOf(node);
      MR_ASSIGN(const auto ticket,
                workspace_->log().Append(topic, PartitionId(0), std::span(&record, 1)));
    }
    return {};
  }

  // Everything in, then idle until every window that may close has closed.
  Status Run() {
    QueryHost host({*workspace_, *intents_, *time_}, definition_);
    MR_TRY(host.Start());
    MR_TRY(host.CatchUp(kTimeout));
    clock_.Advance(std::chrono::microseconds(definition_.idle_timeout_us + 1000000));
    host.Wake();
    MR_TRY(host.CatchUp(kTimeout));
    return host.Stop();
  }

  Result<std::vector<ActualRow>> Rows(const std::string& table_name) {
    MR_ASSIGN(const store::TableHandle table, workspace_->FindTable(table_name));
    store::ScanRequest request;
    std::vector<ActualRow> rows;
    do {
      MR_ASSIGN(const store::ScanPage page, workspace_->store().Scan(table, request));
      const data::JsonWriter json(*page.rows.schema, TimeZone::Utc());
      for (size_t row = 0; row < page.rows.rows; ++row) rows.push_back(Show(page.rows, row, json));
      request.paging_state = page.paging_state;
    } while (!request.paging_state.empty());
    return rows;
  }

  Result<std::vector<ActualRow>> Letters() {
    std::vector<ActualRow> rows;
    for (const std::string& topic : {definition_.dead_letters, definition_.late}) {
      if (topic.empty()) continue;
      MR_ASSIGN(const auto source, workspace_->topics().OpenSource(topic, {}));
      MR_ASSIGN(flow::OffsetRange range, source->Readable(PartitionId(0)));
      while (range.begin < range.end) {
        MR_ASSIGN(const flow::RecordBlock block,
                  source->Read(PartitionId(0), range.begin, range.end, size_t{1} << 20));
        for (const flow::RecordView& record : block.records) {
          MR_ASSIGN(const flow::DeadLetter letter, flow::DecodeDeadLetter(record));
          ActualRow row;
          row.shown = {{"stage", letter.stage},
                       {"condition", letter.condition},
                       {"message", letter.message},
                       {"offset", std::to_string(letter.origin.offset.value)},
                       {"topic", letter.origin.topic}};
          rows.push_back(std::move(row));
        }
        range.begin = block.next;
      }
    }
    return rows;
  }

 private:
  static ActualRow Show(const data::Batch& batch, size_t row, const data::JsonWriter& json) {
    ActualRow shown;
    for (size_t c = 0; c < batch.columns.size(); ++c) {
      const std::string& name = batch.schema->fields[c].name;
      shown.shown[name] =
          data::FormatValue(batch.columns[c]->type(), batch.columns[c]->ValueAt(row));
      std::string text;
      json.AppendValue(*batch.columns[c], row, text);
      if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
      shown.json[name] = std::move(text);
    }
    return shown;
  }

  Project project_;
  io::FileSystem& real_;
  io::SimFileSystem sim_;
  io::VirtualClock clock_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<engine::IntentLog> intents_;
  std::unique_ptr<engine::TimeSource> time_;
  QueryDefinition definition_;
};

Result<std::string> RunOne(const Project& project, io::FileSystem& fs, const Node& test) {
  const Node* now = test.Find("now");
  MR_ASSIGN(const TimestampUs at, schedule::ParseUtc(now == nullptr ? kDefaultNow : now->text));
  const Node* query = test.Find("query");
  if (query == nullptr) return Fail(ErrorCode::kInvalidArgument, "the test names no query");
  FixtureWorld world(project, fs, at);
  MR_TRY(world.Open(query->text));
  if (const Node* input = test.Find("input")) {
    for (const auto& [topic, records] : input->members) MR_TRY(world.Give(topic, records));
  }
  MR_TRY(world.Run());
  std::string report;
  if (const Node* rows = test.Find("rows")) {
    for (const auto& [table, expected] : rows->members) {
      MR_ASSIGN(const auto actual, world.Rows(table));
      report += Compare(table, expected, actual);
    }
  }
  MR_ASSIGN(const auto letters, world.Letters());
  static const Node kNone;
  const Node* expected = test.Find("dead_letters");
  return report + Compare("dead letters", expected == nullptr ? kNone : *expected, letters);
}

void CheckKeys(const std::string& file, const Node& test, Problems& problems) {
  std::vector<std::string> names;
  for (const FixtureKey& key : FixtureKeys()) names.emplace_back(key.name);
  for (const auto& [name, value] : test.members) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const std::string nearest = sql::NearestName(name, names);
    problems.push_back({file, value.key_where, fmt::format("unknown key \"{}\"", name),
                        nearest.empty() ? fmt::format("{}", fmt::join(names, ", "))
                                        : fmt::format("did you mean \"{}\"?", nearest)});
  }
}

}  // namespace

std::vector<FixtureResult> RunFixtures(const Project& project, io::FileSystem& fs,
                                       const std::string& file, const std::string& filter,
                                       Problems& problems) {
  std::vector<FixtureResult> results;
  const auto text = io::ReadWholeFile(fs, file, kFixtureBytesMax);
  if (!text) {
    problems.push_back({file, {}, text.error().message, ""});
    return results;
  }
  const Node root = ParseDocument(file, *text, {}, problems);
  const Node* tests = root.Find("tests");
  if (tests == nullptr || tests->kind != Node::Kind::kList) {
    problems.push_back(
        {file, root.where, "a fixture file has a list \"tests\"", "see `millrace init` for one"});
    return results;
  }
  for (const Node& test : tests->items) {
    const Node* name = test.Find("name");
    FixtureResult result{
        file,       name == nullptr ? fmt::format("test at line {}", test.where.line) : name->text,
        test.where, false,
        "",         0};
    if (result.name.find(filter) == std::string::npos) continue;
    CheckKeys(file, test, problems);
    const int64_t start = io::SystemClock().MonotonicNs();
    const auto report = RunOne(project, fs, test);
    result.milliseconds = static_cast<double>(io::SystemClock().MonotonicNs() - start) / 1e6;
    result.passed = report.has_value() && report->empty();
    result.report = report ? *report : report.error().ToString() + "\n";
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace millrace::pipeline
