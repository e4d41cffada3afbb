// Casts to STRING and BINARY, and AppendAsText.
#include <charconv>

#include "base/bytes.h"
#include "data/iso_time.h"
#include "engine/cast_element.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::TypeKind;

namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

void AppendNumber(int64_t number, std::string& to) {
  char text[24];
  to.append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

void AppendPadded(int64_t number, int digits, std::string& to) {
  const size_t start = to.size();
  to.append(static_cast<size_t>(digits), '0');
  for (size_t at = start + static_cast<size_t>(digits); at-- > start; number /= 10)
    to[at] = static_cast<char>('0' + number % 10);
}

void AppendDate(int64_t days, std::string& to) {
  const data::CivilDate date = data::CivilFromDays(days);
  if (date.year < 0 || date.year > 9999) {
    to += data::FormatDate(static_cast<int32_t>(days));
    return;
  }
  AppendPadded(date.year, 4, to);
  to.push_back('-');
  AppendPadded(date.month, 2, to);
  to.push_back('-');
  AppendPadded(date.day, 2, to);
}

void AppendMoment(int64_t local_us, std::string& to) {
  const int64_t in_day = (local_us % kMicrosPerDay + kMicrosPerDay) % kMicrosPerDay;
  const int64_t days = local_us / kMicrosPerDay - (local_us % kMicrosPerDay < 0 ? 1 : 0);
  AppendDate(days, to);
  const int64_t seconds = in_day / kMicrosPerSecond;
  to.push_back(' ');
  AppendPadded(seconds / 3600, 2, to);
  to.push_back(':');
  AppendPadded(seconds / 60 % 60, 2, to);
  to.push_back(':');
  AppendPadded(seconds % 60, 2, to);
  if (const int64_t micros = in_day % kMicrosPerSecond; micros != 0) {
    to.push_back('.');
    AppendPadded(micros, 6, to);
    while (to.back() == '0') to.pop_back();
  }
}

// As within arrays, maps and structs: NULL in small letters.
void AppendItem(const Column& column, size_t row, const TimeZone& zone, std::string& to) {
  if (column.IsNull(row)) {
    to += "null";
  } else {
    AppendAsText(column, row, zone, to);
  }
}

void AppendNested(const Column& column, size_t at, const TimeZone& zone, std::string& to) {
  if (column.type().kind() == TypeKind::kStruct) {
    to.push_back('{');
    for (size_t i = 0; i < column.children().size(); ++i) {
      if (i > 0) to += ", ";
      AppendItem(*column.children()[i], at, zone, to);
    }
    to.push_back('}');
    return;
  }
  const bool is_map = column.type().kind() == TypeKind::kMap;
  to.push_back(is_map ? '{' : '[');
  for (int32_t i = column.Offsets()[at]; i < column.Offsets()[at + 1]; ++i) {
    if (i > column.Offsets()[at]) to += ", ";
    AppendItem(*column.children()[0], static_cast<size_t>(i), zone, to);
    if (!is_map) continue;
    to += " -> ";
    AppendItem(*column.children()[1], static_cast<size_t>(i), zone, to);
  }
  to.push_back(is_map ? '}' : ']');
}

CastFunction AnyToText(const CastSpec& spec) {
  return [type = spec.to](const CastCall& call) -> ColumnPtr {
    data::ColumnBuilder out(type, call.input->length());
    const TimeZone zone = ZoneOf(call.context);
    std::string scratch;
    call.rows.ForEach([&](size_t row) {
      if (call.input->IsNull(row)) return;
      scratch.clear();
      AppendAsText(*call.input, row, zone, scratch);
      out.Values<std::string_view>()[row] = out.arena().Copy(scratch);
    });
    out.AddNullsOf(*call.input);
    return std::move(out).Finish();
  };
}

template <typename From>
CastFunction IntegerToText(const CastSpec& spec) {
  return CastEach<From, std::string_view>(spec, [](const CastCall&, data::ColumnBuilder& out) {
    out.SetPaddedStrings(true);
    return [&arena = out.arena()](const From& in, std::string_view& to) {
      constexpr size_t kDigitsMax = 24;
      char* at = arena.Allocate(kDigitsMax);
      const char* end = std::to_chars(at, at + kDigitsMax, in).ptr;
      arena.ReturnTail(end);
      to = {at, static_cast<size_t>(end - at)};
      return CastOutcome::kOk;
    };
  });
}

// Legacy: an integer's bytes, the most significant first.
template <typename From>
CastFunction IntegerToBinary(const CastSpec& spec) {
  return CastEach<From, std::string_view>(spec, [](const CastCall&, data::ColumnBuilder& out) {
    return [&arena = out.arena()](const From& in, std::string_view& to) {
      char* at = arena.Allocate(sizeof(From));
      StoreBig(at, in);
      to = {at, sizeof(From)};
      return CastOutcome::kOk;
    };
  });
}

}  // namespace

void AppendAsText(const Column& column, size_t row, const TimeZone& zone, std::string& to) {
  const size_t at = row * column.Stride();
  if (column.type().kind() == TypeKind::kNull || column.IsNull(row)) {
    to += "NULL";
    return;
  }
  switch (column.type().kind()) {
    case TypeKind::kBoolean:
      to += column.Values<uint8_t>()[at] != 0 ? "true" : "false";
      return;
    case TypeKind::kTinyint:
      return AppendNumber(column.Values<int8_t>()[at], to);
    case TypeKind::kSmallint:
      return AppendNumber(column.Values<int16_t>()[at], to);
    case TypeKind::kInt:
      return AppendNumber(column.Values<int32_t>()[at], to);
    case TypeKind::kBigint:
      return AppendNumber(column.Values<int64_t>()[at], to);
    case TypeKind::kString:
    case TypeKind::kBinary:
      to += column.Values<std::string_view>()[at];
      return;
    case TypeKind::kDate:
      return AppendDate(column.Values<int32_t>()[at], to);
    case TypeKind::kTimestamp:
      return AppendMoment(zone.UtcToLocal(TimestampUs(column.Values<int64_t>()[at])).value, to);
    case TypeKind::kTimestampNtz:
      return AppendMoment(column.Values<int64_t>()[at], to);
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
      return AppendNested(column, at, zone, to);
    default:
      to += data::FormatValue(column.type(), column.ValueAt(row));
  }
}

CastFunction MakeToTextCast(const CastSpec& spec) {
  if (spec.from.is_string_like()) {
    return [type = spec.to](const CastCall& call) { return Column::Retype(call.input, type); };
  }
  const bool to_text = spec.to.kind() == TypeKind::kString;
  switch (spec.from.kind()) {
    case TypeKind::kTinyint:
      return to_text ? IntegerToText<int8_t>(spec) : IntegerToBinary<int8_t>(spec);
    case TypeKind::kSmallint:
      return to_text ? IntegerToText<int16_t>(spec) : IntegerToBinary<int16_t>(spec);
    case TypeKind::kInt:
      return to_text ? IntegerToText<int32_t>(spec) : IntegerToBinary<int32_t>(spec);
    case TypeKind::kBigint:
      return to_text ? IntegerToText<int64_t>(spec) : IntegerToBinary<int64_t>(spec);
    default:
      return to_text ? AnyToText(spec) : nullptr;
  }
}

}  // namespace millrace::engine
