#include "data/iso_time.h"

#include <chrono>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/decimal_text.h"
#include "data/value.h"

namespace millrace::data {
namespace {

std::string Shown(std::string_view text) {
  const auto instant = ParseIsoTimestamp(text);
  return instant ? FormatTimestamp(*instant) : "none";
}

TEST(IsoTimeTest, AcceptsWhatSparkAccepts) {
  EXPECT_EQ(Shown("2024"), "2024-01-01 00:00:00");
  EXPECT_EQ(Shown("2024-2"), "2024-02-01 00:00:00");
  EXPECT_EQ(Shown(" 2024-02-9 \t"), "2024-02-09 00:00:00");
  EXPECT_EQ(Shown("2024-02-29T1:2"), "2024-02-29 01:02:00");
  EXPECT_EQ(Shown("2024-02-29 01:02:03.1234567"), "2024-02-29 01:02:03.123456");
  EXPECT_EQ(Shown("2024-02-29T01:02:03Z"), "2024-02-29 01:02:03");
  EXPECT_EQ(Shown("2024-02-29T01:02:03.5Z"), "2024-02-29 01:02:03.5");
  EXPECT_EQ(Shown("2024-02-29T01:02:03+02:00"), "2024-02-28 23:02:03");
  EXPECT_EQ(Shown("2024-02-29T01:02:03-0130"), "2024-02-29 02:32:03");
  EXPECT_EQ(Shown("2024-07-01 00:00:00 Europe/Berlin"), "2024-06-30 22:00:00");
  EXPECT_EQ(Shown("-0044-03-15 00:00:00"), "-0044-03-15 00:00:00");
}

TEST(IsoTimeTest, RefusesWhatSparkRefuses) {
  for (const char* text :
       {"", "24", "2024-13-01", "2023-02-29", "2024-02-29T24:00:00Z", "2024-02-29T01:60:00Z",
        "2024-02-29T01:02:03.Q", "2024-02-29X01:02:03", "2024-02-29T01:02:03 Mars/Base", "T12:00",
        "2024-02-29T01:02:03Z tail", "294247-01-10T04:00:54-18:00", "-290308-12-21T19:59:06+18:00",
        "999999-01-01", "20240229", "2024-002-01", "2024-02-29T0a:02:03Z"})
    EXPECT_EQ(Shown(text), "none") << text;
}

TEST(IsoTimeTest, Dates) {
  EXPECT_EQ(ParseDateText("1970-01-02"), 1);
  EXPECT_EQ(ParseDateText("2024-02-29Tanything"), ParseDateText("2024-2-29"));
  EXPECT_EQ(ParseDateText("2024-02-29 01:00"), ParseDateText("2024-2-29"));
  EXPECT_EQ(ParseDateText("2024-02-30"), std::nullopt);
  EXPECT_EQ(ParseDateText("2024-02 -"), std::nullopt);
  EXPECT_EQ(ParseDateText("12345678-01-01"), std::nullopt);
}

TEST(IsoTimeTest, DaysGoToDatesAndBack) {
  for (int64_t day = INT32_MIN; day <= INT32_MAX; day += 12'345) {
    const CivilDate date = CivilFromDays(day);
    ASSERT_EQ(DaysFromCivil(date.year, date.month, date.day), day);
  }
  EXPECT_EQ(FormatDate(INT32_MAX), "+5881580-07-11");
  EXPECT_EQ(FormatDate(INT32_MIN), "-5877641-06-23");
}

// The fast path, the general path and std::chrono agree on every instant.
TEST(IsoTimeTest, PathsAgree) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const auto micros =
        static_cast<int64_t>(random() % 4'000'000'000'000'000ULL) - 1'500'000'000'000'000;
    std::string text = FormatTimestamp(micros);
    ASSERT_EQ(ParseIsoTimestamp(text), micros) << text;  // without zone: the general path
    text[10] = 'T';
    ASSERT_EQ(ParseIsoTimestampUtc(text + 'Z'), micros) << text;
    std::string damaged = text + 'Z';
    damaged[random() % damaged.size()] = "0129-:TZ. x"[random() % 11];
    const auto fast = ParseIsoTimestampUtc(damaged);
    const auto parsed = ParseTimestampText(damaged);
    const bool plain = parsed && !parsed->time_only && parsed->zone == "Z";
    if (fast) {
      ASSERT_TRUE(plain) << damaged;
      ASSERT_EQ(*fast, parsed->local_us) << damaged;
    }
  }
}

TEST(IsoTimeTest, DaysAreChronosDays) {
  using namespace std::chrono;
  for (int32_t day = -800'000; day < 800'000; day += 37) {
    const year_month_day date{sys_days(days(day))};
    ASSERT_EQ(DaysFromCivil(static_cast<int>(date.year()),
                            static_cast<int>(static_cast<unsigned>(date.month())),
                            static_cast<int>(static_cast<unsigned>(date.day()))),
              day);
  }
}

std::string Decimal(std::string_view text, int precision, int scale) {
  Int128 unscaled = 0;
  switch (ParseDecimalText(text, precision, scale, unscaled)) {
    case DecimalOutcome::kOk:
      return FormatDecimal(unscaled, scale);
    case DecimalOutcome::kMalformed:
      return "malformed";
    case DecimalOutcome::kOutOfRange:
      break;
  }
  return "out of range";
}

TEST(DecimalTextTest, RoundsHalfUpAndKeepsBounds) {
  EXPECT_EQ(Decimal("1.005", 10, 2), "1.01");
  EXPECT_EQ(Decimal("-1.005", 10, 2), "-1.01");
  EXPECT_EQ(Decimal("0.004", 10, 2), "0.00");
  EXPECT_EQ(Decimal("0.05e-1", 10, 2), "0.01");
  EXPECT_EQ(Decimal("12e3", 10, 2), "12000.00");
  EXPECT_EQ(Decimal("+.5", 2, 1), "0.5");
  EXPECT_EQ(Decimal("9.95", 2, 1), "out of range");
  EXPECT_EQ(Decimal("99999999999999999999999999999999999999", 38, 0),
            "99999999999999999999999999999999999999");
  EXPECT_EQ(Decimal("999999999999999999999999999999999999999", 38, 0), "out of range");
  EXPECT_EQ(Decimal("99999999999999999999999999999999999999.4999999999", 38, 0),
            "99999999999999999999999999999999999999");
  EXPECT_EQ(Decimal("1e-99999999999999999999", 5, 2), "0.00");
  EXPECT_EQ(Decimal("1e99999999999999999999", 5, 2), "out of range");
  for (const char* text : {"", ".", "-", "1e", "1e+-2", "1.2.3", "1 ", "0x1", "e5"})
    EXPECT_EQ(Decimal(text, 10, 2), "malformed") << text;
}

}  // namespace
}  // namespace millrace::data
