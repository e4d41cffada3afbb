// The oracle of the JSON reader's tests: one record read in the plainest way, from simdjson's tree
// into a Value. Tests and fuzzers only.
#pragma once

#include <optional>

#include <simdjson.h>

#include "data/decimal_text.h"
#include "data/iso_time.h"
#include "data/type.h"
#include "data/value.h"

namespace millrace::data {

// nullopt: the value does not fit the type.
inline std::optional<Value> PlainValue(simdjson::dom::element element, const DataType& type);

inline std::optional<Value> PlainObject(simdjson::dom::object object, const DataType& type) {
  Value::List fields(type.fields().size());
  for (const auto& [key, member] : object) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (type.fields()[i].name != key) continue;
      auto value = PlainValue(member, *type.fields()[i].type);
      if (!value) return std::nullopt;
      fields[i] = *value;
    }
  }
  return Value::ListOf(std::move(fields));
}

inline std::optional<Value> PlainNested(simdjson::dom::element element, const DataType& type) {
  if (type.kind() == TypeKind::kStruct) {
    if (!element.is_object()) return std::nullopt;
    return PlainObject(element.get_object().value(), type);
  }
  if (type.kind() == TypeKind::kArray) {
    if (!element.is_array()) return std::nullopt;
    Value::List items;
    const simdjson::dom::array array = element.get_array().value();
    for (const auto item : array) {
      auto value = PlainValue(item, type.element());
      if (!value) return std::nullopt;
      items.push_back(*value);
    }
    return Value::ListOf(std::move(items));
  }
  if (!element.is_object()) return std::nullopt;
  Value::Pairs pairs;
  const simdjson::dom::object object = element.get_object().value();
  for (const auto& [key, member] : object) {
    auto value = PlainValue(member, type.map_value());
    if (!value) return std::nullopt;
    pairs.emplace_back(Value::String(std::string(key)), *value);
  }
  return Value::MapOf(std::move(pairs));
}

inline std::optional<Value> PlainInteger(simdjson::dom::element element, int64_t bound) {
  int64_t number = 0;
  if (element.type() != simdjson::dom::element_type::INT64 || element.get(number))
    return std::nullopt;
  if (number < -bound - 1 || number > bound) return std::nullopt;
  return Value::Int(number);
}

inline std::optional<Value> PlainString(simdjson::dom::element element, const DataType& type) {
  std::string_view text;
  if (element.get(text)) {
    const auto seconds = PlainInteger(element, INT64_MAX / 1'000'000);
    if (!seconds || type.kind() != TypeKind::kTimestamp) return std::nullopt;
    return Value::Int(seconds->integer() * 1'000'000);
  }
  if (type.kind() == TypeKind::kString) return Value::String(std::string(text));
  if (type.kind() == TypeKind::kDate) {
    const auto days = ParseDateText(text);
    return days ? std::optional(Value::Int(*days)) : std::nullopt;
  }
  const auto micros = ParseIsoTimestamp(text);
  return micros ? std::optional(Value::Int(*micros)) : std::nullopt;
}

inline std::optional<Value> PlainValue(simdjson::dom::element element, const DataType& type) {
  if (element.is_null()) return Value::Null();
  switch (type.kind()) {
    case TypeKind::kBoolean:
      return element.is_bool() ? std::optional(Value::Bool(element.get_bool().value()))
                               : std::nullopt;
    case TypeKind::kInt:
      return PlainInteger(element, INT32_MAX);
    case TypeKind::kBigint:
      return PlainInteger(element, INT64_MAX);
    case TypeKind::kDouble:
      return element.is_number() ? std::optional(Value::Double(element.get_double().value()))
                                 : std::nullopt;
    case TypeKind::kString:
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
      return PlainString(element, type);
    default:
      return PlainNested(element, type);
  }
}

}  // namespace millrace::data
