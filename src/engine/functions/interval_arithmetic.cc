#include "engine/functions/interval_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/functions/calendar.h"
#include "engine/functions/loops.h"
#include "engine/functions/zones.h"

namespace millrace::engine {

using data::ColumnPtr;
using data::DataType;
using data::TypeKind;

std::optional<int64_t> AddDayTime(int64_t local_us, int64_t interval_us) {
  int64_t sum;
  if (__builtin_add_overflow(local_us, interval_us, &sum)) return std::nullopt;
  return sum;
}

std::optional<int64_t> AddMonthsToMoment(int64_t local_us, int64_t months) {
  const int32_t days = DayOfDate(local_us);
  const auto moved = AddMonthsTo(days, months);
  if (!moved) return std::nullopt;
  const int64_t in_day = FloorMod(local_us, kMicrosPerDay);
  int64_t result;
  if (__builtin_mul_overflow(int64_t{*moved}, kMicrosPerDay, &result)) return std::nullopt;
  return AddDayTime(result, in_day);
}

namespace {

// What overflow does: NULL or an error of the row.
template <typename T>
T OrFail(const std::optional<T>& value, bool null_on_error, std::string_view condition,
         Cell& cell) {
  if (value) return *value;
  if (null_on_error)
    cell.SetNull();
  else
    cell.Fail(condition, "the result is beyond the range of its type");
  return T{};
}

constexpr std::string_view kMomentOverflow = "DATETIME_OVERFLOW";
constexpr std::string_view kIntervalOverflow = "INTERVAL_ARITHMETIC_OVERFLOW";

std::optional<int32_t> NarrowToInt(std::optional<int64_t> value) {
  if (!value || *value < std::numeric_limits<int32_t>::min() ||
      *value > std::numeric_limits<int32_t>::max())
    return std::nullopt;
  return static_cast<int32_t>(*value);
}

// DATE + days, months or a day-time interval of whole days.
template <typename Amount>
ColumnPtr DatePlus(KernelCall& call, bool date_first, int sign, TypeKind amount,
                   bool null_on_error) {
  const auto add = [=](int32_t date, Amount by, Cell& cell) -> int32_t {
    // The least interval has no opposite: beyond the range of dates in any case.
    const int64_t count =
        sign * std::max(static_cast<int64_t>(by), -std::numeric_limits<int64_t>::max());
    const auto moved = amount == TypeKind::kIntervalYearMonth ? AddMonthsTo(date, count)
                       : amount == TypeKind::kIntervalDayTime
                           ? NarrowToInt(date + count / kMicrosPerDay)
                           : NarrowToInt(date + count);
    return OrFail(moved, null_on_error, kMomentOverflow, cell);
  };
  if (date_first) return Map<int32_t, int32_t, Amount>(call, add);
  return Map<int32_t, Amount, int32_t>(
      call, [&](Amount by, int32_t date, Cell& cell) { return add(date, by, cell); });
}

// TIMESTAMP + months or microseconds; a TIMESTAMP's days and months count in the session's zone.
template <typename Amount>
ColumnPtr MomentPlus(KernelCall& call, bool moment_first, int sign, bool zoned,
                     bool null_on_error) {
  const TimeZone zone = zoned ? ZoneOf(call.context) : TimeZone::Utc();
  const auto add = [&, sign](int64_t moment, Amount by, Cell& cell) -> int64_t {
    const int64_t local = LocalOf(zone, moment);
    std::optional<int64_t> moved;
    if constexpr (sizeof(Amount) == 4)
      moved = AddMonthsToMoment(local, int64_t{sign} * by);
    else if (by != std::numeric_limits<int64_t>::min())
      moved = AddDayTime(local, sign * by);
    if (moved) moved = InstantOf(zone, *moved);
    return OrFail(moved, null_on_error, kMomentOverflow, cell);
  };
  if (moment_first) return Map<int64_t, int64_t, Amount>(call, add);
  return Map<int64_t, Amount, int64_t>(
      call, [&](Amount by, int64_t moment, Cell& cell) { return add(moment, by, cell); });
}

Kernel MomentKernel(const sql::Expr& call, int sign, bool null_on_error) {
  const bool first = call.args[0]->type.is_datetime();
  const TypeKind moment = call.args[first ? 0 : 1]->type.kind();
  const TypeKind amount = call.args[first ? 1 : 0]->type.kind();
  const bool wide = amount == TypeKind::kIntervalDayTime;
  if (moment == TypeKind::kDate) {
    return [=](KernelCall& now) {
      return wide ? DatePlus<int64_t>(now, first, sign, amount, null_on_error)
                  : DatePlus<int32_t>(now, first, sign, amount, null_on_error);
    };
  }
  const bool zoned = moment == TypeKind::kTimestamp;
  return [=](KernelCall& now) {
    return wide ? MomentPlus<int64_t>(now, first, sign, zoned, null_on_error)
                : MomentPlus<int32_t>(now, first, sign, zoned, null_on_error);
  };
}

// Difference of two moments as a day-time interval.
Kernel DifferenceKernel(TypeKind kind, bool null_on_error) {
  if (kind == TypeKind::kDate) {
    return [=](KernelCall& call) {
      return Map<int64_t, int32_t, int32_t>(call, [=](int32_t a, int32_t b, Cell& cell) {
        int64_t micros;
        const bool over = __builtin_mul_overflow(int64_t{a} - b, kMicrosPerDay, &micros);
        return OrFail(over ? std::nullopt : std::optional(micros), null_on_error, kIntervalOverflow,
                      cell);
      });
    };
  }
  return [=](KernelCall& call) {
    const TimeZone zone = kind == TypeKind::kTimestamp ? ZoneOf(call.context) : TimeZone::Utc();
    return Map<int64_t, int64_t, int64_t>(call, [&](int64_t a, int64_t b, Cell& cell) {
      int64_t micros;
      const bool over = __builtin_sub_overflow(LocalOf(zone, a), LocalOf(zone, b), &micros);
      return OrFail(over ? std::nullopt : std::optional(micros), null_on_error, kIntervalOverflow,
                    cell);
    });
  };
}

template <typename T>
std::optional<T> Narrow(std::optional<data::Int128> value) {
  if (!value || *value < std::numeric_limits<T>::min() || *value > std::numeric_limits<T>::max())
    return std::nullopt;
  return static_cast<T>(*value);
}

template <typename T>
Kernel SumKernel(char op, bool null_on_error) {
  return [=](KernelCall& call) {
    return Map<T, T, T>(call, [=](T a, T b, Cell& cell) {
      const data::Int128 sum = data::Int128{a} + (op == '+' ? data::Int128{b} : -data::Int128{b});
      return OrFail(Narrow<T>(sum), null_on_error, kIntervalOverflow, cell);
    });
  };
}

// interval * number, number * interval, interval / number; rounded half away from zero.
template <typename T, typename Factor>
std::optional<T> Scale(T interval, Factor factor, bool divide) {
  if constexpr (std::is_floating_point_v<Factor>) {
    const double result =
        divide ? static_cast<double>(interval) / factor : static_cast<double>(interval) * factor;
    if (std::isnan(result) || std::fabs(result) >= 9.2e18) return std::nullopt;
    return Narrow<T>(data::Int128{std::llround(result)});
  } else {
    if (!divide) return Narrow<T>(data::Int128{interval} * factor);
    const data::Int128 quotient = data::Int128{interval} / factor;
    const data::Int128 rest = data::Int128{interval} % factor;
    const auto size = [](data::Int128 value) { return value < 0 ? -value : value; };
    const bool up = size(rest) * 2 >= size(data::Int128{factor});
    const int away = (interval < 0) != (factor < 0) ? -1 : 1;
    return Narrow<T>(quotient + (up ? away : 0));
  }
}

template <typename T, typename Factor>
Kernel ScaleKernel(bool interval_first, bool divide, bool null_on_error) {
  return [=](KernelCall& call) {
    const auto scale = [=](T interval, Factor factor, Cell& cell) -> T {
      if (divide && factor == 0) {
        if (null_on_error)
          cell.SetNull();
        else
          cell.Fail("INTERVAL_DIVIDED_BY_ZERO", "division of an interval by zero");
        return T{};
      }
      return OrFail(Scale(interval, factor, divide), null_on_error, kIntervalOverflow, cell);
    };
    if (interval_first) return Map<T, T, Factor>(call, scale);
    return Map<T, Factor, T>(
        call, [&](Factor factor, T interval, Cell& cell) { return scale(interval, factor, cell); });
  };
}

template <typename T>
Kernel WholeKernel() {
  return [](KernelCall& call) {
    return Map<int64_t, T, T>(call, [](T a, T b, Cell& cell) -> int64_t {
      if (b != 0) return static_cast<int64_t>(data::Int128{a} / b);
      cell.Fail("INTERVAL_DIVIDED_BY_ZERO", "division of an interval by zero");
      return 0;
    });
  };
}

template <typename T>
Kernel IntervalKernel(const sql::Expr& call, char op, bool null_on_error) {
  const DataType& a = call.args[0]->type;
  const DataType& b = call.args[1]->type;
  if (op == 'd') return WholeKernel<T>();
  if (a.is_interval() && b.is_interval()) return SumKernel<T>(op, null_on_error);
  const bool first = a.is_interval();
  if ((first ? b : a).is_fractional())
    return ScaleKernel<T, double>(first, op == '/', null_on_error);
  return ScaleKernel<T, int64_t>(first, op == '/', null_on_error);
}

}  // namespace

bool IsIntervalArithmetic(const sql::Expr& call) {
  for (const sql::ExprPtr& arg : call.args) {
    if (arg->type.is_datetime() || arg->type.is_interval()) return true;
  }
  return false;
}

Result<Kernel> MakeIntervalArithmetic(const sql::Expr& call, char op, bool null_on_error) {
  const DataType& a = call.args[0]->type;
  const DataType& b = call.args[1]->type;
  if (a.is_datetime() && b.is_datetime()) return DifferenceKernel(a.kind(), null_on_error);
  if (a.is_datetime() || b.is_datetime())
    return MomentKernel(call, op == '-' ? -1 : 1, null_on_error);
  const bool months =
      a.kind() == TypeKind::kIntervalYearMonth || b.kind() == TypeKind::kIntervalYearMonth;
  return months ? IntervalKernel<int32_t>(call, op, null_on_error)
                : IntervalKernel<int64_t>(call, op, null_on_error);
}

}  // namespace millrace::engine
