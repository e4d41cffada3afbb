// CronExpression: which local times a schedule names; Timetable (timetable.h) turns them into
// instants.
//
// Grammar, fields separated by blanks:
//   [second 0-59] minute 0-59  hour 0-23  day-of-month 1-31  month 1-12|JAN-DEC  day-of-week
//   0-7|SUN-SAT
// Five fields: second 0. In each field: `*`, `?` (the same), a value, a range `a-b`, a step `*/n`,
// `a-b/n`, `a/n` (from a to the field's end), and lists of these with commas. Sunday is 0 and 7; a
// range may run over the week's end (FRI-MON). Day-of-month also takes `L` (the month's last day)
// and `L-n` (n days before it); day-of-week also `dL` (the month's last such day) and `d#k` (its
// k-th, 1-5). Not in: `W`, years. When both day fields are restricted (neither starts with `*` or
// `?`), a day that either of them names counts, as in every Unix cron. Names: @yearly @annually
// @monthly @weekly @daily @midnight @hourly.
//
// Invariant: an expression that parsed fires within any 400 years; "0 0 30 2 *" is refused.
//
// Thread contract: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time_zone.h"

namespace millrace::schedule {

class CronExpression {
 public:
  // kInvalidArgument; the message names the column (from 1), the field and what it takes.
  static Result<CronExpression> Parse(std::string_view text);

  // The first local time after `after` that the expression names, on a whole second; nullopt when
  // it lies beyond the year 9999.
  std::optional<LocalUs> NextAfter(LocalUs after) const;

  // Whether every hour of the day is named. Such an expression means "every so many minutes" and
  // keeps its rhythm through clock changes (timetable.h).
  bool EveryHour() const { return hours_ == (uint64_t{1} << 24) - 1; }

 private:
  friend class CronParser;
  bool MatchesDay(int64_t days_since_1970) const;
  // The first named second of the day at or after `from`, or -1.
  int64_t SecondOfDay(int64_t from) const;

  // Bit n: value n is named.
  uint64_t seconds_ = 1;
  uint64_t minutes_ = 0;
  uint64_t hours_ = 0;
  uint64_t days_ = 0;
  uint64_t months_ = 0;
  uint64_t weekdays_ = 0;          // bits 0-6
  uint64_t days_before_last_ = 0;  // bit n: the n-th day before the month's last one
  // Bit k: the k-th such weekday of the month, 1-5; bit 0: the last one.
  std::array<uint8_t, 7> nth_weekdays_{};
  bool any_day_ = true;      // day-of-month starts with * or ?
  bool any_weekday_ = true;  // day-of-week starts with * or ?
};

}  // namespace millrace::schedule
