// Migrations: how the schema of each component comes to be, step by step, on new and on old
// databases. A component (e.g. "schedule") numbers its steps 1, 2, ...; a step that was released is
// never edited. The table schema_migration remembers which steps were made and the hash of their
// text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "meta/database.h"

namespace millrace::meta {

struct Migration {
  int64_t version = 0;  // from 1, without gaps
  std::string name;     // what it does, for people
  std::vector<std::string> sqlite_statements;
};

// Brings `component` to its last version: each step in a transaction of its own, so that a crash
// leaves whole steps. kConflict: a step made here had another text. kUnsupported: the database was
// written by a newer Millrace; nothing was touched.
Status Migrate(Database& database, const std::string& component,
               const std::vector<Migration>& migrations, TimestampUs now);

// 0: none yet.
Result<int64_t> SchemaVersion(Database& database, const std::string& component);

}  // namespace millrace::meta
