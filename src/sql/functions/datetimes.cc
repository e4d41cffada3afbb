#include <span>
#include <vector>

#include "sql/coercion.h"
#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;

constexpr std::string_view kPattern =
    "pattern letters G y M L d D E F Q q a h H K k m s S V O X x Z, quotes and []; z (PST) is "
    "refused";

// A string (with an optional pattern) or a moment, to `result`.
Resolver Parsing(const DataType& result) {
  return [result](std::span<const Argument> args) -> Result<Signature> {
    if (args.size() == 1 && args[0].type.is_datetime()) return Fixed({args[0].type}, result)(args);
    if (args.size() == 1 && args[0].type.is_numeric() && result == kTimestamp)
      return Fixed({kAnyNumber}, result)(args);
    if (args.size() == 2 && args[0].type.is_datetime())
      return Fixed({args[0].type, kString}, result)(args);
    return Fixed({kString, kString}, result, 1)(args);
  };
}

// DATE in, DATE out; TIMESTAMP as itself otherwise (NTZ stays NTZ).
Result<Signature> ResolveDateTrunc(std::span<const Argument> args) {
  if (args.size() == 2 && args[1].type.kind() == TypeKind::kTimestampNtz)
    return Fixed({kString, kTimestampNtz}, kTimestampNtz)(args);
  return Fixed({kString, kTimestamp}, kTimestamp)(args);
}

// extract(field, source): seconds are DECIMAL(8,6), all else INT.
Result<Signature> ResolveExtract(std::span<const Argument> args) {
  if (args.size() != 2) return WrongCount("2", args.size());
  if (args[0].literal == nullptr || args[0].literal->is_null() ||
      args[0].type.kind() != TypeKind::kString)
    return WrongType(0, "a field name such as 'YEAR'", args[0].type);
  std::string field = args[0].literal->string();
  for (char& c : field) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  const bool seconds =
      field == "second" || field == "s" || field == "sec" || field == "seconds" || field == "secs";
  Signature signature;
  const DataType source =
      args[1].type.is_datetime() || args[1].type.is_interval() ? args[1].type : kTimestamp;
  if (!Parameter(source).Accept(args[1]))
    return WrongType(1, "DATE, TIMESTAMP or INTERVAL", args[1].type);
  signature.arguments = {kString, source};
  signature.result = seconds ? DataType::Decimal(8, 6) : kInt;
  return signature;
}

// unit, count, moment: as the moment; DATE becomes TIMESTAMP.
Result<Signature> ResolveTimestampAdd(std::span<const Argument> args) {
  if (args.size() == 3 && args[2].type.kind() == TypeKind::kTimestampNtz)
    return Fixed({kString, kBigint, kTimestampNtz}, kTimestampNtz)(args);
  return Fixed({kString, kBigint, kTimestamp}, kTimestamp)(args);
}

Result<Signature> ResolveConvertTimezone(std::span<const Argument> args) {
  if (args.size() == 2) return Fixed({kString, kTimestampNtz}, kTimestampNtz)(args);
  return Fixed({kString, kString, kTimestampNtz}, kTimestampNtz)(args);
}

Resolver OfTimestamp() { return Fixed({kMoment}, kInt); }
Resolver OfDate() { return Fixed({kDate}, kInt); }
const DataType kSeconds = DataType::Decimal(16, 6);

FunctionTraits Zoned(std::vector<std::string_view> aliases = {}) {
  return {.aliases = std::move(aliases), .difference = kPattern};
}
FunctionTraits Clock(std::vector<std::string_view> aliases = {}) {
  return {.aliases = std::move(aliases),
          .difference = "the time of the epoch, so that a replay gives the same",
          .null_rule = NullRule::kHandled};
}

