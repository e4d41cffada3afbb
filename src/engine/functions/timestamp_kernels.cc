// Instants: now, text to timestamps and back, zones, truncation, differences.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>

#include "base/decimal.h"
#include "engine/functions/calendar.h"
#include "engine/functions/datetime_pattern.h"
#include "engine/functions/interval_arithmetic.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "engine/functions/zones.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::TypeKind;
using data::Value;
using Text = std::string_view;
using Pattern = std::shared_ptr<const DatetimePattern>;

constexpr Text kDefaultPattern = "yyyy-MM-dd HH:mm:ss";

ColumnPtr Now(KernelCall& call) {
  return Column::Constant(call.type, Value::Int(call.context.now_us), call.length);
}
ColumnPtr LocalNow(KernelCall& call) {
  const int64_t local = LocalOf(ZoneOf(call.context), call.context.now_us);
  return Column::Constant(call.type, Value::Int(local), call.length);
}
ColumnPtr Today(KernelCall& call) {
  const int64_t local = LocalOf(ZoneOf(call.context), call.context.now_us);
  return Column::Constant(call.type, Value::Int(DayOfDate(local)), call.length);
}
ColumnPtr SessionZone(KernelCall& call) {
  return Column::Constant(call.type, Value::String(call.context.zone), call.length);
}

// A pattern argument: prepared when literal, else compiled when it changes.
class Patterns {
 public:
  using Maker = Result<DatetimePattern> (*)(Text);
  Patterns(Pattern literal, Maker maker) : literal_(std::move(literal)), maker_(maker) {}

  // nullptr: not a pattern; the row has failed.
  const DatetimePattern* Find(Text text, Cell& cell) {
    if (literal_) return literal_.get();
    if (!last_ || text != last_text_) {
      last_text_ = text;
      auto made = maker_(text);
      if (!made) {
        last_.reset();
        cell.Fail("INVALID_DATETIME_PATTERN", made.error().message);
        return nullptr;
      }
      last_ = std::make_shared<const DatetimePattern>(*std::move(made));
    }
    return last_.get();
  }

 private:
  Pattern literal_;
  Maker maker_;
  Pattern last_;
  std::string last_text_;
};

Result<Pattern> LiteralPattern(const sql::Expr& call, size_t index, Patterns::Maker maker) {
  const std::string* text = LiteralText(call, index);
  if (text == nullptr && index < call.args.size()) return Pattern();
  MR_ASSIGN(DatetimePattern made, maker(text != nullptr ? Text(*text) : kDefaultPattern));
  return std::make_shared<const DatetimePattern>(std::move(made));
}

// Local microseconds of a timestamp as a value of the result's kind.
struct ResultOf {
  TypeKind kind;
  int64_t operator()(const DatetimePattern::Parsed& parsed, const TimeZone& session) const {
    if (kind == TypeKind::kDate) return DayOfDate(parsed.local_us);
    if (kind == TypeKind::kTimestampNtz) return parsed.local_us;
    const int64_t instant = InstantOf(parsed.zone ? *parsed.zone : session, parsed.local_us);
    return kind == TypeKind::kBigint ? FloorDiv(instant, kMicrosPerSecond) : instant;
  }
};

template <typename Out>
ColumnPtr ParseLoop(KernelCall& call, const Pattern& literal, bool null_on_error) {
  const TimeZone session = ZoneOf(call.context);
  const ResultOf result{call.type.kind()};
  Patterns patterns(literal, DatetimePattern::MakeForParsing);
  return Map<Out, Text>(call, [&](Text text, Cell& cell) -> Out {
    const Text pattern_text = literal ? Text{} : data::Reader<Text>(*call.args[1])[cell.row()];
    const DatetimePattern* pattern = patterns.Find(pattern_text, cell);
    if (pattern == nullptr) return 0;
    if (const auto parsed = pattern->Parse(text)) return static_cast<Out>(result(*parsed, session));
    if (null_on_error) {
      cell.SetNull();
    } else {
      cell.Fail("CANNOT_PARSE_TIMESTAMP",
                fmt::format("text '{}' could not be parsed by the pattern. Use `try_to_timestamp` "
                            "to give NULL instead.",
                            text));
    }
    return 0;
  });
}

