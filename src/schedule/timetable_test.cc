#include "schedule/timetable.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "schedule/civil.h"

namespace millrace::schedule {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
constexpr int64_t kUsPerDay = 86400 * kUsPerSecond;

TimestampUs At(std::string_view text) { return ParseUtc(text).value(); }
Timetable Table(std::string_view text, std::string_view zone = "UTC") {
  return Timetable::Parse(text, TimeZone::Find(zone).value()).value();
}
std::string Next(const Timetable& table, std::string_view after, size_t count) {
  std::string all;
  for (const TimestampUs due : table.Next(At(after), count))
    all += (all.empty() ? "" : " ") + FormatUtc(due);
  return all;
}

TEST(TimetableTest, NamedHoursRunOnceThroughClockChanges) {
  const Timetable table = Table("30 2 * * *", "Europe/Berlin");
  EXPECT_EQ(
      Next(table, "2026-03-28T00:00Z", 3),  // 28 March 02:30, gap: 29 March 03:00, 30 March 02:30
      "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z");
  EXPECT_EQ(Next(table, "2026-10-24T12:00Z", 2), "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z");
}

TEST(TimetableTest, RhythmsGoOnThroughClockChanges) {
  const Timetable table = Table("*/30 * * * *", "Europe/Berlin");
  EXPECT_EQ(Next(table, "2026-03-29T00:30Z", 3),
            "2026-03-29T01:00:00Z 2026-03-29T01:30:00Z 2026-03-29T02:00:00Z");
  EXPECT_EQ(Next(table, "2026-10-25T00:00Z", 4),
            "2026-10-25T00:30:00Z 2026-10-25T01:00:00Z 2026-10-25T01:30:00Z 2026-10-25T02:00:00Z");
}

TEST(TimetableTest, EveryCountsFrom1970) {
  EXPECT_EQ(Next(Table("@every 5s"), "2026-01-01T00:00:01Z", 2),
            "2026-01-01T00:00:05Z 2026-01-01T00:00:10Z");
  EXPECT_EQ(Next(Table("@every 1d", "Asia/Tokyo"), "2026-01-01T00:00:01Z", 1),
            "2026-01-02T00:00:00Z");
  EXPECT_EQ(Next(Table("@every 250ms"), "2026-01-01T00:00:00Z", 1), "2026-01-01T00:00:00.250Z");
  EXPECT_EQ(ParseDurationUs("1h30m").value(), 5400 * kUsPerSecond);
  for (const std::string_view bad : {"@every", "@every 5", "@every 0s", "@every -5s", "@every 5y",
                                     "@every 5 s", "@every 99999999999999999999s", "@every 10001d"})
    EXPECT_FALSE(Timetable::Parse(bad, TimeZone::Utc()).has_value()) << bad;
  EXPECT_TRUE(Table("").ByHandOnly());
  EXPECT_FALSE(Table("@none").NextAfter(At("2026-01-01")).has_value());
}

TEST(TimetableTest, LastBeforeIsTheInverseOfNextAfter) {
  for (const std::string_view text : {"30 2 * * *", "*/15 * * * *", "0 0 29 2 *", "@every 7s",
                                      "0 0 1 1 *", "*/7 1,5 3 * * *", "0 9 * * MON-FRI"}) {
    const Timetable table = Table(text, "America/New_York");
    TimestampUs at = At("2023-12-30T00:00:00Z");
    for (int i = 0; i < 300; ++i) {
      const auto next = table.NextAfter(at);
      if (!next || *next > At("2060-01-01")) break;
      if (i > 0) {
        ASSERT_EQ(table.LastBefore(*next), at) << text;
      }
      ASSERT_EQ(table.LastBefore(*next + 1), *next) << text;
      at = *next;
    }
  }
}

std::vector<TimeZone> AllZones() {
  std::map<std::string, TimeZone> zones;  // by content: links are the same zone
  const std::filesystem::path root = "/usr/share/zoneinfo";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (!entry.is_regular_file() || name.starts_with("right/") || name.starts_with("posix/"))
      continue;
    auto zone = TimeZone::Find(name);
    if (!zone) continue;  // tables and lists that lie there too
    std::ifstream in(entry.path(), std::ios::binary);
    zones.emplace(std::string{std::istreambuf_iterator<char>(in), {}}, std::move(*zone));
  }
  std::vector<TimeZone> all;
  for (auto& [content, zone] : zones) all.push_back(std::move(zone));
  return all;
}

