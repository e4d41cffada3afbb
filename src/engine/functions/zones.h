// Local time of the session and of named zones, in plain microseconds.
//
// Thread contract: a ZoneCache belongs to one kernel call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/time_zone.h"
#include "engine/cast.h"

namespace millrace::engine {

inline int64_t LocalOf(const TimeZone& zone, int64_t utc_us) {
  return zone.UtcToLocal(TimestampUs(utc_us)).value;
}
// Of a local time in a gap or an overlap: with the offset before the transition, as java.time.
inline int64_t InstantOf(const TimeZone& zone, int64_t local_us) {
  return zone.InstantAt(LocalUs(local_us)).value;
}

// Finds zones by name, remembering the last: rows mostly name the same.
class ZoneCache {
 public:
  // nullptr: no such zone.
  const TimeZone* Find(std::string_view name) {
    if (!zone_ || name != name_) {
      name_ = name;
      auto found = TimeZone::Find(name);
      zone_ = found ? std::optional(*std::move(found)) : std::nullopt;
    }
    return zone_ ? &*zone_ : nullptr;
  }

 private:
  std::string name_;
  std::optional<TimeZone> zone_;
};

}  // namespace millrace::engine
