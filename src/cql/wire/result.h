// RESULT and what it carries: rows with their metadata, prepared statements, schema changes
// (section 4.2.5 of the specification).
//
//   for (RowCursor cursor(rows); cursor.NextRow();) {
//     const auto name = cursor.Cell();           // nullopt: NULL
//     const auto age = cursor.Cell();
//   }
//
// Views of a decoded result point into the frame's body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "cql/wire/notation.h"
#include "store/cql_type.h"

namespace millrace::cql::wire {

struct ColumnSpec {
  std::string keyspace;
  std::string table;
  std::string name;
  store::CqlType type;
  // A type that the store does not have (counter, duration, vector, ...), by its name; `type` is
  // then blob. Only decoded.
  std::string foreign_type{};
  friend bool operator==(const ColumnSpec&, const ColumnSpec&) = default;
};

struct RowsMetadata {
  // Absent when the request asked to skip it; `column_count` is there all the same.
  std::vector<ColumnSpec> columns;
  int32_t column_count = 0;
  std::string_view paging_state{};     // empty: this was the last page
  std::string_view new_metadata_id{};  // v5: the prepared statement's columns have changed
};

struct VoidResult {};

struct RowsResult {
  RowsMetadata metadata;
  int32_t row_count = 0;
  std::string_view cells;  // row_count * column_count [bytes]
};

struct KeyspaceResult {
  std::string_view keyspace;
};

struct PreparedResult {
  std::string_view id;
  std::string_view result_metadata_id{};  // v5
  std::vector<ColumnSpec> variables{};    // what is bound, in order
  std::vector<uint16_t> partition_key{};  // which variables make up the partition key
  RowsMetadata result{};
};

struct SchemaChange {
  std::string_view change;  // CREATED, UPDATED, DROPPED
  std::string_view target;  // KEYSPACE, TABLE, TYPE, FUNCTION, AGGREGATE
  std::string_view keyspace;
  std::string_view name{};               // of all but keyspaces
  std::vector<std::string> arguments{};  // of functions and aggregates
};

using ResultBody =
    std::variant<VoidResult, RowsResult, KeyspaceResult, PreparedResult, SchemaChange>;

void AppendResult(const ResultBody& result, uint8_t version, std::string& out);
// A malformed body leaves `from` !ok().
ResultBody ReadResult(uint8_t version, ByteReader& from);

void AppendSchemaChange(const SchemaChange& change, std::string& out);
SchemaChange ReadSchemaChange(ByteReader& from);

// [option]: a type. Nesting deeper than 16 is malformed.
void AppendType(const store::CqlType& type, std::string_view keyspace, std::string& out);
store::CqlType ReadType(ByteReader& from, std::string& foreign_type);

// Walks the cells of a result. A row whose cells are not there ends the walk with !ok().
class RowCursor {
 public:
  explicit RowCursor(const RowsResult& rows)
      : from_(rows.cells), rows_left_(rows.row_count), columns_(rows.metadata.column_count) {}

  // Passes over what is left of the row before. False: no more rows, or !ok().
  bool NextRow();
  // The next cell of the row; nullopt: NULL.
  std::optional<std::string_view> Cell();
  bool ok() const { return from_.ok(); }

 private:
  ByteReader from_;
  int32_t rows_left_;
  int32_t columns_;
  int32_t cells_left_ = 0;
};

}  // namespace millrace::cql::wire
