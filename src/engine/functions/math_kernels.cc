// Functions of real numbers, bases and buckets.

#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <span>

#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnPtr;
using data::Value;
using Text = std::string_view;

template <double (*kFunction)(double)>
ColumnPtr OfDouble(KernelCall& call) {
  return Map<double, double>(call, kFunction);
}
template <double (*kFunction)(double, double)>
ColumnPtr OfDoubles(KernelCall& call) {
  return Map<double, double, double>(call, kFunction);
}

double Cot(double x) { return 1 / std::tan(x); }
double Sec(double x) { return 1 / std::cos(x); }
double Csc(double x) { return 1 / std::sin(x); }
double Degrees(double x) { return x * (180.0 / std::numbers::pi); }
double Radians(double x) { return x / 180.0 * std::numbers::pi; }
double Sign(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }
double Sqrt(double x) { return std::sqrt(x); }
// In long double: glibc's double is off by one bit even for 27.
double Cbrt(double x) { return static_cast<double>(std::cbrt(static_cast<long double>(x))); }
double Exp(double x) { return std::exp(x); }
double Expm1(double x) { return std::expm1(x); }
double Rint(double x) { return std::rint(x); }
double Sin(double x) { return std::sin(x); }
double Cos(double x) { return std::cos(x); }
double Tan(double x) { return std::tan(x); }
double Asin(double x) { return std::asin(x); }
double Acos(double x) { return std::acos(x); }
double Atan(double x) { return std::atan(x); }
double Sinh(double x) { return std::sinh(x); }
double Cosh(double x) { return std::cosh(x); }
double Tanh(double x) { return std::tanh(x); }
double Asinh(double x) { return std::asinh(x); }
double Acosh(double x) { return std::acosh(x); }
double Atanh(double x) { return std::atanh(x); }
double Atan2(double y, double x) { return std::atan2(y + 0.0, x + 0.0); }
double Hypot(double x, double y) { return std::hypot(x, y); }
// Java: NaN when the exponent is NaN, and |1| to an infinite power.
double Power(double x, double y) {
  if (std::isnan(y) || (std::fabs(x) == 1 && std::isinf(y))) return std::nan("");
  return std::pow(x, y);
}

double Ln(double x) { return std::log(x); }
double Log10(double x) { return std::log10(x); }
double Log2(double x) { return std::log2(x); }
double Log1p(double x) { return std::log1p(x); }

// Logarithms of what is not above `kLimit` are NULL.
template <double (*kFunction)(double), int kLimit>
ColumnPtr Logarithm(KernelCall& call) {
  return Map<double, double>(call, [](double x, Cell& cell) {
    if (x > kLimit || std::isnan(x)) return kFunction(x);
    cell.SetNull();
    return 0.0;
  });
}

ColumnPtr LogOfBase(KernelCall& call) {
  if (call.args.size() == 1) return Logarithm<Ln, 0>(call);
  return Map<double, double, double>(call, [](double base, double x, Cell& cell) {
    if (x > 0 && base > 0) return std::log(x) / std::log(base);
    cell.SetNull();
    return 0.0;
  });
}

ColumnPtr Pi(KernelCall& call) {
  return Column::Constant(call.type, Value::Double(std::numbers::pi), call.length);
}
ColumnPtr Euler(KernelCall& call) {
  return Column::Constant(call.type, Value::Double(std::numbers::e), call.length);
}

ColumnPtr Factorial(KernelCall& call) {
  return Map<int64_t, int32_t>(call, [](int32_t n, Cell& cell) {
    int64_t product = 1;
    if (n < 0 || n > 20) cell.SetNull();
    for (int32_t i = 2; i <= n && n <= 20; ++i) product *= i;
    return product;
  });
}

