// TimeZone: from UTC to local time and back, by IANA name or fixed offset. Shared by schedules
// (cron) and by SQL's date and time functions.
//
// The rules are the operating system's: TZif files (RFC 9636) under /usr/share/zoneinfo, read
// whole, the rule in their last line included, so that times beyond the file's last transition
// (2037 in Debian's files) are right as well; Howard Hinnant's date 3.0.1 stops there. The
// proleptic Gregorian calendar repeats every 400 years, and so do the rules of the far future.
//
//   MR_ASSIGN(const TimeZone berlin, TimeZone::Find("Europe/Berlin"));
//   LocalUs local = berlin.UtcToLocal(now);
//   TimestampUs utc = berlin.LocalToUtc(local).earlier;   // Spark's and java.time's choice
//
// Thread contract: immutable; copies share their rules; Find() from any thread (each zone is loaded
// once and kept).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace millrace {

// Microseconds of the local wall clock since 1970-01-01T00:00:00 local time, as if each day had
// 86,400 s. Not a point in time without a zone.
using LocalUs = StrongNumber<struct LocalUsTag, int64_t>;

// What a local time means in a zone.
struct LocalLookup {
  enum class Kind {
    kUnique,   // one instant; earlier == later
    kGap,      // skipped: the clocks went forward over it
    kOverlap,  // there twice: the clocks went back over it
  };
  Kind kind = Kind::kUnique;
  // kOverlap: the first and the second occurrence. kGap: `earlier` reads the local time with the
  // offset before the transition (an instant after it, the time moved forward by the gap, as
  // java.time and Spark do), `later` with the offset after it (an instant before it).
  TimestampUs earlier;
  TimestampUs later;
  // kGap and kOverlap: the first instant with the new offset.
  TimestampUs transition;
};

class TimeZone {
 public:
  // An IANA name ("Europe/Berlin"), "UTC", "GMT", "Z", or a fixed offset up to 18 h: "+02:00",
  // "-5", "+0530", "+02:00:30", each also after "UTC", "GMT" or "UT". kInvalidArgument: malformed;
  // kNotFound: unknown to this machine; kDamaged: its file is broken.
  static Result<TimeZone> Find(std::string_view name);
  static TimeZone Utc();

  const std::string& name() const;

  // Seconds east of Greenwich in force at `utc`.
  int32_t OffsetSecondsAt(TimestampUs utc) const {
    return is_fixed_ ? fixed_seconds_ : FindOffset(utc);
  }
  LocalUs UtcToLocal(TimestampUs utc) const {
    const int64_t offset_us = int64_t{OffsetSecondsAt(utc)} * 1'000'000;
    int64_t local = 0;
    // At the ends of the range the wall clock stands still.
    if (__builtin_add_overflow(utc.value, offset_us, &local))
      return LocalUs(offset_us < 0 ? INT64_MIN : INT64_MAX);
    return LocalUs(local);
  }
  LocalLookup LocalToUtc(LocalUs local) const;
  // LocalToUtc(local).earlier.
  TimestampUs InstantAt(LocalUs local) const {
    if (!is_fixed_) return LocalToUtc(local).earlier;
    return TimestampUs(local.value - int64_t{fixed_seconds_} * 1'000'000);
  }

  // The first instant after `utc` with another offset; nullopt when there is none any more.
  std::optional<TimestampUs> NextTransition(TimestampUs utc) const;

 private:
  struct Rules;
  explicit TimeZone(std::shared_ptr<const Rules> rules);
  static Result<TimeZone> Load(const std::string& name);
  int32_t FindOffset(TimestampUs utc) const;

  std::shared_ptr<const Rules> rules_;
  // One offset for all times, as UTC has: nothing is looked up.
  bool is_fixed_ = false;
  int32_t fixed_seconds_ = 0;
};

}  // namespace millrace
