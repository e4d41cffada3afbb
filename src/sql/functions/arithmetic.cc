#include "sql/functions/arithmetic.h"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "sql/coercion.h"

namespace millrace::sql {

using data::DataType;
using data::TypeKind;

namespace {

constexpr int64_t kMicrosPerDay = int64_t{86400} * 1000000;

Signature Of(std::vector<DataType> arguments, const DataType& result) {
  Signature signature;
  signature.arguments = std::move(arguments);
  signature.result = result;
  return signature;
}

// Whether adding this day-time interval to a DATE gives a DATE: a literal of whole days does.
bool IsWholeDays(const Argument& argument) {
  return argument.literal != nullptr && !argument.literal->is_null() &&
         argument.literal->integer() % kMicrosPerDay == 0;
}

DataType MomentPlus(const DataType& moment, const Argument& interval) {
  if (moment.kind() != TypeKind::kDate) return moment;
  const bool stays = interval.type.kind() == TypeKind::kIntervalYearMonth || IsWholeDays(interval);
  return stays ? moment : DataType::Timestamp();
}

std::optional<Signature> AddMoment(char op, const Argument& a, const Argument& b) {
  if (a.type.is_datetime() && b.type.is_interval())
    return Of({MomentPlus(a.type, b), b.type}, MomentPlus(a.type, b));
  if (op == '+' && a.type.is_interval() && b.type.is_datetime())
    return Of({a.type, MomentPlus(b.type, a)}, MomentPlus(b.type, a));
  if (a.type.kind() == TypeKind::kDate && b.type.is_integral())
    return Of({a.type, DataType::Int()}, a.type);
  if (op == '+' && a.type.is_integral() && b.type.kind() == TypeKind::kDate)
    return Of({DataType::Int(), b.type}, b.type);
  if (op == '-' && (a.type.is_datetime() || b.type.is_datetime())) {
    const auto common = CommonType(a.type, b.type);
    if (common && common->is_datetime()) return Of({*common, *common}, DataType::IntervalDayTime());
  }
  return std::nullopt;
}

std::optional<Signature> WithInterval(char op, const Argument& a, const Argument& b) {
  const bool adds = op == '+' || op == '-';
  if (adds && a.type.is_interval() && a.type == b.type) return Of({a.type, b.type}, a.type);
  const auto factor = [](const DataType& type) -> std::optional<DataType> {
    if (type.is_integral()) return DataType::Bigint();
    return type.is_numeric() || type.kind() == TypeKind::kString ? std::optional(DataType::Double())
                                                                 : std::nullopt;
  };
  if ((op == '*' || op == '/') && a.type.is_interval()) {
    if (const auto type = factor(b.type)) return Of({a.type, *type}, a.type);
  }
  if (op == '*' && b.type.is_interval()) {
    if (const auto type = factor(a.type)) return Of({*type, b.type}, b.type);
  }
  if (op == 'd' && a.type.is_interval() && a.type == b.type)
    return Of({a.type, b.type}, DataType::Bigint());
  return std::nullopt;
}

std::optional<Signature> WithDecimal(char op, const Argument& a, const Argument& b) {
  const bool has = a.type.kind() == TypeKind::kDecimal || b.type.kind() == TypeKind::kDecimal;
  const auto left = AsDecimal(a);
  const auto right = AsDecimal(b);
  if (!has || !left || !right) return std::nullopt;
  if (op == 'd') return Of({*left, *right}, DataType::Bigint());
  return Of({*left, *right}, DecimalResult(op == 'p' ? '%' : op, *left, *right));
}

// The type a lone string or NULL takes beside `other`.
DataType BesideText(const DataType& other) {
  if (other.is_integral()) return DataType::Bigint();
  return DataType::Double();
}

Result<Signature> Numeric(char op, const Argument& a, const Argument& b) {
  const auto numeric = [](const Argument& argument, const Argument& other,
                          size_t index) -> Result<DataType> {
    if (argument.type.is_numeric()) return argument.type;
    if (argument.type.kind() == TypeKind::kNull)
      return other.type.is_numeric() ? other.type : DataType::Double();
    if (argument.type.kind() == TypeKind::kString) return BesideText(other.type);
    return WrongType(index, "a number", argument.type);
  };
  Argument left = a;
  Argument right = b;
  MR_ASSIGN(left.type, numeric(a, b, 0));
  MR_ASSIGN(right.type, numeric(b, a, 1));
  if (left.type != a.type) left.literal = nullptr;
  if (right.type != b.type) right.literal = nullptr;
  if (auto decimal = WithDecimal(op, left, right)) return *std::move(decimal);
  if (op == '/') return Of({DataType::Double(), DataType::Double()}, DataType::Double());
  if (left.type.is_integral() && right.type.is_integral()) {
    const DataType wider = left.type.kind() > right.type.kind() ? left.type : right.type;
    if (op == 'd') return Of({DataType::Bigint(), DataType::Bigint()}, DataType::Bigint());
    return Of({wider, wider}, wider);
  }
  if (op == 'd') return WrongType(0, "a whole number or DECIMAL", a.type);
  const bool floats = left.type.kind() == TypeKind::kFloat && right.type.kind() == TypeKind::kFloat;
  const DataType real = floats ? DataType::Float() : DataType::Double();
  return Of({real, real}, real);
}

// The scale that a literal second argument gives; 0 without one.
Result<int> LiteralScale(std::span<const Argument> args) {
  if (args.size() < 2) return 0;
  if (args[1].literal == nullptr || args[1].literal->is_null() || !args[1].type.is_integral())
    return WrongType(1, "a whole-number literal", args[1].type);
  return static_cast<int>(std::clamp<int64_t>(args[1].literal->integer(), -38, 38));
}

// Precision and scale of a decimal rounded to `scale` digits, as Spark's RoundBase.
DataType RoundedDecimal(const DataType& type, int scale) {
  const int whole_digits = type.precision() - type.scale() + 1;
  if (scale < 0) return DataType::Decimal(std::min(std::max(whole_digits, -scale + 1), 38), 0);
  const int kept = std::min(type.scale(), scale);
  return DataType::Decimal(std::min(whole_digits + kept, 38), kept);
}

}  // namespace

Resolver Arithmetic(char op) {
  return [op](std::span<const Argument> args) -> Result<Signature> {
    if (args.size() != 2) return WrongCount("2", args.size());
    if (op == '+' || op == '-') {
      if (auto moment = AddMoment(op, args[0], args[1])) return *std::move(moment);
    }
    if (auto interval = WithInterval(op, args[0], args[1])) return *std::move(interval);
    return Numeric(op, args[0], args[1]);
  };
}

Resolver Rounding(bool whole) {
  return [whole](std::span<const Argument> args) -> Result<Signature> {
    if (args.empty() || args.size() > 2) return WrongCount("1 to 2", args.size());
    const auto type = Parameter(kAnyNumber).Accept(args[0]);
    if (!type) return WrongType(0, "a number", args[0].type);
    MR_ASSIGN(const int scale, LiteralScale(args));
    DataType argument = *type;
    if (whole && args.size() == 2 && type->is_fractional())
      argument = DataType::Decimal(30, 15);
    else if (whole && args.size() == 2 && type->is_integral())
      argument = DecimalFor(*type);
    else if (whole && type->kind() != TypeKind::kDecimal)
      argument = type->is_integral() ? DataType::Bigint() : DataType::Double();
    DataType result = argument;
    if (argument.kind() == TypeKind::kDecimal)
      result = RoundedDecimal(argument, scale);
    else if (whole)
      result = DataType::Bigint();
    std::vector<DataType> arguments = {argument};
    if (args.size() == 2) arguments.push_back(DataType::Int());
    return Of(std::move(arguments), result);
  };
}

Resolver Shift() {
  return [](std::span<const Argument> args) -> Result<Signature> {
    if (args.size() != 2) return WrongCount("2", args.size());
    for (size_t i = 0; i < 2; ++i) {
      if (!args[i].type.is_integral() && args[i].type.kind() != TypeKind::kNull)
        return WrongType(i, "a whole number", args[i].type);
    }
    const DataType type =
        args[0].type.kind() == TypeKind::kBigint ? DataType::Bigint() : DataType::Int();
    return Of({type, DataType::Int()}, type);
  };
}

Resolver Subscript() {
  return [](std::span<const Argument> args) -> Result<Signature> {
    if (args.size() != 2) return WrongCount("2", args.size());
    const DataType& from = args[0].type;
    if (from.kind() == TypeKind::kArray) {
      if (!args[1].type.is_integral() && args[1].type.kind() != TypeKind::kNull)
        return WrongType(1, "a whole number", args[1].type);
      return Of({from, DataType::Int()}, from.element());
    }
    if (from.kind() != TypeKind::kMap) return WrongType(0, "an ARRAY or a MAP", from);
    const auto common = CommonType(from.key(), args[1].type);
    if (!common) return WrongType(1, from.key().ToDdl(), args[1].type);
    return Of({DataType::Map(*common, from.map_value()), *common}, from.map_value());
  };
}

}  // namespace millrace::sql