// By CAST, then seconds when the result is BIGINT.
Result<Kernel> CastingKernel(const sql::Expr& call, bool null_on_error) {
  const bool seconds = call.type.kind() == TypeKind::kBigint;
  const DataType target = seconds ? DataType::Timestamp() : call.type;
  const auto mode = null_on_error ? sql::CastMode::kTry
                    : call.ansi   ? sql::CastMode::kAnsi
                                  : sql::CastMode::kLegacy;
  MR_ASSIGN(CastFunction cast, MakeCast(call.args[0]->type, target, mode));
  return Kernel([cast, seconds](KernelCall& now) {
    ColumnPtr moments = cast({now.args[0], now.rows, now.context, now.errors});
    if (!seconds) return moments;
    const ColumnPtr args[] = {moments};
    KernelCall inner{args, now.type, now.length, now.rows, now.errors, now.context, {}};
    return Column::WithNullsOf(
        Map<int64_t, int64_t>(inner, [](int64_t us) { return FloorDiv(us, kMicrosPerSecond); }),
        args);
  });
}

// to_date, to_timestamp and their like: by pattern, or as CAST does without one (seconds since
// 1970 have Spark's default pattern).
template <bool kNullOnError>
Result<Kernel> MakeParsing(const sql::Expr& call) {
  if (call.args.empty()) {
    return Kernel([](KernelCall& now) {
      return Column::Constant(now.type, Value::Int(FloorDiv(now.context.now_us, kMicrosPerSecond)),
                              now.length);
    });
  }
  const bool is_text = call.args[0]->type.kind() == TypeKind::kString;
  const bool seconds = call.type.kind() == TypeKind::kBigint;
  if (!is_text || (call.args.size() == 1 && !seconds)) return CastingKernel(call, kNullOnError);
  MR_ASSIGN(const Pattern pattern, LiteralPattern(call, 1, DatetimePattern::MakeForParsing));
  const bool null_on_error = kNullOnError || !call.ansi;
  if (call.type.kind() == TypeKind::kDate) {
    return Kernel([=](KernelCall& now) { return ParseLoop<int32_t>(now, pattern, null_on_error); });
  }
  return Kernel([=](KernelCall& now) { return ParseLoop<int64_t>(now, pattern, null_on_error); });
}

// Prints the moments that `moment_at(row)` gives by the pattern at argument 1.
template <typename F>
ColumnPtr FormatLoop(KernelCall& call, const Pattern& literal, const TimeZone& zone,
                     F&& moment_at) {
  Patterns patterns(literal, DatetimePattern::Make);
  std::string text;
  // Neighbours are often of one day, and then print alike.
  const bool by_day = literal && literal->prints_days_only();
  std::optional<int32_t> last_day;
  Text last;
  return Map<Text>(call, [&](Cell& cell) -> Text {
    const Text pattern_text = literal ? Text{} : data::Reader<Text>(*call.args[1])[cell.row()];
    const DatetimePattern* pattern = patterns.Find(pattern_text, cell);
    if (pattern == nullptr) return {};
    const int64_t moment = moment_at(cell.row());
    const int64_t local = LocalOf(zone, moment);
    if (by_day) {
      const int32_t day = DayOfDate(local);
      if (day == last_day) return last;
      last_day = day;
    }
    text.clear();
    pattern->Format(local, zone.OffsetSecondsAt(TimestampUs(moment)), zone.name(), text);
    return last = cell.Copy(text);
  });
}

Result<Kernel> MakeDateFormat(const sql::Expr& call) {
  MR_ASSIGN(const Pattern pattern, LiteralPattern(call, 1, DatetimePattern::Make));
  const TypeKind kind = call.args[0]->type.kind();
  return Kernel([=](KernelCall& now) {
    const TimeZone zone = kind == TypeKind::kTimestamp ? ZoneOf(now.context) : TimeZone::Utc();
    if (kind == TypeKind::kDate) {
      const data::Reader<int32_t> days(*now.args[0]);
      return FormatLoop(now, pattern, zone, [&](size_t row) { return days[row] * kMicrosPerDay; });
    }
    const data::Reader<int64_t> moments(*now.args[0]);
    return FormatLoop(now, pattern, zone, [&](size_t row) { return moments[row]; });
  });
}

// Seconds beyond this many are no timestamp.
constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / kMicrosPerSecond;

