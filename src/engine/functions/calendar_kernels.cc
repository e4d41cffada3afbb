// Fields of dates and timestamps, and arithmetic of dates.

#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "base/decimal.h"
#include "engine/functions/calendar.h"
#include "engine/functions/interval_arithmetic.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "engine/functions/zones.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using data::TypeKind;
using Text = std::string_view;

template <int32_t (*kField)(int32_t days)>
ColumnPtr OfDate(KernelCall& call) {
  return Map<int32_t, int32_t>(call, kField);
}

int32_t Year(int32_t days) { return CivilOf(days).year; }
int32_t Quarter(int32_t days) { return (CivilOf(days).month - 1) / 3 + 1; }
int32_t Month(int32_t days) { return CivilOf(days).month; }
int32_t Day(int32_t days) { return CivilOf(days).day; }
int32_t DayOfWeek(int32_t days) { return (WeekdayOf(days) + 1) % 7 + 1; }
int32_t IsoDayOfWeek(int32_t days) { return WeekdayOf(days) + 1; }
int32_t IsoWeekNumber(int32_t days) { return IsoWeekOf(days).week; }
int32_t IsoYear(int32_t days) { return IsoWeekOf(days).year; }
int32_t Same(int32_t days) { return days; }
int32_t LastDay(int32_t days) {
  CivilDate date = CivilOf(days);
  date.day = DaysInMonth(date.year, date.month);
  return DaysOf(date);
}

ColumnPtr MonthNameOf(KernelCall& call) {
  return Map<Text, int32_t>(
      call, [](int32_t days) { return MonthName(CivilOf(days).month).substr(0, 3); });
}
ColumnPtr DayNameOf(KernelCall& call) {
  return Map<Text, int32_t>(call,
                            [](int32_t days) { return WeekdayName(WeekdayOf(days)).substr(0, 3); });
}

// Calls f(local microseconds) of a DATE, TIMESTAMP or TIMESTAMP_NTZ at argument `index`.
template <typename Out, typename F>
ColumnPtr OfLocal(KernelCall& call, size_t index, F&& f) {
  const TypeKind kind = call.args[index]->type().kind();
  const TimeZone zone = kind == TypeKind::kTimestamp ? ZoneOf(call.context) : TimeZone::Utc();
  if (kind == TypeKind::kDate) {
    const data::Reader<int32_t> days(*call.args[index]);
    return Map<Out>(call, [&](Cell& cell) { return f(days[cell.row()] * kMicrosPerDay); });
  }
  const data::Reader<int64_t> moments(*call.args[index]);
  return Map<Out>(call, [&](Cell& cell) { return f(LocalOf(zone, moments[cell.row()])); });
}

template <int64_t kUnitMicros, int64_t kModulo>
ColumnPtr TimeField(KernelCall& call) {
  return OfLocal<int32_t>(
      call, 0, [](int64_t local) { return FloorMod(FloorDiv(local, kUnitMicros), kModulo); });
}

// What extract() gives of dates and timestamps, by field name.
struct DateField {
  Text names;  // separated by spaces
  int32_t (*of)(int32_t days);
};
constexpr DateField kDateFields[] = {
    {" year y years yr yrs ", Year},
    {" yearofweek ", IsoYear},
    {" quarter qtr ", Quarter},
    {" month mon mons months ", Month},
    {" week w weeks ", IsoWeekNumber},
    {" day d days ", Day},
    {" dayofweek dow ", DayOfWeek},
    {" dayofweek_iso dow_iso ", IsoDayOfWeek},
    {" doy ", DayOfYear},
};
struct TimePart {
  Text names;
  int64_t unit_micros;
  int64_t modulo;
};
constexpr TimePart kTimeParts[] = {
    {" hour h hours hr hrs ", kMicrosPerHour, 24},
    {" minute m min mins minutes ", kMicrosPerMinute, 60},
};

// Seconds with their fraction, as DECIMAL(8,6).
ColumnPtr ExtractSeconds(KernelCall& call) {
  if (call.args[1]->type().kind() == TypeKind::kIntervalDayTime) {
    return Map<data::Int128>(call, [&](Cell& cell) {
      return data::Reader<int64_t>(*call.args[1])[cell.row()] % kMicrosPerMinute;
    });
  }
  return OfLocal<data::Int128>(call, 1,
                               [](int64_t local) { return FloorMod(local, kMicrosPerMinute); });
}

Kernel ExtractDate(int32_t (*of)(int32_t)) {
  return [of](KernelCall& call) {
    return OfLocal<int32_t>(call, 1, [of](int64_t local) { return of(DayOfDate(local)); });
  };
}

Kernel ExtractTime(TimePart part) {
  return [part](KernelCall& call) {
    return OfLocal<int32_t>(call, 1, [part](int64_t local) {
      return FloorMod(FloorDiv(local, part.unit_micros), part.modulo);
    });
  };
}

