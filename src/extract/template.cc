#include "extract/template.h"

#include <charconv>
#include <chrono>
#include <limits>
#include <optional>
#include <variant>

#include "io/http_message.h"

namespace millrace::extract {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;
constexpr size_t kTemplateBytesMax = 64 << 10;

using Arguments = std::vector<std::string>;
using Rendered = std::variant<TimestampUs, std::string>;
enum class Kind : uint8_t { kTime, kText };

int64_t FloorTo(int64_t value, int64_t unit) {
  const int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

// An instant taken apart, UTC.
struct Civil {
  std::chrono::year_month_day date;
  int64_t in_day_us;
};
Civil ToCivil(TimestampUs at) {
  const int64_t day_us = FloorTo(at.value, kDayUs);
  return {std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(day_us / kDayUs))),
          at.value - day_us};
}
TimestampUs FromDate(std::chrono::year_month_day date) {
  return TimestampUs(std::chrono::sys_days(date).time_since_epoch().count() * kDayUs);
}

// "-90s" in microseconds, none when it is no duration or more than a thousand years.
std::optional<int64_t> ParseDuration(std::string_view text) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"ms", 1000},  {"s", kSecondUs}, {"m", 60 * kSecondUs}, {"h", 3600 * kSecondUs},
      {"d", kDayUs}, {"w", 7 * kDayUs}};
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, factor] : kUnits) {
    if (name != unit) continue;
    int64_t duration = 0;
    if (__builtin_mul_overflow(number, factor, &duration)) return std::nullopt;
    if (std::abs(duration) > 1000 * 366 * kDayUs) return std::nullopt;
    return duration;
  }
  return std::nullopt;
}

std::optional<int64_t> ParseCount(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// One letter of a format; false for one that has no meaning.
bool AppendTimeField(std::string& to, char field, TimestampUs at) {
  const Civil civil = ToCivil(at);
  const int64_t second = civil.in_day_us / kSecondUs;
  auto out = std::back_inserter(to);
  switch (field) {
    case 'Y':
      fmt::format_to(out, "{:04}", static_cast<int>(civil.date.year()));
      return true;
    case 'm':
      fmt::format_to(out, "{:02}", static_cast<unsigned>(civil.date.month()));
      return true;
    case 'd':
      fmt::format_to(out, "{:02}", static_cast<unsigned>(civil.date.day()));
      return true;
    case 'H':
      fmt::format_to(out, "{:02}", second / 3600);
      return true;
    case 'M':
      fmt::format_to(out, "{:02}", second / 60 % 60);
      return true;
    case 'S':
      fmt::format_to(out, "{:02}", second % 60);
      return true;
    case '3':
      fmt::format_to(out, "{:03}", civil.in_day_us / 1000 % 1000);
      return true;
    case 's':
      fmt::format_to(out, "{}", FloorTo(at.value, kSecondUs) / kSecondUs);
      return true;
    case '%':
      to += '%';
      return true;
    default:
      return false;
  }
}

// nullopt when the format has a '%' that means nothing.
std::optional<std::string> FormatTime(std::string_view format, TimestampUs at) {
  std::string text;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    if (++i == format.size() || !AppendTimeField(text, format[i], at)) return std::nullopt;
  }
  return text;
}

std::optional<TimestampUs> StartOf(std::string_view unit, TimestampUs at) {
  if (unit == "second") return TimestampUs(FloorTo(at.value, kSecondUs));
  if (unit == "minute") return TimestampUs(FloorTo(at.value, 60 * kSecondUs));
  if (unit == "hour") return TimestampUs(FloorTo(at.value, 3600 * kSecondUs));
  if (unit == "day") return TimestampUs(FloorTo(at.value, kDayUs));
  const Civil civil = ToCivil(at);
  if (unit == "month") return FromDate(civil.date.year() / civil.date.month() / 1);
  if (unit == "year") return FromDate(civil.date.year() / 1 / 1);
  return std::nullopt;
}

std::string MapAscii(std::string text, char from, char to) {
  for (char& c : text)
    if (c >= from && c < from + 26) c = static_cast<char>(c - from + to);
  return text;
}

std::string Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

std::string Replace(std::string_view text, const std::string& from, const std::string& to) {
  std::string replaced;
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with(from)) {
      replaced += to;
      at += from.size();
    } else {
      replaced += text[at++];
    }
  }
  return replaced;
}

