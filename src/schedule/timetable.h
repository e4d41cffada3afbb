// Timetable: at which instants a DAG is due. Parsed from `schedule:` of the project file:
//   a cron expression (cron.h) read in a time zone, `@every 90s` (units ms, s, m, h, d; combined as
//   1h30m), or nothing / `@none` (started by hand only).
//
// The rule for clock changes
//   1. An expression with named hours ("30 2 * * *") names local times, and each of them fires
//      once: in a gap, at the first instant after it; in an overlap, at the first of the two.
//   2. An expression whose hour field names every hour ("*/15 * * * *") is a rhythm: it fires at
//      every instant whose local time it names, so it simply goes on through gaps and overlaps.
//   3. `@every` counts from 1970-01-01T00:00:00Z and knows no zone: `@every 24h` is due at 00:00
//      UTC.
//
// Invariants: NextAfter(t) > t; it is monotone in t; no instant between t and NextAfter(t) is due.
// All three hold in every zone and are tested at every transition of 1970-2040.
//
//   MR_ASSIGN(const auto table, Timetable::Parse("30 2 * * *", berlin));
//   table.NextAfter(now);   // 2026-03-29T01:00:00Z in the night of the gap
//
// Thread contract: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time_zone.h"
#include "schedule/cron.h"

namespace millrace::schedule {

class Timetable {
 public:
  // Started by hand only.
  Timetable() = default;

  // kInvalidArgument with the column (from 1).
  static Result<Timetable> Parse(std::string_view text, TimeZone zone);

  bool ByHandOnly() const { return std::holds_alternative<std::monostate>(kind_); }
  const std::string& text() const { return text_; }
  const TimeZone& zone() const { return zone_; }

  // The first due instant after `after`; nullopt: none before the year 9999, or by hand only.
  std::optional<TimestampUs> NextAfter(TimestampUs after) const;
  // The last due instant before `before`; nullopt: none in the 50 years before, or by hand only.
  std::optional<TimestampUs> LastBefore(TimestampUs before) const;
  // The next `count` due instants after `after`.
  std::vector<TimestampUs> Next(TimestampUs after, size_t count) const;
  // How many instants of (after, until] are due; counting stops at `count_max`.
  int64_t CountDue(TimestampUs after, TimestampUs until, int64_t count_max) const;

 private:
  struct Every {
    int64_t period_us;
  };
  std::optional<TimestampUs> NextNamed(const CronExpression& cron, TimestampUs after) const;
  std::optional<TimestampUs> NextRhythm(const CronExpression& cron, TimestampUs after) const;

  std::string text_;
  TimeZone zone_ = TimeZone::Utc();
  std::variant<std::monostate, Every, CronExpression> kind_;
};

// "250ms", "5s", "1h30m", "2d" in microseconds: positive, at most 10,000 days. kInvalidArgument
// with the column (from 1) within `text`.
Result<int64_t> ParseDurationUs(std::string_view text);

}  // namespace millrace::schedule