// Intervals keep their sign: months of -14 months are -2.
Result<Kernel> ExtractFromInterval(Text wanted, TypeKind kind) {
  const bool months = kind == TypeKind::kIntervalYearMonth;
  const auto part = [months](int64_t unit, int64_t modulo) {
    return Kernel([=](KernelCall& call) {
      return Map<int32_t>(call, [&, unit, modulo](Cell& cell) -> int32_t {
        const int64_t value = months ? data::Reader<int32_t>(*call.args[1])[cell.row()]
                                     : data::Reader<int64_t>(*call.args[1])[cell.row()];
        return static_cast<int32_t>(value / unit % modulo);
      });
    });
  };
  if (months && kDateFields[0].names.find(wanted) != Text::npos) return part(12, INT64_MAX);
  if (months && kDateFields[3].names.find(wanted) != Text::npos) return part(1, 12);
  if (!months && kDateFields[5].names.find(wanted) != Text::npos)
    return part(kMicrosPerDay, INT64_MAX);
  for (const TimePart& time : kTimeParts) {
    if (!months && time.names.find(wanted) != Text::npos)
      return part(time.unit_micros, time.modulo);
  }
  return Fail(ErrorCode::kInvalidArgument, "an interval of this type has no field '{}'", wanted);
}

Result<Kernel> MakeExtract(const sql::Expr& call) {
  const std::string* name = LiteralText(call, 0);
  if (name == nullptr) return Fail(ErrorCode::kInvalidArgument, "the field must be a literal");
  std::string wanted = " " + *name + " ";
  for (char& c : wanted) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (call.type.kind() == TypeKind::kDecimal) return Kernel(ExtractSeconds);
  const data::DataType& source = call.args[1]->type;
  if (source.is_interval()) return ExtractFromInterval(wanted, source.kind());
  for (const DateField& field : kDateFields) {
    if (field.names.find(wanted) != Text::npos) return ExtractDate(field.of);
  }
  for (const TimePart& part : kTimeParts) {
    if (part.names.find(wanted) != Text::npos) return ExtractTime(part);
  }
  return Fail(ErrorCode::kInvalidArgument, "there is no field '{}' to extract", *name);
}

int32_t DateOrFail(std::optional<int64_t> days, Cell& cell) {
  const bool fits = days && *days >= std::numeric_limits<int32_t>::min() &&
                    *days <= std::numeric_limits<int32_t>::max();
  if (fits) return static_cast<int32_t>(*days);
  cell.Fail("DATETIME_OVERFLOW", "the result is beyond the range of DATE");
  return 0;
}

template <int kSign>
ColumnPtr AddDays(KernelCall& call) {
  return Map<int32_t, int32_t, int32_t>(call, [](int32_t date, int32_t days, Cell& cell) {
    return DateOrFail(int64_t{date} + int64_t{kSign} * days, cell);
  });
}

ColumnPtr DateDiff(KernelCall& call) {
  return Map<int32_t, int32_t, int32_t>(
      call, [](int32_t end, int32_t start) { return static_cast<int32_t>(int64_t{end} - start); });
}

ColumnPtr AddMonths(KernelCall& call) {
  return Map<int32_t, int32_t, int32_t>(call, [](int32_t date, int32_t months, Cell& cell) {
    const auto moved = AddMonthsTo(date, months);
    return DateOrFail(moved ? std::optional<int64_t>(*moved) : std::nullopt, cell);
  });
}

// A local time taken apart as months_between needs it.
struct MonthMoment {
  CivilDate date{};
  int64_t seconds = 0;  // of the day

  explicit MonthMoment(int64_t local_us)
      : date(CivilOf(DayOfDate(local_us))),
        seconds(FloorMod(local_us, kMicrosPerDay) / kMicrosPerSecond) {}
  bool IsLastDay() const {
    return date.day >= 28 && date.day == DaysInMonth(date.year, date.month);
  }
};

// Whole months when both are the same day of the month or both the last; else 31-day fractions.
double MonthsBetween(const MonthMoment& left, const MonthMoment& right, bool rounded) {
  const double months =
      (left.date.year - right.date.year) * 12.0 + (left.date.month - right.date.month);
  if (left.date.day == right.date.day || (left.IsLastDay() && right.IsLastDay())) return months;
  const auto difference = static_cast<double>(int64_t{left.date.day - right.date.day} * 86400 +
                                              left.seconds - right.seconds);
  const double result = months + difference / (31.0 * 86400);
  return rounded ? std::round(result * 1e8) / 1e8 : result;
}

ColumnPtr MonthsBetweenMoments(KernelCall& call) {
  const TimeZone zone = ZoneOf(call.context);
  // One side is mostly the same for all rows: now, or today.
  int64_t left_us = 0;
  MonthMoment left(LocalOf(zone, left_us));
  return Map<double, int64_t, int64_t>(call, [&](int64_t a, int64_t b, Cell& cell) {
    if (a != left_us) {
      left_us = a;
      left = MonthMoment(LocalOf(zone, a));
    }
    const bool rounded =
        call.args.size() < 3 || data::Reader<uint8_t>(*call.args[2])[cell.row()] != 0;
    return MonthsBetween(left, MonthMoment(LocalOf(zone, b)), rounded);
  });
}

