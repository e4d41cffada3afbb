#include "schedule/change_set.h"

#include <iterator>

#include "schedule/run_store.h"

namespace millrace::schedule {
namespace {

using meta::Session;
using meta::Value;

Value OrNull(const std::optional<TimestampUs>& at) { return at ? Value(*at) : Value(); }

Status WriteDag(Session& session, const DagRecord& dag) {
  return session.Execute(
      "INSERT INTO dag (dag_id, paused, cursor_us, skipped_count) VALUES ($1, $2, $3, $4) "
      "ON CONFLICT (dag_id) DO UPDATE SET paused = excluded.paused, "
      "cursor_us = excluded.cursor_us, skipped_count = excluded.skipped_count",
      {dag.dag_id, dag.paused ? 1 : 0, dag.cursor, dag.skipped_count});
}

Status WriteRun(Session& session, const RunRecord& run) {
  return session.Execute(
      "INSERT INTO run (run_key, dag_id, run_id, type, state, logical_us, interval_start_us, "
      "interval_end_us, conf, queued_us, started_us, ended_us, backfill_id, stop_reason, "
      "first_generation, warning) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
      "$13, $14, $15, $16) ON CONFLICT (run_key) DO UPDATE SET type = excluded.type, state = "
      "excluded.state, "
      "conf = excluded.conf, queued_us = excluded.queued_us, started_us = excluded.started_us, "
      "ended_us = excluded.ended_us, backfill_id = excluded.backfill_id, "
      "stop_reason = excluded.stop_reason, warning = excluded.warning",
      {run.run_key, run.dag_id, run.run_id, Name(run.type), Name(run.state), run.logical_date,
       run.data_interval_start, run.data_interval_end, run.conf_json, run.queued_at,
       OrNull(run.started_at), OrNull(run.ended_at), run.backfill_id, run.stop_reason,
       run.first_generation, run.warning});
}

Status WriteTask(Session& session, int64_t run_key, const TaskInstanceRecord& task) {
  return session.Execute(
      "INSERT INTO task_instance (run_key, task_id, state, try_number, failures, "
      "interruptions, generation, started_us, ended_us, retry_us) VALUES ($1, $2, $3, $4, $5, "
      "$6, $7, $8, $9, $10) ON CONFLICT (run_key, task_id) DO UPDATE SET "
      "state = excluded.state, try_number = excluded.try_number, "
      "failures = excluded.failures, interruptions = excluded.interruptions, "
      "generation = excluded.generation, started_us = excluded.started_us, "
      "ended_us = excluded.ended_us, retry_us = excluded.retry_us",
      {run_key, task.task_id, Name(task.state), task.try_number, task.failures, task.interruptions,
       task.generation, OrNull(task.started_at), OrNull(task.ended_at), OrNull(task.retry_at)});
}

Status WriteTry(Session& session, int64_t run_key, const TryRecord& attempt) {
  return session.Execute(
      "INSERT INTO task_try (run_key, task_id, try_number, generation, state, started_us, "
      "ended_us, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
      "ON CONFLICT (run_key, task_id, try_number) DO UPDATE SET state = excluded.state, "
      "ended_us = excluded.ended_us, error = excluded.error",
      {run_key, attempt.task_id, attempt.try_number, attempt.generation, Name(attempt.state),
       attempt.started_at, OrNull(attempt.ended_at), attempt.error});
}

Status WriteBackfill(Session& session, const BackfillRecord& backfill) {
  return session.Execute(
      "INSERT INTO backfill (backfill_id, dag_id, from_us, to_us, cursor_us, parallelism, "
      "reprocess, conf, state, started_count, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, "
      "$8, $9, $10, $11) ON CONFLICT (backfill_id) DO UPDATE SET "
      "cursor_us = excluded.cursor_us, state = excluded.state, "
      "started_count = excluded.started_count",
      {backfill.backfill_id, backfill.dag_id, backfill.from, backfill.to, backfill.cursor,
       backfill.parallelism, Name(backfill.reprocess), backfill.conf_json, Name(backfill.state),
       backfill.started_count, backfill.created_at});
}

Status PurgeRuns(Session& session, TimestampUs ended_before, int64_t runs_max) {
  MR_ASSIGN(const auto rows,
            meta::QueryAll(session,
                           "SELECT run_key FROM run WHERE ended_us < $1 AND state IN ('success', "
                           "'failed') ORDER BY ended_us LIMIT $2",
                           {ended_before, runs_max}, static_cast<size_t>(runs_max)));
  for (const meta::Row& row : rows) {
    for (const char* statement :
         {"DELETE FROM try_log WHERE run_key = $1", "DELETE FROM task_try WHERE run_key = $1",
          "DELETE FROM task_instance WHERE run_key = $1", "DELETE FROM run WHERE run_key = $1"})
      MR_TRY(session.Execute(statement, {row[0]}));
  }
  return {};
}

template <typename T>
void MoveBehind(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

void ChangeSet::AppendLog(int64_t run_key, const std::string& task_id, int try_number,
                          std::vector<LogLine> lines) {
  if (!lines.empty()) logs_.push_back({run_key, task_id, try_number, std::move(lines)});
}

void ChangeSet::Purge(TimestampUs ended_before, int64_t runs_max) {
  purges_.push_back({ended_before, runs_max});
}

bool ChangeSet::empty() const {
  return dags_.empty() && runs_.empty() && backfills_.empty() && tasks_.empty() && tries_.empty() &&
         logs_.empty() && purges_.empty();
}

void ChangeSet::Append(ChangeSet later) {
  MoveBehind(dags_, later.dags_);
  MoveBehind(runs_, later.runs_);
  MoveBehind(backfills_, later.backfills_);
  MoveBehind(tasks_, later.tasks_);
  MoveBehind(tries_, later.tries_);
  MoveBehind(logs_, later.logs_);
  MoveBehind(purges_, later.purges_);
}

Status ChangeSet::WriteTo(Session& session) const {
  for (const DagRecord& dag : dags_) MR_TRY(WriteDag(session, dag));
  for (const BackfillRecord& backfill : backfills_) MR_TRY(WriteBackfill(session, backfill));
  for (const RunRecord& run : runs_) MR_TRY(WriteRun(session, run));
  for (const auto& [run_key, task] : tasks_) MR_TRY(WriteTask(session, run_key, task));
  for (const auto& [run_key, attempt] : tries_) MR_TRY(WriteTry(session, run_key, attempt));
  for (const LogPart& part : logs_) {
    for (const LogLine& line : part.lines)
      MR_TRY(session.Execute(
          "INSERT INTO try_log (run_key, task_id, try_number, number, at_us, level, text) VALUES "
          "($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
          {part.run_key, part.task_id, part.try_number, line.number, line.at, Name(line.level),
           line.text}));
  }
  for (const PurgePart& purge : purges_)
    MR_TRY(PurgeRuns(session, purge.ended_before, purge.runs_max));
  return {};
}

}  // namespace millrace::schedule
