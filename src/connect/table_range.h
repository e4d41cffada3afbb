// Which part of a table a query's conditions leave to be read.
#pragma once

#include <span>

#include "sql/expr.h"
#include "store/scan.h"
#include "store/table.h"

namespace millrace::connect {

// `filters` are conjuncts over `columns`. When comparisons with literals fix every column of the
// partition key, the request names that partition; and its clustering range when they fix or bound
// leading clustering columns. Otherwise the request is the whole table. The caller applies all
// filters again, so leaving one out is never wrong.
store::ScanRequest TableRangeOf(const store::Table& table, const data::Schema& columns,
                                std::span<const sql::ExprPtr> filters);

}  // namespace millrace::connect
