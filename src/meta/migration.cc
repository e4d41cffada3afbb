#include "meta/migration.h"

#include "base/check.h"
#include "base/hash.h"

namespace millrace::meta {
namespace {

// A positive number, since SQLite's integers have a sign.
int64_t TextHash(const Migration& migration) {
  uint64_t hash = 0;
  for (const std::string& statement : migration.sqlite_statements) hash = Hash64(statement, hash);
  return static_cast<int64_t>(hash >> 1);
}

Status MakeTable(Database& database) {
  return database.Write([](Session& session) -> Status {
    MR_TRY(
        session.Execute("CREATE TABLE IF NOT EXISTS schema_migration (component TEXT NOT NULL, "
                        "version BIGINT NOT NULL, name TEXT NOT NULL, text_hash BIGINT NOT NULL, "
                        "applied_us BIGINT NOT NULL, PRIMARY KEY (component, version))",
                        {}));
    return {};
  });
}

Result<std::vector<Row>> Applied(Database& database, const std::string& component) {
  std::vector<Row> rows;
  MR_TRY(database.Read([&](Session& session) -> Status {
    MR_ASSIGN(rows,
              QueryAll(session,
                       "SELECT version, text_hash, name FROM schema_migration WHERE component "
                       "= $1 ORDER BY version",
                       {component}, 100000));
    return {};
  }));
  return rows;
}

Status CheckApplied(const std::string& component, const std::vector<Migration>& migrations,
                    const std::vector<Row>& applied) {
  if (applied.size() > migrations.size())
    return std::unexpected(
        Error{ErrorCode::kUnsupported,
              fmt::format("metadata of {} has schema version {}; this program knows {}", component,
                          applied.size(), migrations.size()),
              "it was written by a newer Millrace: use that one, or restore an older backup"});
  for (size_t i = 0; i < applied.size(); ++i) {
    if (applied[i][0].AsInteger() == migrations[i].version &&
        applied[i][1].AsInteger() == TextHash(migrations[i]))
      continue;
    return Fail(ErrorCode::kConflict,
                "metadata of {}: step {} (\"{}\") was made by a program with another text for it",
                component, applied[i][0].AsInteger(), applied[i][2].AsText());
  }
  return {};
}

}  // namespace

Status Migrate(Database& database, const std::string& component,
               const std::vector<Migration>& migrations, TimestampUs now) {
  for (size_t i = 0; i < migrations.size(); ++i)
    MR_CHECK(migrations[i].version == static_cast<int64_t>(i) + 1, "steps are numbered from 1");
  MR_TRY(MakeTable(database));
  MR_ASSIGN(const std::vector<Row> applied, Applied(database, component));
  MR_TRY(CheckApplied(component, migrations, applied));
  for (size_t i = applied.size(); i < migrations.size(); ++i) {
    const Migration& step = migrations[i];
    MR_TRY(database.Write([&](Session& session) -> Status {
      for (const std::string& statement : step.sqlite_statements)
        MR_TRY(session.Execute(statement, {}));
      MR_TRY(
          session.Execute("INSERT INTO schema_migration (component, version, name, text_hash, "
                          "applied_us) VALUES ($1, $2, $3, $4, $5)",
                          {component, step.version, step.name, TextHash(step), now}));
      return {};
    }));
  }
  return {};
}

Result<int64_t> SchemaVersion(Database& database, const std::string& component) {
  MR_TRY(MakeTable(database));
  MR_ASSIGN(const std::vector<Row> applied, Applied(database, component));
  return static_cast<int64_t>(applied.size());
}

}  // namespace millrace::meta
