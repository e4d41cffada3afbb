#include "data/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/base64.h"

namespace millrace::data {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;
constexpr int64_t kMicrosPerSecond = 1'000'000;

void AppendInteger(int64_t number, std::string& to) {
  char text[24];
  to.append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

void AppendReal(double number, std::string_view text, std::string& to) {
  if (std::isfinite(number)) {
    to += text;
  } else {
    AppendJsonString(text, to);
  }
}

// "yyyy-MM-ddTHH:mm:ss.SSS", with six digits when three would lose something.
void AppendLocal(int64_t local_us, std::string& to) {
  const int64_t in_second = (local_us % kMicrosPerSecond + kMicrosPerSecond) % kMicrosPerSecond;
  std::string text = FormatTimestamp(local_us);
  text[text.find(' ')] = 'T';
  to.append(text, 0, text.find('.'));
  if (in_second % kMicrosPerMilli == 0) {
    to += fmt::format(".{:03}", in_second / kMicrosPerMilli);
  } else {
    to += fmt::format(".{:06}", in_second);
  }
}

void AppendOffset(int32_t seconds, std::string& to) {
  if (seconds == 0) {
    to.push_back('Z');
    return;
  }
  const int32_t size = std::abs(seconds);
  to += fmt::format("{}{:02}:{:02}", seconds < 0 ? '-' : '+', size / 3600, size / 60 % 60);
  if (size % 60 != 0) to += fmt::format(":{:02}", size % 60);
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& to) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  to.push_back('"');
  size_t from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= ' ' && c != '"' && c != '\\') continue;
    to.append(text, from, i - from);
    from = i + 1;
    to.push_back('\\');
    static constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
    static constexpr std::string_view kEscaped = "\"\\bfnrt";
    if (const size_t at = kPlain.find(text[i]); at != std::string_view::npos) {
      to.push_back(kEscaped[at]);
    } else {
      to += "u00";
      to.push_back(kHex[c >> 4]);
      to.push_back(kHex[c & 15]);
    }
  }
  to.append(text, from);
  to.push_back('"');
}

JsonWriter::JsonWriter(const Schema& schema, TimeZone zone, JsonWriterOptions options)
    : fields_(schema.fields), zone_(std::move(zone)), options_(options) {}

void JsonWriter::AppendRow(const Batch& batch, size_t row, std::string& to) const {
  to.push_back('{');
  const size_t start = to.size();
  for (size_t i = 0; i < fields_.size(); ++i)
    AppendField(*batch.columns[i], row, fields_[i], start, to);
  to.push_back('}');
}

// `start`: where the object's first field would stand.
void JsonWriter::AppendField(const Column& column, size_t row, const Field& field, size_t start,
                             std::string& to) const {
  if (column.IsNull(row) && !options_.keep_nulls) return;
  if (to.size() > start) to.push_back(',');
  AppendJsonString(field.name, to);
  to.push_back(':');
  AppendValue(column, row, to);
}

void JsonWriter::AppendValue(const Column& column, size_t row, std::string& to) const {
  if (column.type().kind() == TypeKind::kNull || column.IsNull(row)) {
    to += "null";
    return;
  }
  const size_t at = row * column.Stride();
  switch (column.type().kind()) {
    case TypeKind::kStruct: {
      to.push_back('{');
      const size_t start = to.size();
      for (size_t i = 0; i < column.children().size(); ++i)
        AppendField(*column.children()[i], at, column.type().fields()[i], start, to);
      to.push_back('}');
      return;
    }
    case TypeKind::kArray:
    case TypeKind::kMap:
      return AppendCollection(column, at, to);
    default:
      AppendScalar(column, row, to);
  }
}

void JsonWriter::AppendCollection(const Column& column, size_t at, std::string& to) const {
  const bool is_map = column.type().kind() == TypeKind::kMap;
  to.push_back(is_map ? '{' : '[');
  for (int32_t i = column.Offsets()[at]; i < column.Offsets()[at + 1]; ++i) {
    if (i > column.Offsets()[at]) to.push_back(',');
    const auto place = static_cast<size_t>(i);
    if (is_map) {
      AppendJsonString(FormatValue(column.type().key(), column.children()[0]->ValueAt(place)), to);
      to.push_back(':');
    }
    AppendValue(*column.children()[is_map ? 1 : 0], place, to);
  }
  to.push_back(is_map ? '}' : ']');
}

void JsonWriter::AppendScalar(const Column& column, size_t row, std::string& to) const {
  const size_t at = row * column.Stride();
  switch (column.type().kind()) {
    case TypeKind::kBoolean:
      to += column.Values<uint8_t>()[at] != 0 ? "true" : "false";
      return;
    case TypeKind::kTinyint:
      return AppendInteger(column.Values<int8_t>()[at], to);
    case TypeKind::kSmallint:
      return AppendInteger(column.Values<int16_t>()[at], to);
    case TypeKind::kInt:
      return AppendInteger(column.Values<int32_t>()[at], to);
    case TypeKind::kBigint:
      return AppendInteger(column.Values<int64_t>()[at], to);
    case TypeKind::kFloat:
      return AppendReal(column.Values<float>()[at], FormatFloat(column.Values<float>()[at]), to);
    case TypeKind::kDouble:
      return AppendReal(column.Values<double>()[at], FormatDouble(column.Values<double>()[at]), to);
    case TypeKind::kDecimal:
      to += FormatDecimal(column.Values<Int128>()[at], column.type().scale());
      return;
    case TypeKind::kString:
      return AppendJsonString(column.Values<std::string_view>()[at], to);
    case TypeKind::kBinary:
      to.push_back('"');
      AppendBase64(column.Values<std::string_view>()[at], to);
      to.push_back('"');
      return;
    case TypeKind::kTimestamp: {
      const TimestampUs instant(column.Values<int64_t>()[at]);
      to.push_back('"');
      AppendLocal(zone_.UtcToLocal(instant).value, to);
      AppendOffset(zone_.OffsetSecondsAt(instant), to);
      to.push_back('"');
      return;
    }
    case TypeKind::kTimestampNtz:
      to.push_back('"');
      AppendLocal(column.Values<int64_t>()[at], to);
      to.push_back('"');
      return;
    default:
      AppendJsonString(FormatValue(column.type(), column.ValueAt(row)), to);
  }
}

}  // namespace millrace::data
