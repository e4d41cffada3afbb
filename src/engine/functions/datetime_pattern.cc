#include "engine/functions/datetime_pattern.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <vector>

#include "data/type.h"
#include "engine/functions/calendar.h"

namespace millrace::engine {
namespace {

constexpr std::string_view kLetters = "GyMLdDQqEFahHkKmsSVOXxZ";
constexpr std::string_view kDateLetters = "GyMLdDQqEF";
constexpr std::string_view kOffsetLetters = "OXxZ";
constexpr std::string_view kNotParsed = "EFQq";

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int CountMax(char letter) {
  switch (letter) {
    case 'y':
      return 6;
    case 'S':
      return 9;
    case 'G':
    case 'M':
    case 'L':
    case 'E':
    case 'Q':
    case 'q':
    case 'O':
      return 4;
    case 'X':
    case 'x':
    case 'Z':
      return 5;
    case 'D':
      return 3;
    case 'F':
    case 'a':
      return 1;
    default:
      return 2;
  }
}

// Appends a number with at least `width` digits.
void AppendNumber(int64_t number, int width, std::string& to) {
  if (number < 0) to += '-';
  char digits[24];
  char* const end = std::to_chars(digits, digits + sizeof(digits), std::abs(number)).ptr;
  for (auto i = static_cast<int>(end - digits); i < width; ++i) to += '0';
  to.append(digits, end);
}

void AppendYear(int32_t year, int count, std::string& to) {
  if (count == 2) return AppendNumber(FloorMod(year, 100), 2, to);
  if (count >= 4 && year > 9999) to += '+';
  AppendNumber(year, count, to);
}

// Seconds east of Greenwich as the letters X, x and Z print them.
void AppendOffset(char letter, int count, int32_t offset, std::string& to) {
  const bool zulu = (letter == 'X' || (letter == 'Z' && count == 5)) && offset == 0;
  if (zulu) {
    to += 'Z';
    return;
  }
  const bool long_name = letter == 'O' || (letter == 'Z' && count == 4);
  if (long_name) to += "GMT";
  if (long_name && offset == 0) return;
  const int32_t size = std::abs(offset);
  to += offset < 0 ? '-' : '+';
  const bool short_hour = letter == 'O' && count == 1;
  AppendNumber(size / 3600, short_hour ? 1 : 2, to);
  const int32_t minutes = size / 60 % 60;
  const bool optional_minutes = short_hour || (letter != 'Z' && letter != 'O' && count == 1);
  if (optional_minutes && minutes == 0) return;
  const bool colon = long_name || count == 3 || count == 5;
  if (colon && !(letter == 'Z' && count <= 3)) to += ':';
  AppendNumber(minutes, 2, to);
  const bool seconds = (count >= 4 || long_name) && size % 60 != 0;
  if (!seconds) return;
  if (colon) to += ':';
  AppendNumber(size % 60, 2, to);
}

void AppendName(std::string_view name, int count, std::string& to) {
  to += count == 4 ? name : name.substr(0, 3);
}

void AppendDateField(char letter, int count, int32_t days, const CivilDate& date, std::string& to) {
  const int32_t quarter = (date.month - 1) / 3 + 1;
  constexpr std::string_view kQuarters[] = {"1st quarter", "2nd quarter", "3rd quarter",
                                            "4th quarter"};
  switch (letter) {
    case 'G':
      to += count == 4 ? (date.year > 0 ? "Anno Domini" : "Before Christ")
                       : (date.year > 0 ? "AD" : "BC");
      return;
    case 'y':
      return AppendYear(date.year, count, to);
    case 'M':
    case 'L':
      if (count <= 2) return AppendNumber(date.month, count, to);
      return AppendName(MonthName(date.month), count, to);
    case 'd':
      return AppendNumber(date.day, count, to);
    case 'D':
      return AppendNumber(DayOfYear(days), count, to);
    case 'Q':
    case 'q':
      if (count <= 2) return AppendNumber(quarter, count, to);
      to += count == 3 ? fmt::format("Q{}", quarter) : std::string(kQuarters[quarter - 1]);
      return;
    case 'E':
      return AppendName(WeekdayName(WeekdayOf(days)), count, to);
    default:  // 'F'
      return AppendNumber((date.day - 1) % 7 + 1, count, to);
  }
}

void AppendTimeField(char letter, int count, int64_t in_day, std::string& to) {
  const int64_t hour = in_day / kMicrosPerHour;
  switch (letter) {
    case 'a':
      to += hour < 12 ? "AM" : "PM";
      return;
    case 'h':
      return AppendNumber(hour % 12 == 0 ? 12 : hour % 12, count, to);
    case 'H':
      return AppendNumber(hour, count, to);
    case 'k':
      return AppendNumber(hour == 0 ? 24 : hour, count, to);
    case 'K':
      return AppendNumber(hour % 12, count, to);
    case 'm':
      return AppendNumber(in_day / kMicrosPerMinute % 60, count, to);
    case 's':
      return AppendNumber(in_day / kMicrosPerSecond % 60, count, to);
    default: {  // 'S': the fraction's first digits
      const std::string digits = fmt::format("{:06}000", in_day % kMicrosPerSecond);
      to.append(digits, 0, static_cast<size_t>(count));
    }
  }
}

// Reads `least` to `most` digits.
std::optional<int64_t> TakeNumber(std::string_view& text, size_t least, size_t most) {
  size_t size = 0;
  int64_t number = 0;
  while (size < most && size < text.size() && IsDigit(text[size]))
    number = number * 10 + (text[size++] - '0');
  if (size < least) return std::nullopt;
  text.remove_prefix(size);
  return number;
}

bool TakeIgnoringCase(std::string_view& text, std::string_view wanted) {
  if (!data::EqualsIgnoringCase(text.substr(0, wanted.size()), wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

}  // namespace

struct DatetimePattern::Fields {
  std::optional<int64_t> year, month, day, day_of_year, hour, half_hour, minute, second;
  std::optional<bool> afternoon;
  bool before_christ = false;
  int64_t micros = 0;
  std::optional<TimeZone> zone;
};

Result<DatetimePattern> DatetimePattern::Make(std::string_view pattern) {
  DatetimePattern made;
  std::vector<size_t> open;
  const auto add_text = [&](std::string_view text) {
    if (made.items_.empty() || made.items_.back().letter != '\'')
      made.items_.push_back({'\'', 0, {}});
    made.items_.back().text += text;
  };
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '\'') {
      const size_t end = pattern.find('\'', i + 1);
      if (end == std::string_view::npos)
        return Fail(ErrorCode::kInvalidArgument, "the pattern '{}' has an open quote", pattern);
      add_text(end == i + 1 ? "'" : pattern.substr(i + 1, end - i - 1));
      i = end + 1;
      continue;
    }
    const size_t end =
        IsLetter(c) ? std::min(pattern.find_first_not_of(c, i), pattern.size()) : i + 1;
    const auto count = static_cast<int>(end - i);
    if (c == '[') {
      open.push_back(made.items_.size());
      made.items_.push_back({'[', 0, {}});
    } else if (c == ']') {
      if (open.empty())
        return Fail(ErrorCode::kInvalidArgument, "the pattern '{}' closes no section", pattern);
      made.items_[open.back()].count = static_cast<int>(made.items_.size() - open.back());
      open.pop_back();
      made.items_.push_back({']', 0, {}});
    } else if (!IsLetter(c)) {
      add_text(pattern.substr(i, 1));
    } else if (kLetters.find(c) == std::string_view::npos || count > CountMax(c) ||
               (c == 'V' && count != 2) || (c == 'O' && count != 1 && count != 4)) {
      return Fail(ErrorCode::kInvalidArgument, "'{}' in the datetime pattern '{}' is not supported",
                  pattern.substr(i, end - i), pattern);
    } else {
      made.items_.push_back({c, count, {}});
      if (kDateLetters.find(c) == std::string_view::npos) made.prints_days_only_ = false;
    }
    i = end;
  }
  if (!open.empty())
    return Fail(ErrorCode::kInvalidArgument, "the pattern '{}' leaves a section open", pattern);
  return made;
}

Result<DatetimePattern> DatetimePattern::MakeForParsing(std::string_view pattern) {
  MR_ASSIGN(DatetimePattern made, Make(pattern));
  for (const Item& item : made.items_) {
    if (kNotParsed.find(item.letter) != std::string_view::npos)
      return Fail(ErrorCode::kInvalidArgument,
                  "the letter '{}' of the pattern '{}' only serves to print", item.letter, pattern);
  }
  return made;
}

void DatetimePattern::Format(int64_t local_us, int32_t offset_seconds, std::string_view zone,
                             std::string& to) const {
  const int32_t days = DayOfDate(local_us);
  const CivilDate date = CivilOf(days);
  const int64_t in_day = FloorMod(local_us, kMicrosPerDay);
  for (const Item& item : items_) {
    if (item.letter == '\'')
      to += item.text;
    else if (kDateLetters.find(item.letter) != std::string_view::npos)
      AppendDateField(item.letter, item.count, days, date, to);
    else if (kOffsetLetters.find(item.letter) != std::string_view::npos)
      AppendOffset(item.letter, item.count, offset_seconds, to);
    else if (item.letter == 'V')
      to += zone;
    else if (item.letter != '[' && item.letter != ']')
      AppendTimeField(item.letter, item.count, in_day, to);
  }
}

namespace {

std::optional<int64_t> TakeYear(std::string_view& text, int count, bool adjacent) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto least = static_cast<size_t>(count);
  const size_t most = count == 2 ? 2 : adjacent ? least : 6;
  auto year = TakeNumber(text, least, most);
  if (!year) return std::nullopt;
  if (count == 2) return *year + 2000;
  return negative ? -*year : *year;
}

std::optional<int64_t> TakeMonthName(std::string_view& text, int count) {
  for (int32_t month = 1; month <= 12; ++month) {
    const std::string_view name = MonthName(month);
    if (TakeIgnoringCase(text, count == 4 ? name : name.substr(0, 3))) return month;
  }
  return std::nullopt;
}

// An offset or a zone's name, up to where its characters end.
std::optional<TimeZone> TakeZone(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() &&
         (IsLetter(text[size]) || IsDigit(text[size]) ||
          std::string_view("+-:/_").find(text[size]) != std::string_view::npos))
    ++size;
  auto zone = TimeZone::Find(text.substr(0, size));
  if (!zone) return std::nullopt;
  text.remove_prefix(size);
  return *std::move(zone);
}

// A fraction of at most `count` digits, in microseconds.
std::optional<int64_t> TakeFraction(std::string_view& text, int count) {
  const size_t before = text.size();
  const auto digits = TakeNumber(text, 1, static_cast<size_t>(count));
  if (!digits) return std::nullopt;
  int64_t micros = *digits;
  for (size_t size = before - text.size(); size < 6; ++size) micros *= 10;
  for (size_t size = before - text.size(); size > 6; --size) micros /= 10;
  return micros;
}

}  // namespace

