// Dates of the proleptic Gregorian calendar, for cron and for names and messages with times in
// them.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace millrace::schedule {

struct CivilDate {
  int64_t year = 1970;
  int month = 1;  // 1-12
  int day = 1;    // 1-31
};

CivilDate CivilFromDays(int64_t days_since_1970);
int DaysInMonth(int64_t year, int month);
int WeekdayOf(int64_t days_since_1970);  // 0 is Sunday

// Rounds down, also below zero; divisor > 0.
constexpr int64_t FloorDiv(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// "2026-01-31T23:59:59Z", with ".123456" or ".123" before the Z when there is a fraction.
std::string FormatUtc(TimestampUs at);
// The same form back; an offset such as +02:00 may stand for the Z, seconds may be left out, and a
// date alone means its midnight in UTC. kInvalidArgument.
Result<TimestampUs> ParseUtc(std::string_view text);

}  // namespace millrace::schedule
