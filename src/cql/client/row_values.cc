#include "cql/client/row_values.h"

#include "store/cql_value.h"

namespace millrace::cql {

Result<std::vector<data::Value::List>> DecodeRows(const wire::RowsResult& rows,
                                                  const std::vector<wire::ColumnSpec>& columns) {
  if (static_cast<size_t>(rows.metadata.column_count) != columns.size())
    return Fail(ErrorCode::kDamaged, "a result of {} columns, wanted {}",
                rows.metadata.column_count, columns.size());
  std::vector<data::Value::List> decoded;
  wire::RowCursor cursor(rows);
  while (cursor.NextRow()) {
    data::Value::List& row = decoded.emplace_back();
    for (const wire::ColumnSpec& column : columns) {
      const auto cell = cursor.Cell();
      // An empty value of a type of fixed size is what older drivers write for "nothing".
      if (!cell || (cell->empty() && column.type.fixed_size() != 0)) {
        row.push_back(data::Value::Null());
        continue;
      }
      MR_ASSIGN(data::Value value, store::DecodeCqlValue(column.type, *cell));
      row.push_back(std::move(value));
    }
  }
  if (!cursor.ok()) return Fail(ErrorCode::kDamaged, "a result ends within a row");
  return decoded;
}

}  // namespace millrace::cql
