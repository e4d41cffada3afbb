// Strings made of other things: printf, numbers with separators, masks, single characters.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

#include "base/decimal.h"
#include "base/unicode.h"
#include "data/value.h"
#include "engine/cast.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnPtr;
using data::TypeKind;
using Text = std::string_view;

constexpr int kWidthMax = 10'000;

// One conversion of a printf format: %[index$][flags][width][.precision]letter.
struct Conversion {
  size_t index = 0;  // 0: the next argument
  std::string flags{};
  int width = 0;
  int precision = -1;
  char letter = 0;

  bool Has(char flag) const { return flags.find(flag) != std::string::npos; }
};

std::optional<int> TakeInt(Text& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number > kWidthMax) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

// Reads what follows '%'; nullopt: not a conversion.
std::optional<Conversion> TakeConversion(Text& text) {
  Conversion conversion;
  Text rest = text;
  if (!rest.empty() && rest[0] >= '1' && rest[0] <= '9') {
    const auto index = TakeInt(rest);
    if (index && rest.starts_with('$')) {
      conversion.index = static_cast<size_t>(*index);
      text = rest.substr(1);
    }
  }
  while (!text.empty() && Text("-0+ ,(#").find(text[0]) != Text::npos) {
    conversion.flags += text[0];
    text.remove_prefix(1);
  }
  if (!text.empty() && text[0] >= '1' && text[0] <= '9') {
    const auto width = TakeInt(text);
    if (!width) return std::nullopt;
    conversion.width = *width;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const auto precision = TakeInt(text);
    if (!precision || *precision < 0) return std::nullopt;
    conversion.precision = *precision;
  }
  if (text.empty() || Text("dsSfeExXobBcn%").find(text[0]) == Text::npos) return std::nullopt;
  conversion.letter = text[0];
  text.remove_prefix(1);
  return conversion;
}

// Puts ',' between groups of three digits of the whole part.
std::string Grouped(Text digits) {
  const size_t whole = std::min(digits.find('.'), digits.size());
  std::string grouped;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped.append(digits.substr(whole));
}

// Sign, separators and zero padding of a number given by its digits.
std::string Decorated(const Conversion& conversion, bool negative, std::string digits) {
  if (conversion.Has(',')) digits = Grouped(digits);
  std::string prefix = negative              ? (conversion.Has('(') ? "(" : "-")
                       : conversion.Has('+') ? "+"
                       : conversion.Has(' ') ? " "
                                             : "";
  const std::string suffix = negative && conversion.Has('(') ? ")" : "";
  const size_t size = prefix.size() + digits.size() + suffix.size();
  if (conversion.Has('0') && size < static_cast<size_t>(conversion.width))
    prefix.append(static_cast<size_t>(conversion.width) - size, '0');
  return prefix + digits + suffix;
}

// A number as decimal digits with `places` decimals, rounded HALF_UP from its shortest text.
std::string FixedPoint(double magnitude, int places) {
  char buffer[400];
  const auto shortest =
      std::to_chars(buffer, buffer + sizeof(buffer), magnitude, std::chars_format::fixed).ptr;
  std::string text(buffer, shortest);
  size_t point = text.find('.');
  if (point == std::string::npos) {
    point = text.size();
    text += '.';
  }
  const size_t keep = point + 1 + static_cast<size_t>(places);
  const bool up = keep < text.size() && text[keep] >= '5';
  text.resize(keep, '0');
  for (size_t i = text.size(); up && i > 0; --i) {
    char& c = text[i - 1];
    if (c == '.') continue;
    if (c != '9') {
      ++c;
      break;
    }
    c = '0';
    if (i == 1) text.insert(text.begin(), '1');
  }
  if (text.back() == '.') text.pop_back();
  return text;
}

std::optional<int64_t> IntegerAt(const Column& column, size_t row) {
  if (!column.type().is_integral()) return std::nullopt;
  return column.ValueAt(row).integer();
}

std::optional<double> RealAt(const Column& column, size_t row) {
  const TypeKind kind = column.type().kind();
  if (column.type().is_fractional()) return column.ValueAt(row).real();
  if (kind != TypeKind::kDecimal) return std::nullopt;
  return DecimalToDouble({column.ValueAt(row).decimal(), column.type().scale()});
}

uint64_t Magnitude(int64_t number) {
  return number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
}