Result<Kernel> MakeFromUnixtime(const sql::Expr& call) {
  MR_ASSIGN(const Pattern pattern, LiteralPattern(call, 1, DatetimePattern::Make));
  return Kernel([=](KernelCall& now) {
    const data::Reader<int64_t> seconds(*now.args[0]);
    return FormatLoop(now, pattern, ZoneOf(now.context), [&](size_t row) {
      return std::clamp(seconds[row], -kSecondsMax, kSecondsMax) * kMicrosPerSecond;
    });
  });
}

template <int64_t kUnit>
ColumnPtr SinceEpoch(KernelCall& call) {
  return Map<int64_t, int64_t>(call, [](int64_t moment) { return FloorDiv(moment, kUnit); });
}

int64_t MicrosOrFail(data::Int128 micros, Cell& cell) {
  if (micros == static_cast<int64_t>(micros)) return static_cast<int64_t>(micros);
  cell.Fail("DATETIME_OVERFLOW", "the result is beyond the range of TIMESTAMP");
  return 0;
}

template <int64_t kUnit>
ColumnPtr FromWhole(KernelCall& call) {
  return Map<int64_t, int64_t>(call, [](int64_t count, Cell& cell) {
    return MicrosOrFail(data::Int128{count} * kUnit, cell);
  });
}

Result<Kernel> MakeTimestampSeconds(const sql::Expr& call) {
  const DataType type = call.args[0]->type;
  if (type.kind() == TypeKind::kBigint) return Kernel(FromWhole<kMicrosPerSecond>);
  if (type.kind() == TypeKind::kDecimal) {
    return Kernel([scale = type.scale()](KernelCall& now) {
      return Map<int64_t, data::Int128>(now, [scale](data::Int128 unscaled, Cell& cell) -> int64_t {
        const auto micros =
            RescaleDecimal({unscaled, scale}, {kDecimalPrecisionMax, 6}, Rounding::kDown);
        return micros ? MicrosOrFail(*micros, cell) : MicrosOrFail(PowerOfTen(38), cell);
      });
    });
  }
  return Kernel([](KernelCall& now) {
    return Map<int64_t, double>(now, [](double seconds, Cell& cell) -> int64_t {
      const double micros = seconds * 1e6;
      if (std::isfinite(micros) && std::fabs(micros) < 9.2e18) return static_cast<int64_t>(micros);
      if (std::isfinite(micros)) return MicrosOrFail(PowerOfTen(38), cell);
      cell.SetNull();
      return 0;
    });
  });
}

const TimeZone* ZoneOrFail(ZoneCache& zones, Text name, Cell& cell) {
  const TimeZone* zone = zones.Find(name);
  if (zone == nullptr) cell.Fail("INVALID_TIMEZONE", fmt::format("'{}' is no time zone", name));
  return zone;
}

template <bool kToUtc>
ColumnPtr ShiftZone(KernelCall& call) {
  ZoneCache zones;
  return Map<int64_t, int64_t, Text>(call, [&](int64_t moment, Text name, Cell& cell) -> int64_t {
    const TimeZone* zone = ZoneOrFail(zones, name, cell);
    if (zone == nullptr) return 0;
    return kToUtc ? InstantOf(*zone, moment) : LocalOf(*zone, moment);
  });
}

ColumnPtr ConvertTimezone(KernelCall& call) {
  ZoneCache sources;
  ZoneCache targets;
  const size_t last = call.args.size() - 1;
  const data::Reader<int64_t> locals(*call.args[last]);
  const data::Reader<Text> target_names(*call.args[last - 1]);
  return Map<int64_t>(call, [&](Cell& cell) -> int64_t {
    const Text source_name =
        last == 2 ? data::Reader<Text>(*call.args[0])[cell.row()] : Text(call.context.zone);
    const TimeZone* source = ZoneOrFail(sources, source_name, cell);
    const TimeZone* target = ZoneOrFail(targets, target_names[cell.row()], cell);
    if (source == nullptr || target == nullptr) return 0;
    return LocalOf(*target, InstantOf(*source, locals[cell.row()]));
  });
}

// The zone in which a timestamp's fields count.
TimeZone ZoneFor(const Column& moments, const KernelCall& call) {
  return moments.type().kind() == TypeKind::kTimestamp ? ZoneOf(call.context) : TimeZone::Utc();
}

