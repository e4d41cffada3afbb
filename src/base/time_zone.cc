#include "base/time_zone.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>

#include "base/check.h"
#include "base/tzif.h"

namespace millrace {

struct TimeZone::Rules {
  std::string name;
  TzifRules tzif;

  // Moves a time (UTC or local) back by whole 400 years into the list; returns by how much.
  int64_t Fold(int64_t& seconds) const {
    if (seconds < tzif.periodic_from) return 0;
    const int64_t cycles = (seconds - tzif.periodic_from) / kSecondsPer400Years + 1;
    seconds -= cycles * kSecondsPer400Years;
    return cycles * kSecondsPer400Years;
  }
  size_t IndexAt(int64_t seconds) const {
    const auto after = std::upper_bound(tzif.starts.begin(), tzif.starts.end(), seconds);
    return static_cast<size_t>(after - tzif.starts.begin()) - 1;
  }
};

namespace {

constexpr int64_t kUsPerSecond = 1000000;
constexpr std::string_view kFolder = "/usr/share/zoneinfo/";
constexpr size_t kFileBytesMax = 1 << 20;

int64_t FloorSeconds(int64_t us) {
  return us >= 0 ? us / kUsPerSecond : -((-(us + 1)) / kUsPerSecond) - 1;
}

// The offset of "+02:00", "-5", "+0530", "+02:00:30" in seconds.
std::optional<int32_t> ParseOffset(std::string_view text) {
  if (text.size() < 2 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const bool negative = text[0] == '-';
  std::string digits;
  const bool has_colons = text.find(':') != std::string_view::npos;
  size_t part = 0;  // digits since the last colon
  for (const char c : text.substr(1)) {
    if (c == ':') {
      if (part == 0 || part > 2) return std::nullopt;
      if (part == 1) digits.insert(digits.size() - 1, 1, '0');
      part = 0;
    } else if (c >= '0' && c <= '9' && digits.size() < 6) {
      digits += c;
      ++part;
    } else {
      return std::nullopt;
    }
  }
  if (has_colons && part != 2) return std::nullopt;
  if (digits.size() == 1) digits.insert(0, 1, '0');
  if (digits.size() % 2 != 0) return std::nullopt;
  digits.resize(6, '0');
  const auto two = [&](size_t at) { return (digits[at] - '0') * 10 + digits[at + 1] - '0'; };
  const int32_t seconds = two(0) * 3600 + two(2) * 60 + two(4);
  if (two(2) > 59 || two(4) > 59 || seconds > 18 * 3600) return std::nullopt;
  return negative ? -seconds : seconds;
}

TzifRules FixedRules(int32_t offset_seconds) {
  return {
      {std::numeric_limits<int64_t>::min()}, {offset_seconds}, std::numeric_limits<int64_t>::max()};
}

bool IsName(std::string_view name) {
  const auto is_fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '/';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '/' && name.back() != '/' &&
         std::all_of(name.begin(), name.end(), is_fine);
}

std::string FixedName(int32_t offset_seconds) {
  if (offset_seconds == 0) return "UTC";
  const int32_t size = std::abs(offset_seconds);
  std::string name =
      fmt::format("{}{:02}:{:02}", offset_seconds < 0 ? '-' : '+', size / 3600, size / 60 % 60);
  if (size % 60 != 0) name += fmt::format(":{:02}", size % 60);
  return name;
}

}  // namespace

Result<TimeZone> TimeZone::Load(const std::string& name) {
  std::ifstream in(std::string(kFolder) + name, std::ios::binary);
  std::string bytes;
  if (in) {
    bytes.resize(kFileBytesMax);
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<size_t>(in.gcount()));
  }
  if (bytes.empty()) {
    auto failed = Fail(ErrorCode::kNotFound, "time zone \"{}\" is not known to this machine", name);
    failed.error().hint =
        "use a name such as Europe/Berlin, or an offset such as +02:00; Debian's package tzdata "
        "brings the names";
    return failed;
  }
  auto tzif = ParseTzif(bytes);
  if (!tzif) return std::unexpected(std::move(tzif).error().WithContext(name));
  return TimeZone(std::make_shared<const Rules>(Rules{name, std::move(*tzif)}));
}

Result<TimeZone> TimeZone::Find(std::string_view name) {
  std::string_view offset = name;
  for (const std::string_view prefix : {"UTC", "GMT", "UT"}) {
    if (!name.starts_with(prefix)) continue;
    offset = name.substr(prefix.size());
    break;
  }
  if (name == "Z" || name == "UTC" || name == "GMT" || name == "UT") return Utc();
  if (!offset.empty() && (offset[0] == '+' || offset[0] == '-')) {
    if (const auto seconds = ParseOffset(offset))
      return TimeZone(
          std::make_shared<const Rules>(Rules{FixedName(*seconds), FixedRules(*seconds)}));
  }
  if (!IsName(name))
    return Fail(ErrorCode::kInvalidArgument,
                "\"{}\" is neither a time zone's name nor an offset such as +02:00",
                name.substr(0, 64));
  static std::mutex mutex;
  static auto* loaded = new std::map<std::string, TimeZone, std::less<>>;  // as many as files
  std::lock_guard lock(mutex);
  if (const auto found = loaded->find(name); found != loaded->end()) return found->second;
  MR_ASSIGN(TimeZone zone, Load(std::string(name)));
  loaded->emplace(name, zone);
  return zone;
}

TimeZone TimeZone::Utc() {
  static const auto rules = std::make_shared<const Rules>(Rules{"UTC", FixedRules(0)});
  return TimeZone(rules);
}

const std::string& TimeZone::name() const { return rules_->name; }

TimeZone::TimeZone(std::shared_ptr<const Rules> rules)
    : rules_(std::move(rules)),
      is_fixed_(rules_->tzif.starts.size() == 1),
      fixed_seconds_(rules_->tzif.offset_seconds[0]) {}

int32_t TimeZone::FindOffset(TimestampUs utc) const {
  int64_t seconds = FloorSeconds(utc.value);
  rules_->Fold(seconds);
  return rules_->tzif.offset_seconds[rules_->IndexAt(seconds)];
}

LocalLookup TimeZone::LocalToUtc(LocalUs local) const {
  if (is_fixed_) {
    const TimestampUs instant(local.value - fixed_seconds_ * kUsPerSecond);
    return {LocalLookup::Kind::kUnique, instant, instant, {}};
  }
  const TzifRules& tzif = rules_->tzif;
  int64_t seconds = FloorSeconds(local.value);
  const int64_t moved_us = rules_->Fold(seconds) * kUsPerSecond;
  const auto with_offset = [&](size_t at) {
    return TimestampUs(local.value - tzif.offset_seconds[at] * kUsPerSecond);
  };
  constexpr int64_t kReach = 26 * 3600;  // no offset is further from UTC
  std::optional<LocalLookup> found;
  for (size_t at = rules_->IndexAt(seconds - kReach); at < tzif.starts.size(); ++at) {
    const int64_t start = tzif.starts[at];
    const int64_t utc = seconds - tzif.offset_seconds[at];
    const bool is_last = at + 1 == tzif.starts.size();
    const bool before_end = is_last || utc < tzif.starts[at + 1];
    const TimestampUs transition(at == 0 ? 0 : start * kUsPerSecond + moved_us);
    if (utc >= start && before_end) {
      if (found) return {LocalLookup::Kind::kOverlap, found->earlier, with_offset(at), transition};
      found = LocalLookup{LocalLookup::Kind::kUnique, with_offset(at), with_offset(at), {}};
    } else if (!found && utc < start) {
      MR_CHECK(at > 0, "the first offset holds from the beginning of time");
      return {LocalLookup::Kind::kGap, with_offset(at - 1), with_offset(at), transition};
    }
    if (is_last || tzif.starts[at + 1] > seconds + kReach) break;
  }
  MR_CHECK(found.has_value(), "a local time exists, is skipped, or is there twice");
  return *found;
}

std::optional<TimestampUs> TimeZone::NextTransition(TimestampUs utc) const {
  int64_t seconds = FloorSeconds(utc.value);
  const int64_t moved = rules_->Fold(seconds);
  const size_t next = rules_->IndexAt(seconds) + 1;
  if (next >= rules_->tzif.starts.size()) return std::nullopt;
  return TimestampUs((rules_->tzif.starts[next] + moved) * kUsPerSecond);
}

}  // namespace millrace
