// Casts: every conversion of Spark's CAST, TRY_CAST and of CAST without ANSI, a column at a time.
//
//   MR_ASSIGN(CastFunction cast, MakeCast(from, to, sql::CastMode::kAnsi));
//   ColumnPtr result = cast({column, rows, context, errors});
//
// Rules: https://spark.apache.org/docs/latest/sql-ref-ansi-compliance.html. kAnsi fails the row
// (CAST_INVALID_INPUT for text that is no such value, CAST_OVERFLOW for a number out of range,
// NUMERIC_VALUE_OUT_OF_RANGE for decimals), kTry gives NULL, kLegacy gives NULL for bad text and
// wraps integers around as Java does. NULL stays NULL. Timestamps are read and shown in the
// context's session zone.
//
// Thread contract: a CastFunction may be called from any thread.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/time_zone.h"
#include "data/column.h"
#include "data/row_errors.h"
#include "data/row_set.h"
#include "engine/kernel.h"
#include "sql/expr.h"

namespace millrace::engine {

struct CastCall {
  const data::ColumnPtr& input;
  const data::RowSet& rows;  // to convert; others get any valid value
  const EvalContext& context;
  data::RowErrors& errors;
};
using CastFunction = std::function<data::ColumnPtr(const CastCall&)>;

// kUnsupported: Spark has no such cast (the binder refuses it before).
Result<CastFunction> MakeCast(const data::DataType& from, const data::DataType& to,
                              sql::CastMode mode);

// One value: for constants, defaults and tests. kInvalidArgument: "[CONDITION] message".
Result<data::Value> CastValue(const data::Value& value, const data::DataType& from,
                              const data::DataType& to, sql::CastMode mode,
                              const EvalContext& context);

// CAST(value AS STRING) in `zone`, appended: what results, CSV and map keys show. NULL shows as
// "NULL".
void AppendAsText(const data::Column& column, size_t row, const TimeZone& zone, std::string& to);

// The session's zone; UTC when the name is unknown (the pipeline's check refuses it before).
TimeZone ZoneOf(const EvalContext& context);

}  // namespace millrace::engine
