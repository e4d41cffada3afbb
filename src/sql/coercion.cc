#include "sql/coercion.h"

#include <algorithm>

namespace millrace::sql {
namespace {

using data::DataType;
using data::Field;
using data::TypeKind;

constexpr int kDecimalDigitsMax = 38;
constexpr int kDivisionScaleMin = 6;

// Spark's DecimalType.adjustPrecisionScale: keeps the integral digits, and of the fraction at least
// six where it had as many.
DataType AdjustedDecimal(int precision, int scale) {
  if (precision <= kDecimalDigitsMax) return DataType::Decimal(precision, scale);
  const int integral_digits = precision - scale;
  const int scale_min = std::min(scale, kDivisionScaleMin);
  return DataType::Decimal(kDecimalDigitsMax,
                           std::max(kDecimalDigitsMax - integral_digits, scale_min));
}

// The decimal that holds all values of both; beyond 38 digits the fraction gives way.
DataType WiderDecimal(const DataType& a, const DataType& b) {
  const int scale = std::max(a.scale(), b.scale());
  const int precision = std::max(a.precision() - a.scale(), b.precision() - b.scale()) + scale;
  const int excess = std::max(0, precision - kDecimalDigitsMax);
  return DataType::Decimal(precision - excess, std::max(0, scale - excess));
}

DataType CommonNumeric(const DataType& a, const DataType& b) {
  if (a.kind() == TypeKind::kDecimal || b.kind() == TypeKind::kDecimal) {
    if (a.is_fractional() || b.is_fractional()) return DataType::Double();
    return WiderDecimal(a.is_integral() ? DecimalFor(a) : a, b.is_integral() ? DecimalFor(b) : b);
  }
  const TypeKind wider = std::max(a.kind(), b.kind());
  // A float cannot hold every int, so the two meet at double.
  if (wider == TypeKind::kFloat && a.kind() != b.kind()) return DataType::Double();
  return DataType(wider);
}

// What a string and another simple type become: the other type, in its widest form for numbers.
std::optional<DataType> CommonWithString(const DataType& other) {
  if (other.is_integral()) return DataType::Bigint();
  if (other.is_numeric()) return DataType::Double();
  if (other.is_interval() || other.is_nested()) return std::nullopt;
  return other;
}

std::optional<DataType> CommonStruct(const DataType& a, const DataType& b) {
  if (a.fields().size() != b.fields().size()) return std::nullopt;
  std::vector<Field> fields;
  for (size_t i = 0; i < a.fields().size(); ++i) {
    const Field& left = a.fields()[i];
    const Field& right = b.fields()[i];
    if (!data::EqualsIgnoringCase(left.name, right.name)) return std::nullopt;
    const auto type = CommonType(*left.type, *right.type);
    if (!type) return std::nullopt;
    fields.emplace_back(left.name, *type, left.nullable || right.nullable);
  }
  return DataType::Struct(std::move(fields));
}

std::optional<DataType> CommonNested(const DataType& a, const DataType& b) {
  if (a.kind() == TypeKind::kStruct) return CommonStruct(a, b);
  const bool contains_null = a.fields().back().nullable || b.fields().back().nullable;
  if (a.kind() == TypeKind::kArray) {
    const auto element = CommonType(a.element(), b.element());
    if (!element) return std::nullopt;
    return DataType::Array(*element, contains_null);
  }
  const auto key = CommonType(a.key(), b.key());
  const auto value = CommonType(a.map_value(), b.map_value());
  if (!key || !value) return std::nullopt;
  return DataType::Map(*key, *value, contains_null);
}

// Applies a rule for pairs of simple types to nested types, part by part.
template <typename Rule>
bool EachPart(const DataType& from, const DataType& to, Rule rule) {
  if (from.kind() != to.kind() || from.fields().size() != to.fields().size()) return false;
  for (size_t i = 0; i < from.fields().size(); ++i) {
    if (!rule(*from.fields()[i].type, *to.fields()[i].type)) return false;
  }
  return true;
}

bool CanCastNumber(const DataType& to) {
  return to.is_numeric() || to.kind() == TypeKind::kBoolean || to.kind() == TypeKind::kTimestamp ||
         to.is_interval();
}

}  // namespace

std::optional<DataType> CommonType(const DataType& a, const DataType& b) {
  if (a == b) {
    // Equal but for what may be NULL inside.
    return a.is_nested() ? CommonNested(a, b) : a;
  }
  if (a.kind() == TypeKind::kNull) return b;
  if (b.kind() == TypeKind::kNull) return a;
  if (a.is_numeric() && b.is_numeric()) return CommonNumeric(a, b);
  if (a.is_datetime() && b.is_datetime()) {
    const bool zoned = a.kind() == TypeKind::kTimestamp || b.kind() == TypeKind::kTimestamp;
    return zoned ? DataType::Timestamp() : DataType::TimestampNtz();
  }
  if (a.kind() == TypeKind::kString) return CommonWithString(b);
  if (b.kind() == TypeKind::kString) return CommonWithString(a);
  if (a.kind() == b.kind() && a.is_nested()) return CommonNested(a, b);
  return std::nullopt;
}

std::optional<DataType> CommonType(std::span<const DataType> types) {
  DataType common;
  // Strings last: of ('1', 2, 3.5) the numbers must first agree among themselves.
  for (const bool strings : {false, true}) {
    for (const DataType& type : types) {
      if ((type.kind() == TypeKind::kString) != strings) continue;
      const auto next = CommonType(common, type);
      if (!next) return std::nullopt;
      common = *next;
    }
  }
  return common;
}

bool CanCoerce(const DataType& from, const DataType& to) {
  if (from == to || from.kind() == TypeKind::kNull) return true;
  if (from.is_nested() || to.is_nested()) return EachPart(from, to, CanCoerce);
  if (to.kind() == TypeKind::kNull) return false;
  if (from.kind() == TypeKind::kString) return !to.is_interval();
  if (to.kind() == TypeKind::kString) return true;
  if (from.is_numeric() && to.is_numeric()) {
    const bool loses_fraction = !from.is_integral() && to.is_integral();
    return !loses_fraction;
  }
  return from.is_datetime() && to.is_datetime();
}

bool CanCast(const DataType& from, const DataType& to) {
  if (from == to || from.kind() == TypeKind::kNull) return true;
  if (to.kind() == TypeKind::kNull) return false;
  if (to.kind() == TypeKind::kString) return true;
  if (from.is_nested() || to.is_nested()) return EachPart(from, to, CanCast);
  if (from.kind() == TypeKind::kString) return true;
  if (to.kind() == TypeKind::kBinary) return from.is_integral();
  if (from.is_numeric()) return CanCastNumber(to);
  switch (from.kind()) {
    case TypeKind::kBoolean:
      return to.is_numeric();
    case TypeKind::kDate:
      return to.is_datetime();
    case TypeKind::kTimestamp:
      return to.is_datetime() || to.is_numeric();
    case TypeKind::kTimestampNtz:
      return to.is_datetime();
    case TypeKind::kIntervalYearMonth:
    case TypeKind::kIntervalDayTime:
      return to.is_integral() || to.kind() == TypeKind::kDecimal;
    default:
      return false;
  }
}

DataType DecimalFor(const DataType& integral) {
  switch (integral.kind()) {
    case TypeKind::kTinyint:
      return DataType::Decimal(3, 0);
    case TypeKind::kSmallint:
      return DataType::Decimal(5, 0);
    case TypeKind::kInt:
      return DataType::Decimal(10, 0);
    default:
      return DataType::Decimal(20, 0);
  }
}

DataType DecimalResult(char op, const DataType& a, const DataType& b) {
  const int p1 = a.precision(), s1 = a.scale(), p2 = b.precision(), s2 = b.scale();
  switch (op) {
    case '*':
      return AdjustedDecimal(p1 + p2 + 1, s1 + s2);
    case '/': {
      const int scale = std::max(kDivisionScaleMin, s1 + p2 + 1);
      return AdjustedDecimal(p1 - s1 + s2 + scale, scale);
    }
    case '%': {
      const int scale = std::max(s1, s2);
      return AdjustedDecimal(std::min(p1 - s1, p2 - s2) + scale, scale);
    }
    default: {
      const int scale = std::max(s1, s2);
      return AdjustedDecimal(std::max(p1 - s1, p2 - s2) + scale + 1, scale);
    }
  }
}

}  // namespace millrace::sql
