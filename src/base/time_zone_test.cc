#include "base/time_zone.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/tzif.h"

namespace millrace {
namespace {

constexpr int64_t kUs = 1000000;

TimestampUs Utc(int64_t year, int month, int day, int hour = 0, int minute = 0) {
  return TimestampUs((DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60) * kUs);
}
LocalUs Local(int64_t year, int month, int day, int hour = 0, int minute = 0) {
  return LocalUs(Utc(year, month, day, hour, minute).value);
}

// Every zone of this machine, as a name TimeZone::Find takes.
std::vector<std::string> AllZones() {
  std::vector<std::string> names;
  const std::filesystem::path root = "/usr/share/zoneinfo";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    std::ifstream in(entry.path(), std::ios::binary);
    char magic[4] = {};
    if (!entry.is_regular_file() || !in.read(magic, 4) || std::string_view(magic, 4) != "TZif")
      continue;
    const std::string name = entry.path().lexically_relative(root).string();
    if (!name.starts_with("right/") && !name.starts_with("posix/") && name != "localtime")
      names.push_back(name);
  }
  return names;
}

TEST(TimeZoneTest, GapAndOverlapInBerlin) {
  const TimeZone zone = TimeZone::Find("Europe/Berlin").value();
  const LocalLookup gap = zone.LocalToUtc(Local(2026, 3, 29, 2, 30));
  EXPECT_EQ(gap.kind, LocalLookup::Kind::kGap);
  EXPECT_EQ(gap.earlier, Utc(2026, 3, 29, 1, 30));
  EXPECT_EQ(gap.later, Utc(2026, 3, 29, 0, 30));
  EXPECT_EQ(gap.transition, Utc(2026, 3, 29, 1, 0));
  const LocalLookup overlap = zone.LocalToUtc(Local(2026, 10, 25, 2, 30));
  EXPECT_EQ(overlap.kind, LocalLookup::Kind::kOverlap);
  EXPECT_EQ(overlap.earlier, Utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(overlap.later, Utc(2026, 10, 25, 1, 30));
  EXPECT_EQ(zone.LocalToUtc(Local(2026, 10, 25, 3, 0)).kind, LocalLookup::Kind::kUnique);
}

TEST(TimeZoneTest, FixedOffsets) {
  const std::vector<std::pair<std::string, int32_t>> cases = {{"+02:00", 7200},
                                                              {"-5", -18000},
                                                              {"+0530", 19800},
                                                              {"UTC+2", 7200},
                                                              {"GMT-03:30", -12600},
                                                              {"+02:00:30", 7230},
                                                              {"+18:00", 64800},
                                                              {"Z", 0},
                                                              {"UTC", 0},
                                                              {"+2:00", 7200}};
  for (const auto& [name, seconds] : cases) {
    const auto zone = TimeZone::Find(name);
    ASSERT_TRUE(zone.has_value()) << name;
    EXPECT_EQ(zone->OffsetSecondsAt(Utc(2026, 1, 1)), seconds) << name;
  }
  for (const std::string_view bad : {"+19:00", "+02:60", "", "+", "+1:2:3", "../etc/passwd",
                                     "/etc/localtime", "Europe/../UTC", "+123", "Mars/Olympus"})
    EXPECT_FALSE(TimeZone::Find(bad).has_value()) << bad;
}

TEST(TimeZoneTest, AgreesWithTheCLibraryEverywhere) {
  const char* old = std::getenv("TZ");
  const std::string restore = old == nullptr ? "" : old;
  const auto names = AllZones();
  ASSERT_GT(names.size(), 300u);
  for (const std::string& name : names) {
    const auto zone = TimeZone::Find(name);
    ASSERT_TRUE(zone.has_value()) << name << ": " << zone.error().message;
    setenv("TZ", name.c_str(), 1);
    tzset();
    const auto check = [&](int64_t seconds) {
      const time_t time = seconds;
      tm local{};
      localtime_r(&time, &local);
      ASSERT_EQ(zone->OffsetSecondsAt(TimestampUs(seconds * kUs)), local.tm_gmtoff)
          << name << " at " << seconds;
    };
    auto at = zone->NextTransition(Utc(1969, 12, 31));
    for (; at && *at < Utc(2045, 1, 1); at = zone->NextTransition(*at)) {
      check(at->value / kUs - 1);
      check(at->value / kUs);
    }
    for (int64_t day = 0; day < 366 * 75; day += 11) check(day * 86400 + day % 86400);
    if (HasFatalFailure()) break;
  }
  restore.empty() ? unsetenv("TZ") : setenv("TZ", restore.c_str(), 1);
  tzset();
}

TEST(TimeZoneTest, LocalAndUtcAreInverseAroundEveryTransition) {
  for (const std::string& name : AllZones()) {
    const TimeZone zone = TimeZone::Find(name).value();
    auto at = zone.NextTransition(Utc(1900, 1, 1));
    for (; at && *at < Utc(2060, 1, 1); at = zone.NextTransition(*at)) {
      for (int64_t minute = -190; minute <= 190; minute += 19) {
        const TimestampUs utc(at->value + minute * 60 * kUs + 7);
        const LocalLookup back = zone.LocalToUtc(zone.UtcToLocal(utc));
        ASSERT_NE(back.kind, LocalLookup::Kind::kGap) << name;
        ASSERT_TRUE(back.earlier == utc || back.later == utc) << name << " " << utc.value;
        ASSERT_LE(back.earlier, back.later);
        const LocalLookup any = zone.LocalToUtc(LocalUs(utc.value));
        if (any.kind == LocalLookup::Kind::kGap) {
          ASSERT_GE(any.earlier, any.transition) << name;
          ASSERT_LT(any.later, any.transition) << name;
        } else {
          ASSERT_EQ(zone.UtcToLocal(any.earlier).value, utc.value) << name;
        }
      }
    }
  }
}

TEST(TimeZoneTest, TheFarFutureRepeatsEvery400Years) {
  const TimeZone zone = TimeZone::Find("America/New_York").value();
  EXPECT_EQ(zone.OffsetSecondsAt(Utc(2040, 7, 1)), -4 * 3600);
  for (int year = 2041; year < 2200; year += 7) {
    for (int month = 1; month <= 12; ++month) {
      EXPECT_EQ(zone.OffsetSecondsAt(Utc(year, month, 9)),
                zone.OffsetSecondsAt(Utc(year + 4000, month, 9)));
    }
  }
  const LocalLookup gap = zone.LocalToUtc(Local(2026 + 2000, 3, 8, 2, 30));  // as 2026: 400 * 5
  EXPECT_EQ(gap.kind, LocalLookup::Kind::kGap);
  EXPECT_EQ(gap.transition, Utc(4026, 3, 8, 7));
}

TEST(TzifTest, EveryCutFileIsDamaged) {
  std::ifstream in("/usr/share/zoneinfo/Europe/Berlin", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  ASSERT_TRUE(ParseTzif(bytes).has_value());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = ParseTzif(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(cut.has_value()) << size;
    EXPECT_EQ(cut.error().code, ErrorCode::kDamaged);
  }
}

}  // namespace
}  // namespace millrace
