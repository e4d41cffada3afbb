// TableSchema: what a CREATE TABLE says, checked. Keyspaces and user types likewise.
//
//   TableSchema table{.keyspace = "users", .name = "by_country"};
//   table.columns = {{.name = "country", .type = CqlType(CqlKind::kText), .kind =
//   ColumnKind::kPartitionKey},
//                    {.name = "id", .type = CqlType(CqlKind::kUuid), .kind =
//                    ColumnKind::kClustering}, ...};
//   MR_TRY(ValidateSchema(table));
//
// Invariants (held by ValidateSchema)
//   1. Names are unique; at least one partition key column; key columns are of key types.
//   2. Partition key columns come in key order, then clustering columns in key order, then the
//   others in order of
//      declaration. `partition_count` and `clustering_count` of TableSchema count the first two.
//   3. Static columns exist only in tables with clustering columns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/cql_type.h"

namespace millrace::store {

enum class ColumnKind : uint8_t { kPartitionKey = 0, kClustering = 1, kStatic = 2, kRegular = 3 };

struct ColumnSchema {
  std::string name{};
  CqlType type{};
  ColumnKind kind = ColumnKind::kRegular;
  bool descending = false;  // clustering columns only
  // Number of a static or regular column in stored rows; given by the catalog at creation, never
  // used again for another column of the table.
  uint16_t id = 0;
  friend bool operator==(const ColumnSchema&, const ColumnSchema&) = default;
};

struct TableSchema {
  std::string keyspace{};
  std::string name{};
  std::vector<ColumnSchema> columns{};
  int32_t default_time_to_live_s = 0;  // 0: rows do not expire
  int32_t gc_grace_s = 864000;         // how long deletes are kept at least
  std::string comment{};

  size_t partition_count() const;
  size_t clustering_count() const;
  bool has_static() const;
  // Position of a column by its exact name, or nullopt.
  std::optional<size_t> IndexOf(std::string_view column) const;
  std::string FullName() const { return keyspace + "." + name; }
  // As CREATE TABLE writes it.
  std::string ToCql() const;
  friend bool operator==(const TableSchema&, const TableSchema&) = default;
};

struct UserType {
  std::string keyspace{};
  std::string name{};
  std::vector<std::string> field_names{};
  std::vector<CqlType> field_types{};
  friend bool operator==(const UserType&, const UserType&) = default;
};

struct Keyspace {
  std::string name{};
  std::string replication{};  // as written; kept for the real Cassandra, without meaning here
  bool durable_writes = true;
  friend bool operator==(const Keyspace&, const Keyspace&) = default;
};

// kInvalidArgument names the first rule that is broken. Sorts the columns into the order of
// invariant 2.
Status ValidateSchema(TableSchema& table);

// What it takes to turn the stored table into the wanted one.
enum class SchemaChange {
  kNone,        // equal
  kCompatible,  // new regular columns, comment, default TTL, gc_grace: applied without touching
                // rows
  kRefused,     // anything else
};
struct SchemaComparison {
  SchemaChange change = SchemaChange::kNone;
  std::vector<std::string>
      differences;  // one sentence each, e.g. "column age is int, wanted bigint"
};
// Column ids are not compared.
SchemaComparison CompareSchemas(const TableSchema& stored, const TableSchema& wanted);

// Catalog form, versioned (docs/formats/table-row.md, "Catalog"). Decoding fails with kDamaged.
std::string EncodeTableSchema(const TableSchema& table);
Result<TableSchema> DecodeTableSchema(std::string_view bytes);
std::string EncodeUserType(const UserType& type);
Result<UserType> DecodeUserType(std::string_view bytes);
std::string EncodeKeyspace(const Keyspace& keyspace);
Result<Keyspace> DecodeKeyspace(std::string_view bytes);

// An identifier as CQL must write it: quoted unless it is lower-case and plain.
std::string QuoteIdentifier(std::string_view name);

}  // namespace millrace::store
