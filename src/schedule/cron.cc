#include "schedule/cron.h"

#include <bit>
#include <string>
#include <vector>

#include "schedule/civil.h"

namespace millrace::schedule {
namespace {

constexpr size_t kTextBytesMax = 1024;
constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kDaysPer400Years = 146097;
constexpr int64_t kLastDay = 2932896;  // 9999-12-31
constexpr int64_t kUsPerSecond = 1000000;

struct Field {
  std::string_view name;
  int least;
  int greatest;
  std::vector<std::string_view> names;  // names[i] stands for least + i
};

const std::array<Field, 6>& Fields() {
  static const auto* fields = new std::array<Field, 6>{
      Field{"second", 0, 59, {}},
      Field{"minute", 0, 59, {}},
      Field{"hour", 0, 23, {}},
      Field{"day-of-month", 1, 31, {}},
      Field{"month",
            1,
            12,
            {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
      Field{"day-of-week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
  };
  return *fields;
}

constexpr int kDayOfMonth = 3;
constexpr int kDayOfWeek = 5;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::string_view Expand(std::string_view nickname) {
  struct Nickname {
    std::string_view name, expression;
  };
  static constexpr Nickname kNicknames[] = {
      {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
      {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
      {"@hourly", "0 * * * *"},
  };
  for (const Nickname& known : kNicknames) {
    if (known.name == nickname) return known.expression;
  }
  return {};
}

}  // namespace

// Reads one expression, left to right.
class CronParser {
 public:
  explicit CronParser(std::string_view text) : text_(text) {}

  Result<CronExpression> Parse() {
    const size_t fields = CountFields();
    if (fields != 5 && fields != 6)
      return Fail(ErrorCode::kInvalidArgument,
                  "cron \"{}\": column 1: {} fields; 5 (from the minute) or 6 (from the second) "
                  "are needed",
                  text_, fields);
    for (size_t i = 6 - fields; i < 6; ++i) MR_TRY(ParseField(static_cast<int>(i)));
    if (!cron_.NextAfter(LocalUs(-1)))
      return Fail(ErrorCode::kInvalidArgument,
                  "cron \"{}\": column 1: never fires: no day of any year is named by day-of-month "
                  "and month",
                  text_);
    return cron_;
  }

 private:
  size_t CountFields() const {
    size_t count = 0;
    for (size_t i = 0; i < text_.size(); ++i)
      count += !IsBlank(text_[i]) && (i == 0 || IsBlank(text_[i - 1]));
    return count;
  }

  uint64_t& Bits(int field) {
    uint64_t* const bits[] = {&cron_.seconds_, &cron_.minutes_, &cron_.hours_,
                              &cron_.days_,    &cron_.months_,  &cron_.weekdays_};
    return *bits[field];
  }

  Status ParseField(int index) {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
    Bits(index) = 0;
    const bool any = Peek() == '*' || Peek() == '?';
    if (index == kDayOfMonth) cron_.any_day_ = any;
    if (index == kDayOfWeek) cron_.any_weekday_ = any;
    do {
      MR_TRY(ParseItem(index));
    } while (Accept(','));
    if (!AtFieldEnd()) return Wrong(index, "unexpected character");
    return {};
  }

  Status ParseItem(int index) {
    const Field& field = Fields()[index];
    if (index == kDayOfMonth && Upper(Peek()) == 'L') return ParseLastDay();
    int from = field.least;
    int to = index == kDayOfWeek ? 6 : field.greatest;
    bool open = true;  // a step after it runs to the field's end
    if (!Accept('*') && !Accept('?')) {
      MR_ASSIGN(from, ParseValue(index));
      if (index == kDayOfWeek && (Peek() == '#' || Upper(Peek()) == 'L'))
        return ParseNthWeekday(from % 7);
      if (Accept('-')) {
        MR_ASSIGN(to, ParseValue(index));
        open = false;
      } else if (Peek() != '/') {
        to = from;
      }
    }
    int step = 1;
    if (Accept('/')) {
      MR_ASSIGN(step, ParseNumber(index, "a step of at least 1"));
      if (step < 1) return Wrong(index, "a step must be at least 1");
    }
    return SetRange(index, from, to, step, open);
  }

  Status SetRange(int index, int from, int to, int step, bool open) {
    if (index == kDayOfWeek) {
      if (from == 7 && open) from = 0;
      if (to < from) to += 7;  // over the week's end
      for (int value = from; value <= to; value += step)
        cron_.weekdays_ |= uint64_t{1} << value % 7;
      return {};
    }
    if (to < from) return Wrong(index, "the range runs backwards");
    for (int value = from; value <= to; value += step) Bits(index) |= uint64_t{1} << value;
    return {};
  }

  Status ParseLastDay() {
    ++at_;
    int before = 0;
    if (Accept('-')) {
      MR_ASSIGN(before, ParseNumber(kDayOfMonth, "a number of days before the last one"));
      if (before > 30) return Wrong(kDayOfMonth, "no month has so many days before its last one");
    }
    cron_.days_before_last_ |= uint64_t{1} << before;
    return {};
  }

  Status ParseNthWeekday(int weekday) {
    int nth = 0;  // the last one
    if (Accept('#')) {
      MR_ASSIGN(nth, ParseNumber(kDayOfWeek, "a number 1-5 after #"));
      if (nth < 1 || nth > 5) return Wrong(kDayOfWeek, "a month has a first to a fifth such day");
    } else {
      ++at_;
    }
    cron_.nth_weekdays_[weekday] |= static_cast<uint8_t>(1 << nth);
    return {};
  }

  Result<int> ParseValue(int index) {
    const Field& field = Fields()[index];
    for (size_t i = 0; i < field.names.size(); ++i) {
      if (!AcceptName(field.names[i])) continue;
      return field.least + static_cast<int>(i);
    }
    const size_t start = at_;
    MR_ASSIGN(const int value, ParseNumber(index, "a value"));
    if (value >= field.least && value <= field.greatest) return value;
    at_ = start;
    return Wrong(index, "out of range");
  }

  Result<int> ParseNumber(int index, std::string_view what) {
    if (!IsDigit(Peek())) return Wrong(index, fmt::format("{} is missing", what));
    int value = 0;
    const size_t start = at_;
    while (IsDigit(Peek()) && at_ - start < 5) value = value * 10 + (text_[at_++] - '0');
    if (IsDigit(Peek())) return Wrong(index, "the number is too long");
    return value;
  }

  bool AcceptName(std::string_view name) {
    if (text_.size() - at_ < name.size()) return false;
    for (size_t i = 0; i < name.size(); ++i) {
      if (Upper(text_[at_ + i]) != name[i]) return false;
    }
    at_ += name.size();
    return true;
  }

  std::unexpected<Error> Wrong(int index, std::string_view what) const {
    const Field& field = Fields()[index];
    return Fail(ErrorCode::kInvalidArgument, "cron \"{}\": column {}: {} ({}): {}", text_, at_ + 1,
                field.name, fmt::format("{}-{}", field.least, field.greatest), what);
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool AtFieldEnd() const { return at_ >= text_.size() || IsBlank(text_[at_]); }
  bool Accept(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  CronExpression cron_;
};

Result<CronExpression> CronExpression::Parse(std::string_view text) {
  if (text.size() > kTextBytesMax)
    return Fail(ErrorCode::kInvalidArgument, "cron: {} bytes; at most {} are taken", text.size(),
                kTextBytesMax);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  if (!text.starts_with('@')) return CronParser(text).Parse();
  const std::string_view expression = Expand(text);
  if (expression.empty())
    return Fail(
        ErrorCode::kInvalidArgument,
        "cron \"{}\": column 1: unknown name; there are @yearly, @monthly, @weekly, @daily, "
        "@hourly and @every",
        text);
  return CronParser(expression).Parse();
}

bool CronExpression::MatchesDay(int64_t days_since_1970) const {
  const CivilDate date = CivilFromDays(days_since_1970);
  if ((months_ >> date.month & 1) == 0) return false;
  const int month_days = DaysInMonth(date.year, date.month);
  const bool day =
      (days_ >> date.day & 1) != 0 || (days_before_last_ >> (month_days - date.day) & 1) != 0;
  const int weekday = WeekdayOf(days_since_1970);
  bool week = (weekdays_ >> weekday & 1) != 0 ||
              (nth_weekdays_[weekday] >> ((date.day - 1) / 7 + 1) & 1) != 0;
  week = week || ((nth_weekdays_[weekday] & 1) != 0 && date.day + 7 > month_days);
  if (any_day_ || any_weekday_) return day && week;
  return day || week;
}

int64_t CronExpression::SecondOfDay(int64_t from) const {
  const auto next = [](uint64_t bits, int64_t least) {
    const uint64_t rest = least > 63 ? 0 : bits >> least << least;
    return rest == 0 ? int64_t{-1} : static_cast<int64_t>(std::countr_zero(rest));
  };
  const int64_t hour = from / 3600, minute = from / 60 % 60, second = from % 60;
  int64_t at_hour = next(hours_, hour);
  if (at_hour == hour) {
    int64_t at_minute = next(minutes_, minute);
    if (at_minute == minute) {
      const int64_t at_second = next(seconds_, second);
      if (at_second >= 0) return at_hour * 3600 + at_minute * 60 + at_second;
      at_minute = next(minutes_, minute + 1);
    }
    if (at_minute >= 0) return at_hour * 3600 + at_minute * 60 + next(seconds_, 0);
    at_hour = next(hours_, hour + 1);
  }
  if (at_hour < 0) return -1;
  return at_hour * 3600 + next(minutes_, 0) * 60 + next(seconds_, 0);
}

std::optional<LocalUs> CronExpression::NextAfter(LocalUs after) const {
  const int64_t start = FloorDiv(after.value, kUsPerSecond) + 1;
  int64_t day = FloorDiv(start, kSecondsPerDay);
  int64_t from = start - day * kSecondsPerDay;
  const int64_t end = std::min(kLastDay, day + kDaysPer400Years);
  while (day <= end) {
    if (MatchesDay(day)) {
      const int64_t second = SecondOfDay(from);
      if (second >= 0) return LocalUs((day * kSecondsPerDay + second) * kUsPerSecond);
    }
    from = 0;
    const CivilDate date = CivilFromDays(day);
    const bool month_named = (months_ >> date.month & 1) != 0;
    day += month_named ? 1 : DaysInMonth(date.year, date.month) - date.day + 1;
  }
  return std::nullopt;
}

}  // namespace millrace::schedule
