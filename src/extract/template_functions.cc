// The variables and functions of templates, and what computes them.
#include "extract/template_functions.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "io/http_message.h"

namespace millrace::extract {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;

using Arguments = TemplateArguments;
using Kind = TemplateKind;
using Rendered = TemplateValue;

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

bool Any(const Arguments&) { return true; }
TimestampUs Time(const Rendered& value) { return std::get<TimestampUs>(value); }
const std::string& Text(const Rendered& value) { return std::get<std::string>(value); }

const TemplateFunction kFunctions[] = {
    {"add", "add('-90s')", "The time moved by a signed duration; units ms, s, m, h, d, w.",
     "{{ logical_date | add('-90s') }} => 2026-01-31T08:28:30.250Z", Kind::kTime, Kind::kTime, 1,
     [](const Arguments& a) { return ParseDuration(a[0]).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return Time(v) + *ParseDuration(a[0]);
     }},
    {"start_of", "start_of('day')",
     "Begin of the second, minute, hour, day, month or year, in UTC.",
     "{{ logical_date | start_of('month') }} => 2026-01-01T00:00:00Z", Kind::kTime, Kind::kTime, 1,
     [](const Arguments& a) { return StartOf(a[0], TimestampUs(0)).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered { return *StartOf(a[0], Time(v)); }},
    {"format", "format('%Y-%m-%d')",
     "The time in UTC by a pattern: %Y %m %d %H %M %S, %3 milliseconds, %s seconds since 1970, %%.",
     "{{ logical_date | format('%d.%m.%Y %H:%M:%S.%3') }} => 31.01.2026 08:30:00.250", Kind::kTime,
     Kind::kText, 1,
     [](const Arguments& a) { return FormatTime(a[0], TimestampUs(0)).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered { return *FormatTime(a[0], Time(v)); }},
    {"epoch_s", "epoch_s", "Whole seconds since 1970.",
     "{{ logical_date | epoch_s }} => 1769848200", Kind::kTime, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return *FormatTime("%s", Time(v)); }},
    {"epoch_ms", "epoch_ms", "Whole milliseconds since 1970.",
     "{{ logical_date | epoch_ms }} => 1769848200250", Kind::kTime, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered {
       return std::to_string(FloorTo(Time(v).value, 1000) / 1000);
     }},
    {"date", "date", "The day, in UTC.", "{{ logical_date | date }} => 2026-01-31", Kind::kTime,
     Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered {
       return *FormatTime("%Y-%m-%d", Time(v));
     }},
    {"lower", "lower", "Letters A to Z in lower case.", "{{ params.name | lower }} => ada & bob",
     Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return MapAscii(Text(v), 'A', 'a'); }},
    {"upper", "upper", "Letters a to z in upper case.", "{{ params.name | upper }} => ADA & BOB",
     Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return MapAscii(Text(v), 'a', 'A'); }},
    {"trim", "trim", "Without white space at both ends.", "[{{ params.padded | trim }}] => [x]",
     Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return Trim(Text(v)); }},
    {"default", "default('x')", "The argument where the value is empty or was not given.",
     "{{ params.absent | default('all') }} => all", Kind::kText, Kind::kText, 1, Any,
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return Text(v).empty() ? a[0] : Text(v);
     }},
    {"replace", "replace('a', 'b')", "Every a replaced by b.",
     "{{ params.name | replace(' & ', '+') }} => Ada+Bob", Kind::kText, Kind::kText, 2,
     [](const Arguments& a) { return !a[0].empty(); },
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return Replace(Text(v), a[0], a[1]);
     }},
    {"url", "url", "Percent-encoded; `url` itself is encoded without it.",
     "{{ params.name | url }} => Ada%20%26%20Bob", Kind::kText, Kind::kText, 0, Any,
     [](const Rendered& v, const Arguments&) -> Rendered { return io::PercentEncode(Text(v)); }},
    {"json", "json", "Escaped for the inside of a JSON string.",
     R"({"q": "{{ params.quoted | json }}"} => {"q": "say \"hi\""})", Kind::kText, Kind::kText, 0,
     Any, [](const Rendered& v, const Arguments&) -> Rendered { return EscapeJson(Text(v)); }},
    {"first", "first(8)", "The first so many characters.", "{{ params.name | first(3) }} => Ada",
     Kind::kText, Kind::kText, 1, [](const Arguments& a) { return ParseCount(a[0]).has_value(); },
     [](const Rendered& v, const Arguments& a) -> Rendered {
       return FirstCodePoints(Text(v), *ParseCount(a[0]));
     }},
};

template <auto Member>
Rendered Get(const TemplateValues& values) {
  return values.*Member;
}

const TemplateVariable kVariables[] = {
    {"logical_date", Kind::kTime, "Due time the run stands for; of a manual run, when it was made.",
     Get<&TemplateValues::logical_date>},
    {"data_interval_start", Kind::kTime, "The due time before it.",
     Get<&TemplateValues::data_interval_start>},
    {"data_interval_end", Kind::kTime, "The logical date.",
     Get<&TemplateValues::data_interval_end>},
    {"cursor", Kind::kText, "http tasks only: greatest committed cursor, or `cursor.initial`.",
     Get<&TemplateValues::cursor>},
    {"dag_id", Kind::kText, "Name of the graph.", Get<&TemplateValues::dag_id>},
    {"run_id", Kind::kText, "Name of the run, such as `scheduled__2026-01-31T08:30:00Z`.",
     Get<&TemplateValues::run_id>},
    {"task_id", Kind::kText, "Name of the task.", Get<&TemplateValues::task_id>},
    {"try_number", Kind::kText, "Number of the try, from 1.", Get<&TemplateValues::try_number>},
};

}  // namespace

std::span<const TemplateFunction> TemplateFunctions() { return kFunctions; }
std::span<const TemplateVariable> TemplateVariables() { return kVariables; }

const TemplateFunction* FindTemplateFunction(std::string_view name) {
  const auto found = std::ranges::find(kFunctions, name, &TemplateFunction::name);
  return found == std::end(kFunctions) ? nullptr : found;
}

const TemplateVariable* FindTemplateVariable(std::string_view name) {
  const auto found = std::ranges::find(kVariables, name, &TemplateVariable::name);
  return found == std::end(kVariables) ? nullptr : found;
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
