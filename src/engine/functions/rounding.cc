// round, bround, ceil, floor: exact for decimals and whole numbers; doubles are rounded by their
// shortest decimal digits, as Spark does through BigDecimal.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>

#include "base/decimal.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using data::Int128;
using data::TypeKind;

// Digits beyond these change no double.
constexpr int kDoubleScaleMax = 340;

struct Shortest {
  std::string digits{};
  int point = 0;  // digits before the decimal point; may be negative or beyond the digits
};

Shortest ShortestDigits(double magnitude, bool is_float) {
  char buffer[64];
  const auto end =
      (is_float ? std::to_chars(buffer, buffer + sizeof(buffer), static_cast<float>(magnitude),
                                std::chars_format::scientific)
                : std::to_chars(buffer, buffer + sizeof(buffer), magnitude,
                                std::chars_format::scientific))
          .ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  Shortest shortest;
  for (const char c : text.substr(0, e)) {
    if (c != '.') shortest.digits += c;
  }
  std::string_view exponent = text.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), shortest.point);
  ++shortest.point;
  return shortest;
}

bool RoundsUp(const std::string& digits, size_t kept, Rounding rounding) {
  if (kept >= digits.size()) return false;
  const std::string_view rest = std::string_view(digits).substr(kept);
  if (rest[0] != '5') return rest[0] > '5';
  const bool exactly_half = rest.find_first_not_of('0', 1) == std::string_view::npos;
  if (!exactly_half || rounding == Rounding::kHalfUp) return true;
  return kept > 0 && (digits[kept - 1] - '0') % 2 == 1;
}

double RoundReal(double number, int scale, Rounding rounding, bool is_float) {
  if (!std::isfinite(number) || number == 0 || scale > kDoubleScaleMax) return number;
  Shortest shortest = ShortestDigits(std::fabs(number), is_float);
  const int kept = shortest.point + scale;
  if (kept >= static_cast<int>(shortest.digits.size())) return number;
  if (kept < 0) return std::copysign(0.0, 1.0);
  const auto keep = static_cast<size_t>(kept);
  const bool up = RoundsUp(shortest.digits, keep, rounding);
  std::string digits = "0" + shortest.digits.substr(0, keep);
  for (size_t i = digits.size(); up && i > 0; --i) {
    if (digits[i - 1] != '9') {
      ++digits[i - 1];
      break;
    }
    digits[i - 1] = '0';
  }
  const std::string text = fmt::format("{}e{}", digits, -scale);
  double result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return number < 0 && result != 0 ? -result : result;
}

// Whole numbers only change when digits before the point are rounded away.
template <typename T>
T RoundWhole(T number, int scale, Rounding rounding, Cell& cell) {
  if (scale >= 0) return number;
  if (scale < -kDecimalPrecisionMax) return 0;
  const auto rounded =
      RoundDecimal({Int128{number}, 0}, scale, {kDecimalPrecisionMax, 0}, rounding);
  if (rounded && *rounded == static_cast<T>(*rounded)) return static_cast<T>(*rounded);
  cell.Fail("ARITHMETIC_OVERFLOW", "the rounded number is beyond the range of its type");
  return 0;
}

int32_t ScaleOf(const KernelCall& call, size_t row) {
  return call.args.size() > 1 ? data::Reader<int32_t>(*call.args[1])[row] : 0;
}

// Decimals of a call: the argument's scale and what the result holds.
Kernel DecimalKernel(const sql::Expr& call, Rounding rounding) {
  const int from = call.args[0]->type.scale();
  const DecimalForm to{call.type.precision(), call.type.scale()};
  return [=](KernelCall& now) {
    return Map<Int128, Int128>(now, [&](Int128 number, Cell& cell) -> Int128 {
      const int scale = std::clamp(ScaleOf(now, cell.row()), -kDecimalPrecisionMax, from);
      const auto rounded = RoundDecimal({number, from}, scale, to, rounding);
      if (!rounded) {
        cell.Fail("NUMERIC_VALUE_OUT_OF_RANGE",
                  fmt::format("the rounded number has more digits than DECIMAL({},{}) holds",
                              to.precision, to.scale));
      }
      return rounded.value_or(0);
    });
  };
}

template <Rounding kRounding>
Result<Kernel> MakeRound(const sql::Expr& call) {
  const TypeKind kind = call.args[0]->type.kind();
  if (kind == TypeKind::kDecimal) return DecimalKernel(call, kRounding);
  return WithNumber(kind, []<typename T>(T) -> Result<Kernel> {
    return Kernel([](KernelCall& now) {
      return Map<T, T>(now, [&](T number, Cell& cell) -> T {
        const int32_t scale = ScaleOf(now, cell.row());
        if constexpr (std::is_floating_point_v<T>)
          return static_cast<T>(RoundReal(number, scale, kRounding, sizeof(T) == 4));
        else
          return RoundWhole(number, scale, kRounding, cell);
      });
    });
  });
}

template <Rounding kRounding>
Result<Kernel> MakeWhole(const sql::Expr& call) {
  const TypeKind kind = call.args[0]->type.kind();
  if (kind == TypeKind::kDecimal) return DecimalKernel(call, kRounding);
  if (kind == TypeKind::kBigint) return Kernel([](KernelCall& now) { return now.args[0]; });
  return Kernel([](KernelCall& now) {
    // Java's (long) of a double: NaN is 0, beyond the range the nearest end.
    return Map<int64_t, double>(now, [](double number) -> int64_t {
      const double whole = kRounding == Rounding::kFloor ? std::floor(number) : std::ceil(number);
      if (std::isnan(whole)) return 0;
      if (whole >= 9.2233720368547758e18) return std::numeric_limits<int64_t>::max();
      if (whole <= -9.2233720368547758e18) return std::numeric_limits<int64_t>::min();
      return static_cast<int64_t>(whole);
    });
  });
}

const KernelRegistration kKernels[] = {
    {"round", MakeRound<Rounding::kHalfUp>},
    {"bround", MakeRound<Rounding::kHalfEven>},
    {"floor", MakeWhole<Rounding::kFloor>},
    {"ceil", MakeWhole<Rounding::kCeiling>},
};

}  // namespace

std::span<const KernelRegistration> RoundingKernels() { return kKernels; }

}  // namespace millrace::engine