ColumnPtr NextDay(KernelCall& call) {
  return Map<int32_t, int32_t, Text>(call, [](int32_t date, Text name, Cell& cell) {
    const auto weekday = WeekdayNamed(name);
    if (!weekday) {
      cell.Fail("ILLEGAL_DAY_OF_WEEK", fmt::format("'{}' is no day of the week", name));
      return 0;
    }
    const auto days =
        static_cast<int32_t>(FloorMod(int64_t{*weekday} - WeekdayOf(date) - 1, 7)) + 1;
    return DateOrFail(int64_t{date} + days, cell);
  });
}

// trunc(date, unit): an unknown unit gives NULL.
ColumnPtr TruncDate(KernelCall& call) {
  return Map<int32_t, int32_t, Text>(call, [](int32_t date, Text name, Cell& cell) {
    const auto unit = UnitNamed(name);
    const bool known = unit && *unit >= Unit::kWeek;
    if (!known) {
      cell.SetNull();
      return 0;
    }
    return DayOfDate(TruncateTo(*unit, date * kMicrosPerDay));
  });
}

ColumnPtr MakeDate(KernelCall& call) {
  return Map<int32_t, int32_t, int32_t, int32_t>(
      call, [](int32_t year, int32_t month, int32_t day, Cell& cell) {
        const bool valid = month >= 1 && month <= 12 && year >= kYearMin && year <= kYearMax &&
                           day >= 1 && day <= DaysInMonth(year, month);
        if (valid) return DaysOf({year, month, day});
        cell.Fail("DATETIME_FIELD_OUT_OF_BOUNDS",
                  fmt::format("there is no date {}-{}-{}", year, month, day));
        return 0;
      });
}

ColumnPtr MakeMonthInterval(KernelCall& call) {
  const auto part = [&](size_t index, size_t row) -> int64_t {
    return index < call.args.size() ? data::Reader<int32_t>(*call.args[index])[row] : 0;
  };
  return Map<int32_t>(call, [&](Cell& cell) -> int32_t {
    const int64_t months = part(0, cell.row()) * 12 + part(1, cell.row());
    if (months == static_cast<int32_t>(months)) return static_cast<int32_t>(months);
    cell.Fail("INTERVAL_ARITHMETIC_OVERFLOW", "the interval has too many months");
    return 0;
  });
}

ColumnPtr MakeDayTimeInterval(KernelCall& call) {
  const auto part = [&](size_t index, size_t row) -> data::Int128 {
    return index < call.args.size() ? data::Reader<int32_t>(*call.args[index])[row] : 0;
  };
  return Map<int64_t>(call, [&](Cell& cell) -> int64_t {
    const size_t row = cell.row();
    data::Int128 micros = part(0, row) * kMicrosPerDay + part(1, row) * kMicrosPerHour +
                          part(2, row) * kMicrosPerMinute;
    if (call.args.size() > 3) micros += data::Reader<data::Int128>(*call.args[3])[row];
    if (micros == static_cast<int64_t>(micros)) return static_cast<int64_t>(micros);
    cell.Fail("INTERVAL_ARITHMETIC_OVERFLOW", "the interval has too many days");
    return 0;
  });
}

const KernelRegistration kKernels[] = {
    {"year", Always(OfDate<Year>)},
    {"quarter", Always(OfDate<Quarter>)},
    {"month", Always(OfDate<Month>)},
    {"day", Always(OfDate<Day>)},
    {"dayofweek", Always(OfDate<DayOfWeek>)},
    {"weekday", Always(OfDate<WeekdayOf>)},
    {"dayofyear", Always(OfDate<DayOfYear>)},
    {"weekofyear", Always(OfDate<IsoWeekNumber>)},
    {"last_day", Always(OfDate<LastDay>)},
    {"unix_date", Always(OfDate<Same>)},
    {"date_from_unix_date", Always(OfDate<Same>)},
    {"monthname", Always(MonthNameOf)},
    {"dayname", Always(DayNameOf)},
    {"hour", Always(TimeField<kMicrosPerHour, 24>)},
    {"minute", Always(TimeField<kMicrosPerMinute, 60>)},
    {"second", Always(TimeField<kMicrosPerSecond, 60>)},
    {"extract", MakeExtract},
    {"date_add", Always(AddDays<1>)},
    {"date_sub", Always(AddDays<-1>)},
    {"datediff", Always(DateDiff)},
    {"add_months", Always(AddMonths)},
    {"months_between", Always(MonthsBetweenMoments)},
    {"next_day", Always(NextDay)},
    {"trunc", Always(TruncDate)},
    {"make_date", Always(MakeDate)},
    {"make_ym_interval", Always(MakeMonthInterval)},
    {"make_dt_interval", Always(MakeDayTimeInterval)},
};

}  // namespace

std::span<const KernelRegistration> CalendarKernels() { return kKernels; }

}  // namespace millrace::engine
