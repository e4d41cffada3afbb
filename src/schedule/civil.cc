#include "schedule/civil.h"

#include <optional>

#include "base/time_zone.h"
#include "base/tzif.h"

namespace millrace::schedule {
namespace {

constexpr int64_t kUsPerSecond = 1000000;
constexpr int64_t kSecondsPerDay = 86400;

// Reads fixed-width numbers and separators.
struct Scanner {
  std::string_view text;
  bool ok = true;

  int Number(size_t width) {
    int value = 0;
    if (text.size() < width) ok = false;
    for (size_t i = 0; ok && i < width; ++i) {
      ok = text[i] >= '0' && text[i] <= '9';
      value = value * 10 + (text[i] - '0');
    }
    if (ok) text.remove_prefix(width);
    return value;
  }
  bool Accept(char c) {
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
  }
  int64_t FractionUs() {
    int64_t us = 0, unit = 100000;
    size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
      us += unit * (text[digits] - '0');
      unit /= 10;
    }
    ok = ok && digits > 0;
    text.remove_prefix(digits);
    return us;
  }
};

}  // namespace

CivilDate CivilFromDays(int64_t days_since_1970) {
  const int64_t from_march_0000 = days_since_1970 + 719468;
  const int64_t cycle = FloorDiv(from_march_0000, 146097);
  const int64_t day_of_cycle = from_march_0000 - cycle * 146097;
  const int64_t year_of_cycle =
      (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
  const int64_t day_of_year =
      day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  date.month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  date.year = year_of_cycle + cycle * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

int DaysInMonth(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && is_leap ? 29 : kDays[month - 1];
}

int WeekdayOf(int64_t days_since_1970) {
  return static_cast<int>(days_since_1970 + 4 - FloorDiv(days_since_1970 + 4, 7) * 7);
}

std::string FormatUtc(TimestampUs at) {
  const int64_t seconds = FloorDiv(at.value, kUsPerSecond);
  const int64_t fraction = at.value - seconds * kUsPerSecond;
  const int64_t days = FloorDiv(seconds, kSecondsPerDay);
  const int64_t second = seconds - days * kSecondsPerDay;
  const CivilDate date = CivilFromDays(days);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month,
                                 date.day, second / 3600, second / 60 % 60, second % 60);
  if (fraction % 1000 != 0)
    text += fmt::format(".{:06}", fraction);
  else if (fraction != 0)
    text += fmt::format(".{:03}", fraction / 1000);
  return text + 'Z';
}

Result<TimestampUs> ParseUtc(std::string_view text) {
  Scanner scan{text};
  const auto malformed = [&] {
    return Fail(ErrorCode::kInvalidArgument, "\"{}\" is not a time such as 2026-01-31T23:59:59Z",
                text.substr(0, 64));
  };
  const int year = scan.Number(4);
  bool dashes = scan.Accept('-');
  const int month = scan.Number(2);
  dashes = scan.Accept('-') && dashes;
  const int day = scan.Number(2);
  if (!scan.ok || !dashes || month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month))
    return malformed();
  int hour = 0, minute = 0, second = 0;
  int64_t fraction = 0;
  if (scan.Accept('T') || scan.Accept(' ')) {
    hour = scan.Number(2);
    if (!scan.Accept(':')) return malformed();
    minute = scan.Number(2);
    if (scan.Accept(':')) {
      second = scan.Number(2);
      if (scan.Accept('.')) fraction = scan.FractionUs();
    }
  }
  if (!scan.ok || hour > 23 || minute > 59 || second > 59) return malformed();
  int64_t offset_seconds = 0;
  if (!scan.text.empty()) {
    const auto zone = TimeZone::Find(scan.text);
    if (!zone || zone->NextTransition(TimestampUs(0))) return malformed();
    offset_seconds = zone->OffsetSecondsAt(TimestampUs(0));
  }
  const int64_t seconds =
      DaysFromCivil(year, month, day) * kSecondsPerDay + hour * 3600 + minute * 60 + second;
  return TimestampUs((seconds - offset_seconds) * kUsPerSecond + fraction);
}

}  // namespace millrace::schedule