ColumnPtr DateTrunc(KernelCall& call) {
  const TimeZone zone = ZoneFor(*call.args[1], call);
  return Map<int64_t, Text, int64_t>(call, [&](Text name, int64_t moment, Cell& cell) -> int64_t {
    const auto unit = UnitNamed(name);
    if (!unit) {
      cell.SetNull();
      return 0;
    }
    if (*unit <= Unit::kSecond) return TruncateTo(*unit, moment);
    return InstantOf(zone, TruncateTo(*unit, LocalOf(zone, moment)));
  });
}

// Units of a fixed length in microseconds, of days and months by the calendar.
constexpr int64_t kUnitMicros[] = {
    1, 1000, kMicrosPerSecond, kMicrosPerMinute, kMicrosPerHour, kMicrosPerDay, 7 * kMicrosPerDay};
int64_t MonthsOf(Unit unit) { return unit == Unit::kYear ? 12 : unit == Unit::kQuarter ? 3 : 1; }

std::optional<Unit> UnitOrFail(Text name, Cell& cell) {
  const auto unit = UnitNamed(name);
  if (!unit)
    cell.Fail("INVALID_PARAMETER_VALUE.DATETIME_UNIT",
              fmt::format("'{}' is no unit of time", name));
  return unit;
}

std::optional<int64_t> AddUnits(const TimeZone& zone, int64_t moment, Unit unit, int64_t count) {
  int64_t amount;
  if (unit >= Unit::kMonth) {
    if (__builtin_mul_overflow(count, MonthsOf(unit), &amount)) return std::nullopt;
    const int64_t most = int64_t{kYearMax} * 12;
    if (amount > most || amount < -most) return std::nullopt;
    const auto moved = AddMonthsToMoment(LocalOf(zone, moment), amount);
    return moved ? std::optional(InstantOf(zone, *moved)) : std::nullopt;
  }
  if (__builtin_mul_overflow(count, kUnitMicros[static_cast<size_t>(unit)], &amount))
    return std::nullopt;
  // Hours and less pass in real time, days in local time.
  if (unit < Unit::kDay) return AddDayTime(moment, amount);
  const auto moved = AddDayTime(LocalOf(zone, moment), amount);
  return moved ? std::optional(InstantOf(zone, *moved)) : std::nullopt;
}

ColumnPtr TimestampAdd(KernelCall& call) {
  const TimeZone zone = ZoneFor(*call.args[2], call);
  return Map<int64_t, Text, int64_t, int64_t>(
      call, [&](Text name, int64_t count, int64_t moment, Cell& cell) -> int64_t {
        const auto unit = UnitOrFail(name, cell);
        if (!unit) return 0;
        if (const auto moved = AddUnits(zone, moment, *unit, count)) return *moved;
        cell.Fail("DATETIME_OVERFLOW", "the result is beyond the range of TIMESTAMP");
        return 0;
      });
}

// Whole months from `start` to `end`, towards zero.
int64_t WholeMonths(int64_t start, int64_t end) {
  const CivilDate from = CivilOf(DayOfDate(start));
  const CivilDate to = CivilOf(DayOfDate(end));
  const int64_t months = (int64_t{to.year} - from.year) * 12 + (to.month - from.month);
  const auto within = [](const CivilDate& date, int64_t moment) {
    return date.day * kMicrosPerDay + FloorMod(moment, kMicrosPerDay);
  };
  const int64_t rest = within(to, end) - within(from, start);
  if (months > 0 && rest < 0) return months - 1;
  return months < 0 && rest > 0 ? months + 1 : months;
}

ColumnPtr TimestampDiff(KernelCall& call) {
  const TimeZone zone = ZoneFor(*call.args[1], call);
  return Map<int64_t, Text, int64_t, int64_t>(
      call, [&](Text name, int64_t start, int64_t end, Cell& cell) -> int64_t {
        const auto unit = UnitOrFail(name, cell);
        if (!unit) return 0;
        if (*unit >= Unit::kDay) {
          start = LocalOf(zone, start);
          end = LocalOf(zone, end);
        }
        if (*unit >= Unit::kMonth) return WholeMonths(start, end) / MonthsOf(*unit);
        int64_t difference;
        if (__builtin_sub_overflow(end, start, &difference)) {
          cell.Fail("DATETIME_OVERFLOW", "the difference is too large");
          return 0;
        }
        return difference / kUnitMicros[static_cast<size_t>(*unit)];
      });
}

