// Calls: functions, the conditional forms that evaluate only some arguments, lambdas, aggregates
// and window().
#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/decimal.h"
#include "sql/expr_binder.h"
#include "sql/function.h"
#include "sql/literal.h"

namespace millrace::sql {
namespace {

using ast::Kind;
using data::DataType;
using data::TypeKind;

struct NamedType {
  std::string_view name;
  TypeKind kind;
};
// Types that can be called like functions: int(x) is CAST(x AS INT).
constexpr std::array<NamedType, 11> kTypeCalls = {{{"boolean", TypeKind::kBoolean},
                                                   {"tinyint", TypeKind::kTinyint},
                                                   {"smallint", TypeKind::kSmallint},
                                                   {"int", TypeKind::kInt},
                                                   {"bigint", TypeKind::kBigint},
                                                   {"float", TypeKind::kFloat},
                                                   {"double", TypeKind::kDouble},
                                                   {"string", TypeKind::kString},
                                                   {"binary", TypeKind::kBinary},
                                                   {"date", TypeKind::kDate},
                                                   {"timestamp", TypeKind::kTimestamp}}};

struct NamedAggregate {
  std::string_view name;
  AggregateKind plain;
  std::optional<AggregateKind> distinct;
};
constexpr std::array<NamedAggregate, 27> kAggregates = {{
    {"count", AggregateKind::kCount, AggregateKind::kCountDistinct},
    {"sum", AggregateKind::kSum, AggregateKind::kSumDistinct},
    {"avg", AggregateKind::kAvg, AggregateKind::kAvgDistinct},
    {"mean", AggregateKind::kAvg, AggregateKind::kAvgDistinct},
    {"min", AggregateKind::kMin, AggregateKind::kMin},
    {"max", AggregateKind::kMax, AggregateKind::kMax},
    {"first", AggregateKind::kFirst, {}},
    {"first_value", AggregateKind::kFirst, {}},
    {"last", AggregateKind::kLast, {}},
    {"last_value", AggregateKind::kLast, {}},
    {"any_value", AggregateKind::kAnyValue, {}},
    {"collect_list", AggregateKind::kCollectList, AggregateKind::kCollectSet},
    {"array_agg", AggregateKind::kCollectList, AggregateKind::kCollectSet},
    {"collect_set", AggregateKind::kCollectSet, AggregateKind::kCollectSet},
    {"bool_and", AggregateKind::kBoolAnd, AggregateKind::kBoolAnd},
    {"bool_or", AggregateKind::kBoolOr, AggregateKind::kBoolOr},
    {"min_by", AggregateKind::kMinBy, {}},
    {"max_by", AggregateKind::kMaxBy, {}},
    {"stddev_samp", AggregateKind::kStddevSamp, {}},
    {"var_samp", AggregateKind::kVarSamp, {}},
    {"stddev_pop", AggregateKind::kStddevPop, {}},
    {"var_pop", AggregateKind::kVarPop, {}},
    {"try_sum", AggregateKind::kTrySum, {}},
    {"try_avg", AggregateKind::kTryAvg, {}},
    {"percentile", AggregateKind::kPercentile, {}},
    {"median", AggregateKind::kPercentile, {}},
    {"mode", AggregateKind::kMode, {}},
}};

const NamedAggregate* FindAggregate(const FunctionDef& function) {
  for (const NamedAggregate& known : kAggregates) {
    if (known.name == function.name) return &known;
  }
  for (const NamedAggregate& known : kAggregates) {
    if (std::ranges::find(function.aliases, known.name) != function.aliases.end()) return &known;
  }
  return nullptr;
}

// Whether two expressions count the same rows: constants other than NULL.
bool IsConstant(const Expr& expr) {
  return expr.kind == ExprKind::kLiteral && !expr.literal.is_null();
}

// The number a literal stands for, converted to another type or not.
std::optional<double> NumberOf(const Expr& expr) {
  if (expr.kind == ExprKind::kCast) return NumberOf(*expr.args[0]);
  if (expr.kind != ExprKind::kLiteral || expr.literal.is_null()) return std::nullopt;
  if (expr.type.kind() == TypeKind::kDecimal)
    return DecimalToDouble({expr.literal.decimal(), expr.type.scale()});
  if (expr.type.is_integral()) return static_cast<double>(expr.literal.integer());
  if (expr.type.is_fractional()) return expr.literal.real();
  return std::nullopt;
}

}  // namespace

ExprPtr ExprBinder::BindCall(const ast::Expr& node) {
  bool handled = false;
  ExprPtr conditional = BindConditional(node, handled);
  if (handled) return conditional;
  if (node.name == "window" || node.name == "session_window") return BindWindow(node);
  if (IsGenerator(node.name)) {
    builder_.diagnostics().Error(
        node.where, "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS",
        fmt::format("{} makes rows, so it cannot stand inside an expression, nor in {}", node.name,
                    place_.what),
        "put it alone into the SELECT list, or use LATERAL VIEW");
    return nullptr;
  }
  // count_if(x) is count(*) FILTER (WHERE x).
  const FunctionDef* function = FindFunction(node.name == "count_if" ? "count" : node.name);
  if (function != nullptr) {
    if (function->is_aggregate) return BindAggregate(*function, node);
    return BindFunction(*function, node);
  }
  if (const auto* found = std::ranges::find(kTypeCalls, node.name, &NamedType::name);
      found != kTypeCalls.end()) {
    return BindTypeCall(node, DataType(found->kind));
  }
  BindAll(node.args);  // their errors too
  return builder_.Call(node.name, {}, node.where);
}

// Functions that are CASE or coalesce under another name; `handled` is false for all others.
ExprPtr ExprBinder::BindConditional(const ast::Expr& node, bool& handled) {
  const size_t count = node.args.size();
  const auto is = [&](std::string_view name, size_t wanted) {
    return node.name == name && count == wanted;
  };
  handled = is("if", 3) || is("iff", 3) || is("nvl", 2) || is("ifnull", 2) || is("nvl2", 3) ||
            is("nullif", 2) || is("zeroifnull", 1) || is("nullifzero", 1) ||
            (node.name == "coalesce" && count > 0) || (node.name == "decode" && count > 2);
  if (!handled || RefuseModifiers(node)) return nullptr;
  if (node.name == "decode") return BindDecode(node);
  std::vector<ExprPtr> args = BindAll(node.args);
  if (HasNull(args)) return nullptr;
  const Location where = node.where;
  const auto zero = [&] { return MakeLiteral(DataType::Int(), data::Value::Int(0), where); };
  if (count == 3 && node.name != "nvl2" && node.name != "coalesce") {
    return builder_.Case(std::move(args), where);
  }
  if (node.name == "nvl2") {
    args[0] = builder_.Call("isnotnull", {args[0]}, where);
    return builder_.Case(std::move(args), where);
  }
  if (node.name == "nullif" || node.name == "nullifzero") {
    const ExprPtr other = count == 2 ? args[1] : zero();
    return builder_.Case(
        {builder_.Call("=", {args[0], other}, where), builder_.NullLiteral(where), args[0]}, where);
  }
  if (node.name == "zeroifnull") args.push_back(zero());
  return builder_.Coalesce(std::move(args), where);
}

// decode(expr, search, result, ..., [default]): NULL matches NULL.
ExprPtr ExprBinder::BindDecode(const ast::Expr& node) {
  const std::vector<ExprPtr> args = BindAll(node.args);
  if (HasNull(args)) return nullptr;
  std::vector<ExprPtr> parts;
  size_t i = 1;
  for (; i + 1 < args.size(); i += 2) {
    parts.push_back(builder_.Call("<=>", {args[0], args[i]}, node.where));
    parts.push_back(args[i + 1]);
  }
  if (i < args.size()) parts.push_back(args[i]);
  return builder_.Case(std::move(parts), node.where);
}

ExprPtr ExprBinder::BindTypeCall(const ast::Expr& node, const DataType& type) {
  if (RefuseModifiers(node)) return nullptr;
  if (node.args.size() != 1) {
    builder_.diagnostics().Error(node.where, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                                 fmt::format("{}() takes one argument", node.name));
    return nullptr;
  }
  return builder_.Cast(Bind(*node.args[0]), type, builder_.cast_mode(), node.where);
}

// DISTINCT, FILTER and IGNORE NULLS belong to aggregates.
bool ExprBinder::RefuseModifiers(const ast::Expr& node) {
  const std::string_view what = node.distinct       ? "DISTINCT"
                                : node.filter       ? "FILTER (WHERE ...)"
                                : node.ignore_nulls ? "IGNORE NULLS"
                                                    : "";
  if (what.empty()) return false;
  builder_.diagnostics().Error(
      node.where, "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
      fmt::format("{} belongs to aggregates, and {} is none", what, node.name),
      fmt::format("remove {}", what));
  return true;
}

ExprPtr ExprBinder::BindFunction(const FunctionDef& function, const ast::Expr& node) {
  if (RefuseModifiers(node)) return nullptr;
  std::vector<ExprPtr> args = BindArguments(function, node);
  if (HasNull(args)) return nullptr;
  return builder_.CallOf(function, std::move(args), node.where);
}

// Lambdas come last: the types of their parameters follow from the other arguments.
std::vector<ExprPtr> ExprBinder::BindArguments(const FunctionDef& function, const ast::Expr& node) {
  std::vector<ExprPtr> bound(node.args.size());
  std::vector<Argument> arguments(node.args.size());
  bool good = true;
  for (size_t i = 0; i < node.args.size(); ++i) {
    arguments[i].is_lambda = node.args[i]->kind == Kind::kLambda;
    if (arguments[i].is_lambda) continue;
    bound[i] = Bind(*node.args[i]);
    if (!bound[i]) {
      good = false;
      continue;
    }
    arguments[i].type = bound[i]->type;
    arguments[i].nullable = bound[i]->nullable;
    if (bound[i]->kind == ExprKind::kLiteral) arguments[i].literal = &bound[i]->literal;
  }
  for (size_t i = 0; i < node.args.size() && good; ++i) {
    if (!arguments[i].is_lambda) continue;
    if (!function.lambda_types) {
      Bind(*node.args[i]);  // reports that none belongs here
      return bound;
    }
    auto types = function.lambda_types(arguments, i);
    if (!types) {
      builder_.diagnostics().Error(node.where, "DATATYPE_MISMATCH", types.error().message,
                                   types.error().hint);
      return bound;
    }
    bound[i] = BindLambda(*node.args[i], *types);
    if (!bound[i]) return bound;
    arguments[i].type = bound[i]->type;
    arguments[i].nullable = bound[i]->nullable;
  }
  return bound;
}

ExprPtr ExprBinder::BindLambda(const ast::Expr& node, std::span<const DataType> types) {
  if (node.parts.size() > types.size()) {
    builder_.diagnostics().Error(
        node.where, "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH",
        fmt::format("the lambda has {} parameters where at most {} can be given", node.parts.size(),
                    types.size()));
    return nullptr;
  }
  const size_t outer = variables_.size();
  for (size_t i = 0; i < node.parts.size(); ++i) {
    variables_.emplace_back(node.parts[i],
                            builder_.Variable(static_cast<int>(outer + i), types[i], node.where));
  }
  ExprPtr body = Bind(*node.args[0]);
  variables_.resize(outer);
  return builder_.Lambda(std::move(body), node.parts, node.where);
}

ExprPtr ExprBinder::BindAggregate(const FunctionDef& function, const ast::Expr& node) {
  if (place_.uses == nullptr || in_aggregate_ || !variables_.empty()) {
    const std::string where_not = in_aggregate_         ? "another aggregate"
                                  : !variables_.empty() ? "a lambda"
                                                        : std::string(place_.what);
    builder_.diagnostics().Error(
        node.where, in_aggregate_ ? "NESTED_AGGREGATE_FUNCTION" : "INVALID_WHERE_CONDITION",
        fmt::format("the aggregate {} cannot stand in {}", node.name, where_not),
        place_.what == "WHERE" && !in_aggregate_ ? "use HAVING" : "compute it in a subquery");
    return nullptr;
  }
  AggregateCall call;
  in_aggregate_ = true;
  const bool good = FillAggregate(function, node, call);
  in_aggregate_ = false;
  if (!good) return nullptr;
  const bool counts = call.kind == AggregateKind::kCount ||
                      call.kind == AggregateKind::kCountStar ||
                      call.kind == AggregateKind::kCountDistinct;
  const bool collects =
      call.kind == AggregateKind::kCollectList || call.kind == AggregateKind::kCollectSet;
  return AddAggregate(std::move(call), !counts && !collects, node.where);
}

bool ExprBinder::FillAggregate(const FunctionDef& function, const ast::Expr& node,
                               AggregateCall& call) {
  ExprPtr filter;
  if (node.filter) {
    filter = builder_.Condition(Bind(*node.filter), "FILTER");
    if (!filter) return false;
  }
  call.filter = filter;
  call.ignore_nulls = node.ignore_nulls;
  call.type = DataType::Bigint();
  const bool star = node.args.size() == 1 && node.args[0]->kind == Kind::kStar;
  if (node.name == "count" && star && !node.distinct) return true;
  std::vector<ExprPtr> args = BindAll(node.args);
  if (HasNull(args)) return false;
  if (node.name == "count_if" && args.size() == 1) {
    ExprPtr condition = builder_.Condition(args[0], "count_if");
    if (condition && filter) {
      condition = builder_.Logical(ExprKind::kAnd, {filter, condition}, node.where);
    }
    call.filter = condition;
    return condition != nullptr;
  }
  const NamedAggregate* known = FindAggregate(function);
  if (known == nullptr || (node.distinct && !known->distinct)) {
    builder_.diagnostics().Error(
        node.where, "UNSUPPORTED_FEATURE.AGGREGATE",
        fmt::format("{}({}) is not supported", node.name, node.distinct ? "DISTINCT ..." : "..."),
        "use count, sum, min, max, avg, first, last or the like");
    return false;
  }
  call.kind = node.distinct ? *known->distinct : known->plain;
  // first(x, true) is first(x) IGNORE NULLS.
  if (args.size() == 2 && args[1]->kind == ExprKind::kLiteral &&
      args[1]->type.kind() == TypeKind::kBoolean && !args[1]->literal.is_null() &&
      (call.kind == AggregateKind::kFirst || call.kind == AggregateKind::kLast ||
       call.kind == AggregateKind::kAnyValue)) {
    call.ignore_nulls = call.ignore_nulls || args[1]->literal.boolean();
    args.pop_back();
  }
  const auto signature = builder_.Resolve(function, args, node.where);
  if (!signature) return false;
  call.args = builder_.CoerceAll(*signature, std::move(args));
  call.type = signature->result;
  if (HasNull(call.args)) return false;
  if (call.kind == AggregateKind::kPercentile) return FillPercentage(call, node.where);
  if (call.kind == AggregateKind::kCount && call.args.size() > 1) {
    // count(a, b) counts the rows where neither is NULL.
    std::vector<ExprPtr> present;
    if (call.filter) present.push_back(call.filter);
    for (ExprPtr& arg : call.args) {
      present.push_back(builder_.Call("isnotnull", {std::move(arg)}, node.where));
    }
    call.filter = builder_.Logical(ExprKind::kAnd, std::move(present), node.where);
    call.kind = AggregateKind::kCountStar;
    call.args.clear();
    return call.filter != nullptr;
  }
  if (call.kind == AggregateKind::kCount && call.args.size() == 1 && IsConstant(*call.args[0])) {
    call.kind = AggregateKind::kCountStar;
    call.args.clear();
  }
  return true;
}

// median(x) is percentile(x, 0.5); the percentage is checked here, so that the engine need not.
bool ExprBinder::FillPercentage(AggregateCall& call, Location where) {
  if (call.args.size() == 1)
    call.args.push_back(MakeLiteral(DataType::Double(), data::Value::Double(0.5), where));
  ExprPtr& percentage = call.args[1];
  const auto number = NumberOf(*percentage);
  if (number && *number >= 0 && *number <= 1) {
    percentage = MakeLiteral(DataType::Double(), data::Value::Double(*number), percentage->where);
    return true;
  }
  builder_.diagnostics().Error(
      percentage->where,
      number ? "DATATYPE_MISMATCH.VALUE_OUT_OF_RANGE" : "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
      "the percentage of percentile() is a literal from 0 to 1", "write for instance 0.95");
  return false;
}

ExprPtr ExprBinder::AddAggregate(AggregateCall call, bool nullable, Location where) {
  uint64_t fingerprint = static_cast<uint64_t>(call.kind) * 2 + (call.ignore_nulls ? 1 : 0);
  for (const ExprPtr& arg : call.args) {
    fingerprint = fingerprint * 1'000'003 + builder_.Fingerprint(arg);
  }
  if (call.filter) fingerprint = fingerprint * 1'000'003 + builder_.Fingerprint(call.filter) + 1;
  AggregateUses& uses = *place_.uses;
  const auto found = std::ranges::find(uses.fingerprints, fingerprint);
  const auto index = static_cast<size_t>(found - uses.fingerprints.begin());
  const DataType type = call.type;
  if (found == uses.fingerprints.end()) {
    for (const ExprPtr& arg : call.args) builder_.Charge(arg);
    uses.fingerprints.push_back(fingerprint);
    uses.aggregates.push_back(std::move(call));
  }
  return MakeColumn(kAggregateBase + static_cast<int>(index), type, nullable, where);
}

std::optional<int64_t> ExprBinder::BindDuration(const ast::Expr& node) {
  Result<IntervalValue> value =
      Fail(ErrorCode::kInvalidArgument, "window() takes its durations as constants");
  if (node.kind == Kind::kLiteral && node.type.kind() == TypeKind::kString) {
    value = ParseIntervalText(node.literal.string());
  } else if (node.kind == Kind::kLiteral && node.type.is_interval()) {
    value = IntervalValue{node.type.kind() == TypeKind::kIntervalYearMonth, node.literal.integer()};
  }
  if (value && value->year_month) {
    value = Fail(ErrorCode::kInvalidArgument,
                 "window() takes no months or years: they differ in "
                 "length");
  }
  if (value) return value->value;
  builder_.diagnostics().Error(node.where, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                               value.error().message, "write for instance '1 minute'");
  return std::nullopt;
}

// window(time, size[, slide[, start]])
ExprPtr ExprBinder::BindWindow(const ast::Expr& node) {
  Diagnostics& diagnostics = builder_.diagnostics();
  if (node.name == "session_window") {
    diagnostics.Error(node.where, "UNSUPPORTED_FEATURE.SESSION_WINDOW",
                      "session windows are not supported yet", "use window(time, '1 minute')");
    return nullptr;
  }
  if (place_.uses == nullptr || !place_.windows || in_aggregate_ || !variables_.empty()) {
    diagnostics.Error(node.where, "UNSUPPORTED_FEATURE.TIME_WINDOW",
                      fmt::format("window() cannot stand in {}", place_.what),
                      "put it into GROUP BY, and use window.start and window.end");
    return nullptr;
  }
  if (RefuseModifiers(node)) return nullptr;
  if (node.args.size() < 2 || node.args.size() > 4) {
    diagnostics.Error(node.where, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                      "window() takes a time, a size, and maybe a slide and a start",
                      "write for instance window(event_time, '1 minute')");
    return nullptr;
  }
  WindowCall call;
  ExprPtr time = Bind(*node.args[0]);
  const auto size = BindDuration(*node.args[1]);
  const auto slide = node.args.size() > 2 ? BindDuration(*node.args[2]) : size;
  const auto offset = node.args.size() > 3 ? BindDuration(*node.args[3]) : 0;
  if (!time || !size || !slide || !offset) return nullptr;
  if (!time->type.is_datetime()) {
    diagnostics.Error(time->where, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE",
                      fmt::format("window() wants a TIMESTAMP, not {}", time->type.ToDdl()),
                      "cast it to TIMESTAMP");
    return nullptr;
  }
  // A row belongs to size / slide windows: bounded, as each costs state.
  constexpr int64_t kWindowsOfRowMax = 10'000;
  if (*size <= 0 || *slide <= 0 || *slide > *size || std::abs(*offset) >= *slide ||
      *size / *slide > kWindowsOfRowMax) {
    diagnostics.Error(node.where, "DATATYPE_MISMATCH.PARAMETER_CONSTRAINT_VIOLATION",
                      "window() wants 0 < slide <= size, |start| < slide and at most 10000 windows "
                      "at a time",
                      "write for instance window(event_time, '10 minutes', '1 minute')");
    return nullptr;
  }
  call.time = builder_.Coerce(std::move(time), DataType::Timestamp());
  if (!call.time) return nullptr;
  call.size_us = *size;
  call.slide_us = *slide;
  call.offset_us = *offset;
  std::vector<WindowCall>& windows = place_.uses->windows;
  for (size_t i = 0; i < windows.size(); ++i) {
    const bool same = windows[i].size_us == *size && windows[i].slide_us == *slide &&
                      windows[i].offset_us == *offset &&
                      builder_.Fingerprint(windows[i].time) == builder_.Fingerprint(call.time);
    if (same) {
      return MakeColumn(kWindowBase + static_cast<int>(i), WindowType(), false, node.where);
    }
  }
  windows.push_back(std::move(call));
  return MakeColumn(kWindowBase + static_cast<int>(windows.size() - 1), WindowType(), false,
                    node.where);
}

}  // namespace millrace::sql
