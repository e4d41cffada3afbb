// Dates and timestamps from text, by the grammar of Spark's CAST: the hot path of every pipeline
// that reads JSON, so the usual ISO form ("2024-02-29T12:00:00.123Z") has a path of its own of
// about 10 ns.
//
// Accepted (Spark 4.1, SparkDateTimeUtils): white space around; years of four digits (up to seven
// in dates, six in timestamps) with an optional sign; "2024", "2024-2", "2024-2-9", then 'T' or
// one space and "h:m[:s[.fraction]]", then an optional zone ("Z", "+02:00", "UTC+2",
// "Europe/Berlin"). Of a fraction, digits beyond the sixth are dropped.
//
// Thread contract: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::data {

// Days since 1970-01-01 of a proleptic Gregorian date; nullopt when there is no such date.
std::optional<int32_t> DaysFromCivil(int64_t year, int month, int day);

// The other way; any number of days, for years of any size (std::chrono's end at 32767).
struct CivilDate {
  int64_t year = 0;
  int month = 0;  // 1..12
  int day = 0;    // 1..31
};
CivilDate CivilFromDays(int64_t days);

// "yyyy[-m[-d[ *|T*]]]" to days since 1970-01-01.
std::optional<int32_t> ParseDateText(std::string_view text);

// A timestamp as written: a wall-clock time and, perhaps, the zone it was given in.
struct TimestampText {
  int64_t local_us = 0;    // the wall clock, as if in UTC
  bool time_only = false;  // "T12:00" or "12:00": the date is to be taken from today in the zone
  std::string_view zone;   // as written, a view into the text; empty: none was given
};
std::optional<TimestampText> ParseTimestampText(std::string_view text);

// The hot path alone: "yyyy-mm-ddThh:mm:ss[.fraction]Z" exactly, else nullopt and the text has to
// be read by one of the others.
std::optional<int64_t> ParseIsoTimestampUtc(std::string_view text);

// The instant in microseconds since 1970-01-01T00:00:00Z; a text without zone is read as UTC.
// nullopt: not a timestamp, an unknown zone, a time without date, or out of range.
std::optional<int64_t> ParseIsoTimestamp(std::string_view text);

}  // namespace millrace::data
