#include <algorithm>

#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;

// sum and avg.
Result<Signature> ResolveSum(std::span<const Argument> args, int whole, int fraction,
                             const DataType& of_integers) {
  if (args.size() != 1) return WrongCount("1", args.size());
  Signature signature;
  DataType type = args[0].type;
  if (type.is_interval()) {
    signature.arguments = {type};
    signature.result = type;
    return signature;
  }
  const auto accepted = Parameter(kAnyNumber).Accept(args[0]);
  if (!accepted) return WrongType(0, "a number or an interval", type);
  type = *accepted;
  signature.result = type.is_integral() ? of_integers : kDouble;
  if (type.kind() == TypeKind::kDecimal) {
    const int scale = std::min(38, type.scale() + fraction);
    signature.result = DataType::Decimal(std::min(38, type.precision() + whole), scale);
  }
  signature.arguments = {type};
  return signature;
}

// An optional literal second argument: ignore NULLs.
Resolver FirstOf() { return Fixed({kAny, kBoolean}, SameAs(0), 1); }
Resolver Deviation() { return Fixed({kDouble}, kDouble); }
// Computed by the engine, so its row has no example that a kernel could run.
FunctionTraits Also(std::vector<std::string_view> aliases = {}) {
  return {.aliases = std::move(aliases), .null_rule = NullRule::kHandled};
}

const FunctionRow kAggregateRows[] = {
    {"count(expr, ...)", "Number of rows in which no argument is NULL; count(*) of all rows.", "",
     Variadic({}, kAny, kBigint, 1), Also()},
    {"sum(expr)", "Sum.", "",
     [](std::span<const Argument> args) { return ResolveSum(args, 10, 0, kBigint); }, Also()},
    {"avg(expr)", "Mean.", "",
     [](std::span<const Argument> args) { return ResolveSum(args, 4, 4, kDouble); },
     Also({"mean"})},
    {"min(expr)", "Least value.", "", Fixed({kOrderable}, SameAs(0)), Also()},
    {"max(expr)", "Greatest value.", "", Fixed({kOrderable}, SameAs(0)), Also()},
    {"first(expr[, ignore_nulls])", "Value of the first row.", "", FirstOf(),
     Also({"first_value"})},
    {"last(expr[, ignore_nulls])", "Value of the last row.", "", FirstOf(), Also({"last_value"})},
    {"any_value(expr[, ignore_nulls])", "Value of some row.", "", FirstOf(), Also()},
    {"collect_list(expr)", "All values that are not NULL.", "", Fixed({kAny}, ArrayOf(0)),
     Also({"array_agg"})},
    {"collect_set(expr)", "The distinct values that are not NULL.", "", Fixed({kAny}, ArrayOf(0)),
     Also()},
    {"bool_and(expr)", "Whether all are true.", "", Fixed({kBoolean}, kBoolean), Also({"every"})},
    {"bool_or(expr)", "Whether one is true.", "", Fixed({kBoolean}, kBoolean),
     Also({"some", "any"})},
    {"min_by(value, order)", "value of the row with the least order.", "",
     Fixed({kAny, kOrderable}, SameAs(0)), Also()},
    {"max_by(value, order)", "value of the row with the greatest order.", "",
     Fixed({kAny, kOrderable}, SameAs(0)), Also()},
    {"stddev_samp(expr)", "Standard deviation of a sample.", "", Deviation(),
     Also({"stddev", "std"})},
    {"var_samp(expr)", "Variance of a sample.", "", Deviation(), Also({"variance"})},
    {"stddev_pop(expr)", "Standard deviation of a whole population.", "", Deviation(), Also()},
    {"var_pop(expr)", "Variance of a whole population.", "", Deviation(), Also()},
    {"try_sum(expr)", "Sum; NULL when it overflows.", "",
     [](std::span<const Argument> args) { return ResolveSum(args, 10, 0, kBigint); }, Also()},
    {"try_avg(expr)", "Mean; NULL when it overflows.", "",
     [](std::span<const Argument> args) { return ResolveSum(args, 4, 4, kDouble); }, Also()},
    {"percentile(expr, percentage)",
     "The value below which so much of all lies, from 0 to 1, interpolated and exact.",
     "",
     Fixed({kDouble, kDouble}, kDouble),
     {.difference = "numbers only, one literal percentage, no frequency",
      .null_rule = NullRule::kHandled}},
    {"median(expr)",
     "percentile(expr, 0.5).",
     "",
     Deviation(),
     {.difference = "numbers only", .null_rule = NullRule::kHandled}},
    {"mode(expr)",
     "The most frequent value that is not NULL.",
     "",
     Fixed({kOrderable}, SameAs(0)),
     {.difference = "of several the least; Spark's choice among them is open",
      .null_rule = NullRule::kHandled}},
};

Result<Signature> ResolveExplode(std::span<const Argument> args) {
  if (args.size() != 1) return WrongCount("1", args.size());
  const auto type = Parameter(kCollection).Accept(args[0]);
  if (!type) return WrongType(0, "an ARRAY or a MAP", args[0].type);
  Signature signature;
  signature.arguments = {*type};
  signature.result = type->kind() == TypeKind::kArray
                         ? type->element()
                         : DataType::Struct({{"key", type->key()}, {"value", type->map_value()}});
  return signature;
}

Result<Signature> ResolveInline(std::span<const Argument> args) {
  const bool structs = args.size() == 1 && args[0].type.kind() == TypeKind::kArray &&
                       args[0].type.element().kind() == TypeKind::kStruct;
  if (args.size() == 1 && !structs) return WrongType(0, "an ARRAY of STRUCTs", args[0].type);
  return Fixed({kAnyArray}, ElementOf(0))(args);
}

const FunctionRow kGeneratorRows[] = {
    {"explode(collection)", "A row for each element (col) or entry (key, value).", "",
     ResolveExplode, Also()},
    {"explode_outer(collection)", "As explode; an empty or NULL collection gives a row of NULLs.",
     "", ResolveExplode, Also()},
    {"posexplode(collection)", "As explode, with the position from 0 before.", "", ResolveExplode,
     Also()},
    {"posexplode_outer(collection)", "As posexplode; empty gives a row of NULLs.", "",
     ResolveExplode, Also()},
    {"inline(structs)", "A row for each struct of an array, its fields as columns.", "",
     ResolveInline, Also()},
    {"stack(n, a, b, ...)", "n rows of the values, as columns col0, col1, ...; n is a literal.", "",
     Variadic({kInt}, kAny, SameAs(1), 1), Also()},
    {"json_tuple(json, name, ...)",
     "One row of the named members of a JSON object, as texts c0, c1, ...; names are literals.", "",
     Variadic({kString}, kString, kString, 1), Also()},
    {"inline_outer(structs)", "As inline; an empty or NULL array gives a row of NULLs.", "",
     ResolveInline, Also()},
};

}  // namespace

std::span<const FunctionRow> AggregateRows() { return kAggregateRows; }
std::span<const FunctionRow> GeneratorRows() { return kGeneratorRows; }

}  // namespace millrace::sql
