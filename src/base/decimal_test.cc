#include "base/decimal.h"

#include <random>

#include <gtest/gtest.h>

namespace millrace {
namespace {

constexpr DecimalForm kWide{38, 0};

TEST(DecimalTest, RoundsOnce) {
  EXPECT_EQ(MultiplyDecimals({125, 2}, {31, 1}, {6, 3}), Int128{3875});
  EXPECT_EQ(DivideDecimals({10, 0}, {3, 0}, {10, 6}), Int128{3333333});
  EXPECT_EQ(DivideDecimals({20, 0}, {3, 0}, {10, 2}), Int128{667});
  EXPECT_EQ(DivideDecimals({-1, 0}, {8, 0}, {10, 2}), Int128{-13});
  EXPECT_EQ(RescaleDecimal({25, 1}, {5, 0}, Rounding::kHalfEven), Int128{2});
  EXPECT_EQ(RescaleDecimal({-25, 1}, {5, 0}, Rounding::kFloor), Int128{-3});
  EXPECT_EQ(RoundDecimal({12345, 2}, -1, {6, 0}, Rounding::kHalfUp), Int128{120});
  EXPECT_EQ(RemainderOfDecimals({-75, 1}, {2, 0}, {5, 1}), Int128{-15});
}

TEST(DecimalTest, RefusesTooManyDigits) {
  EXPECT_EQ(AddDecimals({PowerOfTen(38) - 1, 0}, {1, 0}, kWide), std::nullopt);
  EXPECT_EQ(MultiplyDecimals({PowerOfTen(20), 0}, {PowerOfTen(20), 0}, kWide), std::nullopt);
  EXPECT_EQ(DivideDecimals({PowerOfTen(37), 0}, {1, 38}, {38, 6}), std::nullopt);
}

// The identities that exact arithmetic keeps, over numbers of every size.
TEST(DecimalTest, AgreesWithItself) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto draw = [&](int digits) {
      const Int128 bits = static_cast<Int128>(random()) << 60 ^ static_cast<Int128>(random());
      return bits % PowerOfTen(digits);
    };
    const Int128 a = draw(1 + static_cast<int>(random() % 36));
    const Int128 b = draw(1 + static_cast<int>(random() % 18));
    ASSERT_EQ(AddDecimals({a, 3}, {b, 3}, {38, 3}), a + b);
    ASSERT_EQ(SubtractDecimals({a, 0}, {b, 0}, kWide), a - b);
    if (b == 0) continue;
    const auto whole = RescaleDecimal({a, 0}, kWide);
    const auto rest = RemainderOfDecimals({a, 0}, {b, 0}, kWide);
    ASSERT_EQ(whole.value() % b, rest.value());
    const Int128 small = a % PowerOfTen(18);
    ASSERT_EQ(MultiplyDecimals({small, 2}, {b, 1}, {38, 3}), small * b);
    ASSERT_EQ(DivideDecimals({small * b, 0}, {b, 0}, kWide), small);
  }
}

}  // namespace
}  // namespace millrace
