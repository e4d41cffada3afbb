// The tables of the schedule in the metadata database, as steps of meta::Migrate.
//   dag            what of a DAG survives: paused, the cursor of its timetable
//   run            one row a run; (dag_id, logical_us) is unique: no due time is run twice
//   task_instance  one row a task instance that left kNone
//   task_try       one row a try
//   try_log        one row a log line
//   backfill       one row a backfill, with its own cursor
// Times are microseconds since 1970 UTC; states and types have the names of states.h.
#pragma once

#include <vector>

#include "meta/migration.h"

namespace millrace::schedule {

inline constexpr std::string_view kSchemaComponent = "schedule";
const std::vector<meta::Migration>& SchemaMigrations();

}  // namespace millrace::schedule
