// Strong types for the numbers that must not be mixed up: offsets, partitions, epochs, generations,
// times and sizes.
//
//   Offset next = batch.base_offset + 3;      // Offset + count is an Offset
//   int64_t records = end - start;            // Offset - Offset is a count
//   Offset wrong = PartitionId{1};            // does not compile
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

#include <fmt/format.h>

namespace millrace {

template <typename Tag, typename Rep>
struct StrongNumber {
  using rep = Rep;
  Rep value{};

  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(Rep number) : value(number) {}

  friend constexpr auto operator<=>(StrongNumber, StrongNumber) = default;
  constexpr StrongNumber operator+(Rep count) const { return StrongNumber(value + count); }
  constexpr StrongNumber operator-(Rep count) const { return StrongNumber(value - count); }
  constexpr Rep operator-(StrongNumber other) const { return value - other.value; }
  constexpr StrongNumber& operator++() {
    ++value;
    return *this;
  }
  constexpr StrongNumber& operator+=(Rep count) {
    value += count;
    return *this;
  }
};

using Offset = StrongNumber<struct OffsetTag, int64_t>;  // place of a record in a partition, from 0
using PartitionId =
    StrongNumber<struct PartitionTag, int32_t>;  // number of a partition in its topic, from 0
using ProducerId = StrongNumber<struct ProducerTag, int64_t>;  // KIP-98; -1: none
using ProducerEpoch = StrongNumber<struct ProducerEpochTag, int16_t>;
using EpochId =
    StrongNumber<struct EpochTag, int64_t>;  // one commit of a query, from 1; 0: none yet
using Generation = StrongNumber<struct GenerationTag,
                                int64_t>;  // of a task instance; raised by clear and backfill
using TimestampMs =
    StrongNumber<struct TimestampMsTag, int64_t>;  // milliseconds since 1970-01-01T00:00:00Z
using TimestampUs =
    StrongNumber<struct TimestampUsTag, int64_t>;  // microseconds since 1970-01-01T00:00:00Z

}  // namespace millrace

template <typename Tag, typename Rep>
struct std::hash<millrace::StrongNumber<Tag, Rep>> {
  size_t operator()(millrace::StrongNumber<Tag, Rep> number) const noexcept {
    return std::hash<Rep>()(number.value);
  }
};

template <typename Tag, typename Rep>
struct fmt::formatter<millrace::StrongNumber<Tag, Rep>> : fmt::formatter<Rep> {
  template <typename Context>
  auto format(millrace::StrongNumber<Tag, Rep> number, Context& context) const {
    return fmt::formatter<Rep>::format(number.value, context);
  }
};
