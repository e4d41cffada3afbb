// Generators: functions that make several rows of one, in the SELECT list and in LATERAL VIEW.
// stack and json_tuple are inline() of an array of structs.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sql/query_binder.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;

constexpr size_t kGeneratedColumnsMax = 1000;

ExprPtr Text(std::string_view text, Location where) {
  return MakeLiteral(DataType::String(), data::Value::String(std::string(text)), where);
}

bool IsTextLiteral(const Expr& expr) {
  return expr.kind == ExprKind::kLiteral && !expr.literal.is_null() &&
         expr.type.kind() == TypeKind::kString;
}

}  // namespace

bool IsGenerator(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kGenerators = {
      "explode", "explode_outer", "posexplode", "posexplode_outer",
      "inline",  "inline_outer",  "stack",      "json_tuple"};
  return std::ranges::find(kGenerators, name) != kGenerators.end();
}

// What `call` makes rows of: an array or a map; null after an error.
ExprPtr QueryBinder::BindCollection(std::string_view name, const ast::Expr& call,
                                    const Scope& scope) {
  std::vector<ExprPtr> args;
  const bool known = call.kind == ast::Kind::kCall && IsGenerator(call.name);
  const bool one = name != "stack" && name != "json_tuple";
  if (!known || (one && call.args.size() != 1)) {
    builder_.diagnostics().Error(call.where, "UNSUPPORTED_GENERATOR",
                                 "explode, posexplode and inline (each also with _outer) of one "
                                 "argument, stack and json_tuple make rows",
                                 "write for instance explode(items)");
    return nullptr;
  }
  ExprBinder binder(builder_, scope, {.what = "a generator"});
  for (const ast::ExprPtr& arg : call.args) args.push_back(binder.Bind(*arg));
  if (std::ranges::any_of(args, [](const ExprPtr& arg) { return arg == nullptr; })) return nullptr;
  if (one) return args[0];
  return name == "stack" ? StackRows(std::move(args), call.where)
                         : JsonTupleRow(std::move(args), call.where);
}

// stack(n, a, b, ...): n structs of columns col0, col1, ..., the last ones filled up with NULLs.
ExprPtr QueryBinder::StackRows(std::vector<ExprPtr> args, Location where) {
  const bool counted = args.size() > 1 && args[0]->kind == ExprKind::kLiteral &&
                       args[0]->type.is_integral() && !args[0]->literal.is_null() &&
                       args[0]->literal.integer() > 0;
  const size_t values = args.size() - 1;
  if (!counted || values > kGeneratedColumnsMax ||
      args[0]->literal.integer() > static_cast<int64_t>(kGeneratedColumnsMax)) {
    builder_.diagnostics().Error(where, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                                 "stack() takes a number of rows from 1 to 1000, as a literal, and "
                                 "up to 1000 values",
                                 "write for instance stack(2, 'a', 1, 'b', 2)");
    return nullptr;
  }
  const auto rows = static_cast<size_t>(args[0]->literal.integer());
  const size_t columns = (values + rows - 1) / rows;
  args.erase(args.begin());
  while (args.size() < rows * columns) args.push_back(builder_.NullLiteral(where));
  for (size_t column = 0; column < columns; ++column) {
    std::vector<size_t> places;
    for (size_t row = 0; row < rows; ++row) places.push_back(row * columns + column);
    if (!builder_.Unify(args, places, fmt::format("column {} of stack()", column), where))
      return nullptr;
  }
  std::vector<ExprPtr> structs;
  for (size_t row = 0; row < rows; ++row) {
    std::vector<ExprPtr> fields;
    for (size_t column = 0; column < columns; ++column) {
      fields.push_back(Text(fmt::format("col{}", column), where));
      fields.push_back(args[row * columns + column]);
    }
    structs.push_back(builder_.Call("named_struct", std::move(fields), where));
  }
  return builder_.Call("array", std::move(structs), where);
}

// json_tuple(json, name, ...): one struct of the named members as text, c0, c1, ...
ExprPtr QueryBinder::JsonTupleRow(std::vector<ExprPtr> args, Location where) {
  const auto is_name = [](const ExprPtr& arg) {
    return IsTextLiteral(*arg) && arg->literal.string().find('\'') == std::string::npos;
  };
  if (args.size() < 2 || args.size() > kGeneratedColumnsMax ||
      !std::all_of(args.begin() + 1, args.end(), is_name)) {
    builder_.diagnostics().Error(
        where, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        "json_tuple() takes a JSON text and names of members, as literals without quotes in them",
        "write for instance json_tuple(value, 'id', 'name')");
    return nullptr;
  }
  std::vector<ExprPtr> fields;
  for (size_t i = 1; i < args.size(); ++i) {
    const ExprPtr path = Text(fmt::format("$['{}']", args[i]->literal.string()), args[i]->where);
    fields.push_back(Text(fmt::format("c{}", i - 1), where));
    fields.push_back(builder_.Call("get_json_object", {args[0], path}, where));
  }
  std::vector<ExprPtr> one;
  one.push_back(builder_.Call("named_struct", std::move(fields), where));
  return builder_.Call("array", std::move(one), where);
}

PlanPtr QueryBinder::Generate(PlanPtr input, const Scope& scope, const ast::Expr& call, bool outer,
                              std::vector<ScopeColumn>& columns) {
  std::string_view name = call.name;
  const bool named_outer = name.ends_with("_outer");
  if (named_outer) name.remove_suffix(6);
  ExprPtr collection = BindCollection(name, call, scope);
  if (!input || !builder_.Charge(collection)) return nullptr;
  if (name == "stack" || name == "json_tuple") name = "inline";
  const DataType type = collection->type;
  const bool array = type.kind() == TypeKind::kArray;
  const bool structs = array && type.element().kind() == TypeKind::kStruct;
  if (name == "inline" ? !structs : !array && type.kind() != TypeKind::kMap) {
    builder_.diagnostics().Error(
        call.where, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
        fmt::format("{} wants {}, not {}", call.name,
                    name == "inline" ? "an ARRAY of STRUCTs" : "an ARRAY or MAP", type.ToDdl()),
        {});
    return nullptr;
  }
  PlanDraft generate = NewPlan(PlanKind::kGenerate, call.where, {std::move(input)});
  if (!generate) return nullptr;
  generate->generator = collection;
  generate->generator_outer = outer || named_outer;
  generate->generator_position = name == "posexplode";
  const bool maybe_none = generate->generator_outer;
  const auto add = [&](std::string column, const DataType& column_type, bool nullable) {
    std::vector<data::Field>& fields = generate->schema.fields;
    columns.push_back({{},
                       column,
                       MakeColumn(static_cast<int>(fields.size()), column_type,
                                  nullable || maybe_none, call.where)});
    fields.emplace_back(std::move(column), column_type, nullable || maybe_none);
  };
  if (generate->generator_position) add("pos", DataType::Int(), false);
  if (array) {
    add("col", type.element(), type.fields()[0].nullable);
  } else {
    add("key", type.key(), false);
    add("value", type.map_value(), type.fields()[1].nullable);
  }
  if (name == "inline") {  // the fields of the one generated struct
    const ExprPtr element = columns[0].expr;
    columns.clear();
    for (size_t i = 0; i < element->type.fields().size(); ++i) {
      columns.push_back({{},
                         element->type.fields()[i].name,
                         builder_.Field(element, static_cast<int>(i), call.where)});
    }
  }
  return generate;
}

}  // namespace millrace::sql
