// Value: one SQL value outside a column: literals, keys, test rows, printed results. Never on a hot
// path.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "data/type.h"

namespace millrace::data {

using Int128 = __int128;  // unscaled value of a decimal

class Value {
 public:
  using List = std::vector<Value>;                     // array elements; struct fields in order
  using Pairs = std::vector<std::pair<Value, Value>>;  // map entries in order

  Value() = default;  // NULL
  static Value Null() { return {}; }
  static Value Bool(bool flag) { return Value(Held(flag)); }
  // Tinyint..bigint, dates (days), timestamps (microseconds), intervals (months or microseconds).
  static Value Int(int64_t number) { return Value(Held(number)); }
  static Value Double(double number) { return Value(Held(number)); }  // float and double
  static Value Decimal(Int128 unscaled) { return Value(Held(unscaled)); }
  static Value String(std::string text) {
    return Value(Held(std::move(text)));
  }  // string and binary
  static Value ListOf(List items) {
    return Value(Held(std::make_shared<const List>(std::move(items))));
  }
  static Value MapOf(Pairs entries) {
    return Value(Held(std::make_shared<const Pairs>(std::move(entries))));
  }

  bool is_null() const { return held_.index() == 0; }
  bool boolean() const { return std::get<bool>(held_); }
  int64_t integer() const { return std::get<int64_t>(held_); }
  double real() const { return std::get<double>(held_); }
  Int128 decimal() const { return std::get<Int128>(held_); }
  const std::string& string() const { return std::get<std::string>(held_); }
  const List& list() const { return *std::get<std::shared_ptr<const List>>(held_); }
  const Pairs& pairs() const { return *std::get<std::shared_ptr<const Pairs>>(held_); }

  // Deep equality; NULL equals NULL and NaN equals NaN (as grouping does).
  friend bool operator==(const Value& a, const Value& b);

 private:
  using Held = std::variant<std::monostate, bool, int64_t, double, Int128, std::string,
                            std::shared_ptr<const List>, std::shared_ptr<const Pairs>>;
  explicit Value(Held held) : held_(std::move(held)) {}
  Held held_;
};

// As Spark's CAST(value AS STRING) shows it; `zone_offset`-free: timestamps print in UTC. NULL
// prints as "NULL".
std::string FormatValue(const DataType& type, const Value& value);

// "-12.30" for (-1230, 2).
std::string FormatDecimal(Int128 unscaled, int scale);
// "1969-12-31", "-0044-03-15", "+10000-01-01"; days since 1970-01-01.
std::string FormatDate(int32_t days);
// "2024-02-29 12:00:00.5" in UTC: fraction without trailing zeros, as Spark.
std::string FormatTimestamp(int64_t micros);
// Shortest text that reads back equal, as Java's Double.toString / Float.toString print it
// ("1.0E10", "NaN").
std::string FormatDouble(double number);
std::string FormatFloat(float number);

}  // namespace millrace::data
