#include "engine/functions/calendar.h"

#include <random>

#include <gtest/gtest.h>

#include "data/iso_time.h"

namespace millrace::engine {
namespace {

void ExpectSameDate(int32_t days) {
  const CivilDate date = CivilOf(days);
  const data::CivilDate wanted = data::CivilFromDays(days);
  ASSERT_EQ(date.year, wanted.year) << days;
  ASSERT_EQ(date.month, wanted.month) << days;
  ASSERT_EQ(date.day, wanted.day) << days;
  ASSERT_EQ(DaysOf(date), days);
}

TEST(CalendarTest, DatesAreThoseOfTheOtherAlgorithm) {
  for (int32_t days = -1'000'000; days < 1'000'000; ++days) ExpectSameDate(days);
  for (int64_t days = INT32_MIN; days <= INT32_MAX; days += 9973)
    ExpectSameDate(static_cast<int32_t>(days));
  // Around the ends of the range that has a way of its own, and of all days.
  for (int32_t i = 0; i < 1000; ++i) {
    ExpectSameDate(-12'699'422 - 500 + i);
    ExpectSameDate(1'061'042'402 - 500 + i);
    ExpectSameDate(INT32_MIN + i);
    ExpectSameDate(INT32_MAX - i);
  }
}

}  // namespace
}  // namespace millrace::engine
