// TzifRules: the content of one TZif file (RFC 9636) as a plain list of offsets in force, the rule
// of its last line (POSIX TZ, with RFC 9636's hours of -167..167) included. Used by TimeZone only.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace {

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; month 1..12.
int64_t DaysFromCivil(int64_t year, int month, int day);
int64_t YearOfDays(int64_t days);

struct TzifRules {
  // offset_seconds[i] holds from starts[i] (seconds since 1970, UTC) until before starts[i + 1].
  // starts[0] is the least int64_t; neighbours differ in offset.
  std::vector<int64_t> starts;
  std::vector<int32_t> offset_seconds;
  // With yearly changes for ever: the list is whole for every time below this one, and times from
  // here on are those of a multiple of 400 years earlier. Otherwise the greatest int64_t.
  int64_t periodic_from = 0;
};

inline constexpr int64_t kSecondsPer400Years = int64_t{146097} * 86400;

// Fails with kDamaged on anything that is not a whole TZif file of version 2 or later.
Result<TzifRules> ParseTzif(std::string_view bytes);

}  // namespace millrace
