// Rows of a result as Values (store/sql_types.h says which).
#pragma once

#include <vector>

#include "base/result.h"
#include "cql/wire/result.h"
#include "data/value.h"

namespace millrace::cql {

// `columns`: of the result, or of the prepared statement when the result came without them.
// kDamaged: a cell is not of its column's type.
Result<std::vector<data::Value::List>> DecodeRows(const wire::RowsResult& rows,
                                                  const std::vector<wire::ColumnSpec>& columns);

}  // namespace millrace::cql
