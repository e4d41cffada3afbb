#include "engine/functions/calendar.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

namespace millrace::engine {
namespace {

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kWeekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                          "Friday", "Saturday", "Sunday"};

bool IsLeap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

std::string UpperAscii(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return upper;
}

// Howard Hinnant's civil_from_days: eras of 400 years, years from March.
CivilDate FarCivilOf(int32_t days) {
  const int64_t shifted = int64_t{days} + 719468;
  const int64_t era = FloorDiv(shifted, 146097);
  const auto day_of_era = static_cast<uint32_t>(shifted - era * 146097);
  const uint32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const uint32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t month_from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int32_t>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month =
      static_cast<int32_t>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  const auto year = static_cast<int32_t>(era * 400 + year_of_era + (month <= 2 ? 1 : 0));
  return {year, month, day};
}

}  // namespace

// Euclidean affine functions (Neri and Schneider, 2022) in place of divisions, for the years
// -32,800 to 2,906,945; years count from March, moved up by whole cycles to be positive.
CivilDate CivilOf(int32_t days) {
  constexpr uint32_t kCycles = 82;  // of 400 years and 146,097 days
  const uint32_t shifted = static_cast<uint32_t>(days) + 719'468 + 146'097 * kCycles;
  if (shifted >= uint32_t{1} << 30) [[unlikely]]
    return FarCivilOf(days);
  const uint32_t quarter_days = 4 * shifted + 3;
  const uint32_t century = quarter_days / 146'097;
  const uint32_t day_of_century = quarter_days % 146'097 / 4;
  const uint64_t years = uint64_t{2'939'745} * (4 * day_of_century + 3);
  const auto year_of_century = static_cast<uint32_t>(years >> 32);
  const uint32_t day_of_year = static_cast<uint32_t>(years) / 2'939'745 / 4;
  const uint32_t month_and_day = 2141 * day_of_year + 197'913;
  const bool next_year = day_of_year >= 306;
  const auto month = static_cast<int32_t>(month_and_day >> 16);
  return {static_cast<int32_t>(100 * century + year_of_century) -
              static_cast<int32_t>(400 * kCycles) + (next_year ? 1 : 0),
          next_year ? month - 12 : month,
          static_cast<int32_t>((month_and_day & 0xffff) / 2141) + 1};
}

int32_t DaysOf(CivilDate date) {
  const int64_t year = int64_t{date.year} - (date.month <= 2 ? 1 : 0);
  const int64_t era = FloorDiv(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
  const int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<int32_t>(era * 146097 + day_of_era - 719468);
}

int32_t DaysInMonth(int32_t year, int32_t month) {
  constexpr int32_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

int32_t DayOfYear(int32_t days) { return days - DaysOf({CivilOf(days).year, 1, 1}) + 1; }

IsoWeek IsoWeekOf(int32_t days) {
  // The week belongs to the year of its Thursday.
  const int32_t thursday = days - WeekdayOf(days) + 3;
  const int32_t year = CivilOf(thursday).year;
  return {year, (thursday - DaysOf({year, 1, 1})) / 7 + 1};
}

std::optional<int32_t> AddMonthsTo(int32_t days, int64_t months) {
  const CivilDate date = CivilOf(days);
  const int64_t month_number = int64_t{date.year} * 12 + date.month - 1 + months;
  const int64_t year = FloorDiv(month_number, 12);
  if (year < kYearMin || year > kYearMax) return std::nullopt;
  const auto month = static_cast<int32_t>(FloorMod(month_number, 12)) + 1;
  const auto in_year = static_cast<int32_t>(year);
  return DaysOf({in_year, month, std::min(date.day, DaysInMonth(in_year, month))});
}

std::optional<int32_t> WeekdayNamed(std::string_view name) {
  const std::string upper = UpperAscii(name);
  for (int32_t day = 0; day < 7; ++day) {
    const std::string full = UpperAscii(kWeekdays[day]);
    if (upper == full || upper == full.substr(0, 3) || upper == full.substr(0, 2)) return day;
  }
  return std::nullopt;
}

std::string_view MonthName(int32_t month) { return kMonths[month - 1]; }
std::string_view WeekdayName(int32_t weekday) { return kWeekdays[weekday]; }

std::optional<Unit> UnitNamed(std::string_view name) {
  struct Named {
    std::string_view name;
    Unit unit;
  };
  static constexpr Named kUnits[] = {
      {"MICROSECOND", Unit::kMicrosecond},
      {"MILLISECOND", Unit::kMillisecond},
      {"SECOND", Unit::kSecond},
      {"MINUTE", Unit::kMinute},
      {"HOUR", Unit::kHour},
      {"DAY", Unit::kDay},
      {"DD", Unit::kDay},
      {"DAYOFYEAR", Unit::kDay},
      {"WEEK", Unit::kWeek},
      {"MONTH", Unit::kMonth},
      {"MON", Unit::kMonth},
      {"MM", Unit::kMonth},
      {"QUARTER", Unit::kQuarter},
      {"YEAR", Unit::kYear},
      {"YYYY", Unit::kYear},
      {"YY", Unit::kYear},
  };
  std::string upper = UpperAscii(name);
  if (upper.size() > 2 && upper.ends_with('S')) upper.pop_back();
  for (const Named& unit : kUnits) {
    if (unit.name == upper) return unit.unit;
  }
  return std::nullopt;
}

int64_t TruncateTo(Unit unit, int64_t local_us) {
  const auto floor_to = [&](int64_t size) { return FloorTo(local_us, size); };
  switch (unit) {
    case Unit::kMicrosecond:
      return local_us;
    case Unit::kMillisecond:
      return floor_to(1000);
    case Unit::kSecond:
      return floor_to(kMicrosPerSecond);
    case Unit::kMinute:
      return floor_to(kMicrosPerMinute);
    case Unit::kHour:
      return floor_to(kMicrosPerHour);
    case Unit::kDay:
      return floor_to(kMicrosPerDay);
    default:
      break;
  }
  const int32_t days = DayOfDate(local_us);
  if (unit == Unit::kWeek)
    return FloorTo(local_us, kMicrosPerDay) - WeekdayOf(days) * kMicrosPerDay;
  CivilDate date = CivilOf(days);
  date.day = 1;
  if (unit == Unit::kQuarter) date.month -= (date.month - 1) % 3;
  if (unit == Unit::kYear) date.month = 1;
  return FloorTo(local_us, kMicrosPerDay) - (days - DaysOf(date)) * kMicrosPerDay;
}

}  // namespace millrace::engine
