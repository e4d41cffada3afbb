#include "schedule/cron.h"

#include <gtest/gtest.h>

#include "base/tzif.h"
#include "io/clock.h"
#include "schedule/civil.h"

namespace millrace::schedule {
namespace {

LocalUs At(std::string_view text) { return LocalUs(ParseUtc(text).value().value); }
std::string Text(LocalUs local) { return FormatUtc(TimestampUs(local.value)); }

// The next `count` times of an expression, as text.
std::string Next(std::string_view cron, std::string_view after, int count = 1) {
  const auto parsed = CronExpression::Parse(cron);
  if (!parsed) return parsed.error().message;
  std::string all;
  LocalUs at = At(after);
  for (int i = 0; i < count; ++i) {
    const auto next = parsed->NextAfter(at);
    if (!next) return all + "never";
    at = *next;
    all += (i > 0 ? " " : "") + Text(at);
  }
  return all;
}

TEST(CronTest, Examples) {
  EXPECT_EQ(Next("0 12 * * *", "2026-01-31T12:00:00Z"), "2026-02-01T12:00:00Z");
  EXPECT_EQ(Next("*/15 * * * *", "2026-01-31T23:50:00Z"), "2026-02-01T00:00:00Z");
  EXPECT_EQ(Next("*/20 30 1 * * *", "2026-01-01T01:30:20Z"), "2026-01-01T01:30:40Z");
  EXPECT_EQ(Next("0 0 29 2 *", "2026-01-01"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(Next("0 0 29 2 *", "2096-03-01"), "2104-02-29T00:00:00Z");
  EXPECT_EQ(Next("5 4 * JAN,jul MON-FRI", "2026-01-31"), "2026-07-01T04:05:00Z");
  EXPECT_EQ(Next("0 0 L * ?", "2026-02-01"), "2026-02-28T00:00:00Z");
  EXPECT_EQ(Next("0 0 L-2 * ?", "2026-02-01"), "2026-02-26T00:00:00Z");
  EXPECT_EQ(Next("0 0 ? * 5L", "2026-01-01"), "2026-01-30T00:00:00Z");
  EXPECT_EQ(Next("0 0 ? * TUE#2", "2026-01-01", 2), "2026-01-13T00:00:00Z 2026-02-10T00:00:00Z");
  EXPECT_EQ(Next("0 0 ? 2 7#5", "2026-01-01"), "2032-02-29T00:00:00Z");
  EXPECT_EQ(Next("0 0 * * FRI-MON", "2026-01-05", 2), "2026-01-09T00:00:00Z 2026-01-10T00:00:00Z");
  EXPECT_EQ(Next("0 0 13 * FRI", "2026-01-01", 3),  // either day counts
            "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z 2026-01-13T00:00:00Z");
  EXPECT_EQ(Next("10/20 * * * *", "2026-01-01", 3),
            "2026-01-01T00:10:00Z 2026-01-01T00:30:00Z 2026-01-01T00:50:00Z");
  EXPECT_EQ(Next("@yearly", "2026-01-01"), "2027-01-01T00:00:00Z");
  EXPECT_EQ(Next("@monthly", "2026-01-01"), "2026-02-01T00:00:00Z");
  EXPECT_EQ(Next("@weekly", "2026-01-01"), "2026-01-04T00:00:00Z");
  EXPECT_EQ(Next("@daily", "2026-01-01"), "2026-01-02T00:00:00Z");
  EXPECT_EQ(Next("@hourly", "2026-01-01"), "2026-01-01T01:00:00Z");
  EXPECT_EQ(Next("0 0 * * 0", "1960-01-01"), "1960-01-03T00:00:00Z");
}

TEST(CronTest, MistakesNameTheirColumn) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"60 * * * *", "column 1: minute"},
      {"0 24 * * *", "column 3: hour"},
      {"0 0 0 * *", "column 5: day-of-month"},
      {"0 0 * 13 *", "column 7: month"},
      {"0 0 * * 8", "column 9: day-of-week"},
      {"* * * *", "4 fields"},
      {"* * * * * * *", "7 fields"},
      {"", "0 fields"},
      {"*/0 * * * *", "minute"},
      {"5-1 * * * *", "backwards"},
      {"a * * * *", "column 1: minute"},
      {"1, * * * *", "column 3: minute"},
      {"1-2-3 * * * *", "unexpected character"},
      {"99999999999 * * * *", "too long"},
      {"0 0 30 2 *", "never fires"},
      {"0 0 31 2,4,6,9,11 ?", "never fires"},
      {"0 0 * * MON#6", "fifth"},
      {"@fortnightly", "unknown name"}};
  for (const auto& [cron, expected] : cases) {
    const auto parsed = CronExpression::Parse(cron);
    ASSERT_FALSE(parsed.has_value()) << cron;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find(expected), std::string::npos)
        << cron << ": " << parsed.error().message;
  }
}