std::string EscapeJson(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '"' || c == '\\') {
      escaped += '\\';
      escaped += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string FirstCodePoints(std::string_view text, int64_t count) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool continues = (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
    if (!continues && count-- == 0) break;
  }
  return std::string(text.substr(0, at));
}

// What Parse checks and Render calls. `valid` decides on the arguments, whose number has been
// checked.
struct Function {
  std::string_view name;
  Kind takes;
  Kind gives;
  size_t arguments;
  bool (*valid)(const Arguments&);
  Rendered (*apply)(const Rendered&, const Arguments&);
};

bool Any(const Arguments&) { return true; }
TimestampUs Time(const Rendered& value) { return std::get<TimestampUs>(value); }
const std::string& Text(const Rendered& value) { return std::get<std::string>(value); }

const Function kFunctions[] = {
    {"add", Kind::kTime, Kind::kTime, 1,
     [](const Arguments& a) { return ParseDuration(a[0]).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return Time(v) + *ParseDuration(a[0]);
     }},
    {"start_of", Kind::kTime, Kind::kTime, 1,
     [](const Arguments& a) { return StartOf(a[0], TimestampUs(0)).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered { return *StartOf(a[0], Time(v)); }},
    {"format", Kind::kTime, Kind::kText, 1,
     [](const Arguments& a) { return FormatTime(a[0], TimestampUs(0)).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered { return *FormatTime(a[0], Time(v)); }},
    {"epoch_s", Kind::kTime, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return *FormatTime("%s", Time(v)); }},
    {"epoch_ms", Kind::kTime, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered {
       return std::to_string(FloorTo(Time(v).value, 1000) / 1000);
     }},
    {"date", Kind::kTime, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered {
       return *FormatTime("%Y-%m-%d", Time(v));
     }},
    {"lower", Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return MapAscii(Text(v), 'A', 'a'); }},
    {"upper", Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return MapAscii(Text(v), 'a', 'A'); }},
    {"trim", Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return Trim(Text(v)); }},
    {"default", Kind::kText, Kind::kText, 1, Any,
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return Text(v).empty() ? a[0] : Text(v);
     }},
    {"replace", Kind::kText, Kind::kText, 2, [](const Arguments& a) { return !a[0].empty(); },
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return Replace(Text(v), a[0], a[1]);
     }},
    {"url", Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return io::PercentEncode(Text(v)); }},
    {"json", Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return EscapeJson(Text(v)); }},
    {"first", Kind::kText, Kind::kText, 1,
     [](const Arguments& a) { return ParseCount(a[0]).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return FirstCodePoints(Text(v), *ParseCount(a[0]));
     }},
};

const Function* FindFunction(std::string_view name) {
  for (const Function& function : kFunctions)
    if (function.name == name) return &function;
  return nullptr;
}

constexpr std::string_view kTimeVariables[] = {"logical_date", "data_interval_start",
                                               "data_interval_end"};
constexpr std::string_view kTextVariables[] = {"cursor", "dag_id", "run_id", "task_id",
                                               "try_number"};

std::optional<Kind> KindOfVariable(std::string_view name) {
  for (std::string_view known : kTimeVariables)
    if (known == name) return Kind::kTime;
  for (std::string_view known : kTextVariables)
    if (known == name) return Kind::kText;
  if (name.starts_with("params.") && name.size() > 7) return Kind::kText;
  return std::nullopt;
}

