#include "data/type.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace millrace::data {
namespace {

constexpr std::string_view kSimpleNames[] = {
    "void",
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal",
    "string",
    "binary",
    "date",
    "timestamp",
    "timestamp_ntz",
    "interval year to month",
    "interval day to second",
    "array",
    "map",
    "struct",
};

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return upper;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, LowerAscii, LowerAscii);
}

Field::Field(std::string field_name, const DataType& field_type, bool is_nullable)
    : name(std::move(field_name)),
      type(std::make_shared<const DataType>(field_type)),
      nullable(is_nullable) {}

bool operator==(const Field& a, const Field& b) { return a.name == b.name && *a.type == *b.type; }

DataType DataType::Decimal(int precision, int scale) {
  MR_CHECK(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision,
           "a decimal type within bounds");
  DataType type(TypeKind::kDecimal);
  type.precision_ = static_cast<uint8_t>(precision);
  type.scale_ = static_cast<uint8_t>(scale);
  return type;
}

DataType DataType::Array(const DataType& element, bool contains_null) {
  DataType type(TypeKind::kArray);
  type.fields_ = std::make_shared<const std::vector<Field>>(
      std::vector<Field>{Field("element", element, contains_null)});
  return type;
}

DataType DataType::Map(const DataType& key, const DataType& value, bool value_contains_null) {
  DataType type(TypeKind::kMap);
  type.fields_ = std::make_shared<const std::vector<Field>>(
      std::vector<Field>{Field("key", key, false), Field("value", value, value_contains_null)});
  return type;
}

DataType DataType::Struct(std::vector<Field> fields) {
  DataType type(TypeKind::kStruct);
  type.fields_ = std::make_shared<const std::vector<Field>>(std::move(fields));
  return type;
}

const std::vector<Field>& DataType::fields() const {
  static const std::vector<Field> kNone;
  return fields_ ? *fields_ : kNone;
}

int DataType::FieldIndex(std::string_view name) const {
  const auto& all = fields();
  for (size_t i = 0; i < all.size(); ++i) {
    if (EqualsIgnoringCase(all[i].name, name)) return static_cast<int>(i);
  }
  return -1;
}

std::string DataType::ToString() const {
  switch (kind_) {
    case TypeKind::kDecimal:
      return fmt::format("decimal({},{})", precision_, scale_);
    case TypeKind::kArray:
      return fmt::format("array<{}>", element().ToString());
    case TypeKind::kMap:
      return fmt::format("map<{},{}>", key().ToString(), map_value().ToString());
    case TypeKind::kStruct: {
      std::string text = "struct<";
      for (const Field& field : fields()) {
        if (text.back() != '<') text += ',';
        text += fmt::format("{}:{}", field.name, field.type->ToString());
      }
      return text + '>';
    }
    default:
      return std::string(kSimpleNames[static_cast<int>(kind_)]);
  }
}

std::string DataType::ToDdl() const {
  switch (kind_) {
    case TypeKind::kArray:
      return fmt::format("ARRAY<{}>", element().ToDdl());
    case TypeKind::kMap:
      return fmt::format("MAP<{}, {}>", key().ToDdl(), map_value().ToDdl());
    case TypeKind::kStruct: {
      std::string text = "STRUCT<";
      for (const Field& field : fields()) {
        if (text.back() != '<') text += ", ";
        text += fmt::format("{}: {}", field.name, field.type->ToDdl());
      }
      return text + '>';
    }
    default:
      return Upper(ToString());
  }
}

bool operator==(const DataType& a, const DataType& b) {
  if (a.kind_ != b.kind_ || a.precision_ != b.precision_ || a.scale_ != b.scale_) return false;
  return a.fields_ == b.fields_ || a.fields() == b.fields();
}

size_t ValueWidth(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
    case TypeKind::kTinyint:
      return 1;
    case TypeKind::kSmallint:
      return 2;
    case TypeKind::kInt:
    case TypeKind::kFloat:
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      return 4;
    case TypeKind::kBigint:
    case TypeKind::kDouble:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kIntervalDayTime:
      return 8;
    case TypeKind::kDecimal:
    case TypeKind::kString:
    case TypeKind::kBinary:
      return 16;
    default:
      return 0;
  }
}

int Schema::IndexOf(std::string_view name) const {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (EqualsIgnoringCase(fields[i].name, name)) return static_cast<int>(i);
  }
  return -1;
}

std::string Schema::ToString() const {
  std::string text;
  for (const Field& field : fields) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", field.name, field.type->ToString());
  }
  return text;
}

}  // namespace millrace::data
