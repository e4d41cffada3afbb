// Any text as a schedule, in a zone with gaps and overlaps: parses or is refused, and what parses
// keeps the invariants of timetable.h.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "schedule/timetable.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;            // NOLINT
  using namespace millrace::schedule;  // NOLINT
  static const TimeZone zone = TimeZone::Find("Australia/Lord_Howe").value_or(TimeZone::Utc());
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = Timetable::Parse(text, zone);
  if (!table) {
    MR_CHECK(!table.error().message.empty(), "an error says something");
    return 0;
  }
  TimestampUs at(1'775'000'000'000'000);  // some hours before a change of the clocks
  for (int i = 0; i < 20; ++i) {
    const auto next = table->NextAfter(at);
    if (!next) break;
    MR_CHECK(*next > at, "the next due time lies after");
    const auto last = table->LastBefore(*next + 1);
    MR_CHECK(!last || *last == *next, "a due time is the last one before the instant after it");
    at = *next;
  }
  return 0;
}
