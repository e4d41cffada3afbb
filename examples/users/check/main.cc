// millrace_users_check: was anything lost or doubled? Reads the API's ledger and the data folder of
// a pipeline that has stopped, and compares:
//   topic          the records of every page that a committed try received, as a multiset of their
//   bytes dead letters   the malformed ones among them, each once for the query created_users
//   tables         one row for each user that is not malformed, in each of the four tables
// Exit code 0: all equal. 1: not; every difference is counted and the first ones are shown.
#include <map>
#include <set>

#include <CLI/CLI.hpp>

#include "base/hash.h"
#include "base/logging.h"
#include "data/json_reader.h"
#include "extract/extractor.h"
#include "flow/dead_letter.h"
#include "pipeline/workspace.h"
#include "schedule/civil.h"

namespace millrace::users {
namespace {

constexpr size_t kReadBytes = size_t{4} << 20;
constexpr size_t kShownMax = 5;
constexpr std::string_view kTables[] = {"users.by_id", "users.by_country", "users.by_email_domain",
                                        "users.by_registered_month"};

struct ServedRecord {
  std::string uuid;
  uint64_t hash = 0;
  bool malformed = false;
};

// The pages of one try: by page number, the records of the last whole answer.
using TryPages = std::map<std::string, std::vector<ServedRecord>>;

struct ServedRun {
  std::string dag;
  std::string task;
  int64_t generation = 0;
  std::map<int64_t, TryPages> tries;  // by try number
};
using Ledger = std::map<std::string, ServedRun>;  // by run id

using Counts = std::map<uint64_t, int64_t>;  // by hash of a record's bytes

struct Expected {
  Counts topic;
  Counts dead_letters;
  std::set<std::string> users;
  int64_t committed_runs = 0;
  int64_t other_runs = 0;
};

std::string TextOf(const data::Batch& batch, size_t column, size_t row) {
  const data::Value value = batch.columns[column]->ValueAt(row);
  return value.is_null() ? "" : value.string();
}

std::vector<ServedRecord> RecordsOf(const data::Value& records) {
  std::vector<ServedRecord> served;
  if (records.is_null()) return served;
  for (const data::Value& record : records.list()) {
    const data::Value::List& parts = record.list();
    served.push_back({parts[0].string(), std::strtoull(parts[1].string().c_str(), nullptr, 16),
                      !parts[2].string().empty()});
  }
  return served;
}

void AddLine(const data::Batch& batch, size_t row, Ledger& ledger) {
  const std::string run = TextOf(batch, 0, row);
  const std::string outcome = TextOf(batch, 5, row);
  if (run.empty() || (outcome != "whole" && outcome != "slow")) return;
  ServedRun& served = ledger[run];
  served.dag = TextOf(batch, 6, row);
  served.task = TextOf(batch, 7, row);
  served.generation =
      std::max<int64_t>(served.generation, std::atoll(TextOf(batch, 2, row).c_str()));
  const int64_t number = std::atoll(TextOf(batch, 1, row).c_str());
  served.tries[number][TextOf(batch, 3, row)] = RecordsOf(batch.columns[4]->ValueAt(row));
}

Result<Ledger> ReadLedger(const std::string& path) {
  const data::Schema schema{
      {{"run", data::DataType::String()},
       {"try", data::DataType::String()},
       {"generation", data::DataType::String()},
       {"page_header", data::DataType::String()},
       {"records", data::DataType::Array(data::DataType::Array(data::DataType::String()))},
       {"outcome", data::DataType::String()},
       {"dag", data::DataType::String()},
       {"task", data::DataType::String()}}};
  MR_ASSIGN(std::string text, io::ReadWholeFile(io::PosixFileSystem(), path, uint64_t{8} << 30));
  const size_t size = text.size();
  text.append(64, '\0');  // the reader's padding
  MR_ASSIGN(const auto reader, data::JsonReader::Make(schema));
  Ledger ledger;
  std::string_view rest = std::string_view(text).substr(0, size);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    data::RowErrors errors(1);
    const data::Batch batch = reader->Read(std::span(&line, 1), errors);
    if (!errors.empty())
      return Fail(ErrorCode::kDamaged, "{}: {}", path, errors.errors()[0].message);
    AddLine(batch, 0, ledger);
  }
  return ledger;
}

// A run counts when the log holds its commit; its records are those of its last try's pages.
Result<Expected> Expect(pipeline::Workspace& workspace, const Ledger& ledger) {
  Expected expected;
  for (const auto& [run, served] : ledger) {
    const size_t mark = run.find("__");
    MR_ASSIGN(const TimestampUs date,
              schedule::ParseUtc(mark == std::string::npos ? run : run.substr(mark + 2)));
    const std::string owner = extract::TransactionOwner(served.dag, served.task, date);
    MR_ASSIGN(const auto committed, workspace.topics().transactions().LastCommitted(owner));
    if (!committed || committed->sequence < served.generation) {
      ++expected.other_runs;
      continue;
    }
    ++expected.committed_runs;
    for (const auto& [page, records] : served.tries.rbegin()->second) {
      for (const ServedRecord& record : records) {
        ++expected.topic[record.hash];
        if (record.malformed)
          ++expected.dead_letters[record.hash];
        else
          expected.users.insert(record.uuid);
      }
    }
  }
  return expected;
}

template <typename F>
Status VisitTopic(pipeline::Workspace& workspace, const std::string& topic, F&& visit) {
  MR_ASSIGN(const auto source, workspace.topics().OpenSource(topic, {}));
  for (int32_t p = 0; p < source->partition_count(); ++p) {
    MR_ASSIGN(flow::OffsetRange range, source->Readable(PartitionId(p)));
    while (range.begin < range.end) {
      MR_ASSIGN(const flow::RecordBlock block,
                source->Read(PartitionId(p), range.begin, range.end, kReadBytes));
      for (const flow::RecordView& record : block.records) MR_TRY(visit(record));
      range.begin = block.next;
    }
  }
  return {};
}

// Prints the line of one comparison; true when equal.
bool Compare(std::string_view what, const Counts& expected, const Counts& actual) {
  int64_t missing = 0;
  int64_t surplus = 0;
  int64_t total = 0;
  for (const auto& [hash, count] : expected) {
    const auto found = actual.find(hash);
    const int64_t have = found == actual.end() ? 0 : found->second;
    total += count;
    missing += std::max<int64_t>(count - have, 0);
    surplus += std::max<int64_t>(have - count, 0);
  }
  for (const auto& [hash, count] : actual) surplus += expected.contains(hash) ? 0 : count;
  fmt::print("{:<28} {:>9} expected  {:>6} missing  {:>6} too many\n", what, total, missing,
             surplus);
  return missing == 0 && surplus == 0;
}

Result<bool> CompareTable(pipeline::Workspace& workspace, const std::string& name,
                          const std::set<std::string>& users) {
  MR_ASSIGN(const store::TableHandle table, workspace.FindTable(name));
  store::ScanRequest request;
  request.columns = {"id"};
  std::set<std::string> unseen = users;
  int64_t surplus = 0;
  do {
    MR_ASSIGN(const store::ScanPage page, workspace.store().Scan(table, request));
    for (size_t row = 0; row < page.rows.rows; ++row)
      surplus += unseen.erase(TextOf(page.rows, 0, row)) == 0 ? 1 : 0;
    request.paging_state = page.paging_state;
  } while (!request.paging_state.empty());
  fmt::print("{:<28} {:>9} expected  {:>6} missing  {:>6} too many\n", name, users.size(),
             unseen.size(), surplus);
  size_t shown = 0;
  for (const std::string& user : unseen) {
    if (++shown > kShownMax) break;
    fmt::print("  missing: {}\n", user);
  }
  return unseen.empty() && surplus == 0;
}

Result<bool> Check(const std::string& project_file, const std::string& data_folder,
                   const std::string& profile, const std::string& ledger_file) {
  pipeline::Problems problems;
  pipeline::LoadOptions load;
  load.data_folder = data_folder;
  load.profile = profile;
  MR_ASSIGN(const pipeline::Project project,
            pipeline::LoadProject(io::PosixFileSystem(), project_file, load, problems));
  MR_ASSIGN(const auto workspace,
            pipeline::Workspace::Open(project, io::PosixFileSystem(), io::SystemClock(),
                                      {.on_fatal = {}, .apply_schema = false}));
  MR_ASSIGN(const Ledger ledger, ReadLedger(ledger_file));
  MR_ASSIGN(const Expected expected, Expect(*workspace, ledger));
  fmt::print("{} committed runs, {} that committed nothing\n", expected.committed_runs,
             expected.other_runs);

  Counts topic;
  MR_TRY(VisitTopic(*workspace, "users_raw", [&](const flow::RecordView& record) -> Status {
    ++topic[Hash64(record.value_view())];
    return {};
  }));
  Counts letters;
  MR_TRY(VisitTopic(*workspace, "users_rejected", [&](const flow::RecordView& record) -> Status {
    MR_ASSIGN(const flow::DeadLetter letter, flow::DecodeDeadLetter(record));
    if (letter.query == "created_users") ++letters[Hash64(record.value_view())];
    return {};
  }));
  bool good = Compare("topic users_raw", expected.topic, topic);
  good = Compare("dead letters users_rejected", expected.dead_letters, letters) && good;
  for (const std::string_view table : kTables) {
    MR_ASSIGN(const bool same, CompareTable(*workspace, std::string(table), expected.users));
    good = good && same;
  }
  return good;
}

}  // namespace
}  // namespace millrace::users

int main(int argc, char** argv) {
  std::string project = "examples/users/pipeline.yaml";
  std::string data;
  std::string profile;
  std::string ledger;
  CLI::App app("Compares a stopped users pipeline with the ledger of the users API.");
  app.add_option("--project", project, "Project file");
  app.add_option("--data", data, "Data folder")->required();
  app.add_option("--profile", profile, "Profile the pipeline ran with");
  app.add_option("--ledger", ledger, "Ledger file of millrace_users_api")->required();
  CLI11_PARSE(app, argc, argv);
  millrace::logging::Configure(millrace::logging::Level::kWarning,
                               millrace::logging::Format::kAuto);
  const auto good = millrace::users::Check(project, data, profile, ledger);
  if (!good) {
    fmt::print(stderr, "millrace_users_check: {}\n", good.error().ToString());
    return 1;
  }
  fmt::print("{}\n", *good ? "nothing lost, nothing doubled" : "NOT EQUAL");
  return *good ? 0 : 1;
}
