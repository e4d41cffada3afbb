// Casts from STRING to everything else.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>

#include "data/decimal_text.h"
#include "data/iso_time.h"
#include "data/trim.h"
#include "engine/cast_element.h"

namespace millrace::engine {

using data::Int128;
using data::TrimBlanks;
using data::TypeKind;
using sql::CastMode;

namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

// Without ANSI a fraction is cut off: "1.9" is 1.
template <typename To>
bool ReadInteger(std::string_view text, bool cut_fraction, To& to) {
  text = TrimBlanks(text);
  if (cut_fraction) {
    if (const size_t point = text.find('.'); point != std::string_view::npos) {
      if (!std::ranges::all_of(text.substr(point + 1), IsDigit) || text.size() == 1) return false;
      text = text.substr(0, point);
      if (text.empty() || text == "-" || text == "+") return to = 0, true;
    }
  }
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return false;
  }
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, to);
  return read.ec == std::errc() && read.ptr == end;
}

template <typename To>
CastFunction ToInteger(const CastSpec& spec) {
  const bool cut_fraction = spec.mode == CastMode::kLegacy;
  return CastPlain<std::string_view, To>(spec, [cut_fraction](const std::string_view& in, To& to) {
    if (ReadInteger(in, cut_fraction, to)) [[likely]]
      return CastOutcome::kOk;
    to = 0;
    return CastOutcome::kMalformed;
  });
}

// "NaN", "inf", "-Infinity" in any case.
template <typename To>
bool ReadSpecialReal(std::string_view text, To& to) {
  const std::string word = Lower(text);
  const bool negative = word.starts_with('-');
  const std::string_view name =
      std::string_view(word).substr(negative || word.starts_with('+') ? 1 : 0);
  if (word == "nan") {
    to = std::numeric_limits<To>::quiet_NaN();
    return true;
  }
  if (name != "inf" && name != "infinity") return false;
  to = negative ? -std::numeric_limits<To>::infinity() : std::numeric_limits<To>::infinity();
  return true;
}

template <typename To>
bool ReadReal(std::string_view text, To& to) {
  text = TrimBlanks(text);
  if (text.empty()) return false;
  const size_t sign = text[0] == '+' || text[0] == '-' ? 1 : 0;
  if (sign == text.size() || (!IsDigit(text[sign]) && text[sign] != '.'))
    return ReadSpecialReal(text, to);
  // Java allows a type suffix.
  if (text.size() > 1 && std::string_view("dDfF").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  const char* begin = text.data() + (text[0] == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(begin, end, to);
  if (read.ptr != end) return false;
  if (read.ec == std::errc::result_out_of_range) {
    const double wide = std::strtod(std::string(begin, end).c_str(), nullptr);
    to = static_cast<To>(wide);
  }
  return read.ec != std::errc::invalid_argument;
}

template <typename To>
CastFunction ToReal(const CastSpec& spec) {
  return CastPlain<std::string_view, To>(spec, [](const std::string_view& in, To& to) {
    return ReadReal(in, to) ? CastOutcome::kOk : CastOutcome::kMalformed;
  });
}

CastFunction ToDecimal(const CastSpec& spec) {
  const int precision = spec.to.precision();
  const int scale = spec.to.scale();
  return CastPlain<std::string_view, Int128>(
      spec, [precision, scale](const std::string_view& in, Int128& to) {
        switch (data::ParseDecimalText(TrimBlanks(in), precision, scale, to)) {
          case data::DecimalOutcome::kOk:
            return CastOutcome::kOk;
          case data::DecimalOutcome::kMalformed:
            return CastOutcome::kMalformed;
          case data::DecimalOutcome::kOutOfRange:
            break;
        }
        return CastOutcome::kOutOfRange;
      });
}

CastFunction ToBoolean(const CastSpec& spec) {
  return CastPlain<std::string_view, uint8_t>(spec, [](const std::string_view& in, uint8_t& to) {
    const std::string_view text = TrimBlanks(in);
    if (text.size() > 5) return CastOutcome::kMalformed;
    const std::string word = Lower(text);
    to = word == "true" || word == "t" || word == "yes" || word == "y" || word == "1" ? 1 : 0;
    const bool no = word == "false" || word == "f" || word == "no" || word == "n" || word == "0";
    return to != 0 || no ? CastOutcome::kOk : CastOutcome::kMalformed;
  });
}

CastFunction ToDate(const CastSpec& spec) {
  return CastPlain<std::string_view, int32_t>(spec, [](const std::string_view& in, int32_t& to) {
    const auto days = data::ParseDateText(in);
    if (!days) return CastOutcome::kMalformed;
    to = *days;
    return CastOutcome::kOk;
  });
}

// Reads timestamps in the session's zone; remembers the last zone that a text named.
class TimestampFromText {
 public:
  explicit TimestampFromText(const EvalContext& context)
      : session_(ZoneOf(context)), now_us_(context.now_us) {}

  CastOutcome operator()(const std::string_view& in, int64_t& to) {
    if (const auto instant = data::ParseIsoTimestampUtc(in)) [[likely]] {
      to = *instant;
      return CastOutcome::kOk;
    }
    return General(in, to) ? CastOutcome::kOk : CastOutcome::kMalformed;
  }

 private:
  bool General(std::string_view in, int64_t& to) {
    const auto parsed = data::ParseTimestampText(in);
    if (!parsed) return false;
    const TimeZone* zone = &session_;
    if (!parsed->zone.empty()) {
      if (!named_ || parsed->zone != named_text_) {
        auto found = TimeZone::Find(parsed->zone);
        if (!found) return false;
        named_ = std::move(*found);
        named_text_ = parsed->zone;
      }
      zone = &*named_;
    }
    int64_t local = parsed->local_us;
    if (parsed->time_only) {
      const int64_t today = zone->UtcToLocal(TimestampUs(now_us_)).value;
      local += today - (today % kMicrosPerDay + kMicrosPerDay) % kMicrosPerDay;
    }
    to = zone->LocalToUtc(LocalUs(local)).earlier.value;
    return true;
  }

  TimeZone session_;
  int64_t now_us_;
  std::optional<TimeZone> named_;
  std::string named_text_;
};

CastFunction ToTimestamp(const CastSpec& spec) {
  return CastEach<std::string_view, int64_t>(spec, [](const CastCall& call, data::ColumnBuilder&) {
    return TimestampFromText(call.context);
  });
}

CastFunction ToTimestampNtz(const CastSpec& spec) {
  return CastPlain<std::string_view, int64_t>(spec, [](const std::string_view& in, int64_t& to) {
    const auto parsed = data::ParseTimestampText(in);
    if (!parsed || parsed->time_only) return CastOutcome::kMalformed;
    to = parsed->local_us;
    return CastOutcome::kOk;
  });
}

// The body of "INTERVAL '<body>' <unit>", or the text itself; empty when it is neither.
std::string_view IntervalBody(std::string_view text, std::string_view unit, bool& negative) {
  text = TrimBlanks(text);
  const std::string lower = Lower(text);
  if (lower.starts_with("interval")) {
    const size_t open = text.find('\'');
    const size_t close = text.rfind('\'');
    if (open == std::string_view::npos || close == open) return {};
    if (TrimBlanks(std::string_view(lower).substr(close + 1)) != unit) return {};
    const std::string_view sign = TrimBlanks(text.substr(8, open - 8));
    if (!sign.empty() && sign != "-" && sign != "+") return {};
    negative = sign == "-";
    text = TrimBlanks(text.substr(open + 1, close - open - 1));
  }
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = negative != (text[0] == '-');
    text.remove_prefix(1);
  }
  return text;
}

// Reads a number and the `separator` behind it from the front of `text`.
bool TakeNumber(std::string_view& text, char separator, int64_t max, int64_t& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || number < 0 || number > max || text[0] == '-') return false;
  text.remove_prefix(static_cast<size_t>(read.ptr - text.data()));
  if (separator == '\0') return true;
  if (text.empty() || text[0] != separator) return false;
  text.remove_prefix(1);
  return true;
}