bool DatetimePattern::ParseItem(const Item& item, std::string_view& text, Fields& fields,
                                bool adjacent) {
  const auto number = [&](std::optional<int64_t>& to) {
    to = TakeNumber(text, static_cast<size_t>(item.count), item.letter == 'D' ? 3 : 2);
    return to.has_value();
  };
  switch (item.letter) {
    case '\'':
      return TakeIgnoringCase(text, item.text);
    case 'G':
      fields.before_christ = text.starts_with('B') || text.starts_with('b');
      return TakeIgnoringCase(text, fields.before_christ ? "BC" : "AD");
    case 'y':
      fields.year = TakeYear(text, item.count, adjacent);
      return fields.year.has_value();
    case 'M':
    case 'L':
      if (item.count <= 2) return number(fields.month);
      fields.month = TakeMonthName(text, item.count);
      return fields.month.has_value();
    case 'd':
      return number(fields.day);
    case 'D':
      return number(fields.day_of_year);
    case 'a':
      fields.afternoon = text.starts_with('P') || text.starts_with('p');
      return TakeIgnoringCase(text, *fields.afternoon ? "PM" : "AM");
    case 'h':
    case 'K':
      if (!number(fields.half_hour) || *fields.half_hour > (item.letter == 'h' ? 12 : 11))
        return false;
      if (item.letter == 'h') *fields.half_hour %= 12;
      return true;
    case 'H':
      return number(fields.hour);
    case 'k':
      if (!number(fields.hour) || *fields.hour < 1 || *fields.hour > 24) return false;
      *fields.hour %= 24;
      return true;
    case 'm':
      return number(fields.minute);
    case 's':
      return number(fields.second);
    case 'S': {
      const auto micros = TakeFraction(text, item.count);
      fields.micros = micros.value_or(0);
      return micros.has_value();
    }
    case 'V':
    case 'O':
    case 'X':
    case 'x':
    case 'Z':
      fields.zone = TakeZone(text);
      return fields.zone.has_value();
    default:
      return true;
  }
}

