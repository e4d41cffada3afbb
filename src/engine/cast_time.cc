// Casts among dates, timestamps, intervals and numbers.
#include <cmath>

#include "base/decimal.h"
#include "engine/cast_element.h"

namespace millrace::engine {

using data::Int128;
using data::TypeKind;
using sql::CastMode;

namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

constexpr int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// Whether a zone's offset may lead beyond the range of timestamps.
constexpr bool IsNearEnd(int64_t micros) {
  return micros > INT64_MAX - kMicrosPerDay || micros < INT64_MIN + kMicrosPerDay;
}

CastFunction DateToTimestamp(const CastSpec& spec) {
  const bool local = spec.to.kind() == TypeKind::kTimestampNtz;
  return CastEach<int32_t, int64_t>(spec, [local](const CastCall& call, data::ColumnBuilder&) {
    return [local, zone = ZoneOf(call.context)](const int32_t& in, int64_t& to) {
      if (__builtin_mul_overflow(int64_t{in}, kMicrosPerDay, &to)) return CastOutcome::kOverflow;
      if (!local && IsNearEnd(to)) return CastOutcome::kOverflow;
      if (!local) to = zone.InstantAt(LocalUs(to)).value;
      return CastOutcome::kOk;
    };
  });
}

CastFunction TimestampToDate(const CastSpec& spec) {
  const bool local = spec.from.kind() == TypeKind::kTimestampNtz;
  return CastEach<int64_t, int32_t>(spec, [local](const CastCall& call, data::ColumnBuilder&) {
    return [local, zone = ZoneOf(call.context)](const int64_t& in, int32_t& to) {
      const int64_t wall = local ? in : zone.UtcToLocal(TimestampUs(in)).value;
      to = static_cast<int32_t>(FloorDivide(wall, kMicrosPerDay));
      return CastOutcome::kOk;
    };
  });
}

CastFunction TimestampToTimestamp(const CastSpec& spec) {
  const bool to_local = spec.to.kind() == TypeKind::kTimestampNtz;
  return CastEach<int64_t, int64_t>(spec, [to_local](const CastCall& call, data::ColumnBuilder&) {
    return [to_local, zone = ZoneOf(call.context)](const int64_t& in, int64_t& to) {
      if (!to_local && IsNearEnd(in)) return CastOutcome::kOverflow;
      to = to_local ? zone.UtcToLocal(TimestampUs(in)).value : zone.InstantAt(LocalUs(in)).value;
      return CastOutcome::kOk;
    };
  });
}

template <typename To>
CastFunction TimestampToInteger(const CastSpec& spec) {
  const bool wrap = spec.mode == CastMode::kLegacy;
  return CastPlain<int64_t, To>(spec, [wrap](const int64_t& in, To& to) {
    const int64_t seconds = FloorDivide(in, kMicrosPerSecond);
    to = static_cast<To>(seconds);
    return wrap || to == seconds ? CastOutcome::kOk : CastOutcome::kOverflow;
  });
}

template <typename To>
CastFunction TimestampToReal(const CastSpec& spec) {
  return CastPlain<int64_t, To>(spec, [](const int64_t& in, To& to) {
    to = static_cast<To>(static_cast<double>(in) / static_cast<double>(kMicrosPerSecond));
    return CastOutcome::kOk;
  });
}

CastFunction TimestampToDecimal(const CastSpec& spec) {
  const int precision = spec.to.precision();
  const int scale = spec.to.scale();
  return CastPlain<int64_t, Int128>(spec, [precision, scale](const int64_t& in, Int128& to) {
    const auto scaled = RescaleDecimal({in, 6}, {precision, scale});
    if (!scaled) return CastOutcome::kOutOfRange;
    to = *scaled;
    return CastOutcome::kOk;
  });
}

template <typename From>
CastFunction SecondsToTimestamp(const CastSpec& spec) {
  return CastPlain<From, int64_t>(spec, [](const From& in, int64_t& to) {
    return __builtin_mul_overflow(int64_t{in}, kMicrosPerSecond, &to) ? CastOutcome::kOverflow
                                                                      : CastOutcome::kOk;
  });
}

template <typename From>
CastFunction RealToTimestamp(const CastSpec& spec) {
  return CastPlain<From, int64_t>(spec, [](const From& in, int64_t& to) {
    const double micros = static_cast<double>(in) * static_cast<double>(kMicrosPerSecond);
    constexpr double kBound = 9223372036854775808.0;
    if (!(micros >= -kBound && micros < kBound)) return CastOutcome::kOverflow;
    to = static_cast<int64_t>(micros);
    return CastOutcome::kOk;
  });
}

CastFunction DecimalToTimestamp(const CastSpec& spec) {
  const int scale = spec.from.scale();
  return CastPlain<Int128, int64_t>(spec, [scale](const Int128& in, int64_t& to) {
    const auto micros = RescaleDecimal({in, scale}, {38, 6});
    if (!micros || *micros > INT64_MAX || *micros < INT64_MIN) return CastOutcome::kOverflow;
    to = static_cast<int64_t>(*micros);
    return CastOutcome::kOk;
  });
}

CastFunction FromTimestamp(const CastSpec& spec) {
  switch (spec.to.kind()) {
    case TypeKind::kTinyint:
      return TimestampToInteger<int8_t>(spec);
    case TypeKind::kSmallint:
      return TimestampToInteger<int16_t>(spec);
    case TypeKind::kInt:
      return TimestampToInteger<int32_t>(spec);
    case TypeKind::kBigint:
      return TimestampToInteger<int64_t>(spec);
    case TypeKind::kFloat:
      return TimestampToReal<float>(spec);
    case TypeKind::kDouble:
      return TimestampToReal<double>(spec);
    case TypeKind::kDecimal:
      return TimestampToDecimal(spec);
    case TypeKind::kTimestampNtz:
      return TimestampToTimestamp(spec);
    default:
      return nullptr;
  }
}

CastFunction ToTimestamp(const CastSpec& spec) {
  switch (spec.from.kind()) {
    case TypeKind::kTinyint:
      return SecondsToTimestamp<int8_t>(spec);
    case TypeKind::kSmallint:
      return SecondsToTimestamp<int16_t>(spec);
    case TypeKind::kInt:
      return SecondsToTimestamp<int32_t>(spec);
    case TypeKind::kBigint:
      return SecondsToTimestamp<int64_t>(spec);
    case TypeKind::kFloat:
      return RealToTimestamp<float>(spec);
    case TypeKind::kDouble:
      return RealToTimestamp<double>(spec);
    case TypeKind::kDecimal:
      return DecimalToTimestamp(spec);
    case TypeKind::kTimestampNtz:
      return TimestampToTimestamp(spec);
    default:
      return nullptr;
  }
}

}  // namespace

CastFunction MakeTimeCast(const CastSpec& spec) {
  const TypeKind from = spec.from.kind();
  const TypeKind to = spec.to.kind();
  const bool to_moment = to == TypeKind::kTimestamp || to == TypeKind::kTimestampNtz;
  const bool from_moment = from == TypeKind::kTimestamp || from == TypeKind::kTimestampNtz;
  if (from == TypeKind::kDate && to_moment) return DateToTimestamp(spec);
  if (from_moment && to == TypeKind::kDate) return TimestampToDate(spec);
  if (from == TypeKind::kTimestamp) return FromTimestamp(spec);
  if (to == TypeKind::kTimestamp) return ToTimestamp(spec);
  return nullptr;
}

}  // namespace millrace::engine
