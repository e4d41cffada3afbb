#include "schedule/schema.h"

namespace millrace::schedule {

const std::vector<meta::Migration>& SchemaMigrations() {
  static const auto* migrations = new std::vector<meta::Migration>{
      {1,
       "runs, task instances, tries, their lines, backfills",
       {
           "CREATE TABLE dag (dag_id TEXT NOT NULL PRIMARY KEY, paused BIGINT NOT NULL, "
           "cursor_us BIGINT NOT NULL, skipped_count BIGINT NOT NULL) WITHOUT ROWID",
           "CREATE TABLE run (run_key INTEGER NOT NULL PRIMARY KEY, dag_id TEXT NOT NULL, "
           "run_id TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL, "
           "logical_us BIGINT NOT NULL, interval_start_us BIGINT NOT NULL, "
           "interval_end_us BIGINT NOT NULL, conf TEXT NOT NULL, queued_us BIGINT NOT NULL, "
           "started_us BIGINT, ended_us BIGINT, backfill_id BIGINT NOT NULL, "
           "stop_reason TEXT NOT NULL, first_generation BIGINT NOT NULL)",
           "CREATE UNIQUE INDEX run_by_id ON run (dag_id, run_id)",
           "CREATE UNIQUE INDEX run_by_date ON run (dag_id, logical_us)",
           "CREATE INDEX run_of_all_by_date ON run (logical_us)",
           "CREATE INDEX run_ended ON run (ended_us)",
           "CREATE INDEX run_active ON run (run_key) WHERE state IN ('queued', 'running')",
           "CREATE TABLE task_instance (run_key BIGINT NOT NULL, task_id TEXT NOT NULL, "
           "state TEXT NOT NULL, try_number BIGINT NOT NULL, failures BIGINT NOT NULL, "
           "interruptions BIGINT NOT NULL, generation BIGINT NOT NULL, started_us BIGINT, "
           "ended_us BIGINT, retry_us BIGINT, PRIMARY KEY (run_key, task_id)) WITHOUT ROWID",
           "CREATE TABLE task_try (run_key BIGINT NOT NULL, task_id TEXT NOT NULL, "
           "try_number BIGINT NOT NULL, generation BIGINT NOT NULL, state TEXT NOT NULL, "
           "started_us BIGINT NOT NULL, ended_us BIGINT, error TEXT NOT NULL, "
           "PRIMARY KEY (run_key, task_id, try_number)) WITHOUT ROWID",
           "CREATE TABLE try_log (run_key BIGINT NOT NULL, task_id TEXT NOT NULL, "
           "try_number BIGINT NOT NULL, number BIGINT NOT NULL, at_us BIGINT NOT NULL, "
           "level TEXT NOT NULL, text TEXT NOT NULL, "
           "PRIMARY KEY (run_key, task_id, try_number, number)) WITHOUT ROWID",
           "CREATE TABLE backfill (backfill_id INTEGER NOT NULL PRIMARY KEY, "
           "dag_id TEXT NOT NULL, from_us BIGINT NOT NULL, to_us BIGINT NOT NULL, "
           "cursor_us BIGINT NOT NULL, parallelism BIGINT NOT NULL, reprocess TEXT NOT NULL, "
           "conf TEXT NOT NULL, state TEXT NOT NULL, started_count BIGINT NOT NULL, "
           "created_us BIGINT NOT NULL)",
       }},
      {2,
       "warnings of runs that succeeded",
       {"ALTER TABLE run ADD COLUMN warning TEXT NOT NULL DEFAULT ''"}},
  };
  return *migrations;
}

}  // namespace millrace::schedule