// The argument as the conversion prints it; nullopt: it is not of a type that fits the letter.
std::optional<std::string> Print(const Conversion& conversion, const Column& column, size_t row,
                                 const TimeZone& zone) {
  const char letter = conversion.letter;
  if (letter == 's' || letter == 'S' || letter == 'b' || letter == 'B' || column.IsNull(row)) {
    std::string text;
    if (column.IsNull(row))
      text = letter == 'b' ? "false" : "null";
    else
      AppendAsText(column, row, zone, text);
    if (letter == 'b' && column.type().kind() != TypeKind::kBoolean && !column.IsNull(row))
      text = "true";
    if (conversion.precision >= 0)
      text.resize(OffsetOfCodePoint(text, static_cast<size_t>(conversion.precision)));
    if (letter == 'S') UpperCase(std::string(text), text);
    return text;
  }
  if (letter == 'f' || letter == 'e' || letter == 'E') {
    const auto number = RealAt(column, row);
    if (!number) return std::nullopt;
    if (!std::isfinite(*number)) return data::FormatDouble(*number);
    const int places = conversion.precision < 0 ? 6 : conversion.precision;
    const double size = std::fabs(*number);
    std::string digits = letter == 'f'   ? FixedPoint(size, places)
                         : letter == 'e' ? fmt::format("{:.{}e}", size, places)
                                         : fmt::format("{:.{}E}", size, places);
    return Decorated(conversion, std::signbit(*number), std::move(digits));
  }
  const auto number = IntegerAt(column, row);
  if (!number) return std::nullopt;
  const bool narrow = column.type().kind() != TypeKind::kBigint;
  const uint64_t bits = narrow ? static_cast<uint32_t>(*number) : static_cast<uint64_t>(*number);
  switch (letter) {
    case 'd':
      return Decorated(conversion, *number < 0, fmt::format("{}", Magnitude(*number)));
    case 'x':
      return Decorated(conversion, false, fmt::format("{:x}", bits));
    case 'X':
      return Decorated(conversion, false, fmt::format("{:X}", bits));
    case 'o':
      return Decorated(conversion, false, fmt::format("{:o}", bits));
    default: {  // 'c'
      std::string text;
      AppendCodePoint(bits <= 0x10FFFF ? static_cast<char32_t>(bits) : 0xFFFD, text);
      return text;
    }
  }
}

void AppendPadded(const Conversion& conversion, const std::string& text, std::string& to) {
  const size_t count = CountCodePoints(text);
  const auto width = static_cast<size_t>(conversion.width);
  const size_t padding = count < width ? width - count : 0;
  if (!conversion.Has('-')) to.append(padding, ' ');
  to += text;
  if (conversion.Has('-')) to.append(padding, ' ');
}

// Appends the row's formatted text; an error message otherwise.
std::optional<std::string> FormatRow(const KernelCall& call, size_t row, Text format,
                                     const TimeZone& zone, std::string& to) {
  size_t next = 1;
  while (!format.empty()) {
    const size_t percent = std::min(format.find('%'), format.size());
    to += format.substr(0, percent);
    format.remove_prefix(percent);
    if (format.empty()) break;
    format.remove_prefix(1);
    const auto conversion = TakeConversion(format);
    if (!conversion) return "an unknown conversion after '%'";
    if (conversion->letter == '%' || conversion->letter == 'n') {
      to += conversion->letter == '%' ? '%' : '\n';
      continue;
    }
    const size_t index = conversion->index > 0 ? conversion->index : next++;
    if (index >= call.args.size()) return "more conversions than arguments";
    const auto text = Print(*conversion, *call.args[index], row, zone);
    if (!text) {
      return fmt::format("'%{}' cannot print {}", conversion->letter,
                         call.args[index]->type().ToDdl());
    }
    AppendPadded(*conversion, *text, to);
  }
  return std::nullopt;
}

ColumnPtr FormatString(KernelCall& call) {
  const TimeZone zone = ZoneOf(call.context);
  std::string text;
  return Map<Text, Text>(call, [&](Text format, Cell& cell) -> Text {
    if (cell.IsNull(0)) {
      cell.SetNull();
      return {};
    }
    text.clear();
    if (const auto wrong = FormatRow(call, cell.row(), format, zone, text)) {
      call.errors.Add(cell.row(), "INVALID_FORMAT_STRING",
                      fmt::format("format_string('{}'): {}", format, *wrong));
      return {};
    }
    return cell.Copy(text);
  });
}