ColumnPtr Bin(KernelCall& call) {
  return Map<Text, int64_t>(call, [](int64_t number, Cell& cell) {
    char digits[64];
    const auto end =
        std::to_chars(digits, digits + sizeof(digits), static_cast<uint64_t>(number), 2).ptr;
    return cell.Copy({digits, static_cast<size_t>(end - digits)});
  });
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// Digits of `text` in `base` as an unsigned number, up to the first that is none.
std::optional<uint64_t> UnsignedOf(Text text, int base) {
  uint64_t value = 0;
  for (const char c : text) {
    const int digit = DigitOf(c);
    if (digit >= base) break;
    if (__builtin_mul_overflow(value, static_cast<uint64_t>(base), &value) ||
        __builtin_add_overflow(value, static_cast<uint64_t>(digit), &value))
      return std::nullopt;
  }
  return value;
}

// conv(): a negative target base prints a signed number.
ColumnPtr Conv(KernelCall& call) {
  return Map<Text, Text, int32_t, int32_t>(
      call, [&](Text text, int32_t from, int32_t to, Cell& cell) -> Text {
        const size_t start = text.find_first_not_of(' ');
        const bool bases = from >= 2 && from <= 36 && to >= -36 && to <= 36 && std::abs(to) >= 2;
        if (start == Text::npos || !bases) {
          cell.SetNull();
          return {};
        }
        text = text.substr(start, text.find_last_not_of(' ') + 1 - start);
        const bool negative = text.starts_with('-');
        if (negative) text.remove_prefix(1);
        const auto parsed = UnsignedOf(text, from);
        if (!parsed)
          cell.Fail("ARITHMETIC_OVERFLOW", fmt::format("'{}' has more than 64 bits", text));
        uint64_t value = parsed.value_or(0);
        if (negative) value = -value;
        const bool minus = to < 0 && static_cast<int64_t>(value) < 0;
        char digits[66];
        const auto end =
            std::to_chars(digits, digits + sizeof(digits), minus ? -value : value, std::abs(to))
                .ptr;
        std::string result = minus ? "-" : "";
        for (const char* at = digits; at != end; ++at)
          result += static_cast<char>(*at >= 'a' ? *at - 32 : *at);
        return cell.Copy(result);
      });
}

ColumnPtr WidthBucket(KernelCall& call) {
  return Map<int64_t, double, double, double, int64_t>(
      call, [](double value, double min, double max, int64_t buckets, Cell& cell) -> int64_t {
        const bool valid = buckets > 0 && buckets < std::numeric_limits<int64_t>::max() &&
                           !std::isnan(value) && std::isfinite(min) && std::isfinite(max) &&
                           min != max;
        if (!valid) {
          cell.SetNull();
          return 0;
        }
        const bool rising = min < max;
        const double low = rising ? value - min : min - value;
        const double span = rising ? max - min : min - max;
        if (low < 0) return 0;
        if (low >= span) return buckets + 1;
        return static_cast<int64_t>(static_cast<double>(buckets) * low / span) + 1;
      });
}

ColumnPtr Nanvl(KernelCall& call) {
  return Map<double, double, double>(call, [](double a, double b, Cell& cell) {
    const bool take_b = !cell.IsNull(0) && std::isnan(a);
    if (cell.IsNull(take_b ? 1 : 0)) cell.SetNull();
    return take_b ? b : a;
  });
}

const KernelRegistration kKernels[] = {
    {"sqrt", Always(OfDouble<Sqrt>)},
    {"cbrt", Always(OfDouble<Cbrt>)},
    {"exp", Always(OfDouble<Exp>)},
    {"expm1", Always(OfDouble<Expm1>)},
    {"rint", Always(OfDouble<Rint>)},
    {"ln", Always(Logarithm<Ln, 0>)},
    {"log", Always(LogOfBase)},
    {"log10", Always(Logarithm<Log10, 0>)},
    {"log2", Always(Logarithm<Log2, 0>)},
    {"log1p", Always(Logarithm<Log1p, -1>)},
    {"power", Always(OfDoubles<Power>)},
    {"signum", Always(OfDouble<Sign>)},
    {"sin", Always(OfDouble<Sin>)},
    {"cos", Always(OfDouble<Cos>)},
    {"tan", Always(OfDouble<Tan>)},
    {"cot", Always(OfDouble<Cot>)},
    {"sec", Always(OfDouble<Sec>)},
    {"csc", Always(OfDouble<Csc>)},
    {"asin", Always(OfDouble<Asin>)},
    {"acos", Always(OfDouble<Acos>)},
    {"atan", Always(OfDouble<Atan>)},
    {"atan2", Always(OfDoubles<Atan2>)},
    {"sinh", Always(OfDouble<Sinh>)},
    {"cosh", Always(OfDouble<Cosh>)},
    {"tanh", Always(OfDouble<Tanh>)},
    {"asinh", Always(OfDouble<Asinh>)},
    {"acosh", Always(OfDouble<Acosh>)},
    {"atanh", Always(OfDouble<Atanh>)},
    {"degrees", Always(OfDouble<Degrees>)},
    {"radians", Always(OfDouble<Radians>)},
    {"pi", Always(Pi)},
    {"e", Always(Euler)},
    {"hypot", Always(OfDoubles<Hypot>)},
    {"factorial", Always(Factorial)},
    {"bin", Always(Bin)},
    {"conv", Always(Conv)},
    {"width_bucket", Always(WidthBucket)},
    {"nanvl", Always(Nanvl)},
};

}  // namespace

std::span<const KernelRegistration> MathKernels() { return kKernels; }

}  // namespace millrace::engine
