#include "schedule/timetable.h"

#include <algorithm>

#include "schedule/civil.h"

namespace millrace::schedule {
namespace {

constexpr int64_t kUsPerSecond = 1000000;
constexpr int64_t kUsPerDay = 86400 * kUsPerSecond;
constexpr int64_t kDurationDaysMax = 10000;
constexpr TimestampUs kEndOfTime(253402300800 * kUsPerSecond);  // 10000-01-01
constexpr std::string_view kEvery = "@every";

std::string_view Trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

struct Unit {
  std::string_view name;
  int64_t us;
};
constexpr Unit kUnits[] = {
    // "ms" before "m"
    {"ms", 1000},     {"s", kUsPerSecond}, {"m", 60 * kUsPerSecond}, {"h", 3600 * kUsPerSecond},
    {"d", kUsPerDay},
};

}  // namespace

Result<int64_t> ParseDurationUs(std::string_view text) {
  int64_t total_us = 0;
  size_t at = 0;
  const auto wrong = [&](std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument, "duration \"{}\": column {}: {}", text.substr(0, 64),
                at + 1, what);
  };
  do {
    const size_t start = at;
    int64_t value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - start < 15)
      value = value * 10 + (text[at++] - '0');
    if (at == start) return wrong("a number is missing; for example 5s or 1h30m");
    const auto unit = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& known) {
      return text.substr(at).starts_with(known.name);
    });
    if (unit == std::end(kUnits)) return wrong("a unit is missing: ms, s, m, h or d");
    at += unit->name.size();
    if (value > kDurationDaysMax * kUsPerDay / unit->us) return wrong("longer than 10000 days");
    total_us += value * unit->us;
  } while (at < text.size());
  if (total_us <= 0 || total_us > kDurationDaysMax * kUsPerDay)
    return wrong("must be more than nothing and at most 10000 days");
  return total_us;
}

Result<Timetable> Timetable::Parse(std::string_view text, TimeZone zone) {
  Timetable table;
  table.text_ = std::string(Trim(text));
  table.zone_ = std::move(zone);
  const std::string_view trimmed = table.text_;
  if (trimmed.empty() || trimmed == "@none") return table;
  if (trimmed.starts_with(kEvery)) {
    MR_ASSIGN(const int64_t period_us, ParseDurationUs(Trim(trimmed.substr(kEvery.size()))));
    table.kind_ = Every{period_us};
    return table;
  }
  MR_ASSIGN(table.kind_, CronExpression::Parse(trimmed));
  return table;
}

std::optional<TimestampUs> Timetable::NextAfter(TimestampUs after) const {
  if (after >= kEndOfTime || after < TimestampUs(-kEndOfTime.value)) return std::nullopt;
  if (const auto* every = std::get_if<Every>(&kind_))
    return TimestampUs((FloorDiv(after.value, every->period_us) + 1) * every->period_us);
  const auto* cron = std::get_if<CronExpression>(&kind_);
  if (cron == nullptr) return std::nullopt;
  return cron->EveryHour() ? NextRhythm(*cron, after) : NextNamed(*cron, after);
}

// Local times and the instants they stand for rise together, so the first named local time whose
// instant lies after `after` is found going upwards from the local time of `after`.
std::optional<TimestampUs> Timetable::NextNamed(const CronExpression& cron,
                                                TimestampUs after) const {
  LocalUs from = zone_.UtcToLocal(after);
  while (const auto local = cron.NextAfter(from)) {
    const LocalLookup at = zone_.LocalToUtc(*local);
    const TimestampUs due = at.kind == LocalLookup::Kind::kGap ? at.transition : at.earlier;
    if (due > after) return due;
    from = *local;
    if (at.kind == LocalLookup::Kind::kOverlap) {
      // In the second pass: go to its end at once.
      const int64_t repeated_us = at.later - at.earlier;
      const LocalUs end(zone_.UtcToLocal(at.transition).value + repeated_us);
      from = std::max(from, end - 1);
    }
  }
  return std::nullopt;
}

// Between two transitions local time runs evenly.
std::optional<TimestampUs> Timetable::NextRhythm(const CronExpression& cron,
                                                 TimestampUs after) const {
  TimestampUs from = after;
  while (from < kEndOfTime) {
    const TimestampUs next_us = from + 1;  // the offset in force just after `from`
    const int64_t offset_us = zone_.OffsetSecondsAt(next_us) * kUsPerSecond;
    const auto local = cron.NextAfter(LocalUs(from.value + offset_us));
    if (!local) return std::nullopt;
    const TimestampUs due(local->value - offset_us);
    const auto change = zone_.NextTransition(next_us);
    if (!change || due < *change) return due;
    from = *change - 1;
  }
  return std::nullopt;
}

std::optional<TimestampUs> Timetable::LastBefore(TimestampUs before) const {
  if (before > kEndOfTime || before <= TimestampUs(-kEndOfTime.value)) return std::nullopt;
  if (const auto* every = std::get_if<Every>(&kind_))
    return TimestampUs(FloorDiv(before.value - 1, every->period_us) * every->period_us);
  const auto next = NextAfter(before);
  if (!next) return std::nullopt;
  // Looks back over windows that grow until one has a due instant in it, then halves towards the
  // last.
  constexpr int64_t kLookBackMax = 50 * 366 * kUsPerDay;
  int64_t window = std::max<int64_t>(kUsPerSecond, *next - before);
  while (NextAfter(before - window - 1) >= before) {
    if (window >= kLookBackMax) return std::nullopt;
    window = std::min(window * 2, kLookBackMax);
  }
  TimestampUs low = before - window - 1;  // NextAfter(low) < before
  TimestampUs high = before - 1;          // NextAfter(high) >= before, or high itself is due
  TimestampUs last = *NextAfter(low);
  while (low < high) {
    const TimestampUs middle = low + (high - low + 1) / 2;
    const auto due = NextAfter(middle);
    if (due && *due < before) {
      last = *due;
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return last;
}

std::vector<TimestampUs> Timetable::Next(TimestampUs after, size_t count) const {
  std::vector<TimestampUs> due;
  while (due.size() < count) {
    const auto next = NextAfter(due.empty() ? after : due.back());
    if (!next) break;
    due.push_back(*next);
  }
  return due;
}

int64_t Timetable::CountDue(TimestampUs after, TimestampUs until, int64_t count_max) const {
  if (const auto* every = std::get_if<Every>(&kind_)) {
    const int64_t count =
        FloorDiv(until.value, every->period_us) - FloorDiv(after.value, every->period_us);
    return std::clamp<int64_t>(count, 0, count_max);
  }
  int64_t count = 0;
  auto due = NextAfter(after);
  for (; due && *due <= until && count < count_max; due = NextAfter(*due)) ++count;
  return count;
}

}  // namespace millrace::schedule
