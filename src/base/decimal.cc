#include "base/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace millrace {
namespace {

constexpr auto kPowers = [] {
  std::array<Int128, kDecimalPrecisionMax + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// An unsigned integer of 256 bits: just what exact products and quotients need.
struct Wide {
  Uint128 high = 0;
  Uint128 low = 0;

  friend bool operator==(const Wide&, const Wide&) = default;
  friend bool operator<(const Wide& a, const Wide& b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
  }
};

Wide Add(Wide a, Wide b) {
  Wide sum{a.high + b.high, a.low + b.low};
  if (sum.low < a.low) ++sum.high;
  return sum;
}

Wide Subtract(Wide a, Wide b) {
  Wide difference{a.high - b.high, a.low - b.low};
  if (a.low < b.low) --difference.high;
  return difference;
}

Wide ShiftLeftOne(Wide a) { return {a.high << 1 | a.low >> 127, a.low << 1}; }

bool BitOf(Wide a, int bit) {
  return ((bit >= 128 ? a.high >> (bit - 128) : a.low >> bit) & 1) != 0;
}

Wide Multiply(Uint128 a, Uint128 b) {
  const Uint128 mask = ~uint64_t{0};
  const Uint128 a0 = a & mask, a1 = a >> 64, b0 = b & mask, b1 = b >> 64;
  const Uint128 low = a0 * b0;
  const Uint128 middle = a1 * b0 + (low >> 64);
  const Uint128 middle2 = a0 * b1 + (middle & mask);
  return {a1 * b1 + (middle >> 64) + (middle2 >> 64), middle2 << 64 | (low & mask)};
}

// a * b, or nullopt beyond 256 bits.
std::optional<Wide> MultiplyWide(Wide a, Uint128 b) {
  const Wide low = Multiply(a.low, b);
  const Wide high = Multiply(a.high, b);
  if (high.high != 0) return std::nullopt;
  const Uint128 top = low.high + high.low;
  if (top < low.high) return std::nullopt;
  return Wide{top, low.low};
}

struct Quotient {
  Wide quotient;
  Wide remainder;
};

Quotient Divide(Wide a, Wide b) {
  if (a.high == 0 && b.high == 0) return {{0, a.low / b.low}, {0, a.low % b.low}};
  Quotient result;
  for (int bit = 255; bit >= 0; --bit) {
    const bool carry = result.remainder.high >> 127 != 0;
    result.remainder = ShiftLeftOne(result.remainder);
    if (BitOf(a, bit)) result.remainder.low |= 1;
    result.quotient = ShiftLeftOne(result.quotient);
    if (carry || !(result.remainder < b)) {
      result.remainder = Subtract(result.remainder, b);
      result.quotient.low |= 1;
    }
  }
  return result;
}

Uint128 Magnitude(Int128 value) {
  return value < 0 ? -static_cast<Uint128>(value) : static_cast<Uint128>(value);
}

bool RoundsAway(const Quotient& parts, Wide divisor, bool negative, Rounding rounding) {
  const Wide& rest = parts.remainder;
  if (rest == Wide{}) return false;
  const Wide other = Subtract(divisor, rest);
  switch (rounding) {
    case Rounding::kHalfUp:
      return !(rest < other);
    case Rounding::kHalfEven:
      return other < rest || (rest == other && (parts.quotient.low & 1) != 0);
    case Rounding::kDown:
      return false;
    case Rounding::kFloor:
      return negative;
    case Rounding::kCeiling:
      return !negative;
  }
  return false;
}

std::optional<Int128> Signed(Wide magnitude, bool negative, int precision) {
  if (magnitude.high != 0 || magnitude.low >= static_cast<Uint128>(PowerOfTen(precision)))
    return std::nullopt;
  const auto value = static_cast<Int128>(magnitude.low);
  return negative ? -value : value;
}

// numerator / divisor rounded, with a sign.
std::optional<Int128> DivideRounded(Wide numerator, Wide divisor, bool negative, int precision,
                                    Rounding rounding) {
  Quotient parts = Divide(numerator, divisor);
  if (RoundsAway(parts, divisor, negative, rounding)) parts.quotient = Add(parts.quotient, {0, 1});
  return Signed(parts.quotient, negative, precision);
}

// The magnitude times 10^digits, 0 <= digits <= 114.
std::optional<Wide> TimesPower(Wide magnitude, int digits) {
  std::optional<Wide> product = magnitude;
  for (; product && digits > 0; digits -= kDecimalPrecisionMax)
    product = MultiplyWide(
        *product, static_cast<Uint128>(kPowers[static_cast<size_t>(std::min(digits, 38))]));
  return product;
}

// A wide magnitude of `scale` at the form's scale.
std::optional<Int128> ToForm(Wide magnitude, bool negative, int scale, DecimalForm to,
                             Rounding rounding) {
  if (scale <= to.scale) {
    const auto scaled = TimesPower(magnitude, to.scale - scale);
    return scaled ? Signed(*scaled, negative, to.precision) : std::nullopt;
  }
  const auto divisor = TimesPower({0, 1}, scale - to.scale);
  return DivideRounded(magnitude, *divisor, negative, to.precision, rounding);
}

std::optional<Int128> AddSigned(Scaled a, Scaled b, bool subtract, DecimalForm to) {
  const int scale = std::max(a.scale, b.scale);
  const auto left = TimesPower({0, Magnitude(a.unscaled)}, scale - a.scale);
  const auto right = TimesPower({0, Magnitude(b.unscaled)}, scale - b.scale);
  const bool a_negative = a.unscaled < 0;
  const bool b_negative = (b.unscaled < 0) != subtract;
  if (a_negative == b_negative)
    return ToForm(Add(*left, *right), a_negative, scale, to, Rounding::kHalfUp);
  if (*left < *right)
    return ToForm(Subtract(*right, *left), b_negative, scale, to, Rounding::kHalfUp);
  return ToForm(Subtract(*left, *right), a_negative, scale, to, Rounding::kHalfUp);
}

// Sums of narrow decimals need none of the above.
constexpr Int128 kNarrow = Int128{1} << 100;

bool IsNarrow(Int128 value) { return value < kNarrow && value > -kNarrow; }

}  // namespace

Int128 PowerOfTen(int n) { return kPowers[static_cast<size_t>(n)]; }

std::optional<Int128> RescaleDecimal(Scaled value, DecimalForm to, Rounding rounding) {
  if (value.scale == to.scale)
    return FitsDecimal(value.unscaled, to.precision) ? std::optional(value.unscaled) : std::nullopt;
  return ToForm({0, Magnitude(value.unscaled)}, value.unscaled < 0, value.scale, to, rounding);
}

std::optional<Int128> RoundDecimal(Scaled value, int digits, DecimalForm to, Rounding rounding) {
  if (digits >= value.scale) return RescaleDecimal(value, to, rounding);
  const bool negative = value.unscaled < 0;
  const auto divisor = TimesPower({0, 1}, value.scale - digits);
  const auto rounded = DivideRounded({0, Magnitude(value.unscaled)}, *divisor, negative,
                                     kDecimalPrecisionMax, rounding);
  if (!rounded) return std::nullopt;
  if (digits >= 0) return RescaleDecimal({*rounded, digits}, to, rounding);
  const auto whole = TimesPower({0, Magnitude(*rounded)}, -digits);
  return whole ? ToForm(*whole, negative, 0, to, rounding) : std::nullopt;
}

std::optional<Int128> AddDecimals(Scaled a, Scaled b, DecimalForm to) {
  if (a.scale == b.scale && a.scale == to.scale && IsNarrow(a.unscaled) && IsNarrow(b.unscaled)) {
    const Int128 sum = a.unscaled + b.unscaled;
    return FitsDecimal(sum, to.precision) ? std::optional(sum) : std::nullopt;
  }
  return AddSigned(a, b, false, to);
}

std::optional<Int128> SubtractDecimals(Scaled a, Scaled b, DecimalForm to) {
  return AddSigned(a, b, true, to);
}

std::optional<Int128> MultiplyDecimals(Scaled a, Scaled b, DecimalForm to) {
  const bool negative = (a.unscaled < 0) != (b.unscaled < 0);
  return ToForm(Multiply(Magnitude(a.unscaled), Magnitude(b.unscaled)), negative, a.scale + b.scale,
                to, Rounding::kHalfUp);
}

std::optional<Int128> DivideDecimals(Scaled a, Scaled b, DecimalForm to) {
  const bool negative = (a.unscaled < 0) != (b.unscaled < 0);
  // a / 10^as / (b / 10^bs) * 10^s: the power goes where it multiplies.
  const int power = to.scale - a.scale + b.scale;
  const auto numerator = TimesPower({0, Magnitude(a.unscaled)}, std::max(power, 0));
  const auto divisor = TimesPower({0, Magnitude(b.unscaled)}, std::max(-power, 0));
  // A numerator beyond 256 bits over a divisor below 10^38 has over 38 digits.
  if (!numerator || !divisor) return std::nullopt;
  return DivideRounded(*numerator, *divisor, negative, to.precision, Rounding::kHalfUp);
}

std::optional<Int128> RemainderOfDecimals(Scaled a, Scaled b, DecimalForm to) {
  const int scale = std::max(a.scale, b.scale);
  const auto left = TimesPower({0, Magnitude(a.unscaled)}, scale - a.scale);
  const auto right = TimesPower({0, Magnitude(b.unscaled)}, scale - b.scale);
  return ToForm(Divide(*left, *right).remainder, a.unscaled < 0, scale, to, Rounding::kHalfUp);
}

std::optional<int64_t> WholeQuotient(Scaled a, Scaled b) {
  const int scale = std::max(a.scale, b.scale);
  const auto left = TimesPower({0, Magnitude(a.unscaled)}, scale - a.scale);
  const auto right = TimesPower({0, Magnitude(b.unscaled)}, scale - b.scale);
  const bool negative = (a.unscaled < 0) != (b.unscaled < 0);
  const auto whole = Signed(Divide(*left, *right).quotient, negative, kDecimalPrecisionMax);
  if (!whole || *whole > std::numeric_limits<int64_t>::max() ||
      *whole < std::numeric_limits<int64_t>::min())
    return std::nullopt;
  return static_cast<int64_t>(*whole);
}

double DecimalToDouble(Scaled value) {
  constexpr Int128 kExact = Int128{1} << 53;
  constexpr int kExactPowerMax = 22;  // 10^22 is the largest power that a double holds exactly
  if (value.unscaled < kExact && value.unscaled > -kExact && value.scale <= kExactPowerMax)
    return static_cast<double>(value.unscaled) / static_cast<double>(PowerOfTen(value.scale));
  std::string text = value.unscaled < 0 ? "-" : "";
  std::string digits;
  for (Uint128 rest = Magnitude(value.unscaled); rest != 0; rest /= 10)
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  text.append(digits.rbegin(), digits.rend());
  text += fmt::format("e-{}", value.scale);
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace millrace
