#include "data/iso_time.h"

#include <array>
#include <cstring>

#include "base/time_zone.h"
#include "data/trim.h"

namespace millrace::data {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
// Spark's bounds: years of up to seven digits in dates, six in timestamps (which end in 294247).
constexpr int kDateYearDigits = 7;
constexpr int kTimestampYearDigits = 6;

constexpr std::array<uint8_t, 13> kDaysOfMonth = {0,  31, 28, 31, 30, 31, 30,
                                                  31, 31, 30, 31, 30, 31};

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLeap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
constexpr bool IsDate(int64_t year, int month, int day) {
  if (month < 1 || month > 12 || day < 1) return false;
  const int days = kDaysOfMonth[static_cast<size_t>(month)] + (month == 2 && IsLeap(year) ? 1 : 0);
  return day <= days;
}

// Days since 1970-01-01, counting years from March so that the leap day comes last.
constexpr int64_t CivilDays(int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return at_ == end_; }
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }
  void Skip() { ++at_; }
  bool Accept(char c) {
    if (peek() != c || done()) return false;
    ++at_;
    return true;
  }
  // digits_min..digits_max digits.
  bool Number(int digits_min, int digits_max, int64_t& number) {
    number = 0;
    int digits = 0;
    while (!done() && IsDigit(*at_)) {
      if (++digits > digits_max) return false;
      number = number * 10 + (*at_++ - '0');
    }
    return digits >= digits_min;
  }
  // Any number of digits as a fraction of a second in microseconds.
  bool Fraction(int64_t& micros) {
    micros = 0;
    int64_t unit = kMicrosPerSecond / 10;
    for (; !done() && IsDigit(*at_); ++at_) {
      micros += (*at_ - '0') * unit;
      unit /= 10;
    }
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

struct Civil {
  int64_t year = 0;
  int64_t month = 1;
  int64_t day = 1;
  bool has_day = false;
};

// "[+-]yyyy[-m[-d]]"; stops behind what it could read.
bool ReadCivil(Scanner& in, int year_digits_max, Civil& date) {
  const bool negative = in.peek() == '-';
  if (negative || in.peek() == '+') in.Skip();
  if (!in.Number(4, year_digits_max, date.year)) return false;
  if (negative) date.year = -date.year;
  if (!in.Accept('-')) return true;
  if (!in.Number(1, 2, date.month)) return false;
  date.has_day = in.Accept('-');
  return !date.has_day || in.Number(1, 2, date.day);
}

// "h:m[:s[.fraction]]" to microseconds of the day.
bool ReadTime(Scanner& in, int64_t& micros) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t fraction = 0;
  if (!in.Number(1, 2, hour) || !in.Accept(':') || !in.Number(1, 2, minute)) return false;
  if (in.Accept(':')) {
    if (!in.Number(1, 2, second)) return false;
    if (in.Accept('.') && !in.Fraction(fraction)) return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
  return true;
}

// A zone's text: looked up by whoever asks for the instant.
bool ReadZone(Scanner& in, std::string_view& zone) {
  zone = TrimBlanks(in.rest());
  return zone.empty() == in.done();
}

bool LooksTimeOnly(std::string_view text) {
  if (text[0] == 'T') return true;
  const size_t colon = text.find(':');
  return colon == 1 || colon == 2;
}

// Eight bytes at `at` with the pattern's taken off; nullopt unless each digit (a '0' of the
// pattern) is one and all other bytes are the pattern's.
std::optional<std::array<uint8_t, 8>> MatchDigits(const char* at, const char (&pattern)[9]) {
  uint64_t wanted = 0;
  uint64_t found = 0;
  std::memcpy(&wanted, pattern, 8);
  std::memcpy(&found, at, 8);
  found ^= wanted;
  // A byte reaches its high bit when it is 10 or more (digits), or 1 or more (all others).
  std::array<uint8_t, 8> lifts{};
  for (size_t i = 0; i < 8; ++i) lifts[i] = pattern[i] == '0' ? 0x76 : 0x7f;
  uint64_t lift = 0;
  std::memcpy(&lift, lifts.data(), 8);
  constexpr uint64_t kHighBits = 0x8080808080808080;
  if ((((found + lift) | found) & kHighBits) != 0) return std::nullopt;
  std::array<uint8_t, 8> digits;
  std::memcpy(digits.data(), &found, 8);
  return digits;
}

// "yyyy-mm-ddThh:mm:ss" exactly: the form nearly all JSON has.
std::optional<int64_t> FixedSeconds(const char* at) {
  const auto date = MatchDigits(at, "0000-00-");
  const auto time = MatchDigits(at + 11, "00:00:00");
  if (!date || !time || (at[10] != 'T' && at[10] != ' ')) return std::nullopt;
  if (!IsDigit(at[8]) || !IsDigit(at[9])) return std::nullopt;
  const auto& d = *date;
  const auto& t = *time;
  const int year = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3];
  const int month = d[5] * 10 + d[6];
  const int day = (at[8] - '0') * 10 + (at[9] - '0');
  const int hour = t[0] * 10 + t[1];
  const int minute = t[3] * 10 + t[4];
  const int second = t[6] * 10 + t[7];
  if (!IsDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return CivilDays(year, month, day) * kSecondsPerDay + hour * 3600 + minute * 60 + second;
}

}  // namespace

