// Type rules of arithmetic: which numeric type two operands meet in, and what dates, timestamps and
// intervals may be added to.
#pragma once

#include "sql/functions/signature.h"

namespace millrace::sql {

// "+", "-", "*", "/", "%", 'd' for div (whole quotient, BIGINT), 'p' for pmod.
// Integral operands meet in the wider type, decimals keep their own types and the result follows
// Spark's precision rules, anything with FLOAT or DOUBLE becomes DOUBLE (two FLOATs stay FLOAT).
Resolver Arithmetic(char op);
// round, bround, ceil, floor with an optional literal scale; `whole` is what ceil and floor give.
Resolver Rounding(bool whole);
// shiftleft, shiftright: INT or BIGINT, then INT.
Resolver Shift();
// a[i]: an array by position from 0, or a map by key.
Resolver Subscript();

}  // namespace millrace::sql