// A field as text together with what it names, made at random.
struct RandomField {
  std::string text;
  std::vector<bool> named;
  RandomField(io::Random& random, int least, int greatest) : named(greatest + 1) {
    const uint64_t kind = random.Next() % 4;
    const auto value = [&] {
      return least + static_cast<int>(random.Next() % static_cast<uint64_t>(greatest - least + 1));
    };
    int from = least, to = greatest, step = 1;
    if (kind == 0) {
      text = "*";
    } else if (kind == 1) {
      from = to = value();
      text = fmt::format("{}", from);
    } else if (kind == 2) {
      from = value();
      to = std::max(from, value());
      step = 1 + static_cast<int>(random.Next() % 7);
      text = fmt::format("{}-{}/{}", from, to, step);
    } else {
      step = 1 + static_cast<int>(random.Next() % 20);
      text = fmt::format("*/{}", step);
    }
    for (int i = from; i <= to; i += step) named[i] = true;
    if (kind == 1) {
      const int second = value();
      text += fmt::format(",{}", second);
      named[second] = true;
    }
  }
};

TEST(CronTest, AgreesWithAMinuteByMinuteSearch) {
  io::SeededRandom random(7);
  for (int round = 0; round < 300; ++round) {
    const RandomField minute(random, 0, 59), hour(random, 0, 23), day(random, 1, 31),
        month(random, 1, 12), weekday(random, 0, 6);
    const std::string text =
        fmt::format("{} {} {} {} {}", minute.text, hour.text, day.text, month.text, weekday.text);
    const auto cron = CronExpression::Parse(text);
    if (!cron) continue;  // a day that no month has
    const bool any = day.text[0] == '*' || weekday.text[0] == '*';
    int64_t at = DaysFromCivil(2024, 1, 1) * 1440 + static_cast<int64_t>(random.Next() % 500000);
    for (int i = 0; i < 5; ++i) {
      const auto next = cron->NextAfter(LocalUs(at * 60'000'000));
      ASSERT_TRUE(next.has_value()) << text;
      const auto is_named = [&](int64_t m) {
        const CivilDate date = CivilFromDays(m / 1440);
        const bool by_day = day.named[date.day], by_weekday = weekday.named[WeekdayOf(m / 1440)];
        return minute.named[m % 60] && hour.named[m / 60 % 24] && month.named[date.month] &&
               (any ? by_day && by_weekday : by_day || by_weekday);
      };
      int64_t expected = at + 1;
      while (!is_named(expected) && expected < at + 1440 * 366 * 3) ++expected;
      if (!is_named(expected)) break;  // rarer than the search looks
      ASSERT_EQ(Text(*next), Text(LocalUs(expected * 60'000'000))) << text;
      at = expected;
    }
  }
}

TEST(CivilTest, DatesAndTextsReadBack) {
  for (int64_t day = -200000; day < 200000; day += 13) {
    const CivilDate date = CivilFromDays(day);
    ASSERT_EQ(DaysFromCivil(date.year, date.month, date.day), day);
    if (date.year < 1583) continue;
    const TimestampUs at(day * 86'400'000'000 + day % 1000000 + 500000);
    ASSERT_EQ(ParseUtc(FormatUtc(at)).value(), at);
  }
  EXPECT_EQ(ParseUtc("2026-03-01T10:00:00+02:00").value(), ParseUtc("2026-03-01T08:00Z").value());
  for (const std::string_view bad :
       {"", "2026", "2026-02-30", "2026-01-01T24:00:00Z", "2026-01-01T10:00:00Europe/Berlin",
        "2026-01-01T10:00:00.Z", "2026-01-01T10:61Z", "20260101"})
    EXPECT_FALSE(ParseUtc(bad).has_value()) << bad;
}

}  // namespace
}  // namespace millrace::schedule
