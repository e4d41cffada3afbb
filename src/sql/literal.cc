#include "sql/literal.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "data/type.h"

namespace millrace::sql {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kMicrosPerDay = kSecondsPerDay * kMicrosPerSecond;

// Reads digits from the front of `text`; nullopt when there are fewer than 1 or more than `max`.
std::optional<int64_t> TakeNumber(std::string_view& text, size_t max) {
  size_t length = 0;
  int64_t value = 0;
  while (length < text.size() && text[length] >= '0' && text[length] <= '9') {
    if (++length > max) return std::nullopt;
    value = value * 10 + (text[length - 1] - '0');
  }
  if (length == 0) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool TakeChar(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool IsBlank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Reads [sign]year[-month[-day]] from the front of `text`, leaving the rest.
std::optional<int64_t> TakeDate(std::string_view& text) {
  const bool negative = TakeChar(text, '-');
  if (!negative) TakeChar(text, '+');
  const size_t before = text.size();
  const auto year = TakeNumber(text, 7);
  if (!year || before - text.size() < 4) return std::nullopt;
  int64_t month = 1, day = 1;
  if (TakeChar(text, '-')) {
    const auto number = TakeNumber(text, 2);
    if (!number) return std::nullopt;
    month = *number;
    if (TakeChar(text, '-')) {
      const auto of_month = TakeNumber(text, 2);
      if (!of_month) return std::nullopt;
      day = *of_month;
    }
  }
  // Days of the proleptic Gregorian calendar, years counted from March.
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int64_t y = negative ? -*year : *year;
  const bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
  if (month < 1 || month > 12 || day < 1) return std::nullopt;
  if (day > kDays[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0)) {
    return std::nullopt;
  }
  const int64_t shifted = month <= 2 ? y - 1 : y;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
  const int64_t year_of_era = shifted - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

// Reads up to six digits of a fraction of a second as microseconds; more digits are cut off.
std::optional<int64_t> TakeFraction(std::string_view& text) {
  int64_t micros = 0;
  size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 6) micros = micros * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  for (size_t i = digits; i < 6; ++i) micros *= 10;
  return micros;
}

// Reads h:m[:s[.f]] as microseconds of a day.
std::optional<int64_t> TakeTimeOfDay(std::string_view& text) {
  const auto hour = TakeNumber(text, 2);
  if (!hour || !TakeChar(text, ':')) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
  int64_t micros = (*hour * 60 + *minute) * 60 * kMicrosPerSecond;
  if (!TakeChar(text, ':')) return micros;
  const auto second = TakeNumber(text, 2);
  if (!second || *second > 59) return std::nullopt;
  micros += *second * kMicrosPerSecond;
  if (TakeChar(text, '.')) micros += *TakeFraction(text);
  return micros;
}

// "Z", "UTC", "GMT+1", "+02", "-03:30": seconds east of Greenwich.
std::optional<int64_t> ZoneOffset(std::string_view zone) {
  if (zone == "Z") return 0;
  for (const std::string_view prefix : {"UTC", "GMT", "UT"}) {
    if (zone.starts_with(prefix)) {
      zone.remove_prefix(prefix.size());
      if (zone.empty()) return 0;
      break;
    }
  }
  const bool negative = zone.starts_with('-');
  if (!negative && !zone.starts_with('+')) return std::nullopt;
  zone.remove_prefix(1);
  const auto hours = TakeNumber(zone, 2);
  int64_t minutes = 0;
  if (!hours || *hours > 18) return std::nullopt;
  if (TakeChar(zone, ':')) {
    const auto number = TakeNumber(zone, 2);
    if (!number || *number > 59) return std::nullopt;
    minutes = *number;
  }
  if (!zone.empty()) return std::nullopt;
  const int64_t seconds = (*hours * 60 + minutes) * 60;
  return negative ? -seconds : seconds;
}

bool LooksLikeRegion(std::string_view zone) {
  return !zone.empty() && std::isalpha(static_cast<unsigned char>(zone.front())) &&
         std::ranges::all_of(zone, [](unsigned char c) {
           return std::isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
         });
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!(text = Trimmed(text)).empty()) {
    const auto end = std::ranges::find_if(text, IsBlank) - text.begin();
    words.push_back(text.substr(0, static_cast<size_t>(end)));
    text.remove_prefix(static_cast<size_t>(end));
  }
  return words;
}

// Reads "<number><separator>" and adds number * unit micros to `total`.
bool TakePart(std::string_view& text, char separator, int64_t unit, int64_t limit,
              __int128& total) {
  const auto number = TakeNumber(text, 9);
  if (!number || *number > limit) return false;
  total += static_cast<__int128>(*number) * unit;
  return separator == '\0' || TakeChar(text, separator);
}

Result<IntervalValue> Bounded(bool year_month, __int128 value) {
  const __int128 limit =
      year_month ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  if (value > limit || value < -limit) {
    return Fail(ErrorCode::kInvalidArgument, "the interval is too long");
  }
  return IntervalValue{year_month, static_cast<int64_t>(value)};
}

}  // namespace

Result<int64_t> ParseDateText(std::string_view text) {
  std::string_view rest = Trimmed(text);
  const auto days = TakeDate(rest);
  if (!days || !rest.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' is no date: yyyy-mm-dd is wanted", text);
  }
  return *days;
}

Result<TimestampText> ParseTimestampText(std::string_view text) {
  const auto wrong = [&] {
    return Fail(ErrorCode::kInvalidArgument,
                "'{}' is no timestamp: yyyy-mm-dd hh:mm:ss.ffffff and maybe a zone is wanted",
                text);
  };
  std::string_view rest = Trimmed(text);
  const auto days = TakeDate(rest);
  if (!days) return wrong();
  TimestampText out;
  out.micros = *days * kMicrosPerDay;
  if (rest.empty()) return out;
  if (!TakeChar(rest, 'T') && !TakeChar(rest, ' ')) return wrong();
  const auto time = TakeTimeOfDay(rest);
  if (!time) return wrong();
  out.micros += *time;
  rest = Trimmed(rest);
  if (rest.empty()) return out;
  out.has_zone = true;
  if (const auto offset = ZoneOffset(rest)) {
    out.micros -= *offset * kMicrosPerSecond;
  } else if (LooksLikeRegion(rest)) {
    out.named_region = true;
  } else {
    return wrong();
  }
  return out;
}

Result<IntervalValue> IntervalUnit(std::string_view unit) {
  struct Unit {
    std::string_view name;
    bool year_month;
    int64_t value;
  };
  static constexpr std::array<Unit, 9> kUnits = {{{"year", true, 12},
                                                  {"month", true, 1},
                                                  {"week", false, 7 * kMicrosPerDay},
                                                  {"day", false, kMicrosPerDay},
                                                  {"hour", false, 3600 * kMicrosPerSecond},
                                                  {"minute", false, 60 * kMicrosPerSecond},
                                                  {"second", false, kMicrosPerSecond},
                                                  {"millisecond", false, 1000},
                                                  {"microsecond", false, 1}}};
  std::string_view name = unit;
  if (name.size() > 1 && (name.back() == 's' || name.back() == 'S')) name.remove_suffix(1);
  for (const Unit& known : kUnits) {
    if (data::EqualsIgnoringCase(known.name, name)) {
      return IntervalValue{known.year_month, known.value};
    }
  }
  return Fail(ErrorCode::kInvalidArgument,
              "'{}' is no unit of time: year, month, week, day, hour, minute, second, millisecond "
              "or microsecond is wanted",
              unit);
}

Result<IntervalValue> IntervalOf(std::string_view number, std::string_view unit) {
  MR_ASSIGN(const IntervalValue one, IntervalUnit(unit));
  std::string_view rest = Trimmed(number);
  const bool negative = TakeChar(rest, '-');
  if (!negative) TakeChar(rest, '+');
  const auto whole = TakeNumber(rest, 18);
  if (!whole) return Fail(ErrorCode::kInvalidArgument, "'{}' is no number", number);
  __int128 value = static_cast<__int128>(*whole) * one.value;
  if (TakeChar(rest, '.')) {
    const int64_t millionths = *TakeFraction(rest);
    if (one.year_month || one.value != kMicrosPerSecond) {
      return Fail(ErrorCode::kInvalidArgument, "only seconds may have a fraction");
    }
    value += millionths;
  }
  if (!rest.empty()) return Fail(ErrorCode::kInvalidArgument, "'{}' is no number", number);
  return Bounded(one.year_month, negative ? -value : value);
}

Result<IntervalValue> AddIntervals(const IntervalValue& a, const IntervalValue& b) {
  if (a.year_month != b.year_month) {
    return Fail(ErrorCode::kInvalidArgument,
                "years and months cannot be mixed with weeks, days and times in one interval");
  }
  return Bounded(a.year_month, static_cast<__int128>(a.value) + b.value);
}

Result<IntervalValue> ParseIntervalText(std::string_view text) {
  std::vector<std::string_view> words = Words(text);
  if (!words.empty() && data::EqualsIgnoringCase(words[0], "interval")) {
    words.erase(words.begin());
  }
  if (words.empty() || words.size() % 2 != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "'{}' is no interval: numbers with units are wanted, as in '1 hour 30 minutes'",
                text);
  }
  MR_ASSIGN(IntervalValue sum, IntervalOf(words[0], words[1]));
  for (size_t i = 2; i < words.size(); i += 2) {
    MR_ASSIGN(const IntervalValue part, IntervalOf(words[i], words[i + 1]));
    MR_ASSIGN(sum, AddIntervals(sum, part));
  }
  return sum;
}

