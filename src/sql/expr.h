// Expr: a typed, bound expression, as the binder makes it and the engine compiles it. Every
// operator and function is a call of a FunctionDef (function.h) except the forms below whose
// arguments are not all evaluated.
//
// Invariants
//   1. Types are final: implicit conversions are explicit kCast nodes; a call's argument types are
//   exactly its
//      signature's.
//   2. `ordinal` of a kColumn refers to the input schema of the plan node that holds the
//   expression.
//   3. Trees are immutable once bound and may be shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/type.h"
#include "data/value.h"
#include "sql/source_text.h"

namespace millrace::sql {

struct FunctionDef;
struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

enum class ExprKind : uint8_t {
  kLiteral,  // `literal`
  kColumn,   // input column `ordinal`
  kField,    // field `ordinal` of the struct args[0]; NULL of a NULL struct
  kCall,     // `function` of args; all arguments are evaluated
  kCast,     // args[0] to `type`, by `cast_mode`
  kAnd,      // n-ary, three-valued; args after the deciding one are not evaluated
  kOr,       // n-ary
  kCase,  // searched: when1, then1, when2, then2, ..., [else]; IF, NULLIF, simple CASE become this
  kCoalesce,  // first non-NULL
  kIn,        // args[0] IN (args[1..]), all literals or expressions of one type
  kTry,       // args[0]; a row whose evaluation raised an error is NULL
  kLambda,    // args[0] is the body; `parameters` are its variables
  kVariable,  // lambda variable `ordinal` of the innermost enclosing lambdas, counted from the
              // outermost
};

enum class CastMode : uint8_t {
  kAnsi,    // fails the row: CAST_INVALID_INPUT, CAST_OVERFLOW
  kTry,     // NULL instead
  kLegacy,  // as Spark with spark.sql.ansi.enabled=false
};

struct Expr {
  ExprKind kind = ExprKind::kLiteral;
  data::DataType type;
  bool nullable = true;
  Location where;
  data::Value literal;
  int ordinal = -1;
  const FunctionDef* function = nullptr;
  bool ansi = true;  // of calls: overflow, division by zero and bad indexes fail the row instead of
                     // giving NULL
  CastMode cast_mode = CastMode::kAnsi;
  std::vector<ExprPtr> args;
  std::vector<std::string> parameters;
};

ExprPtr MakeLiteral(const data::DataType& type, data::Value value, Location where = {});
ExprPtr MakeColumn(int ordinal, const data::DataType& type, bool nullable, Location where = {});
// As SQL, e.g. "upper(#3.country)"; equal text means equal meaning, so it serves as the key of
// common subexpressions and goes into the plan's hash.
std::string ToString(const Expr& expr);
// Whether evaluating twice gives the same (no rand(), uuid()); now() is constant within an epoch
// and counts as such.
bool IsDeterministic(const Expr& expr);

}  // namespace millrace::sql
