// Casts among numbers and booleans.
#include <charconv>
#include <cmath>
#include <limits>

#include "base/decimal.h"
#include "data/decimal_text.h"
#include "engine/cast_element.h"

namespace millrace::engine {

using data::DataType;
using data::Int128;
using data::TypeKind;
using sql::CastMode;

namespace {

// A boolean has a type of its own, so that templates tell it from TINYINT.
enum class Boolean : uint8_t { kFalse, kTrue };

// Calls f(T{}) with the storage type; false for kinds that are neither number nor boolean.
template <typename F>
bool WithNumber(TypeKind kind, F&& f) {
  switch (kind) {
    case TypeKind::kBoolean:
      f(Boolean{});
      return true;
    case TypeKind::kTinyint:
      f(int8_t{});
      return true;
    case TypeKind::kSmallint:
      f(int16_t{});
      return true;
    case TypeKind::kInt:
      f(int32_t{});
      return true;
    case TypeKind::kBigint:
      f(int64_t{});
      return true;
    case TypeKind::kFloat:
      f(float{});
      return true;
    case TypeKind::kDouble:
      f(double{});
      return true;
    case TypeKind::kDecimal:
      f(Int128{});
      return true;
    default:
      return false;
  }
}

template <typename T>
constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, Int128>;
template <typename T>
constexpr bool kIsReal = std::is_floating_point_v<T>;
template <typename T>
constexpr bool kIsDecimal = std::is_same_v<T, Int128>;

// Java's narrowing of floating point: toward zero, clamped, NaN is 0.
template <typename Wide, typename Real>
Wide JavaTruncate(Real value) {
  if (std::isnan(value)) return 0;
  if (value >= static_cast<Real>(std::numeric_limits<Wide>::max()))
    return std::numeric_limits<Wide>::max();
  if (value <= static_cast<Real>(std::numeric_limits<Wide>::min()))
    return std::numeric_limits<Wide>::min();
  return static_cast<Wide>(value);
}

template <typename From, typename To>
CastFunction IntegerToInteger(const CastSpec& spec) {
  if (spec.mode == CastMode::kLegacy) {
    return CastPlain<From, To>(spec, [](const From& in, To& to) {
      to = static_cast<To>(in);
      return CastOutcome::kOk;
    });
  }
  return CastPlain<From, To>(spec, [](const From& in, To& to) {
    to = static_cast<To>(in);
    return static_cast<From>(to) == in ? CastOutcome::kOk : CastOutcome::kOverflow;
  });
}

template <typename From, typename To>
CastFunction RealToInteger(const CastSpec& spec) {
  if (spec.mode == CastMode::kLegacy) {
    return CastPlain<From, To>(spec, [](const From& in, To& to) {
      if constexpr (sizeof(To) < 4) {
        to = static_cast<To>(JavaTruncate<int32_t>(in));
      } else {
        to = JavaTruncate<To>(in);
      }
      return CastOutcome::kOk;
    });
  }
  return CastPlain<From, To>(spec, [](const From& in, To& to) {
    // Both bounds are powers of two and exact: -2^n <= truncated value < 2^n.
    constexpr From kBound = -static_cast<From>(std::numeric_limits<To>::min());
    const From truncated = std::trunc(in);
    if (!(truncated >= -kBound && truncated <= kBound)) return CastOutcome::kOverflow;
    if (truncated == kBound) {
      // Spark compares with the greatest BIGINT as a double, which is 2^63 itself.
      to = std::numeric_limits<To>::max();
      return sizeof(To) == 8 ? CastOutcome::kOk : CastOutcome::kOverflow;
    }
    to = static_cast<To>(truncated);
    return CastOutcome::kOk;
  });
}

template <typename To>
CastFunction DecimalToInteger(const CastSpec& spec) {
  const Int128 unit = PowerOfTen(spec.from.scale());
  const bool wrap = spec.mode == CastMode::kLegacy;
  return CastPlain<Int128, To>(spec, [unit, wrap](const Int128& in, To& to) {
    const Int128 whole = in / unit;
    to = static_cast<To>(whole);
    return wrap || Int128{to} == whole ? CastOutcome::kOk : CastOutcome::kOverflow;
  });
}

template <typename From>
CastFunction IntegerToDecimal(const CastSpec& spec) {
  const int precision = spec.to.precision();
  const int scale = spec.to.scale();
  return CastPlain<From, Int128>(spec, [precision, scale](const From& in, Int128& to) {
    const auto scaled = RescaleDecimal({in, 0}, {precision, scale});
    if (!scaled) return CastOutcome::kOutOfRange;
    to = *scaled;
    return CastOutcome::kOk;
  });
}

CastFunction DecimalToDecimal(const CastSpec& spec) {
  const int precision = spec.to.precision();
  const int scale = spec.to.scale();
  const int from = spec.from.scale();
  return CastPlain<Int128, Int128>(spec, [precision, scale, from](const Int128& in, Int128& to) {
    const auto scaled = RescaleDecimal({in, from}, {precision, scale});
    if (!scaled) return CastOutcome::kOutOfRange;
    to = *scaled;
    return CastOutcome::kOk;
  });
}

// By the shortest digits that give the number back as a double, as Java's BigDecimal of its text;
// a FLOAT is made a DOUBLE first, as in Spark.
template <typename From>
CastFunction RealToDecimal(const CastSpec& spec) {
  const int precision = spec.to.precision();
  const int scale = spec.to.scale();
  return CastPlain<From, Int128>(spec, [precision, scale](const From& in, Int128& to) {
    if (!std::isfinite(in)) return CastOutcome::kOutOfRange;
    char text[64];
    const auto end = std::to_chars(text, text + sizeof(text), static_cast<double>(in)).ptr;
    const auto outcome =
        data::ParseDecimalText({text, static_cast<size_t>(end - text)}, precision, scale, to);
    return outcome == data::DecimalOutcome::kOk ? CastOutcome::kOk : CastOutcome::kOutOfRange;
  });
}

template <typename To>
CastFunction DecimalToReal(const CastSpec& spec) {
  const int scale = spec.from.scale();
  return CastPlain<Int128, To>(spec, [scale](const Int128& in, To& to) {
    to = static_cast<To>(DecimalToDouble({in, scale}));
    return CastOutcome::kOk;
  });
}

template <typename From>
CastFunction ToBoolean(const CastSpec& spec) {
  return CastPlain<From, uint8_t>(spec, [](const From& in, uint8_t& to) {
    to = in != From{} ? 1 : 0;
    return CastOutcome::kOk;
  });
}

template <typename To>
CastFunction FromBoolean(const CastSpec& spec) {
  if constexpr (kIsDecimal<To>) {
    return IntegerToDecimal<uint8_t>(spec);
  } else {
    return CastPlain<uint8_t, To>(spec, [](const uint8_t& in, To& to) {
      to = static_cast<To>(in);
      return CastOutcome::kOk;
    });
  }
}

template <typename From, typename To>
CastFunction ToReal(const CastSpec& spec) {
  if constexpr (kIsDecimal<From>) {
    return DecimalToReal<To>(spec);
  } else {
    return CastPlain<From, To>(spec, [](const From& in, To& to) {
      to = static_cast<To>(in);
      return CastOutcome::kOk;
    });
  }
}

template <typename From, typename To>
CastFunction Between(const CastSpec& spec) {
  if constexpr (std::is_same_v<From, Boolean>) {
    return FromBoolean<To>(spec);
  } else if constexpr (std::is_same_v<To, Boolean>) {
    return ToBoolean<From>(spec);
  } else if constexpr (kIsReal<To>) {
    return ToReal<From, To>(spec);
  } else if constexpr (kIsDecimal<To> && kIsDecimal<From>) {
    return DecimalToDecimal(spec);
  } else if constexpr (kIsDecimal<To> && kIsReal<From>) {
    return RealToDecimal<From>(spec);
  } else if constexpr (kIsDecimal<To>) {
    return IntegerToDecimal<From>(spec);
  } else if constexpr (kIsDecimal<From>) {
    return DecimalToInteger<To>(spec);
  } else if constexpr (kIsReal<From>) {
    return RealToInteger<From, To>(spec);
  } else {
    return IntegerToInteger<From, To>(spec);
  }
}

}  // namespace

CastFunction MakeNumberCast(const CastSpec& spec) {
  CastFunction cast;
  WithNumber(spec.from.kind(), [&]<typename From>(From) {
    WithNumber(spec.to.kind(), [&]<typename To>(To) {
      if constexpr (std::is_same_v<From, Boolean> && std::is_same_v<To, Boolean>) {
        return;  // equal types need no cast
      } else {
        cast = Between<From, To>(spec);
      }
    });
  });
  return cast;
}

}  // namespace millrace::engine
