#include "data/iso_time.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/time_zone.h"
#include "data/trim.h"

namespace millrace::data {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
// The last two days of the range are left out, so that a zone's offset cannot lead beyond it.
constexpr int64_t kLocalMax = INT64_MAX - 2 * kSecondsPerDay * kMicrosPerSecond;
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

// Days since 1970-01-01, counting years from March so that the leap day comes last. Years are moved
// up by whole cycles of 400 years to be positive.
constexpr int64_t CivilDays(int64_t year, int month, int day) {
  constexpr int64_t kCycles = 25'000;
  constexpr int64_t kCycleDays = 146'097;
  constexpr int64_t kDaysTo1970 = 719'468;
  const auto from_march = static_cast<uint32_t>(month > 2 ? month - 3 : month + 9);
  const auto shifted = static_cast<uint32_t>(year + kCycles * 400 - (month <= 2 ? 1 : 0));
  const uint32_t day_of_year = (153 * from_march + 2) / 5 + static_cast<uint32_t>(day) - 1;
  const uint64_t days = uint64_t{shifted} * 365 + shifted / 4 - shifted / 100 + shifted / 400;
  return static_cast<int64_t>(days + day_of_year) - kCycles * kCycleDays - kDaysTo1970;
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
  int64_t Fraction() {
    static constexpr int64_t kUnits[] = {1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
    int64_t micros = 0;
    size_t digits = 0;
    for (; !done() && IsDigit(*at_); ++at_) {
      if (digits == 6) continue;
      micros = micros * 10 + (*at_ - '0');
      ++digits;
    }
    return micros * kUnits[digits];
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
    if (in.Accept('.')) fraction = in.Fraction();
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

// Eight bytes of text that are all digits where the pattern has a '0', and the pattern's own bytes
// elsewhere, checked and taken apart in one word.
struct DigitPattern {
  uint64_t wanted = 0;
  uint64_t lift = 0;  // makes a byte reach its high bit at 10 (digits) or at 1 (others)

  explicit consteval DigitPattern(const char (&pattern)[9]) {
    for (size_t i = 0; i < 8; ++i) {
      const size_t shift = std::endian::native == std::endian::little ? 8 * i : 56 - 8 * i;
      wanted |= uint64_t{static_cast<uint8_t>(pattern[i])} << shift;
      lift |= uint64_t{pattern[i] == '0' ? 0x76U : 0x7fU} << shift;
    }
  }
  // `pairs[i]` becomes the number whose two digits stand at i and i + 1.
  bool Match(const char* at, std::array<uint8_t, 8>& pairs) const {
    constexpr uint64_t kHighBits = 0x8080808080808080;
    uint64_t found = 0;
    std::memcpy(&found, at, sizeof(found));
    found ^= wanted;
    // No digit is above 9, so that no sum reaches the next byte.
    const uint64_t next = std::endian::native == std::endian::little ? found >> 8 : found << 8;
    const bool matches = (((found + lift) | found) & kHighBits) == 0;
    found = found * 10 + next;
    std::memcpy(pairs.data(), &found, sizeof(found));
    return matches;
  }
};
constexpr DigitPattern kDatePattern("0000-00-");
constexpr DigitPattern kTimePattern("00:00:00");

constexpr size_t kFixedBytes = 19;

// "yyyy-mm-ddThh:mm:ss" exactly: the form nearly all JSON has.
std::optional<int64_t> FixedSeconds(const char* at) {
  std::array<uint8_t, 8> d;
  std::array<uint8_t, 8> t;
  if (!kDatePattern.Match(at, d) || !kTimePattern.Match(at + 11, t)) return std::nullopt;
  if ((at[10] != 'T' && at[10] != ' ') || !IsDigit(at[8]) || !IsDigit(at[9])) return std::nullopt;
  const int year = d[0] * 100 + d[2];
  const int month = d[5];
  const int day = (at[8] - '0') * 10 + (at[9] - '0');
  const int hour = t[0];
  const int minute = t[3];
  const int second = t[6];
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

// The inverse of CivilDays: cycles of 400 years, then years from March.
CivilDate CivilFromDays(int64_t days) {
  constexpr int64_t kCycleDays = 146'097;
  const int64_t since = days + 719'468;
  const int64_t cycle = (since >= 0 ? since : since - kCycleDays + 1) / kCycleDays;
  const int64_t in_cycle = since - cycle * kCycleDays;
  const int64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36'524 - in_cycle / 146'096) / 365;
  const int64_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
  const int64_t from_march = (5 * in_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(in_year - (153 * from_march + 2) / 5 + 1);
  date.month = static_cast<int>(from_march < 10 ? from_march + 3 : from_march - 9);
  date.year = year + cycle * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

std::optional<int32_t> ParseDateText(std::string_view text) {
  text = TrimBlanks(text);
  std::array<uint8_t, 8> d;
  if (text.size() == 10 && kDatePattern.Match(text.data(), d) && IsDigit(text[8]) &&
      IsDigit(text[9])) [[likely]]
    return DaysFromCivil(d[0] * 100 + d[2], d[5], (text[8] - '0') * 10 + (text[9] - '0'));
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
  if (text.size() == kFixedBytes) {
    if (const auto seconds = FixedSeconds(text.data())) {
      result.local_us = *seconds * kMicrosPerSecond;
      return result;
    }
  }
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
  if (result.local_us > kLocalMax || result.local_us < -kLocalMax) return std::nullopt;
  return result;
}

std::optional<int64_t> ParseIsoTimestampUtc(std::string_view text) {
  if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
  const auto seconds = FixedSeconds(text.data());
  if (!seconds) return std::nullopt;
  int64_t fraction = 0;
  const char* const dot = text.data() + 19;
  if (text.size() == 24 && *dot == '.' && IsDigit(dot[1]) && IsDigit(dot[2]) && IsDigit(dot[3])) {
    fraction = ((dot[1] - '0') * 100 + (dot[2] - '0') * 10 + (dot[3] - '0')) * 1000;
  } else if (text.size() > 20) {
    Scanner in(text.substr(19, text.size() - 20));
    if (!in.Accept('.')) return std::nullopt;
    fraction = in.Fraction();
    if (!in.done()) return std::nullopt;
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
