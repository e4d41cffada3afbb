// The values inside typed literals: DATE '2024-02-29', TIMESTAMP '... +02:00', INTERVAL '1 02:03'
// DAY TO MINUTE, and durations as window() takes them. Spark's rules
// (https://spark.apache.org/docs/latest/sql-ref-literals.html).
//
// Errors: kInvalidArgument, saying what is wanted.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace millrace::sql {

// "2024", "2024-2", "2024-02-29", years of up to 7 digits with a sign: days since 1970-01-01.
Result<int64_t> ParseDateText(std::string_view text);

struct TimestampText {
  int64_t micros = 0;         // UTC when there was a zone or none, else local
  bool has_zone = false;      // "Z", "UTC", "+02:00", "GMT-3" at the end
  bool named_region = false;  // a zone such as Europe/Vienna, which only the engine knows
};
// A date, or a date and "T" or blank and h:m[:s[.ffffff]] and maybe a zone.
Result<TimestampText> ParseTimestampText(std::string_view text);

struct IntervalValue {
  bool year_month = false;
  int64_t value = 0;  // months or microseconds
};
// One unit: (true, 12) for "year", (false, 60'000'000) for "minutes"; ASCII case ignored.
Result<IntervalValue> IntervalUnit(std::string_view unit);
// `number` (maybe signed, with a fraction where the unit is one of time) of `unit`.
Result<IntervalValue> IntervalOf(std::string_view number, std::string_view unit);
// "1 day 2 hours", "interval 10 minutes"; months and days do not mix.
Result<IntervalValue> ParseIntervalText(std::string_view text);
// "1-2" YEAR TO MONTH, "1 02:03:04.5" DAY TO SECOND and what lies between.
Result<IntervalValue> ParseIntervalRange(std::string_view text, std::string_view from,
                                         std::string_view to);
// Both of one kind, added without overflow.
Result<IntervalValue> AddIntervals(const IntervalValue& a, const IntervalValue& b);

}  // namespace millrace::sql