// The instants of (from, until] at which a named-hours table must fire, by definition: each named
// local minute of the days around, put through the rule of timetable.h.
std::set<TimestampUs> NamedByDefinition(const TimeZone& zone, int64_t minute_of_day,
                                        TimestampUs from, TimestampUs until) {
  std::set<TimestampUs> due;
  const int64_t first_day = FloorDiv(from.value, kUsPerDay) - 2;
  const int64_t last_day = FloorDiv(until.value, kUsPerDay) + 2;
  for (int64_t day = first_day; day <= last_day; ++day) {
    const LocalLookup at =
        zone.LocalToUtc(LocalUs(day * kUsPerDay + minute_of_day * 60 * kUsPerSecond));
    const TimestampUs one = at.kind == LocalLookup::Kind::kGap ? at.transition : at.earlier;
    if (one > from && one <= until) due.insert(one);
  }
  return due;
}

// The same for a rhythm of `step` minutes: every instant whose local minute is a multiple of it.
std::set<TimestampUs> RhythmByDefinition(const TimeZone& zone, int64_t step, TimestampUs from,
                                         TimestampUs until) {
  std::set<TimestampUs> due;
  // Offsets have been odd numbers of seconds, so that local minutes begin on any second.
  for (TimestampUs at(FloorDiv(from.value, kUsPerSecond) * kUsPerSecond + kUsPerSecond);
       at <= until; at += kUsPerSecond) {
    if (FloorDiv(zone.UtcToLocal(at).value, kUsPerSecond) % (step * 60) == 0) due.insert(at);
  }
  return due;
}

std::set<TimestampUs> Fired(const Timetable& table, TimestampUs from, TimestampUs until) {
  std::set<TimestampUs> due;
  TimestampUs at = from;
  while (const auto next = table.NextAfter(at)) {
    EXPECT_GT(*next, at);  // rises, so nothing comes twice
    if (*next > until) break;
    due.insert(*next);
    at = *next;
  }
  return due;
}

TEST(TimetableTest, HoldsTheRuleAtEveryTransitionOf1970To2040) {
  const std::vector<TimeZone> zones = AllZones();
  ASSERT_GT(zones.size(), 200u);
  int64_t transitions = 0;
  for (const TimeZone& zone : zones) {
    std::vector<std::pair<int64_t, Timetable>> named;
    for (const int minute : {0, 30, 90, 120, 150, 179, 180, 1439})
      named.emplace_back(
          minute,
          Timetable::Parse(fmt::format("{} {} * * *", minute % 60, minute / 60), zone).value());
    const Timetable rhythm = Timetable::Parse("*/20 * * * *", zone).value();
    auto change = zone.NextTransition(At("1969-12-31"));
    for (; change && *change < At("2041-01-01"); change = zone.NextTransition(*change)) {
      ++transitions;
      const TimestampUs from = *change - 2 * kUsPerDay - 1, until = *change + 2 * kUsPerDay;
      for (const auto& [minute, table] : named)
        ASSERT_EQ(Fired(table, from, until), NamedByDefinition(zone, minute, from, until))
            << zone.name() << " " << table.text() << " around " << FormatUtc(*change);
      if (transitions % 5 != 0) continue;  // second by second: only a sample
      const TimestampUs near_from = *change - 5400 * kUsPerSecond,
                        near_until = *change + 5400 * kUsPerSecond;
      ASSERT_EQ(Fired(rhythm, near_from, near_until),
                RhythmByDefinition(zone, 20, near_from, near_until))
          << zone.name() << " around " << FormatUtc(*change);
    }
  }
  EXPECT_GT(transitions, 10000);
}

TEST(TimetableTest, OneRunADayInEveryZoneAndYear) {
  for (const TimeZone& zone : AllZones()) {
    const Timetable table = Timetable::Parse("30 2 * * *", zone).value();
    // Local days from 1 January 1970 to 31 December 2040: 25,933; each has its 02:30, or the end of
    // its gap.
    const TimestampUs from = zone.LocalToUtc(LocalUs(At("1970-01-01").value)).earlier;
    const TimestampUs until = zone.LocalToUtc(LocalUs(At("2041-01-01").value)).earlier;
    // A zone that skipped a whole day (Samoa, 2011) fires for it at the first instant after it.
    ASSERT_EQ(table.CountDue(from - 1, until - 1, 100000), 25933) << zone.name();
  }
}

TEST(TimetableTest, NextAfterIsMonotone) {
  for (const std::string_view zone :
       {"Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca"}) {
    for (const std::string_view text :
         {"30 2 * * *", "*/15 * * * *", "0 */2 * * *", "15 0 * * SUN"}) {
      const Timetable table = Table(text, zone);
      TimestampUs last(INT64_MIN);
      for (TimestampUs at = At("2017-01-01"); at < At("2018-06-01"); at += 7919 * kUsPerSecond) {
        const TimestampUs next = table.NextAfter(at).value();
        ASSERT_GE(next, last) << zone << " " << text;
        ASSERT_GT(next, at);
        last = next;
      }
    }
  }
}

}  // namespace
}  // namespace millrace::schedule