// format_number: HALF_EVEN, as Java's DecimalFormat.
std::string WithPlaces(const Column& column, size_t row, int places) {
  const data::DataType& type = column.type();
  if (type.is_fractional()) {
    const double number = column.ValueAt(row).real();
    if (!std::isfinite(number)) return std::isnan(number) ? "NaN" : number > 0 ? "∞" : "-∞";
    return Grouped(fmt::format("{:.{}f}", std::fabs(number), places));
  }
  const Scaled value = type.kind() == TypeKind::kDecimal
                           ? Scaled{column.ValueAt(row).decimal(), type.scale()}
                           : Scaled{column.ValueAt(row).integer(), 0};
  const int kept = std::min(places, value.scale);
  const auto rounded =
      RescaleDecimal(value, {kDecimalPrecisionMax, kept}, Rounding::kHalfEven).value_or(0);
  std::string digits = data::FormatDecimal(rounded < 0 ? -rounded : rounded, kept);
  if (places > kept && kept == 0) digits += '.';
  return Grouped(digits.append(static_cast<size_t>(places - kept), '0'));
}

ColumnPtr FormatNumber(KernelCall& call) {
  const data::Reader<int32_t> places(*call.args[1]);
  return Map<Text>(call, [&](Cell& cell) -> Text {
    if (cell.HasNullArgument()) return {};
    const size_t row = cell.row();
    const Column& column = *call.args[0];
    if (places[row] < 0) {
      cell.SetNull();
      return {};
    }
    const std::string text = WithPlaces(column, row, std::min(places[row], 300));
    const data::Value value = column.ValueAt(row);
    const bool negative = column.type().is_fractional()                ? value.real() < 0
                          : column.type().kind() == TypeKind::kDecimal ? value.decimal() < 0
                                                                       : value.integer() < 0;
    return cell.Copy(negative && !text.starts_with('-') ? "-" + text : text);
  });
}

// mask(): the replacement of each kind of character; NULL leaves the kind as it is.
ColumnPtr Mask(KernelCall& call) {
  constexpr Text kDefaults[] = {"", "X", "x", "n"};
  std::string masked;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) -> Text {
    if (cell.IsNull(0)) {
      cell.SetNull();
      return {};
    }
    const auto replacement = [&](size_t arg) -> std::optional<Text> {
      if (arg >= call.args.size()) return arg < 4 ? std::optional(kDefaults[arg]) : std::nullopt;
      if (call.args[arg]->IsNull(cell.row())) return std::nullopt;
      return data::Reader<Text>(*call.args[arg])[cell.row()];
    };
    const std::optional<Text> kinds[] = {replacement(1), replacement(2), replacement(3),
                                         replacement(4)};
    masked.clear();
    for (size_t at = 0; at < text.size();) {
      const size_t from = at;
      const char32_t point = NextCodePoint(text, at);
      const size_t kind = IsUpperLetter(point)   ? 0
                          : IsLowerLetter(point) ? 1
                          : IsDigit(point)       ? 2
                                                 : 3;
      masked += kinds[kind].value_or(text.substr(from, at - from));
    }
    return cell.Copy(masked);
  });
}

ColumnPtr Chr(KernelCall& call) {
  std::string text;
  return Map<Text, int64_t>(call, [&](int64_t code, Cell& cell) -> Text {
    text.clear();
    if (code >= 0) AppendCodePoint(static_cast<char32_t>(code & 0xFF), text);
    return cell.Copy(text);
  });
}

ColumnPtr Elt(KernelCall& call) {
  const data::Reader<int32_t> indexes(*call.args[0]);
  return Map<Text>(call, [&](Cell& cell) -> Text {
    const auto count = static_cast<int32_t>(call.args.size()) - 1;
    const int32_t index = indexes[cell.row()];
    if (!cell.IsNull(0) && (index < 1 || index > count)) {
      call.errors.Add(cell.row(), "INVALID_ARRAY_INDEX",
                      fmt::format("elt: the index {} is not within 1 to {}", index, count));
      return {};
    }
    if (cell.IsNull(0) || cell.IsNull(static_cast<size_t>(index))) {
      cell.SetNull();
      return {};
    }
    return data::Reader<Text>(*call.args[static_cast<size_t>(index)])[cell.row()];
  });
}

ColumnPtr Quote(KernelCall& call) {
  std::string quoted;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) {
    quoted = "'";
    for (const char c : text) {
      if (c == '\'') quoted += '\\';
      quoted += c;
    }
    return cell.Copy(quoted += '\'');
  });
}

const KernelRegistration kKernels[] = {
    {"format_string", Always(FormatString)},
    {"format_number", Always(FormatNumber)},
    {"mask", Always(Mask)},
    {"chr", Always(Chr)},
    {"elt", Always(Elt)},
    {"quote", Always(Quote)},
};

}  // namespace

std::span<const KernelRegistration> TextMakingKernels() { return kKernels; }

}  // namespace millrace::engine
