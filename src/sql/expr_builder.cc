#include "sql/expr_builder.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "base/hash.h"
#include "sql/coercion.h"
#include "sql/regexp_pattern.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;
using data::Value;

std::vector<std::string> FunctionNames() {
  std::vector<std::string> names;
  for (const FunctionDef* function : AllFunctions()) {
    if (function->category == "operator") continue;
    names.emplace_back(function->name);
    for (const std::string_view alias : function->aliases) names.emplace_back(alias);
  }
  return names;
}

constexpr int64_t kExactInDouble = int64_t{1} << 53;

data::Int128 PowerOfTen(int exponent) {
  data::Int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

bool Fits(int64_t number, TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyint:
      return number == static_cast<int8_t>(number);
    case TypeKind::kSmallint:
      return number == static_cast<int16_t>(number);
    case TypeKind::kInt:
      return number == static_cast<int32_t>(number);
    default:
      return true;
  }
}

// The literal as `type`, where that cannot fail; nullopt leaves the cast to the engine.
std::optional<Value> ConvertedLiteral(const DataType& from, const Value& value,
                                      const DataType& to) {
  if (value.is_null()) return value;
  if (from.is_integral()) {
    const int64_t number = value.integer();
    if (to.is_integral() && Fits(number, to.kind())) return value;
    if (to.kind() == TypeKind::kDouble && number < kExactInDouble && number > -kExactInDouble) {
      return Value::Double(static_cast<double>(number));
    }
    const data::Int128 bound = PowerOfTen(to.precision() - to.scale());
    if (to.kind() == TypeKind::kDecimal && number < bound && number > -bound) {
      return Value::Decimal(number * PowerOfTen(to.scale()));
    }
  }
  if (from.kind() == TypeKind::kDecimal && to.kind() == TypeKind::kDecimal &&
      to.scale() >= from.scale() &&
      to.precision() - to.scale() >= from.precision() - from.scale()) {
    return Value::Decimal(value.decimal() * PowerOfTen(to.scale() - from.scale()));
  }
  return std::nullopt;
}

uint64_t Mix(uint64_t seed, uint64_t value) {
  return Hash64({reinterpret_cast<const char*>(&value), sizeof(value)}, seed);
}

}  // namespace

bool HasNull(std::span<const ExprPtr> args) {
  return std::ranges::any_of(args, [](const ExprPtr& arg) { return arg == nullptr; });
}

void Diagnostics::Error(Location where, std::string_view condition, std::string message,
                        std::string suggestion) {
  if (errors_.size() >= kErrorsMax) return;
  for (const Diagnostic& known : errors_) {
    if (known.where == where && known.message == message) return;
  }
  errors_.push_back({where, std::string(condition), std::move(message), std::move(suggestion)});
}

void Diagnostics::Warn(Location where, std::string_view condition, std::string message,
                       std::string suggestion) {
  if (warnings_.size() >= kErrorsMax) return;
  warnings_.push_back({where, std::string(condition), std::move(message), std::move(suggestion)});
}

std::string Diagnostics::DidYouMean(std::string_view name,
                                    const std::vector<std::string>& candidates) const {
  if (errors_.size() >= kErrorsMax) return {};
  const std::string near = NearestName(name, candidates);
  return near.empty() ? "" : fmt::format("did you mean {}?", near);
}

std::vector<Diagnostic> Diagnostics::TakeErrors() {
  std::ranges::stable_sort(errors_, {}, &Diagnostic::where);
  return std::move(errors_);
}

