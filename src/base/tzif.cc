#include "base/tzif.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/bytes.h"

namespace millrace {
namespace {

constexpr size_t kHeaderBytes = 44;
constexpr int kSecondsPerDay = 86400;

struct Counts {
  uint32_t ut_indicators, standard_indicators, leaps, transitions, types, name_bytes;
  // Bytes of the data block whose times are `time_bytes` long.
  uint64_t DataBytes(uint64_t time_bytes) const {
    return transitions * (time_bytes + 1) + types * uint64_t{6} + name_bytes +
           leaps * (time_bytes + 4) + standard_indicators + ut_indicators;
  }
};

std::unexpected<Error> Broken(std::string_view what) {
  return Fail(ErrorCode::kDamaged, "time zone file: {}", what);
}

Result<Counts> ReadHeader(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 4) != "TZif") return Broken("no TZif header");
  if (bytes[4] < '2') return Broken("version 1 has no 64-bit times");
  ByteReader reader(bytes.substr(20, kHeaderBytes - 20));
  Counts counts{};
  for (uint32_t* count : {&counts.ut_indicators, &counts.standard_indicators, &counts.leaps,
                          &counts.transitions, &counts.types, &counts.name_bytes}) {
    *count = reader.Big<uint32_t>();
    if (*count > 65536) return Broken("a count is out of range");
  }
  return counts;
}

// A change of the POSIX rule: Mm.w.d, Jn or n, and the local second of that day.
struct YearlyChange {
  enum class Kind { kMonthWeekDay, kJulianWithoutLeapDay, kDayOfYear };
  Kind kind = Kind::kMonthWeekDay;
  int month = 0, week = 0, day = 0;
  int64_t second = 2 * 3600;

  // Local seconds since 1970 in `year`.
  int64_t In(int64_t year) const {
    const int64_t first_day = DaysFromCivil(year, 1, 1);
    const bool is_leap = DaysFromCivil(year + 1, 1, 1) - first_day == 366;
    int64_t days = first_day + day;
    if (kind == Kind::kJulianWithoutLeapDay) days = first_day + day - 1 + (is_leap && day > 59);
    if (kind == Kind::kMonthWeekDay) days = DayOfMonthWeek(year);
    return days * kSecondsPerDay + second;
  }

 private:
  int64_t DayOfMonthWeek(int64_t year) const {
    const int64_t first = DaysFromCivil(year, month, 1);
    const int64_t next_month =
        month == 12 ? DaysFromCivil(year + 1, 1, 1) : DaysFromCivil(year, month + 1, 1);
    const int64_t weekday_of_first = ((first + 4) % 7 + 7) % 7;  // 0 is Sunday
    int64_t at = first + (day - weekday_of_first + 7) % 7 + 7 * (week - 1);
    while (at >= next_month) at -= 7;
    return at;
  }
};

// The POSIX TZ text of the last line.
class FooterReader {
 public:
  explicit FooterReader(std::string_view text) : text_(text) {}

  bool SkipName() {
    const size_t start = at_;
    if (Accept('<')) {
      while (at_ < text_.size() && text_[at_] != '>') ++at_;
      return Accept('>');
    }
    while (at_ < text_.size() && IsLetter(text_[at_])) ++at_;
    return at_ > start;
  }
  // [+-]h[:m[:s]] in seconds.
  std::optional<int64_t> Time() {
    const bool negative = Accept('-');
    if (!negative) Accept('+');
    auto hours = Number(167);
    if (!hours) return std::nullopt;
    int64_t seconds = int64_t{*hours} * 3600;
    for (const int unit : {60, 1}) {
      if (!Accept(':')) break;
      const auto part = Number(59);
      if (!part) return std::nullopt;
      seconds += int64_t{*part} * unit;
    }
    return negative ? -seconds : seconds;
  }
  std::optional<YearlyChange> Change() {
    YearlyChange change;
    std::optional<int> month = 0, week = 0, day;
    if (Accept('M')) {
      month = Number(12);
      week = Accept('.') ? Number(5) : std::nullopt;
      day = Accept('.') ? Number(6) : std::nullopt;
      if (!month || !week || *month < 1 || *week < 1) return std::nullopt;
    } else {
      const bool julian = Accept('J');
      change.kind =
          julian ? YearlyChange::Kind::kJulianWithoutLeapDay : YearlyChange::Kind::kDayOfYear;
      day = Number(365);
    }
    if (!day) return std::nullopt;
    change.month = *month;
    change.week = *week;
    change.day = *day;
    if (Accept('/')) {
      const auto time = Time();
      if (!time) return std::nullopt;
      change.second = *time;
    }
    return change;
  }
  bool Accept(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool AtEnd() const { return at_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }

 private:
  static bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
  std::optional<int> Number(int greatest) {
    int value = 0;
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && value <= greatest)
      value = value * 10 + (text_[at_++] - '0');
    if (at_ == start || value > greatest) return std::nullopt;
    return value;
  }
  std::string_view text_;
  size_t at_ = 0;
};

void AddChange(TzifRules& rules, int64_t start, int32_t offset_seconds) {
  if (rules.offset_seconds.back() == offset_seconds) return;
  if (rules.starts.back() == start) {
    rules.offset_seconds.back() = offset_seconds;
    return;
  }
  rules.starts.push_back(start);
  rules.offset_seconds.push_back(offset_seconds);
}