Result<IntervalValue> ParseIntervalRange(std::string_view text, std::string_view from,
                                         std::string_view to) {
  static constexpr std::array<std::string_view, 6> kOrder = {"year", "month",  "day",
                                                             "hour", "minute", "second"};
  const auto place = [](std::string_view unit) {
    return std::ranges::find_if(
               kOrder,
               [&](std::string_view name) { return data::EqualsIgnoringCase(name, unit); }) -
           kOrder.begin();
  };
  const auto first = place(from), last = place(to);
  if (last >= 6 || first >= last || (first < 2) != (last < 2)) {
    return Fail(ErrorCode::kInvalidArgument, "an interval cannot go from {} to {}", from, to);
  }
  std::string_view rest = Trimmed(text);
  const bool negative = TakeChar(rest, '-');
  if (!negative) TakeChar(rest, '+');
  // Per unit: what follows it, its size, and the largest value it may have when it is not first.
  static constexpr std::array<char, 6> kSeparators = {'-', '\0', ' ', ':', ':', '\0'};
  static constexpr std::array<int64_t, 6> kSizes = {
      12, 1, kMicrosPerDay, 3600 * kMicrosPerSecond, 60 * kMicrosPerSecond, kMicrosPerSecond};
  static constexpr std::array<int64_t, 6> kLimits = {0, 11, 0, 23, 59, 59};
  __int128 total = 0;
  bool good = true;
  for (auto unit = first; unit <= last && good; ++unit) {
    const auto u = static_cast<size_t>(unit);
    good = TakePart(rest, unit == last ? '\0' : kSeparators[u], kSizes[u],
                    unit == first ? std::numeric_limits<int64_t>::max() : kLimits[u], total);
  }
  if (good && last == 5 && TakeChar(rest, '.')) total += *TakeFraction(rest);
  if (!good || !rest.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "'{}' is no interval from {} to {}", text, from, to);
  }
  return Bounded(first < 2, negative ? -total : total);
}

}  // namespace millrace::sql
