#include "sql/expr.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "sql/function.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;
using data::Value;

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string HexLiteral(std::string_view bytes) {
  std::string out = "X'";
  for (const char c : bytes) out += fmt::format("{:02X}", static_cast<unsigned char>(c));
  return out + "'";
}

std::string DecimalLiteral(const DataType& type, const Value& value) {
  const std::string number = data::FormatDecimal(value.decimal(), type.scale());
  int digits = 0;
  for (data::Int128 rest = value.decimal(); rest != 0; rest /= 10) ++digits;
  // As it would be read back, a number has the precision of the digits it is written with.
  if (std::max({digits, type.scale(), 1}) == type.precision()) return number + "BD";
  return fmt::format("CAST({}BD AS {})", number, type.ToDdl());
}

std::string LiteralText(const DataType& type, const Value& value) {
  if (value.is_null()) {
    return type.kind() == TypeKind::kNull ? "NULL" : fmt::format("CAST(NULL AS {})", type.ToDdl());
  }
  switch (type.kind()) {
    case TypeKind::kBoolean:
      return value.boolean() ? "true" : "false";
    case TypeKind::kTinyint:
      return fmt::format("{}Y", value.integer());
    case TypeKind::kSmallint:
      return fmt::format("{}S", value.integer());
    case TypeKind::kInt:
      return fmt::format("{}", value.integer());
    case TypeKind::kBigint:
      return fmt::format("{}L", value.integer());
    case TypeKind::kFloat:
      return data::FormatFloat(static_cast<float>(value.real())) + "F";
    case TypeKind::kDouble:
      return data::FormatDouble(value.real()) + "D";
    case TypeKind::kDecimal:
      return DecimalLiteral(type, value);
    case TypeKind::kString:
      return Quoted(value.string());
    case TypeKind::kBinary:
      return HexLiteral(value.string());
    case TypeKind::kDate:
      return fmt::format("DATE '{}'", data::FormatDate(static_cast<int32_t>(value.integer())));
    case TypeKind::kTimestamp:
      return fmt::format("TIMESTAMP '{}Z'", data::FormatTimestamp(value.integer()));
    case TypeKind::kTimestampNtz:
      return fmt::format("TIMESTAMP_NTZ '{}'", data::FormatTimestamp(value.integer()));
    case TypeKind::kIntervalYearMonth:
      return fmt::format("INTERVAL '{}' MONTH", value.integer());
    case TypeKind::kIntervalDayTime:
      return fmt::format("INTERVAL '{}' MICROSECOND", value.integer());
    default:
      return fmt::format("CAST({} AS {})", Quoted(data::FormatValue(type, value)), type.ToDdl());
  }
}

bool IsPlainName(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

std::string FieldText(const Expr& expr) {
  const auto& fields = expr.args[0]->type.fields();
  const std::string& name = fields[static_cast<size_t>(expr.ordinal)].name;
  const bool unambiguous = expr.args[0]->type.FieldIndex(name) == expr.ordinal;
  const std::string base = ToString(*expr.args[0]);
  if (!unambiguous) return fmt::format("{}.#{}", base, expr.ordinal);
  return IsPlainName(name) ? fmt::format("{}.{}", base, name) : fmt::format("{}.`{}`", base, name);
}

std::string Joined(const std::vector<ExprPtr>& args, std::string_view separator, size_t first = 0) {
  std::string out;
  for (size_t i = first; i < args.size(); ++i) {
    if (i > first) out += separator;
    out += ToString(*args[i]);
  }
  return out;
}

std::string CallText(const Expr& expr) {
  static constexpr std::array<std::string_view, 17> kInfix = {
      "+", "-", "*", "/", "div", "%", "=", "<=>", "<", "<=", ">", ">=", "<>", "||", "&", "|", "^"};
  const std::string_view name = expr.function->name;
  // A call under other overflow rules is another call.
  const std::string_view mode = expr.ansi ? "" : "legacy:";
  if (expr.args.size() == 2 && std::ranges::find(kInfix, name) != kInfix.end()) {
    return fmt::format("({} {}{} {})", ToString(*expr.args[0]), mode, name,
                       ToString(*expr.args[1]));
  }
  return fmt::format("{}{}({})", mode, name, Joined(expr.args, ", "));
}

std::string CaseText(const Expr& expr) {
  std::string out = "CASE";
  for (size_t i = 0; i + 1 < expr.args.size(); i += 2) {
    out += fmt::format(" WHEN {} THEN {}", ToString(*expr.args[i]), ToString(*expr.args[i + 1]));
  }
  if (expr.args.size() % 2 == 1) out += " ELSE " + ToString(*expr.args.back());
  return out + " END";
}

std::string CastText(const Expr& expr) {
  static constexpr std::array<std::string_view, 3> kNames = {"CAST", "TRY_CAST", "LEGACY_CAST"};
  return fmt::format("{}({} AS {})", kNames[static_cast<size_t>(expr.cast_mode)],
                     ToString(*expr.args[0]), expr.type.ToDdl());
}

}  // namespace

ExprPtr MakeLiteral(const DataType& type, Value value, Location where) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kLiteral;
  expr->type = type;
  expr->nullable = value.is_null();
  expr->literal = std::move(value);
  expr->where = where;
  return expr;
}

ExprPtr MakeColumn(int ordinal, const DataType& type, bool nullable, Location where) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kColumn;
  expr->type = type;
  expr->nullable = nullable;
  expr->ordinal = ordinal;
  expr->where = where;
  return expr;
}

std::string ToString(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kLiteral:
      return LiteralText(expr.type, expr.literal);
    case ExprKind::kColumn:
      return fmt::format("#{}", expr.ordinal);
    case ExprKind::kField:
      return FieldText(expr);
    case ExprKind::kCall:
      return CallText(expr);
    case ExprKind::kCast:
      return CastText(expr);
    case ExprKind::kAnd:
      return fmt::format("({})", Joined(expr.args, " AND "));
    case ExprKind::kOr:
      return fmt::format("({})", Joined(expr.args, " OR "));
    case ExprKind::kCase:
      return CaseText(expr);
    case ExprKind::kCoalesce:
      return fmt::format("coalesce({})", Joined(expr.args, ", "));
    case ExprKind::kIn:
      return fmt::format("({} IN ({}))", ToString(*expr.args[0]), Joined(expr.args, ", ", 1));
    case ExprKind::kTry:
      return fmt::format("try({})", ToString(*expr.args[0]));
    case ExprKind::kLambda:
      return fmt::format("lambda{}({})", expr.parameters.size(), ToString(*expr.args[0]));
    case ExprKind::kVariable:
      return fmt::format("${}", expr.ordinal);
  }
  return {};
}

bool IsDeterministic(const Expr& expr) {
  if (expr.kind == ExprKind::kCall && !expr.function->deterministic) return false;
  return std::ranges::all_of(expr.args, [](const ExprPtr& arg) { return IsDeterministic(*arg); });
}

}  // namespace millrace::sql
