// Days, months and weeks of the proleptic Gregorian calendar, as numbers.
//
// Units: days since 1970-01-01, microseconds since 1970-01-01T00:00:00.
// Thread contract: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::engine {

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerMinute = 60 * kMicrosPerSecond;
inline constexpr int64_t kMicrosPerHour = 60 * kMicrosPerMinute;
inline constexpr int64_t kMicrosPerDay = 24 * kMicrosPerHour;

// Years all of whose days fit 32 bits; Spark's dates reach half a year further at both ends.
inline constexpr int32_t kYearMin = -5'877'640;
inline constexpr int32_t kYearMax = 5'881'579;

struct CivilDate {
  int32_t year;
  int32_t month;  // 1..12
  int32_t day;    // 1..31
};

constexpr int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}
constexpr int64_t FloorMod(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
// The multiple of `size` at or below `a`; the very first of 64 bits wraps around, as in Java.
constexpr int64_t FloorTo(int64_t a, int64_t size) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(FloorMod(a, size)));
}

CivilDate CivilOf(int32_t days);
// Days of a date that exists; the caller has checked month and day.
int32_t DaysOf(CivilDate date);
int32_t DaysInMonth(int32_t year, int32_t month);
inline int32_t DayOfDate(int64_t local_us) {
  return static_cast<int32_t>(FloorDiv(local_us, kMicrosPerDay));
}

// 0 for Monday to 6 for Sunday.
inline int32_t WeekdayOf(int32_t days) {
  return static_cast<int32_t>(FloorMod(int64_t{days} + 3, 7));
}
int32_t DayOfYear(int32_t days);
// ISO 8601: weeks start on Monday, week 1 has the year's first Thursday.
struct IsoWeek {
  int32_t year;
  int32_t week;
};
IsoWeek IsoWeekOf(int32_t days);

// The same day `months` later, or the month's last; nullopt beyond the range of days.
std::optional<int32_t> AddMonthsTo(int32_t days, int64_t months);

// "Mon".."Sunday" in any case, also two letters as next_day takes them: 0 for Monday; nullopt else.
std::optional<int32_t> WeekdayNamed(std::string_view name);
// Full English names; their first three letters are the short ones.
std::string_view MonthName(int32_t month);
std::string_view WeekdayName(int32_t weekday);

// Units of date_trunc, timestampadd and timestampdiff, singular or plural; nullopt for an unknown
// name.
enum class Unit : uint8_t {
  kMicrosecond,
  kMillisecond,
  kSecond,
  kMinute,
  kHour,
  kDay,
  kWeek,
  kMonth,
  kQuarter,
  kYear,
};
std::optional<Unit> UnitNamed(std::string_view name);
// The first moment of the unit that holds `local_us`.
int64_t TruncateTo(Unit unit, int64_t local_us);

}  // namespace millrace::engine