ExprBuilder::Facts& ExprBuilder::FactsOf(const ExprPtr& expr) {
  if (const auto found = facts_.find(expr.get()); found != facts_.end()) return found->second;
  Facts facts;
  facts.expr = expr;
  for (const ExprPtr& arg : expr->args) {
    const Facts& part = FactsOf(arg);
    facts.nodes += part.nodes;
    facts.depth = std::max(facts.depth, part.depth + 1);
    facts.fingerprint = Mix(facts.fingerprint, part.fingerprint);
  }
  // What the parts do not say: the node alone, as it prints.
  uint64_t own = static_cast<uint64_t>(expr->kind) * 16 +
                 static_cast<uint64_t>(expr->cast_mode) * 2 + (expr->ansi ? 1 : 0);
  own = Mix(own, static_cast<uint64_t>(static_cast<int64_t>(expr->ordinal)));
  own = Mix(own, reinterpret_cast<uintptr_t>(expr->function));
  own = Mix(own, Hash64(expr->kind == ExprKind::kLiteral ? ToString(*expr) : expr->type.ToDdl()));
  facts.fingerprint = Mix(facts.fingerprint, Mix(own, expr->args.size()));
  return facts_.emplace(expr.get(), std::move(facts)).first->second;
}

uint64_t ExprBuilder::Fingerprint(const ExprPtr& expr) { return FactsOf(expr).fingerprint; }

ExprPtr ExprBuilder::Admit(std::shared_ptr<Expr> expr) {
  const Location where = expr->where;
  ExprPtr done = std::move(expr);
  const Facts& facts = FactsOf(done);
  if (facts.nodes <= kExprNodesMax && facts.depth <= kExprDepthMax) return done;
  diagnostics_.Error(where, "EXPRESSION_TOO_LARGE",
                     fmt::format("the expression has more than {} parts or {} levels, counting "
                                 "the aliases it uses",
                                 kExprNodesMax, kExprDepthMax),
                     "split it");
  return nullptr;
}

bool ExprBuilder::Charge(const ExprPtr& expr) {
  if (!expr) return false;
  query_nodes_ += FactsOf(expr).nodes;
  if (query_nodes_ <= kQueryNodesMax) return true;
  diagnostics_.Error(
      expr->where, "QUERY_TOO_LARGE",
      fmt::format("the expressions of the query have more than {} parts", kQueryNodesMax),
      "split the query");
  return false;
}

std::shared_ptr<Expr> ExprBuilder::New(ExprKind kind, const DataType& type,
                                       std::vector<ExprPtr> args, Location where) {
  auto expr = std::make_shared<Expr>();
  expr->kind = kind;
  expr->type = type;
  expr->args = std::move(args);
  expr->where = where;
  expr->ansi = ansi_;
  return expr;
}

std::optional<Signature> ExprBuilder::Resolve(const FunctionDef& function,
                                              std::span<const ExprPtr> args, Location where) {
  std::vector<Argument> arguments;
  for (const ExprPtr& arg : args) {
    if (!arg) return std::nullopt;
    Argument argument;
    argument.type = arg->type;
    argument.nullable = arg->nullable;
    argument.is_lambda = arg->kind == ExprKind::kLambda;
    if (arg->kind == ExprKind::kLiteral) argument.literal = &arg->literal;
    arguments.push_back(std::move(argument));
  }
  auto signature = function.resolve(arguments);
  if (!signature) {
    const bool wrong_count = signature.error().code == ErrorCode::kNotFound;  // see WrongCount
    diagnostics_.Error(where,
                       wrong_count ? "WRONG_NUM_ARGS.WITHOUT_SUGGESTION" : "DATATYPE_MISMATCH",
                       std::move(signature.error().message), std::move(signature.error().hint));
    return std::nullopt;
  }
  return std::move(*signature);
}

std::vector<ExprPtr> ExprBuilder::CoerceAll(const Signature& signature, std::vector<ExprPtr> args) {
  for (size_t i = 0; i < args.size() && i < signature.arguments.size(); ++i) {
    if (args[i]->kind != ExprKind::kLambda) {
      args[i] = Coerce(args[i], signature.arguments[i]);
    } else if (!(args[i]->type == signature.arguments[i])) {
      args[i] = Lambda(Coerce(args[i]->args[0], signature.arguments[i]), args[i]->parameters,
                       args[i]->where);
    }
  }
  return args;
}

ExprPtr ExprBuilder::Call(std::string_view name, std::vector<ExprPtr> args, Location where) {
  if (const FunctionDef* function = FindFunction(name)) {
    return CallOf(*function, std::move(args), where);
  }
  diagnostics_.Error(where, "UNRESOLVED_ROUTINE", fmt::format("there is no function {}", name),
                     diagnostics_.DidYouMean(name, FunctionNames()));
  return nullptr;
}

