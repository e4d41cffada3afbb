#include "sql/expr_binder.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "sql/function.h"

namespace millrace::sql {
namespace {

using ast::Kind;
using data::DataType;
using data::TypeKind;

std::string Lower(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

std::vector<std::string> FieldNames(const DataType& type) {
  std::vector<std::string> names;
  for (const data::Field& field : type.fields()) names.push_back(field.name);
  return names;
}

// The nearest candidate, or all when they are few.
std::string Suggestion(const Diagnostics& diagnostics, std::string_view name,
                       const std::vector<std::string>& candidates) {
  constexpr size_t kShownMax = 12;
  std::string near = diagnostics.DidYouMean(name, candidates);
  if (!near.empty() || candidates.empty() || candidates.size() > kShownMax) return near;
  return fmt::format("there are {}", fmt::join(candidates, ", "));
}

// Functions that may be written without parentheses.
bool IsBareFunction(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kBare = {
      "current_date", "current_timestamp", "localtimestamp", "current_timezone",
      "current_user", "current_database",  "current_schema", "session_user"};
  return std::ranges::any_of(
      kBare, [&](std::string_view known) { return data::EqualsIgnoringCase(known, name); });
}

}  // namespace

DataType WindowType() {
  return DataType::Struct({{"start", DataType::Timestamp()}, {"end", DataType::Timestamp()}});
}

bool HasAggregate(const Expr& expr) {
  if (expr.kind == ExprKind::kColumn) return expr.ordinal >= kAggregateBase;
  return std::ranges::any_of(expr.args, [](const ExprPtr& arg) { return HasAggregate(*arg); });
}

ExprPtr ExprBinder::Bind(const ast::Expr& node) {
  switch (node.kind) {
    case Kind::kBad:
      return nullptr;
    case Kind::kLiteral:
      return MakeLiteral(node.type, node.literal, node.where);
    case Kind::kName:
      return BindName(node);
    case Kind::kStar:
      builder_.diagnostics().Error(node.where, "INVALID_USAGE_OF_STAR_OR_REGEX",
                                   "* stands for columns only in a SELECT list or in count(*)",
                                   "name the column");
      return nullptr;
    case Kind::kCall:
      return BindCall(node);
    case Kind::kField:
      return BindField(Bind(*node.args[0]), node.name, node.where);
    case Kind::kIndex:
      return BindIndex(node);
    case Kind::kCast:
      return builder_.Cast(Bind(*node.args[0]), node.type,
                           node.flag ? CastMode::kTry : builder_.cast_mode(), node.where);
    case Kind::kAnd:
      return builder_.Logical(ExprKind::kAnd, BindAll(node.args), node.where);
    case Kind::kOr:
      return builder_.Logical(ExprKind::kOr, BindAll(node.args), node.where);
    case Kind::kCase:
      return BindCase(node);
    case Kind::kIn:
      return BindIn(node);
    case Kind::kBetween:
      return BindBetween(node);
    case Kind::kLikeMany:
      return BindLikeMany(node);
    case Kind::kLambda:
      builder_.diagnostics().Error(node.where, "INVALID_LAMBDA_FUNCTION_CALL",
                                   "a lambda (x -> ...) can only be an argument of a function "
                                   "that takes one",
                                   "use it in transform, filter, exists or the like");
      return nullptr;
  }
  return nullptr;
}

std::vector<ExprPtr> ExprBinder::BindAll(const std::vector<ast::ExprPtr>& nodes) {
  std::vector<ExprPtr> bound;
  for (const ast::ExprPtr& node : nodes) bound.push_back(Bind(*node));
  return bound;
}

ExprPtr ExprBinder::Negated(ExprPtr expr, bool negated, Location where) {
  if (!negated || !expr) return expr;
  return builder_.Call("not", {std::move(expr)}, where);
}

const ExprPtr* ExprBinder::FindVariable(std::string_view name) const {
  for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
    if (data::EqualsIgnoringCase(it->first, name)) return &it->second;
  }
  return nullptr;
}

ExprPtr ExprBinder::BindName(const ast::Expr& node) {
  const std::span<const std::string> parts(node.parts);
  if (const ExprPtr* variable = FindVariable(parts[0])) {
    return BindFields(*variable, parts.subspan(1), node.where);
  }
  if (place_.columns_refused) {
    builder_.diagnostics().Error(node.where, "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
                                 fmt::format("{} cannot use columns", place_.what),
                                 "write a constant");
    return nullptr;
  }
  const ScopeMatch match = scope_.Find(node.parts);
  if (match.ambiguous) {
    builder_.diagnostics().Error(
        node.where, "AMBIGUOUS_REFERENCE",
        fmt::format("several columns are called {}", fmt::join(node.parts, ".")),
        "write the alias of its source before it");
    return nullptr;
  }
  if (match.column == nullptr) return BindUnresolvedName(node);
  // A column whose own binding failed was reported there.
  if (!match.column->expr) return nullptr;
  auto placed = std::make_shared<Expr>(*match.column->expr);
  placed->where = node.where;
  return BindFields(builder_.Admit(std::move(placed)), parts.subspan(match.parts_used), node.where);
}

ExprPtr ExprBinder::BindAlias(const ItemAlias& alias, const ast::Expr& node) {
  if (alias.ambiguous) {
    builder_.diagnostics().Error(
        node.where, "AMBIGUOUS_LATERAL_COLUMN_ALIAS",
        fmt::format("several items of the SELECT list are called {}", node.parts[0]),
        "give them different aliases");
    return nullptr;
  }
  if (alias.expr && !IsDeterministic(*alias.expr)) {
    builder_.diagnostics().Error(
        node.where, "UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS",
        fmt::format("the alias {} stands for a value that differs each time it is computed",
                    node.parts[0]),
        "compute it in a subquery");
    return nullptr;
  }
  return alias.expr;
}

// What a name may mean when no column has it: an alias of the SELECT list, the window of GROUP BY,
// or a function that needs no parentheses.
ExprPtr ExprBinder::BindUnresolvedName(const ast::Expr& node) {
  const std::span<const std::string> parts(node.parts);
  if (place_.aliases != nullptr) {
    const auto alias = place_.aliases->find(Lower(parts[0]));
    if (alias != place_.aliases->end()) {
      return BindFields(BindAlias(alias->second, node), parts.subspan(1), node.where);
    }
  }
  if (place_.uses != nullptr && !place_.uses->windows.empty() &&
      data::EqualsIgnoringCase(parts[0], "window")) {
    return BindFields(MakeColumn(kWindowBase, WindowType(), false, node.where), parts.subspan(1),
                      node.where);
  }
  if (parts.size() == 1 && IsBareFunction(parts[0])) {
    return builder_.Call(Lower(parts[0]), {}, node.where);
  }
  builder_.diagnostics().Error(node.where, "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                               fmt::format("there is no column {}", fmt::join(node.parts, ".")),
                               Suggestion(builder_.diagnostics(), parts.back(), scope_.Names()));
  return nullptr;
}

ExprPtr ExprBinder::BindFields(ExprPtr base, std::span<const std::string> names, Location where) {
  for (const std::string& name : names) base = BindField(std::move(base), name, where);
  return base;
}

ExprPtr ExprBinder::BindField(ExprPtr base, const std::string& name, Location where) {
  if (!base) return nullptr;
  const DataType& type = base->type;
  if (type.kind() == TypeKind::kMap) {
    return builder_.Call(
        "element_at_index",
        {std::move(base), MakeLiteral(DataType::String(), data::Value::String(name), where)},
        where);
  }
  if (type.kind() == TypeKind::kArray && type.element().kind() == TypeKind::kStruct) {
    return BindArrayField(std::move(base), name, where);
  }
  if (type.kind() != TypeKind::kStruct) {
    builder_.diagnostics().Error(where, "INVALID_EXTRACT_BASE_FIELD_TYPE",
                                 fmt::format("{} has no field {}", type.ToDdl(), name),
                                 "only a STRUCT has fields");
    return nullptr;
  }
  const int ordinal = type.FieldIndex(name);
  if (ordinal < 0) {
    builder_.diagnostics().Error(where, "FIELD_NOT_FOUND",
                                 fmt::format("there is no field {}", name),
                                 Suggestion(builder_.diagnostics(), name, FieldNames(type)));
    return nullptr;
  }
  const auto same = std::ranges::count_if(type.fields(), [&](const data::Field& field) {
    return data::EqualsIgnoringCase(field.name, name);
  });
  if (same > 1) {
    builder_.diagnostics().Error(where, "AMBIGUOUS_REFERENCE_TO_FIELDS",
                                 fmt::format("several fields are called {}", name),
                                 "give them different names");
    return nullptr;
  }
  return builder_.Field(std::move(base), ordinal, where);
}

// A field of an array of structs is the array of those fields.
ExprPtr ExprBinder::BindArrayField(ExprPtr base, const std::string& name, Location where) {
  const DataType element = base->type.element();
  ExprPtr variable = builder_.Variable(static_cast<int>(variables_.size()), element, where);
  ExprPtr body = BindField(std::move(variable), name, where);
  ExprPtr lambda = builder_.Lambda(std::move(body), {"element"}, where);
  if (!lambda) return nullptr;
  return builder_.Call("transform", {std::move(base), std::move(lambda)}, where);
}

ExprPtr ExprBinder::BindIndex(const ast::Expr& node) {
  ExprPtr base = Bind(*node.args[0]);
  ExprPtr index = Bind(*node.args[1]);
  if (!base || !index) return nullptr;
  if (base->type.kind() == TypeKind::kStruct && index->kind == ExprKind::kLiteral &&
      index->type.kind() == TypeKind::kString) {
    return BindField(std::move(base), index->literal.string(), node.where);
  }
  return builder_.Call("element_at_index", {std::move(base), std::move(index)}, node.where);
}

ExprPtr ExprBinder::BindCase(const ast::Expr& node) {
  std::vector<ExprPtr> args = BindAll(node.args);
  if (!node.flag) return builder_.Case(std::move(args), node.where);
  const ExprPtr operand = args[0];
  args.erase(args.begin());
  for (size_t i = 0; i + 1 < args.size(); i += 2) {
    if (!operand || !args[i]) {
      args[i] = nullptr;
      continue;
    }
    const Location where = args[i]->where;
    args[i] = builder_.Call("=", {operand, std::move(args[i])}, where);
  }
  return builder_.Case(std::move(args), node.where);
}

ExprPtr ExprBinder::BindBetween(const ast::Expr& node) {
  const std::vector<ExprPtr> args = BindAll(node.args);
  if (HasNull(args)) return nullptr;
  ExprPtr both = builder_.Logical(ExprKind::kAnd,
                                  {builder_.Call(">=", {args[0], args[1]}, node.where),
                                   builder_.Call("<=", {args[0], args[2]}, node.where)},
                                  node.where);
  return Negated(std::move(both), node.negated, node.where);
}

ExprPtr ExprBinder::BindIn(const ast::Expr& node) {
  return Negated(builder_.In(BindAll(node.args), node.where), node.negated, node.where);
}

ExprPtr ExprBinder::BindLikeMany(const ast::Expr& node) {
  const std::vector<ExprPtr> args = BindAll(node.args);
  if (HasNull(args)) return nullptr;
  std::vector<ExprPtr> tests;
  for (size_t i = 1; i < args.size(); ++i) {
    tests.push_back(Negated(builder_.Call(node.name, {args[0], args[i]}, node.where), node.negated,
                            node.where));
  }
  return builder_.Logical(node.flag ? ExprKind::kAnd : ExprKind::kOr, std::move(tests), node.where);
}

}  // namespace millrace::sql
