// Spark's type rules under ANSI
// (https://spark.apache.org/docs/latest/sql-ref-ansi-compliance.html): which type two expressions
// share, and which conversions happen by themselves.
#pragma once

#include <optional>
#include <span>

#include "data/type.h"

namespace millrace::sql {

// The least common type of two operands (precedence list; NULL fits anything; string with a number,
// date, timestamp, boolean or binary gives the other type; nested types field by field), or
// nullopt.
std::optional<data::DataType> CommonType(const data::DataType& a, const data::DataType& b);
std::optional<data::DataType> CommonType(std::span<const data::DataType> types);
// Whether an argument of type `from` may stand where `to` is wanted without CAST.
bool CanCoerce(const data::DataType& from, const data::DataType& to);
// Whether CAST(from AS to) exists at all.
bool CanCast(const data::DataType& from, const data::DataType& to);
// Precision and scale that hold every value of an integral type exactly: tinyint 3,0 .. bigint
// 20,0.
data::DataType DecimalFor(const data::DataType& integral);
// Result type of decimal +, -, *, /, % (operator character), Spark's rules with
// allowPrecisionLoss=true.
data::DataType DecimalResult(char op, const data::DataType& a, const data::DataType& b);

}  // namespace millrace::sql