ExprPtr ExprBuilder::CallOf(const FunctionDef& function, std::vector<ExprPtr> args,
                            Location where) {
  const auto signature = Resolve(function, args, where);
  if (!signature) return nullptr;
  args = CoerceAll(*signature, std::move(args));
  if (HasNull(args) || !CheckPattern(function, args)) return nullptr;
  bool nullable = signature->nullable;
  if (!nullable && function.null_rule == NullRule::kPropagate) {
    nullable = std::ranges::any_of(
        args, [](const ExprPtr& arg) { return arg->kind != ExprKind::kLambda && arg->nullable; });
  }
  auto call = New(ExprKind::kCall, signature->result, std::move(args), where);
  call->function = &function;
  call->nullable = nullable;
  return Admit(std::move(call));
}

// A regular expression that is a literal must be one. It is argument 1 of all functions on them.
bool ExprBuilder::CheckPattern(const FunctionDef& function, std::span<const ExprPtr> args) {
  const bool like = function.name == "like" || function.name == "ilike";
  if (function.category != "regexp" || like || args.size() < 2) return true;
  const Expr& pattern = *args[1];
  if (pattern.kind != ExprKind::kLiteral || pattern.literal.is_null()) return true;
  const Status checked = CheckRegexp(pattern.literal.string());
  if (!checked)
    diagnostics_.Error(pattern.where, "INVALID_PARAMETER_VALUE.PATTERN", checked.error().message);
  return checked.has_value();
}

ExprPtr ExprBuilder::Cast(ExprPtr expr, const DataType& type, CastMode mode, Location where) {
  if (!expr) return nullptr;
  if (expr->type == type) return expr;
  if (!CanCast(expr->type, type)) {
    diagnostics_.Error(where, "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION",
                       fmt::format("{} cannot be cast to {}", expr->type.ToDdl(), type.ToDdl()));
    return nullptr;
  }
  const bool nullable = expr->nullable || mode != CastMode::kAnsi;
  auto cast = New(ExprKind::kCast, type, {std::move(expr)}, where);
  cast->cast_mode = mode;
  cast->nullable = nullable;
  return Admit(std::move(cast));
}

ExprPtr ExprBuilder::Coerce(ExprPtr expr, const DataType& type) {
  if (!expr || expr->type == type) return expr;
  if (expr->kind == ExprKind::kLiteral) {
    if (auto value = ConvertedLiteral(expr->type, expr->literal, type)) {
      return MakeLiteral(type, std::move(*value), expr->where);
    }
  }
  const Location where = expr->where;
  return Cast(std::move(expr), type, cast_mode(), where);
}

ExprPtr ExprBuilder::Condition(ExprPtr expr, std::string_view what) {
  if (!expr || expr->type.kind() == TypeKind::kBoolean) return expr;
  if (expr->type.kind() == TypeKind::kNull) return Coerce(std::move(expr), DataType::Boolean());
  diagnostics_.Error(expr->where, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN",
                     fmt::format("{} wants a BOOLEAN, not {}", what, expr->type.ToDdl()),
                     "compare it with a value");
  return nullptr;
}

ExprPtr ExprBuilder::Logical(ExprKind kind, std::vector<ExprPtr> args, Location where) {
  const std::string_view what = kind == ExprKind::kAnd ? "AND" : "OR";
  std::vector<ExprPtr> flat;
  for (ExprPtr& arg : args) {
    arg = Condition(std::move(arg), what);
    if (!arg) continue;
    if (arg->kind == kind) {
      flat.insert(flat.end(), arg->args.begin(), arg->args.end());
    } else {
      flat.push_back(arg);
    }
  }
  if (HasNull(args)) return nullptr;
  if (flat.size() == 1) return flat[0];
  auto node = New(kind, DataType::Boolean(), std::move(flat), where);
  node->nullable = std::ranges::any_of(node->args, [](const ExprPtr& a) { return a->nullable; });
  return Admit(std::move(node));
}

