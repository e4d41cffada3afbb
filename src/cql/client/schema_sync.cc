#include "cql/client/schema_sync.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "cql/client/row_values.h"
#include "cql/grammar/ddl.h"

namespace millrace::cql {
namespace {

using data::Value;
using store::ColumnKind;
using store::ColumnSchema;
using store::QuoteIdentifier;
using store::TableSchema;

constexpr int32_t kPageRows = 1000;
constexpr std::chrono::milliseconds kAgreementPoll(100);
constexpr std::chrono::seconds kAgreementTimeout(30);

std::string QuoteText(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

// All rows of a SELECT.
Result<std::vector<Value::List>> Select(Client& client, const std::string& text) {
  std::vector<Value::List> all;
  std::string paging_state;
  do {
    MR_ASSIGN(const Answer answer,
              client.Query(text, {.page_rows = kPageRows, .paging_state = paging_state}));
    if (answer.rows() == nullptr)
      return Fail(ErrorCode::kDamaged, "a SELECT was answered without rows: {}", text);
    MR_ASSIGN(auto rows, DecodeRows(*answer.rows(), answer.rows()->metadata.columns));
    std::ranges::move(rows, std::back_inserter(all));
    paging_state = answer.rows()->metadata.paging_state;
  } while (!paging_state.empty());
  return all;
}

std::string TextOf(const Value& value) { return value.is_null() ? "" : value.string(); }

// As system_schema.columns has it.
struct StoredColumn {
  std::string name;
  std::string kind;
  std::string type;
  int64_t position = 0;
  bool descending = false;
};
struct StoredTable {
  std::vector<StoredColumn> columns;
  std::string comment;
  int64_t default_time_to_live_s = 0;
  int64_t gc_grace_s = 0;
};

std::string Names(std::vector<StoredColumn> columns, std::string_view kind) {
  std::ranges::sort(columns, {}, &StoredColumn::position);
  std::string names;
  for (const StoredColumn& column : columns) {
    if (column.kind == kind) names += (names.empty() ? "" : ", ") + QuoteIdentifier(column.name);
  }
  return names;
}

// The table as CREATE TABLE would make it, for the grammar to read.
std::string CreateText(const std::string& keyspace, const std::string& name,
                       const StoredTable& table) {
  std::string text =
      fmt::format("CREATE TABLE {}.{} (", QuoteIdentifier(keyspace), QuoteIdentifier(name));
  std::string order;
  auto by_position = table.columns;
  std::ranges::sort(by_position, {}, &StoredColumn::position);
  for (const StoredColumn& column : by_position) {
    text += fmt::format("{} {}{}, ", QuoteIdentifier(column.name), column.type,
                        column.kind == "static" ? " STATIC" : "");
    if (column.kind == "clustering")
      order += fmt::format("{}{} {}", order.empty() ? "" : ", ", QuoteIdentifier(column.name),
                           column.descending ? "DESC" : "ASC");
  }
  const std::string clustering = Names(table.columns, "clustering");
  text += fmt::format("PRIMARY KEY (({}){}{})) WITH ", Names(table.columns, "partition_key"),
                      clustering.empty() ? "" : ", ", clustering);
  if (!order.empty()) text += fmt::format("CLUSTERING ORDER BY ({}) AND ", order);
  return text + fmt::format("default_time_to_live = {} AND gc_grace_seconds = {} AND comment = {};",
                            table.default_time_to_live_s, table.gc_grace_s,
                            QuoteText(table.comment));
}

Result<std::map<std::string, StoredTable>> StoredTables(Client& client,
                                                        const std::string& keyspace) {
  const std::string where = fmt::format(" WHERE keyspace_name = {}", QuoteText(keyspace));
  std::map<std::string, StoredTable> tables;
  MR_ASSIGN(const auto rows,
            Select(client,
                   "SELECT table_name, comment, default_time_to_live, gc_grace_seconds FROM "
                   "system_schema.tables" +
                       where));
  for (const Value::List& row : rows) {
    tables[row[0].string()] = {{},
                               TextOf(row[1]),
                               row[2].is_null() ? 0 : row[2].integer(),
                               row[3].is_null() ? 0 : row[3].integer()};
  }
  MR_ASSIGN(const auto columns,
            Select(client,
                   "SELECT table_name, column_name, kind, type, position, clustering_order FROM "
                   "system_schema.columns" +
                       where));
  for (const Value::List& row : columns) {
    const auto table = tables.find(row[0].string());
    if (table == tables.end()) continue;
    table->second.columns.push_back({row[1].string(), row[2].string(), row[3].string(),
                                     row[4].integer(), TextOf(row[5]) == "desc"});
  }
  return tables;
}

Result<std::vector<store::UserType>> StoredTypes(Client& client, const std::string& keyspace) {
  MR_ASSIGN(const auto rows,
            Select(client,
                   "SELECT type_name, field_names, field_types FROM system_schema.types "
                   "WHERE keyspace_name = " +
                       QuoteText(keyspace)));
  std::string text;
  for (const Value::List& row : rows) {
    std::string fields;
    for (size_t i = 0; i < row[1].list().size(); ++i) {
      fields += fmt::format("{}{} {}", i == 0 ? "" : ", ",
                            QuoteIdentifier(row[1].list()[i].string()), row[2].list()[i].string());
    }
    text += fmt::format("CREATE TYPE {}.{} ({});\n", QuoteIdentifier(keyspace),
                        QuoteIdentifier(row[0].string()), fields);
  }
  // Types come by name, and one may need another that comes later: read until no more are new.
  std::vector<store::UserType> types;
  for (size_t before = SIZE_MAX; types.size() != before;) {
    before = types.size();
    const DdlScript script = ParseDdl("system_schema.types", text, types);
    types.clear();
    for (const DdlStatement& statement : script.statements) {
      if (const auto* type = std::get_if<store::UserType>(&statement.what)) types.push_back(*type);
    }
    if (types.size() == rows.size()) break;
  }
  return types;
}

Result<TableSchema> ReadStored(const std::string& keyspace, const std::string& name,
                               const StoredTable& table,
                               const std::vector<store::UserType>& types) {
  const DdlScript script = ParseDdl("system_schema", CreateText(keyspace, name, table), types);
  if (!script.errors.empty())
    return Fail(ErrorCode::kUnsupported, "table {}.{} of the cluster: {}", keyspace, name,
                script.errors[0].message);
  return std::get<TableSchema>(script.statements.at(0).what);
}

SchemaStep AlterStep(const TableSchema& table, std::string reason, const std::string& change) {
  return {"table " + table.FullName(), std::move(reason),
          fmt::format("ALTER TABLE {}.{} {}", QuoteIdentifier(table.keyspace),
                      QuoteIdentifier(table.name), change),
          false};
}

// What turns `stored` into `wanted`.
void PlanTable(TableSchema stored, const TableSchema& wanted, std::vector<SchemaStep>& steps) {
  std::erase_if(stored.columns, [&](const ColumnSchema& column) {
    return column.kind >= ColumnKind::kStatic && !wanted.IndexOf(column.name);
  });
  const store::SchemaComparison compared = store::CompareSchemas(stored, wanted);
  if (compared.change == store::SchemaChange::kNone) return;
  if (compared.change == store::SchemaChange::kRefused) {
    for (const std::string& difference : compared.differences)
      steps.push_back({"table " + wanted.FullName(), difference, "", false});
    return;
  }
  for (const ColumnSchema& column : wanted.columns) {
    if (stored.IndexOf(column.name)) continue;
    steps.push_back(
        AlterStep(wanted, fmt::format("column {} is missing", column.name),
                  fmt::format("ADD {} {}{}", QuoteIdentifier(column.name), column.type.ToString(),
                              column.kind == ColumnKind::kStatic ? " STATIC" : "")));
  }
  if (stored.comment != wanted.comment || stored.gc_grace_s != wanted.gc_grace_s ||
      stored.default_time_to_live_s != wanted.default_time_to_live_s) {
    std::string reason;
    for (const std::string& difference : compared.differences) {
      if (!difference.starts_with("column ")) reason += (reason.empty() ? "" : "; ") + difference;
    }
    steps.push_back(AlterStep(
        wanted, reason,
        fmt::format("WITH comment = {} AND gc_grace_seconds = {} AND default_time_to_live = {}",
                    QuoteText(wanted.comment), wanted.gc_grace_s, wanted.default_time_to_live_s)));
  }
}

std::string CreateKeyspace(const store::Keyspace& keyspace) {
  const std::string_view fallback = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
  return fmt::format(
      "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {} AND durable_writes = {}",
      QuoteIdentifier(keyspace.name),
      keyspace.replication.empty() ? fallback : keyspace.replication, keyspace.durable_writes);
}

std::string CreateType(const store::UserType& type) {
  std::string fields;
  for (size_t i = 0; i < type.field_names.size(); ++i) {
    fields += fmt::format("{}{} {}", i == 0 ? "" : ", ", QuoteIdentifier(type.field_names[i]),
                          type.field_types[i].ToString());
  }
  return fmt::format("CREATE TYPE IF NOT EXISTS {}.{} ({})", QuoteIdentifier(type.keyspace),
                     QuoteIdentifier(type.name), fields);
}

void PlanType(const std::vector<store::UserType>& stored, const store::UserType& wanted,
              std::vector<SchemaStep>& steps) {
  const std::string object = fmt::format("type {}.{}", wanted.keyspace, wanted.name);
  const auto found = std::ranges::find(stored, wanted.name, &store::UserType::name);
  if (found == stored.end()) {
    steps.push_back({object, "is missing", CreateType(wanted), true});
  } else if (!(*found == wanted)) {
    steps.push_back({object, "has other fields on the cluster", "", false});
  }
}

std::string CreateTable(const TableSchema& table) {
  constexpr std::string_view kCreate = "CREATE TABLE ";
  std::string text = table.ToCql();
  text.pop_back();  // ';'
  return text.replace(0, kCreate.size(), "CREATE TABLE IF NOT EXISTS ");
}

Status AwaitAgreement(Client& client) {
  const auto until = std::chrono::steady_clock::now() + kAgreementTimeout;
  std::set<std::string> versions;
  while (std::chrono::steady_clock::now() < until) {
    versions.clear();
    for (const char* table : {"system.local", "system.peers"}) {
      MR_ASSIGN(const auto rows,
                Select(client, fmt::format("SELECT schema_version FROM {}", table)));
      for (const Value::List& row : rows) versions.insert(TextOf(row[0]));
    }
    if (versions.size() == 1) return {};
    std::this_thread::sleep_for(kAgreementPoll);
  }
  return Fail(ErrorCode::kTimeout, "the nodes do not agree on the schema after {} s",
              kAgreementTimeout.count());
}

}  // namespace

Result<std::vector<TableSchema>> ReadTables(Client& client, const std::string& keyspace) {
  MR_ASSIGN(const auto types, StoredTypes(client, keyspace));
  MR_ASSIGN(const auto stored, StoredTables(client, keyspace));
  std::vector<TableSchema> tables;
  for (const auto& [name, table] : stored) {
    MR_ASSIGN(TableSchema schema, ReadStored(keyspace, name, table, types));
    tables.push_back(std::move(schema));
  }
  return tables;
}

Result<SchemaPlan> CompareSchema(Client& client, const WantedSchema& wanted) {
  SchemaPlan plan;
  MR_ASSIGN(const auto rows, Select(client, "SELECT keyspace_name FROM system_schema.keyspaces"));
  std::set<std::string> keyspaces;
  for (const Value::List& row : rows) keyspaces.insert(row[0].string());
  for (const store::Keyspace& keyspace : wanted.keyspaces) {
    if (!keyspaces.contains(keyspace.name))
      plan.steps.push_back(
          {"keyspace " + keyspace.name, "is missing", CreateKeyspace(keyspace), true});
  }
  std::map<std::string, std::vector<store::UserType>> types;
  std::map<std::string, std::map<std::string, StoredTable>> tables;
  for (const store::Keyspace& keyspace : wanted.keyspaces) {
    if (!keyspaces.contains(keyspace.name)) continue;
    MR_ASSIGN(types[keyspace.name], StoredTypes(client, keyspace.name));
    MR_ASSIGN(tables[keyspace.name], StoredTables(client, keyspace.name));
  }
  for (const store::UserType& type : wanted.types) PlanType(types[type.keyspace], type, plan.steps);
  for (const TableSchema& table : wanted.tables) {
    const auto& known = tables[table.keyspace];
    const auto found = known.find(table.name);
    if (found == known.end()) {
      plan.steps.push_back({"table " + table.FullName(), "is missing", CreateTable(table), true});
      continue;
    }
    MR_ASSIGN(TableSchema stored,
              ReadStored(table.keyspace, table.name, found->second, types[table.keyspace]));
    PlanTable(std::move(stored), table, plan.steps);
  }
  return plan;
}

Status SchemaPlan::Check(bool alter) const {
  std::string text;
  bool curable = true;
  for (const SchemaStep& step : steps) {
    if (step.creates || (alter && !step.cql.empty())) continue;
    text += fmt::format("\n  {}: {}", step.object, step.reason);
    if (step.cql.empty()) {
      curable = false;
    } else {
      text += fmt::format("  [{}]", step.cql);
    }
  }
  if (text.empty()) return {};
  return std::unexpected(
      Error{ErrorCode::kInvalidArgument, "the cluster's schema differs from the project's:" + text,
            curable ? "set alter_schema: true to run these statements, or run them yourself"
                    : "give the table another name, or set the old definition back"});
}

Status ApplySchema(Client& client, const SchemaPlan& plan, bool alter) {
  MR_TRY(plan.Check(alter));
  for (const SchemaStep& step : plan.steps) {
    const auto done = client.Query(step.cql);
    if (!done)
      return std::unexpected(
          Error(done.error()).WithContext(fmt::format("{}, {}", step.object, step.cql)));
    MR_TRY(AwaitAgreement(client));
  }
  return {};
}

}  // namespace millrace::cql