std::optional<int32_t> DaysFromCivil(int64_t year, int month, int day) {
  if (year < -9'999'999 || year > 9'999'999 || !IsDate(year, month, day)) return std::nullopt;
  const int64_t days = CivilDays(year, month, day);
  if (days < INT32_MIN || days > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(days);
}

std::optional<int32_t> ParseDateText(std::string_view text) {
  text = TrimBlanks(text);
  Scanner in(text);
  Civil date;
  if (!ReadCivil(in, kDateYearDigits, date)) return std::nullopt;
  if (!in.done() && !(date.has_day && (in.peek() == 'T' || in.peek() == ' '))) return std::nullopt;
  return DaysFromCivil(date.year, static_cast<int>(date.month), static_cast<int>(date.day));
}

std::optional<TimestampText> ParseTimestampText(std::string_view text) {
  text = TrimBlanks(text);
  if (text.empty()) return std::nullopt;
  TimestampText result;
  Scanner in(text);
  Civil date;
  int64_t in_day = 0;
  if (LooksTimeOnly(text)) {
    result.time_only = true;
    in.Accept('T');
    if (!ReadTime(in, in_day) || !ReadZone(in, result.zone)) return std::nullopt;
    result.local_us = in_day;
    return result;
  }
  if (!ReadCivil(in, kTimestampYearDigits, date)) return std::nullopt;
  if (in.peek() == 'T' || in.peek() == ' ') {
    in.Skip();
    if (!ReadTime(in, in_day) || !ReadZone(in, result.zone)) return std::nullopt;
  }
  if (!in.done() && result.zone.empty()) return std::nullopt;
  const auto days =
      DaysFromCivil(date.year, static_cast<int>(date.month), static_cast<int>(date.day));
  if (!days) return std::nullopt;
  if (__builtin_mul_overflow(int64_t{*days}, kSecondsPerDay * kMicrosPerSecond, &result.local_us) ||
      __builtin_add_overflow(result.local_us, in_day, &result.local_us))
    return std::nullopt;
  return result;
}

std::optional<int64_t> ParseIsoTimestampUtc(std::string_view text) {
  if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
  const auto seconds = FixedSeconds(text.data());
  if (!seconds) return std::nullopt;
  int64_t fraction = 0;
  if (text.size() > 20) {
    Scanner in(text.substr(19, text.size() - 20));
    if (!in.Accept('.') || !in.Fraction(fraction) || !in.done()) return std::nullopt;
  }
  return *seconds * kMicrosPerSecond + fraction;
}

std::optional<int64_t> ParseIsoTimestamp(std::string_view text) {
  if (const auto instant = ParseIsoTimestampUtc(text)) return instant;
  const auto parsed = ParseTimestampText(text);
  if (!parsed || parsed->time_only) return std::nullopt;
  if (parsed->zone.empty()) return parsed->local_us;
  const auto zone = TimeZone::Find(parsed->zone);
  if (!zone) return std::nullopt;
  return zone->LocalToUtc(LocalUs(parsed->local_us)).earlier.value;
}

}  // namespace millrace::data
