#include "data/value.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "data/iso_time.h"

namespace millrace::data {
namespace {

constexpr int64_t kMicrosPerDay = int64_t{86400} * 1000000;

int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// Java prints 1.0E10 and above, and below 1.0E-3, with an exponent; in between plainly, always with
// a fraction digit.
template <typename T>
std::string FormatReal(T number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  if (number == 0) return std::signbit(number) ? "-0.0" : "0.0";
  const T magnitude = std::fabs(number);
  char buffer[64];
  if (magnitude >= T{1e-3} && magnitude < T{1e7}) {
    const auto end =
        std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::fixed).ptr;
    std::string text(buffer, end);
    if (text.find('.') == std::string::npos) text += ".0";
    return text;
  }
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  const size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  int exponent = 0;
  const char* digits = text.c_str() + e + 1;
  if (*digits == '+') ++digits;
  std::from_chars(digits, text.c_str() + text.size(), exponent);
  return fmt::format("{}E{}", mantissa, exponent);
}

std::string FormatInterval(const DataType& type, int64_t count) {
  const char* sign = count < 0 ? "-" : "";
  const auto size = static_cast<uint64_t>(count < 0 ? -count : count);
  if (type.kind() == TypeKind::kIntervalYearMonth) {
    return fmt::format("INTERVAL '{}{}-{}' YEAR TO MONTH", sign, size / 12, size % 12);
  }
  const uint64_t seconds = size / 1000000;
  std::string text = fmt::format("INTERVAL '{}{} {:02}:{:02}:{:02}", sign, seconds / 86400,
                                 seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  if (size % 1000000 != 0) {
    text += fmt::format(".{:06}", size % 1000000);
    while (text.back() == '0') text.pop_back();
  }
  return text + "' DAY TO SECOND";
}

std::string FormatNested(const DataType& type, const Value& value) {
  std::string text;
  if (type.kind() == TypeKind::kMap) {
    for (const auto& [key, held] : value.pairs()) {
      text += fmt::format("{}{} -> {}", text.empty() ? "" : ", ", FormatValue(type.key(), key),
                          FormatValue(type.map_value(), held));
    }
    return "{" + text + "}";
  }
  const bool is_array = type.kind() == TypeKind::kArray;
  for (size_t i = 0; i < value.list().size(); ++i) {
    if (i > 0) text += ", ";
    text += FormatValue(is_array ? type.element() : *type.fields()[i].type, value.list()[i]);
  }
  return is_array ? "[" + text + "]" : "{" + text + "}";
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (a.held_.index() != b.held_.index()) return false;
  if (const auto* list = std::get_if<std::shared_ptr<const Value::List>>(&a.held_))
    return **list == b.list();
  if (const auto* pairs = std::get_if<std::shared_ptr<const Value::Pairs>>(&a.held_))
    return **pairs == b.pairs();
  if (const auto* real = std::get_if<double>(&a.held_))
    return *real == b.real() || (std::isnan(*real) && std::isnan(b.real()));
  return a.held_ == b.held_;
}

std::string FormatDecimal(Int128 unscaled, int scale) {
  const bool negative = unscaled < 0;
  auto rest = negative ? -static_cast<unsigned __int128>(unscaled)
                       : static_cast<unsigned __int128>(unscaled);
  std::string reversed;
  int digits = 0;
  while (rest != 0 || digits <= scale) {
    if (digits == scale && scale > 0) reversed += '.';
    reversed += static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
    ++digits;
  }
  if (negative) reversed += '-';
  return {reversed.rbegin(), reversed.rend()};
}

std::string FormatDate(int32_t days) {
  const CivilDate date = CivilFromDays(days);
  const char* sign = date.year < 0 ? "-" : date.year > 9999 ? "+" : "";
  return fmt::format("{}{:04}-{:02}-{:02}", sign, std::abs(date.year), date.month, date.day);
}

std::string FormatTimestamp(int64_t micros) {
  const int64_t days = FloorDivide(micros, kMicrosPerDay);
  const int64_t in_day = (micros % kMicrosPerDay + kMicrosPerDay) % kMicrosPerDay;
  const int64_t seconds = in_day / 1000000;
  std::string text = fmt::format("{} {:02}:{:02}:{:02}", FormatDate(static_cast<int32_t>(days)),
                                 seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (in_day % 1000000 != 0) {
    text += fmt::format(".{:06}", in_day % 1000000);
    while (text.back() == '0') text.pop_back();
  }
  return text;
}

std::string FormatDouble(double number) { return FormatReal(number); }
std::string FormatFloat(float number) { return FormatReal(number); }

std::string FormatValue(const DataType& type, const Value& value) {
  if (value.is_null()) return "NULL";
  switch (type.kind()) {
    case TypeKind::kNull:
      return "NULL";
    case TypeKind::kBoolean:
      return value.boolean() ? "true" : "false";
    case TypeKind::kFloat:
      return FormatFloat(static_cast<float>(value.real()));
    case TypeKind::kDouble:
      return FormatDouble(value.real());
    case TypeKind::kDecimal:
      return FormatDecimal(value.decimal(), type.scale());
    case TypeKind::kString:
    case TypeKind::kBinary:
      return value.string();
    case TypeKind::kDate:
      return FormatDate(static_cast<int32_t>(value.integer()));
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
      return FormatTimestamp(value.integer());
    case TypeKind::kIntervalYearMonth:
    case TypeKind::kIntervalDayTime:
      return FormatInterval(type, value.integer());
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
      return FormatNested(type, value);
    default:
      return fmt::format("{}", value.integer());
  }
}

}  // namespace millrace::data
