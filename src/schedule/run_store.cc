#include "schedule/run_store.h"

#include <array>

namespace millrace::schedule {
namespace {

using meta::Row;
using meta::Session;
using meta::Value;

constexpr size_t kRowsMax = 200000;
constexpr std::string_view kReprocess[] = {"none", "failed", "all"};
constexpr std::string_view kBackfillStates[] = {"running", "done", "cancelled"};

std::optional<TimestampUs> TimeOrNone(const Value& value) {
  if (value.IsNull()) return std::nullopt;
  return TimestampUs(value.AsInteger());
}
TimestampUs Time(const Value& value) { return TimestampUs(value.AsInteger()); }

template <typename Enum>
Status ReadName(std::optional<Enum> parsed, const Value& value, Enum& to) {
  if (!parsed)
    return Fail(ErrorCode::kDamaged, "metadata database: \"{}\" is no state or type known here",
                value.AsText());
  to = *parsed;
  return {};
}

template <typename Enum, size_t N>
std::optional<Enum> Find(const std::string_view (&names)[N], std::string_view name) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

#define MILLRACE_RUN_COLUMNS                                                                     \
  "run_key, dag_id, run_id, type, state, logical_us, interval_start_us, interval_end_us, conf, " \
  "queued_us, started_us, ended_us, backfill_id, stop_reason, first_generation, warning"

Result<RunRecord> ReadRun(const Row& row) {
  RunRecord run;
  run.run_key = row[0].AsInteger();
  run.dag_id = row[1].AsText();
  run.run_id = row[2].AsText();
  MR_TRY(ReadName(ParseRunType(row[3].AsText()), row[3], run.type));
  MR_TRY(ReadName(ParseRunState(row[4].AsText()), row[4], run.state));
  run.logical_date = Time(row[5]);
  run.data_interval_start = Time(row[6]);
  run.data_interval_end = Time(row[7]);
  run.conf_json = row[8].AsText();
  run.queued_at = Time(row[9]);
  run.started_at = TimeOrNone(row[10]);
  run.ended_at = TimeOrNone(row[11]);
  run.backfill_id = row[12].AsInteger();
  run.stop_reason = row[13].AsText();
  run.first_generation = row[14].AsInteger();
  run.warning = row[15].AsText();
  return run;
}

Result<TaskInstanceRecord> ReadTask(const Row& row) {
  TaskInstanceRecord task;
  task.task_id = row[0].AsText();
  MR_TRY(ReadName(ParseTaskState(row[1].AsText()), row[1], task.state));
  task.try_number = static_cast<int>(row[2].AsInteger());
  task.failures = static_cast<int>(row[3].AsInteger());
  task.interruptions = static_cast<int>(row[4].AsInteger());
  task.generation = Generation(row[5].AsInteger());
  task.started_at = TimeOrNone(row[6]);
  task.ended_at = TimeOrNone(row[7]);
  task.retry_at = TimeOrNone(row[8]);
  return task;
}

Result<TryRecord> ReadTry(const Row& row) {
  TryRecord attempt;
  attempt.task_id = row[0].AsText();
  attempt.try_number = static_cast<int>(row[1].AsInteger());
  attempt.generation = Generation(row[2].AsInteger());
  MR_TRY(ReadName(ParseTryState(row[3].AsText()), row[3], attempt.state));
  attempt.started_at = Time(row[4]);
  attempt.ended_at = TimeOrNone(row[5]);
  attempt.error = row[6].AsText();
  return attempt;
}

Result<LogLine> ReadLine(const Row& row) {
  LogLine line;
  line.number = row[0].AsInteger();
  line.at = Time(row[1]);
  MR_TRY(ReadName(ParseLogLevel(row[2].AsText()), row[2], line.level));
  line.text = row[3].AsText();
  return line;
}

Result<BackfillRecord> ReadBackfill(const Row& row) {
  BackfillRecord backfill;
  backfill.backfill_id = row[0].AsInteger();
  backfill.dag_id = row[1].AsText();
  backfill.from = Time(row[2]);
  backfill.to = Time(row[3]);
  backfill.cursor = Time(row[4]);
  backfill.parallelism = static_cast<int>(row[5].AsInteger());
  MR_TRY(ReadName(Find<Reprocess>(kReprocess, row[6].AsText()), row[6], backfill.reprocess));
  backfill.conf_json = row[7].AsText();
  MR_TRY(ReadName(Find<BackfillState>(kBackfillStates, row[8].AsText()), row[8], backfill.state));
  backfill.started_count = row[9].AsInteger();
  backfill.created_at = Time(row[10]);
  return backfill;
}

Result<DagRecord> ReadDag(const Row& row) {
  return DagRecord{row[0].AsText(), row[1].AsInteger() != 0, Time(row[2]), row[3].AsInteger()};
}

template <typename T>
Result<std::vector<T>> ReadAll(const Result<std::vector<Row>>& rows,
                               Result<T> (&read)(const Row& row)) {
  if (!rows) return std::unexpected(rows.error());
  std::vector<T> all;
  all.reserve(rows->size());
  for (const Row& row : *rows) {
    MR_ASSIGN(T one, read(row));
    all.push_back(std::move(one));
  }
  return all;
}

Result<std::optional<RunRecord>> ReadRunIfAny(const Result<std::vector<Row>>& rows) {
  MR_ASSIGN(std::vector<RunRecord> runs, ReadAll(rows, ReadRun));
  if (runs.empty()) return std::nullopt;
  return std::move(runs.front());
}

}  // namespace

std::string_view Name(Reprocess reprocess) { return kReprocess[static_cast<size_t>(reprocess)]; }
std::string_view Name(BackfillState state) { return kBackfillStates[static_cast<size_t>(state)]; }

Result<std::vector<Row>> RunStore::Rows(std::string_view statement, meta::Parameters parameters) {
  std::vector<Row> rows;
  MR_TRY(database_.Read([&](Session& session) -> Status {
    MR_ASSIGN(rows, meta::QueryAll(session, statement, parameters, kRowsMax));
    return {};
  }));
  return rows;
}

Result<std::vector<DagRecord>> RunStore::Dags() {
  return ReadAll(Rows("SELECT dag_id, paused, cursor_us, skipped_count FROM dag", {}), ReadDag);
}

Result<std::vector<RunRecord>> RunStore::ActiveRuns() {
  return ReadAll(Rows("SELECT " MILLRACE_RUN_COLUMNS
                      " FROM run WHERE state IN ('queued', 'running') ORDER BY run_key",
                      {}),
                 ReadRun);
}

Result<std::vector<TaskKey>> RunStore::InstancesOfActiveRuns() {
  static constexpr Result<TaskKey> (*kRead)(const Row&) = [](const Row& row) -> Result<TaskKey> {
    return TaskKey{row[0].AsText(), row[1].AsText(), row[2].AsText(), Time(row[3]),
                   Generation(row[4].AsInteger())};
  };
  return ReadAll(Rows("SELECT run.dag_id, run.run_id, task.task_id, run.logical_us, "
                      "task.generation FROM run JOIN task_instance task ON task.run_key = "
                      "run.run_key WHERE run.state IN ('queued', 'running')",
                      {}),
                 *kRead);
}

Result<std::optional<RunRecord>> RunStore::FindRun(const std::string& dag_id,
                                                   const std::string& run_id) {
  return ReadRunIfAny(Rows("SELECT " MILLRACE_RUN_COLUMNS
                           " FROM run WHERE dag_id = $1 AND run_id = $2",
                           {dag_id, run_id}));
}

Result<std::optional<RunRecord>> RunStore::FindRunByDate(const std::string& dag_id,
                                                         TimestampUs date) {
  return ReadRunIfAny(Rows("SELECT " MILLRACE_RUN_COLUMNS
                           " FROM run WHERE dag_id = $1 AND logical_us = $2",
                           {dag_id, date}));
}

Result<RunPage> RunStore::ListRuns(const RunFilter& filter, int64_t limit, int64_t offset) {
  static constexpr std::string_view kWhere =
      " FROM run WHERE ($1 IS NULL OR dag_id = $1) AND ($2 IS NULL OR state = $2) AND "
      "($3 IS NULL OR type = $3) AND logical_us >= $4 AND logical_us <= $5";
  static const std::string kCount = fmt::format("SELECT count(*){}", kWhere);
  static const std::string kList = fmt::format(
      "SELECT {}{} AND (logical_us < $6 OR (logical_us = $6 AND run_key < $7)) "
      "ORDER BY logical_us DESC, run_key DESC LIMIT $8 OFFSET $9",
      MILLRACE_RUN_COLUMNS, kWhere);
  const Value dag = filter.dag_id ? Value(*filter.dag_id) : Value();
  const Value state = filter.state ? Value(Name(*filter.state)) : Value();
  const Value type = filter.type ? Value(Name(*filter.type)) : Value();
  const int64_t from = filter.logical_from ? filter.logical_from->value : INT64_MIN;
  const int64_t to = filter.logical_to ? filter.logical_to->value : INT64_MAX;
  const int64_t after_us = filter.after ? filter.after->logical_date.value : INT64_MAX;
  const int64_t after_key = filter.after ? filter.after->run_key : INT64_MAX;
  RunPage page;
  MR_TRY(database_.Read([&](Session& session) -> Status {
    MR_ASSIGN(const auto count, meta::QueryAll(session, kCount, {dag, state, type, from, to}, 1));
    page.total = count[0][0].AsInteger();
    MR_ASSIGN(
        page.runs,
        ReadAll(meta::QueryAll(session, kList,
                               {dag, state, type, from, to, after_us, after_key, limit, offset},
                               kRowsMax),
                ReadRun));
    return {};
  }));
  return page;
}

Result<std::vector<std::pair<TimestampUs, RunState>>> RunStore::DatesWithRuns(
    const std::string& dag_id, TimestampUs from, TimestampUs to, int64_t limit) {
  MR_ASSIGN(const auto rows,
            Rows("SELECT logical_us, state FROM run WHERE dag_id = $1 AND logical_us >= $2 AND "
                 "logical_us <= $3 ORDER BY logical_us LIMIT $4",
                 {dag_id, from, to, limit}));
  std::vector<std::pair<TimestampUs, RunState>> dates;
  for (const Row& row : rows) {
    RunState state{};
    MR_TRY(ReadName(ParseRunState(row[1].AsText()), row[1], state));
    dates.emplace_back(Time(row[0]), state);
  }
  return dates;
}

Result<std::vector<TaskInstanceRecord>> RunStore::Tasks(int64_t run_key) {
  return ReadAll(Rows("SELECT task_id, state, try_number, failures, interruptions, generation, "
                      "started_us, ended_us, retry_us FROM task_instance WHERE run_key = $1",
                      {run_key}),
                 ReadTask);
}

Result<std::vector<TryRecord>> RunStore::Tries(int64_t run_key,
                                               const std::optional<std::string>& task_id) {
  return ReadAll(Rows("SELECT task_id, try_number, generation, state, started_us, ended_us, error "
                      "FROM task_try WHERE run_key = $1 AND ($2 IS NULL OR task_id = $2) "
                      "ORDER BY task_id, try_number",
                      {run_key, task_id ? Value(*task_id) : Value()}),
                 ReadTry);
}

Result<std::vector<LogLine>> RunStore::Log(int64_t run_key, const std::string& task_id,
                                           int try_number, int64_t from, int64_t limit) {
  return ReadAll(Rows("SELECT number, at_us, level, text FROM try_log WHERE run_key = $1 AND "
                      "task_id = $2 AND try_number = $3 AND number >= $4 ORDER BY number LIMIT $5",
                      {run_key, task_id, try_number, from, limit}),
                 ReadLine);
}

Result<std::vector<BackfillRecord>> RunStore::Backfills(const std::optional<std::string>& dag_id) {
  return ReadAll(Rows("SELECT backfill_id, dag_id, from_us, to_us, cursor_us, parallelism, "
                      "reprocess, conf, state, started_count, created_us FROM backfill WHERE "
                      "($1 IS NULL OR dag_id = $1) ORDER BY backfill_id",
                      {dag_id ? Value(*dag_id) : Value()}),
                 ReadBackfill);
}

Result<int64_t> RunStore::GreatestRunKey() {
  MR_ASSIGN(const auto rows, Rows("SELECT max(run_key) FROM run", {}));
  return rows[0][0].AsInteger();
}

Result<int64_t> RunStore::GreatestBackfillId() {
  MR_ASSIGN(const auto rows, Rows("SELECT max(backfill_id) FROM backfill", {}));
  return rows[0][0].AsInteger();
}

}  // namespace millrace::schedule
