// Decimal arithmetic of up to 38 digits, exactly as SQL wants it: a decimal is an unscaled 128-bit
// integer beside a scale (digits after the point) that its column's type holds.
//
//   // 1.25 (scale 2) * 3.1 (scale 1) as DECIMAL(6,3):
//   std::optional<Int128> product = MultiplyDecimals({125, 2}, {31, 1}, {6, 3});   // 3875
//
// Invariants
//   1. Results are exact before the one rounding to the result's scale; intermediate values have
//   256 bits. Rounding is HALF_UP (away from zero) unless a mode is given.
//   2. nullopt means: the result has more digits than the result's precision.
//
// Thread contract: pure functions.
#pragma once

#include <cstdint>
#include <optional>

namespace millrace {

using Int128 = __int128;
using Uint128 = unsigned __int128;

inline constexpr int kDecimalPrecisionMax = 38;

// 10 to the power of n, 0 <= n <= 38.
Int128 PowerOfTen(int n);
// Whether |value| < 10^precision.
inline bool FitsDecimal(Int128 value, int precision) {
  const Int128 limit = PowerOfTen(precision);
  return value < limit && value > -limit;
}

struct Scaled {
  Int128 unscaled;
  int scale;
};
struct DecimalForm {
  int precision;
  int scale;
};

enum class Rounding : uint8_t {
  kHalfUp,    // ties away from zero
  kHalfEven,  // ties to the even neighbour
  kDown,      // towards zero
  kFloor,
  kCeiling,
};

// The value at another scale. More digits after the point are zeros; fewer are rounded.
std::optional<Int128> RescaleDecimal(Scaled value, DecimalForm to,
                                     Rounding rounding = Rounding::kHalfUp);
// The value rounded to `digits` after the point (negative: before it), kept at the form's scale.
std::optional<Int128> RoundDecimal(Scaled value, int digits, DecimalForm to, Rounding rounding);

std::optional<Int128> AddDecimals(Scaled a, Scaled b, DecimalForm to);
std::optional<Int128> SubtractDecimals(Scaled a, Scaled b, DecimalForm to);
std::optional<Int128> MultiplyDecimals(Scaled a, Scaled b, DecimalForm to);
// `b` is not zero.
std::optional<Int128> DivideDecimals(Scaled a, Scaled b, DecimalForm to);
// Sign of the dividend, as Java's %; `b` is not zero.
std::optional<Int128> RemainderOfDecimals(Scaled a, Scaled b, DecimalForm to);
// Whole quotient towards zero, nullopt beyond 64 bits; `b` is not zero.
std::optional<int64_t> WholeQuotient(Scaled a, Scaled b);

// The double nearest to the decimal.
double DecimalToDouble(Scaled value);

}  // namespace millrace
