#include "engine/row_key.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace millrace::engine {

using data::Column;
using data::DataType;
using data::Int128;
using data::TypeKind;
using data::Value;

namespace {

constexpr char kNull = 0;
constexpr char kPresent = 1;
constexpr char kEnd = 0;
constexpr char kMore = 1;

template <typename Signed>
void AppendOrdered(Signed value, std::string& to) {
  using Unsigned = std::make_unsigned_t<Signed>;
  constexpr Unsigned kSign = Unsigned{1} << (sizeof(Signed) * 8 - 1);
  AppendBig(to, static_cast<Unsigned>(static_cast<Unsigned>(value) ^ kSign));
}

template <typename Signed>
Signed ReadOrdered(ByteReader& reader) {
  using Unsigned = std::make_unsigned_t<Signed>;
  constexpr Unsigned kSign = Unsigned{1} << (sizeof(Signed) * 8 - 1);
  return static_cast<Signed>(reader.Big<Unsigned>() ^ kSign);
}

void AppendInt128(Int128 value, std::string& to) {
  AppendOrdered(static_cast<int64_t>(value >> 64), to);
  AppendBig(to, static_cast<uint64_t>(value));
}

Int128 ReadInt128(ByteReader& reader) {
  const auto high = ReadOrdered<int64_t>(reader);
  const auto low = reader.Big<uint64_t>();
  return static_cast<Int128>((static_cast<unsigned __int128>(static_cast<uint64_t>(high)) << 64) |
                             low);
}

// One NaN, one zero, and an order of the bits that is the order of the numbers.
template <typename Real, typename Bits>
void AppendReal(Real value, std::string& to) {
  constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
  if (std::isnan(value)) value = std::numeric_limits<Real>::quiet_NaN();
  if (value == 0) value = 0;
  const auto bits = std::bit_cast<Bits>(value);
  AppendBig(to, static_cast<Bits>((bits & kSign) != 0 ? ~bits : bits | kSign));
}

template <typename Real, typename Bits>
Real ReadReal(ByteReader& reader) {
  constexpr Bits kSign = Bits{1} << (sizeof(Bits) * 8 - 1);
  const auto bits = reader.Big<Bits>();
  return std::bit_cast<Real>(static_cast<Bits>((bits & kSign) != 0 ? bits & ~kSign : ~bits));
}

void AppendText(std::string_view text, std::string& to) {
  size_t from = 0;
  for (size_t zero = text.find('\0'); zero != std::string_view::npos;
       zero = text.find('\0', from)) {
    to.append(text, from, zero + 1 - from);
    to.push_back('\xff');
    from = zero + 1;
  }
  to.append(text, from);
  to.append("\0\1", 2);
}

std::string ReadText(ByteReader& reader, bool& ok) {
  std::string text;
  while (reader.remaining() >= 2) {
    const auto byte = reader.Big<char>();
    if (byte != '\0') {
      text.push_back(byte);
      continue;
    }
    const auto mark = reader.Big<char>();
    if (mark == '\1') return text;
    if (mark != '\xff') break;
    text.push_back('\0');
  }
  ok = false;
  return {};
}

void AppendMap(const Column& column, size_t at, std::string& to) {
  std::vector<std::string> entries;
  for (int32_t i = column.Offsets()[at]; i < column.Offsets()[at + 1]; ++i) {
    std::string& entry = entries.emplace_back();
    AppendKey(*column.children()[0], static_cast<size_t>(i), entry);
    AppendKey(*column.children()[1], static_cast<size_t>(i), entry);
  }
  std::ranges::sort(entries);
  for (const std::string& entry : entries) {
    to.push_back(kMore);
    to += entry;
  }
  to.push_back(kEnd);
}

void AppendNested(const Column& column, size_t at, std::string& to) {
  if (column.type().kind() == TypeKind::kMap) return AppendMap(column, at, to);
  if (column.type().kind() == TypeKind::kStruct) {
    for (const data::ColumnPtr& child : column.children()) AppendKey(*child, at, to);
    return;
  }
  for (int32_t i = column.Offsets()[at]; i < column.Offsets()[at + 1]; ++i) {
    to.push_back(kMore);
    AppendKey(*column.children()[0], static_cast<size_t>(i), to);
  }
  to.push_back(kEnd);
}

void AppendPresent(const Column& column, size_t at, std::string& to) {
  switch (column.type().kind()) {
    case TypeKind::kBoolean:
    case TypeKind::kTinyint:
      return AppendOrdered(column.Values<int8_t>()[at], to);
    case TypeKind::kSmallint:
      return AppendOrdered(column.Values<int16_t>()[at], to);
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      return AppendOrdered(column.Values<int32_t>()[at], to);
    case TypeKind::kBigint:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kIntervalDayTime:
      return AppendOrdered(column.Values<int64_t>()[at], to);
    case TypeKind::kFloat:
      return AppendReal<float, uint32_t>(column.Values<float>()[at], to);
    case TypeKind::kDouble:
      return AppendReal<double, uint64_t>(column.Values<double>()[at], to);
    case TypeKind::kDecimal:
      return AppendInt128(column.Values<Int128>()[at], to);
    case TypeKind::kString:
    case TypeKind::kBinary:
      return AppendText(column.Values<std::string_view>()[at], to);
    default:
      return AppendNested(column, at, to);
  }
}

// A hostile key nests no deeper than the type does, and an element takes at least a byte.
Value ReadPresent(const DataType& type, ByteReader& reader, bool& ok);

Value ReadNullable(const DataType& type, ByteReader& reader, bool& ok) {
  const auto mark = reader.Big<char>();
  if (!ok || !reader.ok() || (mark != kNull && mark != kPresent)) ok = false;
  return !ok || mark == kNull ? Value::Null() : ReadPresent(type, reader, ok);
}

Value ReadNested(const DataType& type, ByteReader& reader, bool& ok) {
  Value::List items;
  if (type.kind() == TypeKind::kStruct) {
    for (const data::Field& field : type.fields())
      items.push_back(ReadNullable(*field.type, reader, ok));
    return Value::ListOf(std::move(items));
  }
  Value::Pairs pairs;
  while (ok && reader.Big<char>() == kMore && reader.ok()) {
    if (type.kind() == TypeKind::kArray) {
      items.push_back(ReadNullable(type.element(), reader, ok));
      continue;
    }
    Value key = ReadNullable(type.key(), reader, ok);
    pairs.emplace_back(std::move(key), ReadNullable(type.map_value(), reader, ok));
  }
  return type.kind() == TypeKind::kArray ? Value::ListOf(std::move(items))
                                         : Value::MapOf(std::move(pairs));
}

Value ReadPresent(const DataType& type, ByteReader& reader, bool& ok) {
  switch (type.kind()) {
    case TypeKind::kBoolean:
      return Value::Bool(ReadOrdered<int8_t>(reader) != 0);
    case TypeKind::kTinyint:
      return Value::Int(ReadOrdered<int8_t>(reader));
    case TypeKind::kSmallint:
      return Value::Int(ReadOrdered<int16_t>(reader));
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      return Value::Int(ReadOrdered<int32_t>(reader));
    case TypeKind::kBigint:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kIntervalDayTime:
      return Value::Int(ReadOrdered<int64_t>(reader));
    case TypeKind::kFloat:
      return Value::Double(ReadReal<float, uint32_t>(reader));
    case TypeKind::kDouble:
      return Value::Double(ReadReal<double, uint64_t>(reader));
    case TypeKind::kDecimal:
      return Value::Decimal(ReadInt128(reader));
    case TypeKind::kString:
    case TypeKind::kBinary:
      return Value::String(ReadText(reader, ok));
    case TypeKind::kNull:
      return Value::Null();
    default:
      return ReadNested(type, reader, ok);
  }
}

}  // namespace

void AppendKey(const Column& column, size_t row, std::string& to) {
  if (column.type().kind() == TypeKind::kNull || column.IsNull(row)) {
    to.push_back(kNull);
    return;
  }
  to.push_back(kPresent);
  AppendPresent(column, row * column.Stride(), to);
}

void AppendSortKey(const Column& column, size_t row, bool ascending, bool nulls_first,
                   std::string& to) {
  if (column.type().kind() == TypeKind::kNull || column.IsNull(row)) {
    to.push_back(nulls_first ? '\0' : '\2');
    return;
  }
  to.push_back(kPresent);
  const size_t start = to.size();
  AppendPresent(column, row * column.Stride(), to);
  if (ascending) return;
  for (size_t i = start; i < to.size(); ++i) to[i] = static_cast<char>(~to[i]);
}

std::string KeyOf(std::span<const data::ColumnPtr> columns, size_t row) {
  std::string key;
  for (const data::ColumnPtr& column : columns) AppendKey(*column, row, key);
  return key;
}

std::optional<Value> ReadKey(const DataType& type, ByteReader& reader) {
  bool ok = true;
  Value value = ReadNullable(type, reader, ok);
  if (!ok || !reader.ok()) return std::nullopt;
  return value;
}

}  // namespace millrace::engine