Rendered ValueOf(std::string_view variable, const TemplateValues& values) {
  if (variable == "logical_date") return values.logical_date;
  if (variable == "data_interval_start") return values.data_interval_start;
  if (variable == "data_interval_end") return values.data_interval_end;
  if (variable == "cursor") return values.cursor;
  if (variable == "dag_id") return values.dag_id;
  if (variable == "run_id") return values.run_id;
  if (variable == "task_id") return values.task_id;
  if (variable == "try_number") return values.try_number;
  const auto found = values.params.find(std::string(variable.substr(7)));
  return found == values.params.end() ? std::string() : found->second;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Template::Piece>> Parse() {
    if (text_.size() > kTemplateBytesMax) return Wrong("a template has at most 65536 bytes");
    std::vector<Template::Piece> pieces;
    while (at_ < text_.size()) {
      const size_t open = std::min(text_.find("{{", at_), text_.size());
      if (open > at_) pieces.push_back({std::string(text_.substr(at_, open - at_)), {}, {}});
      at_ = open;
      if (at_ == text_.size()) break;
      at_ += 2;
      MR_ASSIGN(Template::Piece piece, Expression());
      pieces.push_back(std::move(piece));
    }
    return pieces;
  }

 private:
  std::unexpected<Error> Wrong(std::string_view what) const { return WrongAt(at_, what); }
  static std::unexpected<Error> WrongAt(size_t at, std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument, "template, column {}: {}", at + 1, what);
  }
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool Take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  std::string_view Word() {
    const size_t begin = at_;
    const auto part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '-';
    };
    while (at_ < text_.size() && part(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // Behind "{{"; ends behind "}}".
  Result<Template::Piece> Expression() {
    Template::Piece piece;
    SkipSpace();
    const size_t begin = at_;
    piece.variable = Word();
    const auto kind = KindOfVariable(piece.variable);
    if (!kind)
      return WrongAt(begin,
                     fmt::format("no variable '{}': there are logical_date, data_interval_start, "
                                 "data_interval_end, cursor, dag_id, run_id, task_id, try_number "
                                 "and params.NAME",
                                 piece.variable));
    Kind now = *kind;
    for (;;) {
      SkipSpace();
      if (Take("}}")) return piece;
      if (at_ == text_.size()) return WrongAt(begin, "'{{' is not closed by '}}'");
      if (!Take("|")) return Wrong("expected '|' or '}}'");
      MR_ASSIGN(Template::Call call, FunctionCall(now));
      now = FindFunction(call.function)->gives;
      piece.calls.push_back(std::move(call));
    }
  }

  Result<Template::Call> FunctionCall(Kind input) {
    SkipSpace();
    const size_t begin = at_;
    Template::Call call{std::string(Word()), {}};
    const Function* function = FindFunction(call.function);
    if (function == nullptr) return WrongAt(begin, fmt::format("no function '{}'", call.function));
    if (function->takes != input)
      return WrongAt(begin, fmt::format("'{}' takes a {}, not a {}", call.function,
                                        function->takes == Kind::kTime ? "time" : "text",
                                        input == Kind::kTime ? "time" : "text"));
    SkipSpace();
    if (Take("(")) {
      MR_TRY(ReadArguments(call.arguments));
    }
    if (call.arguments.size() != function->arguments)
      return WrongAt(begin, fmt::format("'{}' takes {} arguments, not {}", call.function,
                                        function->arguments, call.arguments.size()));
    if (!function->valid(call.arguments))
      return WrongAt(begin, fmt::format("'{}' cannot take '{}'", call.function, call.arguments[0]));
    return call;
  }

  Status ReadArguments(Arguments& arguments) {
    SkipSpace();
    if (Take(")")) return {};
    for (;;) {
      SkipSpace();
      if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
        const char quote = text_[at_];
        const size_t close = text_.find(quote, at_ + 1);
        if (close == std::string_view::npos) return Wrong("the quote is not closed");
        arguments.emplace_back(text_.substr(at_ + 1, close - at_ - 1));
        at_ = close + 1;
      } else {
        const std::string_view word = Word();
        if (word.empty()) return Wrong("expected an argument");
        arguments.emplace_back(word);
      }
      SkipSpace();
      if (Take(")")) return {};
      if (!Take(",")) return Wrong("expected ',' or ')'");
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Template> Template::Parse(std::string_view text) {
  Template parsed;
  MR_ASSIGN(parsed.pieces_, Parser(text).Parse());
  return parsed;
}

std::string Template::Render(const TemplateValues& values, Encoding encoding) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    if (piece.variable.empty()) {
      text += piece.text;
      continue;
    }
    Rendered value = ValueOf(piece.variable, values);
    for (const Call& call : piece.calls)
      value = FindFunction(call.function)->apply(value, call.arguments);
    const auto* at = std::get_if<TimestampUs>(&value);
    const std::string shown = at != nullptr ? FormatInstant(*at) : Text(value);
    text += encoding == Encoding::kUrl ? io::PercentEncode(shown) : shown;
  }
  return text;
}

bool Template::uses_cursor() const {
  for (const Piece& piece : pieces_)
    if (piece.variable == "cursor") return true;
  return false;
}

std::string FormatInstant(TimestampUs at) {
  std::string text = *FormatTime("%Y-%m-%dT%H:%M:%S", at);
  const int64_t fraction = at.value - FloorTo(at.value, kSecondUs);
  if (fraction % 1000 != 0) {
    text += fmt::format(".{:06}", fraction);
  } else if (fraction != 0) {
    text += fmt::format(".{:03}", fraction / 1000);
  }
  return text + "Z";
}

}  // namespace millrace::extract
