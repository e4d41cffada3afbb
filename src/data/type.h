// DataType: the types of Spark SQL 4.1
// (https://spark.apache.org/docs/latest/sql-ref-datatypes.html), immutable and cheap to copy.
//
//   DataType::Decimal(10, 2).ToString()                       "decimal(10,2)"
//   DataType::Struct({{"city", DataType::String()}})          "struct<city:string>"
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::data {

enum class TypeKind : uint8_t {
  kNull,  // VOID: the type of an untyped NULL
  kBoolean,
  kTinyint,
  kSmallint,
  kInt,
  kBigint,
  kFloat,
  kDouble,
  kDecimal,  // precision 1..38, scale 0..precision
  kString,   // UTF-8
  kBinary,
  kDate,               // days since 1970-01-01, proleptic Gregorian
  kTimestamp,          // microseconds since 1970-01-01T00:00:00Z, shown in the session's zone
  kTimestampNtz,       // microseconds of a local date and time, no zone
  kIntervalYearMonth,  // months
  kIntervalDayTime,    // microseconds
  kArray,
  kMap,
  kStruct,
};

class DataType;

struct Field {
  std::string name;
  std::shared_ptr<const DataType> type;
  bool nullable = true;

  Field(std::string field_name, const DataType& field_type, bool is_nullable = true);
  friend bool operator==(const Field& a, const Field& b);
};

class DataType {
 public:
  DataType() = default;  // kNull
  explicit DataType(TypeKind kind) : kind_(kind) {}
  static DataType Null() { return DataType(TypeKind::kNull); }
  static DataType Boolean() { return DataType(TypeKind::kBoolean); }
  static DataType Tinyint() { return DataType(TypeKind::kTinyint); }
  static DataType Smallint() { return DataType(TypeKind::kSmallint); }
  static DataType Int() { return DataType(TypeKind::kInt); }
  static DataType Bigint() { return DataType(TypeKind::kBigint); }
  static DataType Float() { return DataType(TypeKind::kFloat); }
  static DataType Double() { return DataType(TypeKind::kDouble); }
  static DataType Decimal(int precision, int scale);
  static DataType String() { return DataType(TypeKind::kString); }
  static DataType Binary() { return DataType(TypeKind::kBinary); }
  static DataType Date() { return DataType(TypeKind::kDate); }
  static DataType Timestamp() { return DataType(TypeKind::kTimestamp); }
  static DataType TimestampNtz() { return DataType(TypeKind::kTimestampNtz); }
  static DataType IntervalYearMonth() { return DataType(TypeKind::kIntervalYearMonth); }
  static DataType IntervalDayTime() { return DataType(TypeKind::kIntervalDayTime); }
  static DataType Array(const DataType& element, bool contains_null = true);
  static DataType Map(const DataType& key, const DataType& value, bool value_contains_null = true);
  static DataType Struct(std::vector<Field> fields);

  TypeKind kind() const { return kind_; }
  int precision() const { return precision_; }  // decimals only
  int scale() const { return scale_; }          // decimals only

  // Array: one field "element". Map: "key" and "value". Struct: its fields. Others: none.
  const std::vector<Field>& fields() const;
  const DataType& element() const { return *fields()[0].type; }    // arrays
  const DataType& key() const { return *fields()[0].type; }        // maps
  const DataType& map_value() const { return *fields()[1].type; }  // maps
  // Position of a struct field by name, ignoring ASCII case as Spark does; -1 when absent.
  int FieldIndex(std::string_view name) const;

  bool is_integral() const { return kind_ >= TypeKind::kTinyint && kind_ <= TypeKind::kBigint; }
  bool is_fractional() const { return kind_ == TypeKind::kFloat || kind_ == TypeKind::kDouble; }
  bool is_numeric() const { return kind_ >= TypeKind::kTinyint && kind_ <= TypeKind::kDecimal; }
  bool is_string_like() const { return kind_ == TypeKind::kString || kind_ == TypeKind::kBinary; }
  bool is_nested() const { return kind_ >= TypeKind::kArray; }
  bool is_datetime() const {
    return kind_ == TypeKind::kDate || kind_ == TypeKind::kTimestamp ||
           kind_ == TypeKind::kTimestampNtz;
  }
  bool is_interval() const {
    return kind_ == TypeKind::kIntervalYearMonth || kind_ == TypeKind::kIntervalDayTime;
  }

  // Spark's simple string, e.g. "array<struct<a:int,b:decimal(10,2)>>".
  std::string ToString() const;
  // As DDL prints it: "ARRAY<STRUCT<a: INT, b: DECIMAL(10,2)>>".
  std::string ToDdl() const;

  // Same kind, precision, scale and, for nested types, equal field names and types; nullability is
  // not compared.
  friend bool operator==(const DataType& a, const DataType& b);

 private:
  TypeKind kind_ = TypeKind::kNull;
  uint8_t precision_ = 0;
  uint8_t scale_ = 0;
  std::shared_ptr<const std::vector<Field>> fields_;
};

// Bytes of one value in a column's values buffer: 1 (boolean, tinyint), 2, 4, 8, 16 (decimals and
// string views), and 0 for kNull and nested types, which have none of their own (arrays and maps
// keep 4-byte offsets).
size_t ValueWidth(TypeKind kind);

// An ordered list of named, typed columns: of a topic's value, a query's result, a table.
struct Schema {
  std::vector<Field> fields;

  // Position by name ignoring ASCII case, as Spark resolves; -1 when absent.
  int IndexOf(std::string_view name) const;
  std::string ToString() const;  // "id string, age int"
  friend bool operator==(const Schema&, const Schema&) = default;
};

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

}  // namespace millrace::data