bool DatetimePattern::ParseItems(size_t from, size_t to, std::string_view& text,
                                 Fields& fields) const {
  for (size_t i = from; i < to; ++i) {
    if (items_[i].letter == '[') {
      const size_t end = i + static_cast<size_t>(items_[i].count);
      std::string_view rest = text;
      Fields tried = fields;
      if (ParseItems(i + 1, end, rest, tried)) {
        text = rest;
        fields = std::move(tried);
      }
      i = end;
      continue;
    }
    const bool adjacent =
        i + 1 < to &&
        std::string_view("MLdDHhkKmsS").find(items_[i + 1].letter) != std::string_view::npos;
    if (!ParseItem(items_[i], text, fields, adjacent)) return false;
  }
  return true;
}

std::optional<DatetimePattern::Parsed> DatetimePattern::Parse(std::string_view text) const {
  Fields fields;
  if (!ParseItems(0, items_.size(), text, fields) || !text.empty()) return std::nullopt;
  int64_t year = fields.year.value_or(1970);
  if (fields.before_christ) year = 1 - year;
  const int64_t month = fields.month.value_or(1);
  const int64_t day = fields.day.value_or(1);
  if (month < 1 || month > 12 || day < 1 || year < -290'000 || year > 294'000) return std::nullopt;
  const auto in_year = static_cast<int32_t>(year);
  const auto in_month = static_cast<int32_t>(month);
  if (day > DaysInMonth(in_year, in_month)) return std::nullopt;
  int32_t days = DaysOf({in_year, in_month, static_cast<int32_t>(day)});
  if (fields.day_of_year) {
    const int32_t length = DaysInMonth(in_year, 2) == 29 ? 366 : 365;
    if (*fields.day_of_year < 1 || *fields.day_of_year > length) return std::nullopt;
    days = DaysOf({in_year, 1, 1}) + static_cast<int32_t>(*fields.day_of_year) - 1;
  }
  int64_t hour = fields.hour.value_or(0);
  if (fields.half_hour) hour = *fields.half_hour + (fields.afternoon.value_or(false) ? 12 : 0);
  const int64_t minute = fields.minute.value_or(0);
  const int64_t second = fields.second.value_or(0);
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  // Within these years no product overflows.
  const int64_t local = int64_t{days} * kMicrosPerDay + hour * kMicrosPerHour +
                        minute * kMicrosPerMinute + second * kMicrosPerSecond + fields.micros;
  return Parsed{local, std::move(fields.zone)};
}

}  // namespace millrace::engine