const FunctionRow kRows[] = {
    {"now()", "The present time.", "now() IS NULL => false", Fixed({}, kTimestamp),
     Clock({"current_timestamp"})},
    {"localtimestamp()", "The present local date and time.", "localtimestamp() IS NULL => false",
     Fixed({}, kTimestampNtz), Clock()},
    {"current_date()", "Today in the session's zone.", "current_date() IS NULL => false",
     Fixed({}, kDate), Clock({"curdate"})},
    {"current_timezone()", "The session's zone.", "current_timezone() => UTC", Fixed({}, kString),
     Clock()},
    {"to_date(expr[, pattern])", "expr as a date.",
     "to_date('2016-12-31', 'yyyy-MM-dd') => 2016-12-31", Parsing(kDate), Zoned()},
    {"try_to_date(expr[, pattern])", "As to_date, but NULL where that fails.",
     "try_to_date('2016-13-31') => NULL", Parsing(kDate), Zoned()},
    {"to_timestamp(expr[, pattern])", "expr as a timestamp.",
     "to_timestamp('2016-12-31 00:12:00') => 2016-12-31 00:12:00", Parsing(kTimestamp), Zoned()},
    {"try_to_timestamp(expr[, pattern])", "As to_timestamp, but NULL where that fails.",
     "try_to_timestamp('foo', 'yyyy-MM-dd') => NULL", Parsing(kTimestamp), Zoned()},
    {"to_timestamp_ltz(expr[, pattern])", "As to_timestamp.",
     "to_timestamp_ltz('2016-12-31', 'yyyy-MM-dd') => 2016-12-31 00:00:00", Parsing(kTimestamp),
     Zoned()},
    {"to_timestamp_ntz(expr[, pattern])", "expr as a timestamp without zone.",
     "to_timestamp_ntz('2016-12-31 00:12:00') => 2016-12-31 00:12:00", Parsing(kTimestampNtz),
     Zoned()},
    {"to_unix_timestamp(expr[, pattern])", "Seconds since 1970 of expr.",
     "to_unix_timestamp('2016-04-08', 'yyyy-MM-dd') => 1460073600", Parsing(kBigint), Zoned()},
    {"unix_timestamp([expr[, pattern]])", "Seconds since 1970, of now when left out.",
     "unix_timestamp('2016-04-08', 'yyyy-MM-dd') => 1460073600",
     [](std::span<const Argument> args) -> Result<Signature> {
       return args.empty() ? Fixed({}, kBigint)(args) : Parsing(kBigint)(args);
     },
     Zoned()},
    {"from_unixtime(seconds[, pattern])", "Seconds since 1970 as text in the session's zone.",
     "from_unixtime(0, 'yyyy-MM-dd HH:mm:ss') => 1970-01-01 00:00:00",
     Fixed({kBigint, kString}, kString, 1), Zoned()},
    {"date_format(timestamp, pattern)", "The timestamp as text by a pattern.",
     "date_format('2016-04-08', 'y') => 2016", Fixed({kMoment, kString}, kString), Zoned()},
    {"year(date)", "Year.", "year('2016-07-30') => 2016", OfDate()},
    {"quarter(date)", "Quarter of the year, 1 to 4.", "quarter('2016-08-31') => 3", OfDate()},
    {"month(date)", "Month, 1 to 12.", "month('2016-07-30') => 7", OfDate()},
    {"monthname(date)", "Short English name of the month.", "monthname('2008-02-20') => Feb",
     Fixed({kDate}, kString)},
    {"day(date)",
     "Day of the month.",
     "day('2009-07-30') => 30",
     OfDate(),
     {.aliases = {"dayofmonth"}}},
    {"dayname(date)", "Short English name of the weekday.", "dayname('2008-02-20') => Wed",
     Fixed({kDate}, kString)},
    {"dayofweek(date)", "Day of the week, 1 for Sunday.", "dayofweek('2009-07-30') => 5", OfDate()},
    {"weekday(date)", "Day of the week, 0 for Monday.", "weekday('2009-07-30') => 3", OfDate()},
    {"dayofyear(date)", "Day of the year.", "dayofyear('2016-04-09') => 100", OfDate()},
    {"weekofyear(date)",
     "ISO week of the year.",
     "weekofyear('2008-02-20') => 8",
     OfDate(),
     {.aliases = {"week"}}},
    {"hour(timestamp)", "Hour, 0 to 23.", "hour('2009-07-30 12:58:59') => 12", OfTimestamp()},
    {"minute(timestamp)", "Minute.", "minute('2009-07-30 12:58:59') => 58", OfTimestamp()},
    {"second(timestamp)", "Second.", "second('2009-07-30 12:58:59') => 59", OfTimestamp()},
    {"extract(field, source)",
     "One field (YEAR, MONTH, DAY, HOUR, ...) of a date, timestamp or interval.",
     "extract(WEEK FROM TIMESTAMP '2019-08-12 01:00:00.123456') => 33",
     ResolveExtract,
     {.aliases = {"date_part", "datepart"}}},
    {"date_trunc(unit, timestamp)",
     "The timestamp cut to YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, ...",
     "date_trunc('HOUR', '2015-03-05T09:32:05.359') => 2015-03-05 09:00:00", ResolveDateTrunc},
    {"trunc(date, unit)", "The date cut to YEAR, QUARTER, MONTH or WEEK.",
     "trunc('2009-02-12', 'MM') => 2009-02-01", Fixed({kDate, kString}, kDate)},
    {"date_add(date, days)", "The date that many days later.",
     "date_add('2016-07-30', 1) => 2016-07-31", Fixed({kDate, kInt}, kDate)},
    {"date_sub(date, days)", "The date that many days earlier.",
     "date_sub('2016-07-30', 1) => 2016-07-29", Fixed({kDate, kInt}, kDate)},
    {"datediff(end, start)",
     "Days from start to end.",
     "datediff('2009-07-31', '2009-07-30') => 1",
     Fixed({kDate, kDate}, kInt),
     {.aliases = {"date_diff"}}},
    {"add_months(date, months)", "The date that many months later, at most the month's last day.",
     "add_months('2016-08-31', 1) => 2016-09-30", Fixed({kDate, kInt}, kDate)},
    {"months_between(a, b[, round])", "Months from b to a, with a fraction of 31-day months.",
     "months_between('1997-02-28 10:30:00', '1996-10-30') => 3.94959677",
     Fixed({kTimestamp, kTimestamp, kBoolean}, kDouble, 1)},
    {"last_day(date)", "Last day of the date's month.", "last_day('2009-01-12') => 2009-01-31",
     Fixed({kDate}, kDate)},
    {"next_day(date, weekday)", "First such weekday after the date.",
     "next_day('2015-01-14', 'TU') => 2015-01-20", Fixed({kDate, kString}, kDate)},
    {"make_date(year, month, day)", "A date of its parts.", "make_date(2013, 7, 15) => 2013-07-15",
     Fixed({kInt, kInt, kInt}, kDate)},
    {"make_timestamp(year, month, day, hour, min, sec[, zone])", "A timestamp of its parts.",
     "make_timestamp(2014, 12, 28, 6, 30, 45.887) => 2014-12-28 06:30:45.887",
     Fixed({kInt, kInt, kInt, kInt, kInt, kSeconds, kString}, kTimestamp, 1)},
    {"try_make_timestamp(year, month, day, hour, min, sec[, zone])",
     "As make_timestamp, but NULL where that fails.",
     "try_make_timestamp(2014, 13, 28, 6, 30, 45.887) => NULL",
     Fixed({kInt, kInt, kInt, kInt, kInt, kSeconds, kString}, kTimestamp, 1)},
    {"make_timestamp_ntz(year, month, day, hour, min, sec)",
     "A timestamp without zone of its parts.",
     "make_timestamp_ntz(2014, 12, 28, 6, 30, 45.887) => 2014-12-28 06:30:45.887",
     Fixed({kInt, kInt, kInt, kInt, kInt, kSeconds}, kTimestampNtz)},
    {"make_ym_interval([years[, months]])", "A year-month interval of its parts.",
     "make_ym_interval(1, 2) => INTERVAL '1-2' YEAR TO MONTH",
     Fixed({kInt, kInt}, DataType::IntervalYearMonth(), 2)},
    {"make_dt_interval([days[, hours[, mins[, secs]]]])", "A day-time interval of its parts.",
     "make_dt_interval(1, 12, 30, 1.001001) => INTERVAL '1 12:30:01.001001' DAY TO SECOND",
     Fixed({kInt, kInt, kInt, DataType::Decimal(18, 6)}, DataType::IntervalDayTime(), 4)},
    {"unix_seconds(timestamp)", "Seconds since 1970, rounded down.",
     "unix_seconds(TIMESTAMP '1970-01-01 00:00:01Z') => 1", Fixed({kTimestamp}, kBigint)},
    {"unix_millis(timestamp)", "Milliseconds since 1970, rounded down.",
     "unix_millis(TIMESTAMP '1970-01-01 00:00:01Z') => 1000", Fixed({kTimestamp}, kBigint)},
    {"unix_micros(timestamp)", "Microseconds since 1970.",
     "unix_micros(TIMESTAMP '1970-01-01 00:00:01Z') => 1000000", Fixed({kTimestamp}, kBigint)},
    {"unix_date(date)", "Days since 1970-01-01.", "unix_date(DATE '1970-01-02') => 1", OfDate()},
    {"timestamp_seconds(seconds)", "Timestamp of seconds since 1970.",
     "timestamp_seconds(1230219000) => 2008-12-25 15:30:00", Fixed({kDoubleOrLong}, kTimestamp)},
    {"timestamp_millis(milliseconds)", "Timestamp of milliseconds since 1970.",
     "timestamp_millis(1230219000123) => 2008-12-25 15:30:00.123", Fixed({kBigint}, kTimestamp)},
    {"timestamp_micros(microseconds)", "Timestamp of microseconds since 1970.",
     "timestamp_micros(1230219000123123) => 2008-12-25 15:30:00.123123",
     Fixed({kBigint}, kTimestamp)},
    {"date_from_unix_date(days)", "Date of days since 1970-01-01.",
     "date_from_unix_date(1) => 1970-01-02", Fixed({kInt}, kDate)},
    {"from_utc_timestamp(timestamp, zone)", "The UTC time shown in a zone.",
     "from_utc_timestamp('2016-08-31', 'Asia/Seoul') => 2016-08-31 09:00:00",
     Fixed({kTimestamp, kString}, kTimestamp)},
    {"to_utc_timestamp(timestamp, zone)", "A time of a zone in UTC.",
     "to_utc_timestamp('2016-08-31', 'Asia/Seoul') => 2016-08-30 15:00:00",
     Fixed({kTimestamp, kString}, kTimestamp)},
    {"convert_timezone([source_zone, ]target_zone, timestamp)",
     "A local time of one zone (the session's when left out) as local time of another.",
     "convert_timezone('Europe/Brussels', 'America/Los_Angeles', TIMESTAMP_NTZ '2021-12-06 "
     "00:00:00') => 2021-12-05 15:00:00",
     ResolveConvertTimezone},
    {"timestampadd(unit, count, timestamp)",
     "The timestamp with count units added.",
     "timestampadd('HOUR', 8, TIMESTAMP_NTZ '2022-02-20 03:30:00') => 2022-02-20 11:30:00",
     ResolveTimestampAdd,
     {.aliases = {"dateadd"}}},
    {"timestampdiff(unit, start, end)", "Whole units from start to end.",
     "timestampdiff('HOUR', TIMESTAMP_NTZ '2022-02-11 20:30:00', TIMESTAMP_NTZ '2022-02-12 "
     "04:30:00') => 8",
     [](std::span<const Argument> args) -> Result<Signature> {
       const bool local =
           args.size() == 3 && args[1].type == kTimestampNtz && args[2].type == kTimestampNtz;
       const DataType type = local ? kTimestampNtz : kTimestamp;
       return Fixed({kString, type, type}, kBigint)(args);
     }},
    {"window_start(timestamp, size)",
     "Start of the tumbling window that holds a timestamp.",
     "window_start(TIMESTAMP '2021-01-01 00:07:30', INTERVAL '5' MINUTE) => 2021-01-01 00:05:00",
     Fixed({kTimestamp, DataType::IntervalDayTime()}, kTimestamp),
     {.difference = "ours: window(timestamp, size).start without grouping"}},
    {"window_end(timestamp, size)",
     "End of the tumbling window that holds a timestamp.",
     "window_end(TIMESTAMP '2021-01-01 00:07:30', INTERVAL '5' MINUTE) => 2021-01-01 00:10:00",
     Fixed({kTimestamp, DataType::IntervalDayTime()}, kTimestamp),
     {.difference = "ours: window(timestamp, size).end without grouping"}},
};

}  // namespace

std::span<const FunctionRow> DatetimeRows() { return kRows; }

}  // namespace millrace::sql