std::optional<DataType> ExprBuilder::Unify(std::vector<ExprPtr>& args,
                                           std::span<const size_t> which, std::string_view what,
                                           Location where) {
  std::vector<DataType> types;
  for (const size_t i : which) {
    if (!args[i]) return std::nullopt;
    types.push_back(args[i]->type);
  }
  const auto common = CommonType(types);
  if (!common) {
    std::vector<std::string> shown;
    for (const DataType& type : types) {
      if (std::ranges::find(shown, type.ToDdl()) == shown.end()) shown.push_back(type.ToDdl());
    }
    diagnostics_.Error(where, "DATATYPE_MISMATCH.DATA_DIFF_TYPES",
                       fmt::format("{} have no common type: {}", what, fmt::join(shown, ", ")),
                       "cast them to one type");
    return std::nullopt;
  }
  for (const size_t i : which) args[i] = Coerce(args[i], *common);
  return common;
}

ExprPtr ExprBuilder::Case(std::vector<ExprPtr> args, Location where) {
  std::vector<size_t> values;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool is_else = i + 1 == args.size() && args.size() % 2 == 1;
    if (i % 2 == 1 || is_else) {
      values.push_back(i);
    } else {
      args[i] = Condition(args[i], "WHEN");
    }
  }
  if (HasNull(args)) return nullptr;
  const auto type = Unify(args, values, "the results of CASE", where);
  if (!type || HasNull(args)) return nullptr;
  bool nullable = args.size() % 2 == 0;
  for (const size_t i : values) nullable = nullable || args[i]->nullable;
  auto node = New(ExprKind::kCase, *type, std::move(args), where);
  node->nullable = nullable;
  return Admit(std::move(node));
}

ExprPtr ExprBuilder::Coalesce(std::vector<ExprPtr> args, Location where) {
  if (HasNull(args)) return nullptr;
  std::vector<size_t> all(args.size());
  std::iota(all.begin(), all.end(), 0);
  const auto type = Unify(args, all, "the arguments of coalesce", where);
  if (!type || HasNull(args)) return nullptr;
  if (args.size() == 1) return args[0];
  auto node = New(ExprKind::kCoalesce, *type, std::move(args), where);
  node->nullable = std::ranges::all_of(node->args, [](const ExprPtr& a) { return a->nullable; });
  return Admit(std::move(node));
}

ExprPtr ExprBuilder::In(std::vector<ExprPtr> args, Location where) {
  if (HasNull(args)) return nullptr;
  std::vector<size_t> all(args.size());
  std::iota(all.begin(), all.end(), 0);
  if (!Unify(args, all, "the two sides of IN", where) || HasNull(args)) return nullptr;
  auto node = New(ExprKind::kIn, DataType::Boolean(), std::move(args), where);
  node->nullable = std::ranges::any_of(node->args, [](const ExprPtr& a) { return a->nullable; });
  return Admit(std::move(node));
}

ExprPtr ExprBuilder::Field(ExprPtr base, int ordinal, Location where) {
  if (!base) return nullptr;
  const data::Field& field = base->type.fields()[static_cast<size_t>(ordinal)];
  auto node = New(ExprKind::kField, *field.type, {}, where);
  node->nullable = field.nullable || base->nullable;
  node->ordinal = ordinal;
  node->args.push_back(std::move(base));
  return Admit(std::move(node));
}

ExprPtr ExprBuilder::Lambda(ExprPtr body, std::vector<std::string> parameters, Location where) {
  if (!body) return nullptr;
  const DataType type = body->type;
  auto node = New(ExprKind::kLambda, type, {std::move(body)}, where);
  node->parameters = std::move(parameters);
  node->nullable = node->args[0]->nullable;
  return Admit(std::move(node));
}

ExprPtr ExprBuilder::Variable(int ordinal, const DataType& type, Location where) {
  auto node = New(ExprKind::kVariable, type, {}, where);
  node->ordinal = ordinal;
  return Admit(std::move(node));
}

ExprPtr ExprBuilder::NullLiteral(Location where) {
  return MakeLiteral(DataType::Null(), Value::Null(), where);
}

}  // namespace millrace::sql
