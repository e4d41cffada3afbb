#include "store/schema.h"

#include <algorithm>
#include <set>

#include "store/sql_types.h"
#include "store/table.h"

namespace millrace::store {
namespace {

size_t CountOf(const TableSchema& table, ColumnKind kind) {
  return static_cast<size_t>(
      std::count_if(table.columns.begin(), table.columns.end(),
                    [&](const ColumnSchema& column) { return column.kind == kind; }));
}

bool IsPlainIdentifier(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string_view KindName(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kPartitionKey:
      return "a partition key column";
    case ColumnKind::kClustering:
      return "a clustering column";
    case ColumnKind::kStatic:
      return "a static column";
    case ColumnKind::kRegular:
      break;
  }
  return "a regular column";
}

std::string QuoteText(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

std::string PrimaryKeyCql(const TableSchema& table) {
  std::string partition;
  std::string clustering;
  for (const ColumnSchema& column : table.columns) {
    if (column.kind == ColumnKind::kPartitionKey)
      partition += (partition.empty() ? "" : ", ") + QuoteIdentifier(column.name);
    if (column.kind == ColumnKind::kClustering) clustering += ", " + QuoteIdentifier(column.name);
  }
  return fmt::format("PRIMARY KEY (({}){})", partition, clustering);
}

std::string OptionsCql(const TableSchema& table) {
  std::string order;
  for (const ColumnSchema& column : table.columns) {
    if (column.kind != ColumnKind::kClustering) continue;
    order += fmt::format("{}{} {}", order.empty() ? "" : ", ", QuoteIdentifier(column.name),
                         column.descending ? "DESC" : "ASC");
  }
  std::string text;
  if (!order.empty()) text = fmt::format("CLUSTERING ORDER BY ({})\n  AND ", order);
  return text +
         fmt::format("default_time_to_live = {}\n  AND gc_grace_seconds = {}\n  AND comment = {}",
                     table.default_time_to_live_s, table.gc_grace_s, QuoteText(table.comment));
}

// The differences of one column that both tables have.
void CompareColumn(const ColumnSchema& stored, const ColumnSchema& wanted,
                   std::vector<std::string>& differences) {
  if (stored.type != wanted.type)
    differences.push_back(fmt::format("column {} is {}, wanted {}", stored.name,
                                      stored.type.ToString(), wanted.type.ToString()));
  if (stored.kind != wanted.kind)
    differences.push_back(fmt::format("column {} is {}, wanted as {}", stored.name,
                                      KindName(stored.kind), KindName(wanted.kind)));
  if (stored.descending != wanted.descending)
    differences.push_back(fmt::format("column {} is clustered {}, wanted {}", stored.name,
                                      stored.descending ? "DESC" : "ASC",
                                      wanted.descending ? "DESC" : "ASC"));
}

void CompareKeys(const TableSchema& stored, const TableSchema& wanted,
                 std::vector<std::string>& differences) {
  const std::string before = PrimaryKeyCql(stored);
  const std::string after = PrimaryKeyCql(wanted);
  if (before != after)
    differences.push_back(fmt::format("the key is {}, wanted {}", before, after));
}

template <typename T>
void CompareOption(std::string_view name, const T& stored, const T& wanted,
                   std::vector<std::string>& differences) {
  if (stored != wanted)
    differences.push_back(fmt::format("{} is {}, wanted {}", name, stored, wanted));
}

Status CheckColumn(const TableSchema& table, const ColumnSchema& column) {
  const bool is_key = column.kind <= ColumnKind::kClustering;
  if (column.name.empty())
    return Fail(ErrorCode::kInvalidArgument, "table {}: a column has no name", table.FullName());
  if (is_key && !column.type.is_key_type())
    return Fail(ErrorCode::kInvalidArgument,
                "table {}: key column {} is {}, which must be frozen to be a key", table.FullName(),
                column.name, column.type.ToString());
  if (column.descending && column.kind != ColumnKind::kClustering)
    return Fail(ErrorCode::kInvalidArgument, "table {}: column {} has a clustering order but is {}",
                table.FullName(), column.name, KindName(column.kind));
  if (column.kind == ColumnKind::kStatic && table.clustering_count() == 0)
    return Fail(ErrorCode::kInvalidArgument,
                "table {}: static column {} needs a table with clustering columns",
                table.FullName(), column.name);
  return {};
}

}  // namespace

size_t TableSchema::partition_count() const { return CountOf(*this, ColumnKind::kPartitionKey); }
size_t TableSchema::clustering_count() const { return CountOf(*this, ColumnKind::kClustering); }
bool TableSchema::has_static() const { return CountOf(*this, ColumnKind::kStatic) > 0; }

std::optional<size_t> TableSchema::IndexOf(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == column) return i;
  return std::nullopt;
}

std::string TableSchema::ToCql() const {
  std::string text =
      fmt::format("CREATE TABLE {}.{} (\n", QuoteIdentifier(keyspace), QuoteIdentifier(name));
  for (const ColumnSchema& column : columns)
    text += fmt::format("  {} {}{},\n", QuoteIdentifier(column.name), column.type.ToString(),
                        column.kind == ColumnKind::kStatic ? " STATIC" : "");
  return text + "  " + PrimaryKeyCql(*this) + "\n) WITH " + OptionsCql(*this) + ";";
}

Status ValidateSchema(TableSchema& table) {
  if (table.partition_count() == 0)
    return Fail(ErrorCode::kInvalidArgument, "table {}: no partition key column", table.FullName());
  if (table.columns.size() > 4096)
    return Fail(ErrorCode::kInvalidArgument, "table {}: {} columns, at most 4096 are possible",
                table.FullName(), table.columns.size());
  std::set<std::string_view> names;
  for (const ColumnSchema& column : table.columns) {
    MR_TRY(CheckColumn(table, column));
    if (!names.insert(column.name).second)
      return Fail(ErrorCode::kInvalidArgument, "table {}: column {} is defined twice",
                  table.FullName(), column.name);
  }
  if (table.default_time_to_live_s < 0 || table.default_time_to_live_s > 630720000)
    return Fail(ErrorCode::kInvalidArgument,
                "table {}: default_time_to_live is {}, must be 0 to 630720000 seconds",
                table.FullName(), table.default_time_to_live_s);
  if (table.gc_grace_s < 0)
    return Fail(ErrorCode::kInvalidArgument,
                "table {}: gc_grace_seconds is {}, must not be negative", table.FullName(),
                table.gc_grace_s);
  std::stable_sort(
      table.columns.begin(), table.columns.end(), [](const ColumnSchema& a, const ColumnSchema& b) {
        return std::min(a.kind, ColumnKind::kStatic) < std::min(b.kind, ColumnKind::kStatic);
      });
  return {};
}

SchemaComparison CompareSchemas(const TableSchema& stored, const TableSchema& wanted) {
  SchemaComparison result;
  std::vector<std::string> allowed;
  CompareKeys(stored, wanted, result.differences);
  for (const ColumnSchema& column : wanted.columns) {
    const auto at = stored.IndexOf(column.name);
    if (at) {
      CompareColumn(stored.columns[*at], column, result.differences);
    } else if (column.kind >= ColumnKind::kStatic) {
      allowed.push_back(fmt::format("column {} {} is new", column.name, column.type.ToString()));
    }
  }
  for (const ColumnSchema& column : stored.columns)
    if (!wanted.IndexOf(column.name))
      result.differences.push_back(fmt::format("column {} is not wanted any more", column.name));
  CompareOption("comment", stored.comment, wanted.comment, allowed);
  CompareOption("default_time_to_live", stored.default_time_to_live_s,
                wanted.default_time_to_live_s, allowed);
  CompareOption("gc_grace_seconds", stored.gc_grace_s, wanted.gc_grace_s, allowed);
  result.change = !result.differences.empty() ? SchemaChange::kRefused
                  : allowed.empty()           ? SchemaChange::kNone
                                              : SchemaChange::kCompatible;
  result.differences.insert(result.differences.end(), allowed.begin(), allowed.end());
  return result;
}

std::string QuoteIdentifier(std::string_view name) {
  if (IsPlainIdentifier(name)) return std::string(name);
  std::string quoted = "\"";
  for (char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

Table::Table(uint32_t table_id, TableSchema table_schema)
    : id(table_id), schema(std::move(table_schema)), sql(SqlSchemaOf(schema)) {
  partition_count_ = schema.partition_count();
  clustering_count_ = schema.clustering_count();
  if (partition_count_ == 1) fixed_partition_bytes = schema.columns[0].type.fixed_size();
  for (size_t i = key_count(); i < schema.columns.size(); ++i) {
    const uint16_t column_id = schema.columns[i].id;
    if (column_id >= by_id_.size()) by_id_.resize(column_id + size_t{1}, -1);
    by_id_[column_id] = static_cast<int>(i);
  }
}

}  // namespace millrace::store