// make_timestamp and its forms; seconds are DECIMAL(16,6), 60 standing for the next minute's 0.
template <bool kNullOnError>
ColumnPtr MakeTimestampOf(KernelCall& call) {
  const bool zoned = call.type.kind() == TypeKind::kTimestamp;
  const TimeZone session = zoned ? ZoneOf(call.context) : TimeZone::Utc();
  ZoneCache zones;
  const auto fail = [](Cell& cell, std::string message) -> int64_t {
    if (kNullOnError)
      cell.SetNull();
    else
      cell.Fail("DATETIME_FIELD_OUT_OF_BOUNDS", std::move(message));
    return 0;
  };
  return Map<int64_t, int32_t, int32_t, int32_t, int32_t, int32_t, data::Int128>(
      call,
      [&](int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute,
          data::Int128 second, Cell& cell) -> int64_t {
        const bool date = year >= -290'000 && year <= 294'000 && month >= 1 && month <= 12 &&
                          day >= 1 && day <= DaysInMonth(year, month);
        const bool time = hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 &&
                          second <= kMicrosPerMinute;
        if (!date || !time) {
          return fail(cell, fmt::format("there is no moment {}-{}-{} {}:{} with such seconds", year,
                                        month, day, hour, minute));
        }
        const TimeZone* zone = &session;
        if (call.args.size() > 6)
          zone = ZoneOrFail(zones, data::Reader<Text>(*call.args[6])[cell.row()], cell);
        if (zone == nullptr) return 0;
        return InstantOf(*zone, DaysOf({year, month, day}) * kMicrosPerDay + hour * kMicrosPerHour +
                                    minute * kMicrosPerMinute + static_cast<int64_t>(second));
      });
}

template <bool kEnd>
ColumnPtr WindowBound(KernelCall& call) {
  return Map<int64_t, int64_t, int64_t>(call, [](int64_t moment, int64_t size, Cell& cell) {
    if (size <= 0) {
      cell.Fail("INVALID_PARAMETER_VALUE.WINDOW_SIZE", "a window must be longer than nothing");
      return int64_t{0};
    }
    return FloorTo(moment, size) + (kEnd ? size : 0);
  });
}

const KernelRegistration kKernels[] = {
    {"now", Always(Now)},
    {"localtimestamp", Always(LocalNow)},
    {"current_date", Always(Today)},
    {"current_timezone", Always(SessionZone)},
    {"to_date", MakeParsing<false>},
    {"try_to_date", MakeParsing<true>},
    {"to_timestamp", MakeParsing<false>},
    {"try_to_timestamp", MakeParsing<true>},
    {"to_timestamp_ltz", MakeParsing<false>},
    {"to_timestamp_ntz", MakeParsing<false>},
    {"to_unix_timestamp", MakeParsing<false>},
    {"unix_timestamp", MakeParsing<false>},
    {"from_unixtime", MakeFromUnixtime},
    {"date_format", MakeDateFormat},
    {"unix_seconds", Always(SinceEpoch<kMicrosPerSecond>)},
    {"unix_millis", Always(SinceEpoch<1000>)},
    {"unix_micros", Always(SinceEpoch<1>)},
    {"timestamp_seconds", MakeTimestampSeconds},
    {"timestamp_millis", Always(FromWhole<1000>)},
    {"timestamp_micros", Always(FromWhole<1>)},
    {"from_utc_timestamp", Always(ShiftZone<false>)},
    {"to_utc_timestamp", Always(ShiftZone<true>)},
    {"convert_timezone", Always(ConvertTimezone)},
    {"date_trunc", Always(DateTrunc)},
    {"timestampadd", Always(TimestampAdd)},
    {"timestampdiff", Always(TimestampDiff)},
    {"make_timestamp", Always(MakeTimestampOf<false>)},
    {"try_make_timestamp", Always(MakeTimestampOf<true>)},
    {"make_timestamp_ntz", Always(MakeTimestampOf<false>)},
    {"window_start", Always(WindowBound<false>)},
    {"window_end", Always(WindowBound<true>)},
};

}  // namespace

std::span<const KernelRegistration> TimestampKernels() { return kKernels; }

}  // namespace millrace::engine