void AddYears(TzifRules& rules, const YearlyChange& to_summer, const YearlyChange& to_winter,
              int32_t winter_seconds, int32_t summer_seconds) {
  const bool has_any = rules.starts.size() > 1;
  const int64_t first_year = has_any ? YearOfDays(rules.starts.back() / kSecondsPerDay) : 1970;
  const int64_t last = rules.starts.back();
  const int64_t end_year = std::max<int64_t>(first_year, 1970) + 402;
  for (int64_t year = first_year; year <= end_year; ++year) {
    const int64_t summer = to_summer.In(year) - winter_seconds;
    const int64_t winter = to_winter.In(year) - summer_seconds;
    const bool summer_first = summer < winter;  // when equal, summer time goes on all year
    for (const bool is_summer : {summer_first, !summer_first}) {
      const int64_t start = is_summer ? summer : winter;
      if (!has_any || start > last)
        AddChange(rules, start, is_summer ? summer_seconds : winter_seconds);
    }
  }
  rules.periodic_from = DaysFromCivil(end_year, 1, 1) * kSecondsPerDay;
}

Status ApplyFooter(TzifRules& rules, std::string_view text) {
  if (text.empty()) return {};
  FooterReader reader(text);
  if (!reader.SkipName()) return Broken("last line: no zone name");
  const auto winter_west = reader.Time();
  if (!winter_west) return Broken("last line: no offset");
  const auto winter_seconds = static_cast<int32_t>(-*winter_west);
  if (reader.AtEnd()) {
    if (rules.starts.size() == 1) rules.offset_seconds.back() = winter_seconds;
    return {};
  }
  if (!reader.SkipName()) return Broken("last line: no name of the summer time");
  int64_t summer_west = *winter_west - 3600;
  if (reader.Peek() != ',') {
    const auto given = reader.Time();
    if (!given) return Broken("last line: no offset of the summer time");
    summer_west = *given;
  }
  if (!reader.Accept(',')) return Broken("last line: no rule");
  const auto to_summer = reader.Change();
  const auto to_winter = reader.Accept(',') ? reader.Change() : std::nullopt;
  if (!to_summer || !to_winter || !reader.AtEnd()) return Broken("last line: malformed rule");
  AddYears(rules, *to_summer, *to_winter, winter_seconds, static_cast<int32_t>(-summer_west));
  return {};
}

// The 64-bit data block: transitions, their types, the types.
Result<TzifRules> ReadData(std::string_view data, const Counts& counts) {
  if (counts.types == 0) return Broken("no local time type");
  std::vector<int32_t> type_seconds(counts.types);
  ByteReader types(data.substr(counts.transitions * size_t{9}, counts.types * size_t{6}));
  for (int32_t& seconds : type_seconds) {
    seconds = types.Big<int32_t>();
    if (seconds < -26 * 3600 || seconds > 26 * 3600) return Broken("an offset is out of range");
    types.Big<uint16_t>();  // is it summer time, where is its name: not needed
  }
  TzifRules rules;
  rules.starts.push_back(std::numeric_limits<int64_t>::min());
  rules.offset_seconds.push_back(type_seconds[0]);
  rules.periodic_from = std::numeric_limits<int64_t>::max();
  ByteReader times(data.substr(0, counts.transitions * size_t{8}));
  int64_t last = std::numeric_limits<int64_t>::min();
  for (uint32_t i = 0; i < counts.transitions; ++i) {
    const auto start = times.Big<int64_t>();
    const auto type = static_cast<uint8_t>(data[counts.transitions * size_t{8} + i]);
    if (start <= last || type >= counts.types) return Broken("transitions out of order");
    last = start;
    AddChange(rules, start, type_seconds[type]);
  }
  return rules;
}

}  // namespace

int64_t DaysFromCivil(int64_t year, int month, int day) {
  const int64_t shifted = month <= 2 ? year - 1 : year;  // years that start in March
  const int64_t cycle = (shifted >= 0 ? shifted : shifted - 399) / 400;
  const int64_t year_of_cycle = shifted - cycle * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_cycle =
      year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
  return cycle * 146097 + day_of_cycle - 719468;
}

int64_t YearOfDays(int64_t days) {
  int64_t year = 1970 + days * 400 / 146097;
  while (DaysFromCivil(year, 1, 1) > days) --year;
  while (DaysFromCivil(year + 1, 1, 1) <= days) ++year;
  return year;
}

Result<TzifRules> ParseTzif(std::string_view bytes) {
  MR_ASSIGN(const Counts first, ReadHeader(bytes));
  const uint64_t second_at = kHeaderBytes + first.DataBytes(4);
  if (second_at > bytes.size()) return Broken("the file is cut off");
  bytes.remove_prefix(second_at);
  MR_ASSIGN(const Counts counts, ReadHeader(bytes));
  const uint64_t footer_at = kHeaderBytes + counts.DataBytes(8);
  if (footer_at >= bytes.size() || bytes[footer_at] != '\n') return Broken("the file is cut off");
  std::string_view footer = bytes.substr(footer_at + 1);
  if (footer.empty() || footer.back() != '\n') return Broken("the last line is cut off");
  footer.remove_suffix(1);
  MR_ASSIGN(TzifRules rules, ReadData(bytes.substr(kHeaderBytes), counts));
  MR_TRY(ApplyFooter(rules, footer));
  return rules;
}

}  // namespace millrace
