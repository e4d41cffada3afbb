#include "store/sql_types.h"

#include "base/check.h"

namespace millrace::store {
namespace {

using data::DataType;
using data::TypeKind;

bool IsScalarWritable(const DataType& from, CqlKind to) {
  const TypeKind kind = from.kind();
  const bool integral = from.is_integral();
  switch (to) {
    case CqlKind::kAscii:
    case CqlKind::kText:
    case CqlKind::kVarchar:
    case CqlKind::kUuid:
    case CqlKind::kTimeuuid:
    case CqlKind::kInet:
      return kind == TypeKind::kString;
    case CqlKind::kTinyint:
      return kind == TypeKind::kTinyint;
    case CqlKind::kSmallint:
      return integral && kind <= TypeKind::kSmallint;
    case CqlKind::kInt:
      return integral && kind <= TypeKind::kInt;
    case CqlKind::kBigint:
      return integral;
    case CqlKind::kVarint:
      return integral || (kind == TypeKind::kDecimal && from.scale() == 0);
    case CqlKind::kDecimal:
      return integral || (kind == TypeKind::kDecimal && from.scale() <= 18 &&
                          from.precision() - from.scale() <= 20);
    case CqlKind::kBoolean:
      return kind == TypeKind::kBoolean;
    case CqlKind::kFloat:
      return kind == TypeKind::kFloat || (integral && kind <= TypeKind::kSmallint);
    case CqlKind::kDouble:
      return from.is_fractional() || (integral && kind <= TypeKind::kInt);
    case CqlKind::kTimestamp:
      return kind == TypeKind::kTimestamp || kind == TypeKind::kTimestampNtz;
    case CqlKind::kDate:
      return kind == TypeKind::kDate;
    case CqlKind::kTime:
      return kind == TypeKind::kBigint;
    case CqlKind::kBlob:
      return kind == TypeKind::kBinary;
    default:
      return false;
  }
}

bool IsWritable(const DataType& from, const CqlType& to) {
  if (from.kind() == TypeKind::kNull) return true;
  if (to.kind < CqlKind::kList) return IsScalarWritable(from, to.kind);
  switch (to.kind) {
    case CqlKind::kList:
    case CqlKind::kSet:
      return from.kind() == TypeKind::kArray && IsWritable(from.element(), to.arguments[0]);
    case CqlKind::kMap:
      return from.kind() == TypeKind::kMap && IsWritable(from.key(), to.arguments[0]) &&
             IsWritable(from.map_value(), to.arguments[1]);
    default:
      break;
  }
  if (from.kind() != TypeKind::kStruct || from.fields().size() != to.arguments.size()) return false;
  for (size_t i = 0; i < to.arguments.size(); ++i)
    if (!IsWritable(*from.fields()[i].type, to.arguments[i])) return false;
  return true;
}

std::string_view WritableFrom(CqlKind kind) {
  switch (kind) {
    case CqlKind::kTinyint:
      return "TINYINT";
    case CqlKind::kSmallint:
      return "TINYINT or SMALLINT";
    case CqlKind::kInt:
      return "TINYINT, SMALLINT or INT";
    case CqlKind::kBigint:
      return "any integer";
    case CqlKind::kVarint:
      return "any integer or DECIMAL(p,0)";
    case CqlKind::kDecimal:
      return "any integer or DECIMAL of at most 20 digits before and 18 behind the point";
    case CqlKind::kBoolean:
      return "BOOLEAN";
    case CqlKind::kFloat:
      return "FLOAT, TINYINT or SMALLINT";
    case CqlKind::kDouble:
      return "DOUBLE, FLOAT, TINYINT, SMALLINT or INT";
    case CqlKind::kTimestamp:
      return "TIMESTAMP or TIMESTAMP_NTZ";
    case CqlKind::kDate:
      return "DATE";
    case CqlKind::kTime:
      return "BIGINT (nanoseconds since midnight)";
    case CqlKind::kBlob:
      return "BINARY";
    case CqlKind::kList:
    case CqlKind::kSet:
      return "ARRAY of what the element may be written from";
    case CqlKind::kMap:
      return "MAP of what key and value may be written from";
    case CqlKind::kTuple:
    case CqlKind::kUserType:
      return "STRUCT with as many fields, each of what its field may be written from";
    default:
      return "STRING";
  }
}

DataType StructOf(const CqlType& type) {
  std::vector<data::Field> fields;
  for (size_t i = 0; i < type.arguments.size(); ++i) {
    fields.emplace_back(
        type.kind == CqlKind::kUserType ? type.field_names[i] : fmt::format("_{}", i + 1),
        SqlTypeOf(type.arguments[i]));
  }
  return DataType::Struct(std::move(fields));
}

}  // namespace

data::DataType SqlTypeOf(const CqlType& type) {
  switch (type.kind) {
    case CqlKind::kTinyint:
      return DataType::Tinyint();
    case CqlKind::kSmallint:
      return DataType::Smallint();
    case CqlKind::kInt:
      return DataType::Int();
    case CqlKind::kBigint:
    case CqlKind::kTime:
      return DataType::Bigint();
    case CqlKind::kVarint:
      return DataType::Decimal(38, 0);
    case CqlKind::kDecimal:
      return DataType::Decimal(38, 18);
    case CqlKind::kBoolean:
      return DataType::Boolean();
    case CqlKind::kFloat:
      return DataType::Float();
    case CqlKind::kDouble:
      return DataType::Double();
    case CqlKind::kTimestamp:
      return DataType::Timestamp();
    case CqlKind::kDate:
      return DataType::Date();
    case CqlKind::kBlob:
      return DataType::Binary();
    case CqlKind::kList:
    case CqlKind::kSet:
      return DataType::Array(SqlTypeOf(type.arguments[0]));
    case CqlKind::kMap:
      return DataType::Map(SqlTypeOf(type.arguments[0]), SqlTypeOf(type.arguments[1]));
    case CqlKind::kTuple:
    case CqlKind::kUserType:
      return StructOf(type);
    default:
      return DataType::String();
  }
}

data::Schema SqlSchemaOf(const TableSchema& table) {
  data::Schema schema;
  for (const ColumnSchema& column : table.columns)
    schema.fields.emplace_back(column.name, SqlTypeOf(column.type),
                               column.kind > ColumnKind::kClustering);
  return schema;
}

Status CheckWritable(const data::DataType& from, const CqlType& to) {
  if (IsWritable(from, to)) return {};
  return Fail(ErrorCode::kInvalidArgument, "{} cannot be written into {}, which takes {}",
              from.ToDdl(), to.ToString(), WritableFrom(to.kind));
}

}  // namespace millrace::store