CastFunction ToYearMonth(const CastSpec& spec) {
  return CastPlain<std::string_view, int32_t>(spec, [](const std::string_view& in, int32_t& to) {
    bool negative = false;
    std::string_view body = IntervalBody(in, "year to month", negative);
    int64_t years = 0;
    int64_t months = 0;
    if (!TakeNumber(body, '-', 178'956'970, years) || !TakeNumber(body, '\0', 11, months) ||
        !body.empty())
      return CastOutcome::kMalformed;
    const int64_t total = (years * 12 + months) * (negative ? -1 : 1);
    if (total > INT32_MAX || total < INT32_MIN) return CastOutcome::kMalformed;
    to = static_cast<int32_t>(total);
    return CastOutcome::kOk;
  });
}

bool ReadFraction(std::string_view text, int64_t& micros) {
  micros = 0;
  if (text.empty()) return true;
  if (text[0] != '.' || text.size() < 2 || text.size() > 10) return false;
  int64_t unit = kMicrosPerSecond / 10;
  for (const char c : text.substr(1)) {
    if (!IsDigit(c)) return false;
    micros += (c - '0') * unit;
    unit /= 10;
  }
  return true;
}

CastFunction ToDayTime(const CastSpec& spec) {
  return CastPlain<std::string_view, int64_t>(spec, [](const std::string_view& in, int64_t& to) {
    bool negative = false;
    std::string_view body = IntervalBody(in, "day to second", negative);
    int64_t days = 0;
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    int64_t micros = 0;
    if (!TakeNumber(body, ' ', 106'751'991, days) || !TakeNumber(body, ':', 23, hours) ||
        !TakeNumber(body, ':', 59, minutes) || !TakeNumber(body, '\0', 59, seconds) ||
        !ReadFraction(body, micros))
      return CastOutcome::kMalformed;
    const int64_t in_day = ((hours * 60 + minutes) * 60 + seconds) * kMicrosPerSecond + micros;
    if (__builtin_add_overflow(days * kMicrosPerDay, in_day, &to)) return CastOutcome::kMalformed;
    if (negative) to = -to;
    return CastOutcome::kOk;
  });
}

}  // namespace

CastFunction MakeTextCast(const CastSpec& spec) {
  switch (spec.to.kind()) {
    case TypeKind::kBoolean:
      return ToBoolean(spec);
    case TypeKind::kTinyint:
      return ToInteger<int8_t>(spec);
    case TypeKind::kSmallint:
      return ToInteger<int16_t>(spec);
    case TypeKind::kInt:
      return ToInteger<int32_t>(spec);
    case TypeKind::kBigint:
      return ToInteger<int64_t>(spec);
    case TypeKind::kFloat:
      return ToReal<float>(spec);
    case TypeKind::kDouble:
      return ToReal<double>(spec);
    case TypeKind::kDecimal:
      return ToDecimal(spec);
    case TypeKind::kDate:
      return ToDate(spec);
    case TypeKind::kTimestamp:
      return ToTimestamp(spec);
    case TypeKind::kTimestampNtz:
      return ToTimestampNtz(spec);
    case TypeKind::kIntervalYearMonth:
      return ToYearMonth(spec);
    case TypeKind::kIntervalDayTime:
      return ToDayTime(spec);
    default:
      return nullptr;
  }
}

}  // namespace millrace::engine
