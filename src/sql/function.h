// FunctionDef: what SQL knows of a built-in function or operator: names, argument rules, result
// type, documentation. One table of these, in src/sql/functions/, generates binding, completion,
// `docs/reference/functions.md` and the test that every function has a kernel in
// src/engine/functions/ (looked up by `name`).
//
// Operators are functions too, under the names Spark gives them: "+", "-", "*", "/", "div", "%",
// "negative", "=", "<=>",
// "<", "<=", ">", ">=", "<>" ,"not", "isnull", "isnotnull", "isnan", "like", "ilike", "rlike", "||"
// (concat), "&", "|",
// "^", "~", "between" is two comparisons, "element_at_index" for a[i].
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/type.h"
#include "data/value.h"

namespace millrace::sql {

// An argument as the resolver sees it.
struct Argument {
  data::DataType type;
  const data::Value* literal = nullptr;  // set when the argument is a literal
  bool is_lambda = false;  // its type is the body's, bound after `lambda_types` was asked
  bool nullable = true;
  std::string_view name;  // the column name it would have, for struct(); empty: none
};

struct Signature {
  std::vector<data::DataType>
      arguments;  // what each argument is cast to (implicitly) before the call
  data::DataType result;
  bool nullable = true;  // false: never NULL when no argument is NULL and NullRule is kPropagate
};

enum class NullRule : uint8_t {
  kPropagate,  // a NULL argument makes the row NULL; the kernel's result for such rows is
               // overwritten
  kHandled,    // the kernel decides
};

struct FunctionDef {
  std::string_view name;                  // canonical, lower case
  std::vector<std::string_view> aliases;  // further names
  std::string_view
      category;  // "string", "datetime", "math", "conditional", "json", "hash", "array", "map",
                 // "struct", "regexp", "misc", "operator", "window", "aggregate"
  std::string_view usage;        // "substring(str, pos[, len])"
  std::string_view description;  // one sentence
  std::string_view example;      // "substring('Spark SQL', 5, 1) => k", as FormatValue prints
  std::string_view difference;   // how it differs from Spark 4.1; empty: it does not
  NullRule null_rule = NullRule::kPropagate;
  bool deterministic = true;
  // Fails with kInvalidArgument: wrong number or types of arguments; the message says what is
  // wanted.
  std::function<Result<Signature>(std::span<const Argument>)> resolve;
  // For functions that take lambdas: the types of the parameters of the lambda at argument `index`,
  // from the types of the arguments that are not lambdas. Empty for others.
  std::function<Result<std::vector<data::DataType>>(std::span<const Argument>, size_t index)>
      lambda_types;
  // Aggregates are resolved here but computed by the engine's aggregate operators.
  bool is_aggregate = false;
};

// By canonical name or alias, ASCII case ignored; nullptr when there is none.
const FunctionDef* FindFunction(std::string_view name);
// All, ordered by category and name.
std::span<const FunctionDef* const> AllFunctions();

}  // namespace millrace::sql
