// Deletions: the deletes of a partition as a whole and of ranges of its rows, kept as timestamped
// data in one record before the partition's rows. Layout: docs/formats/table-row.md.
//
// Invariants
//   1. Ranges are in order, do not overlap, are newer than the partition's delete, and touching
//   ones differ in time: the
//      content is a function from row keys to the newest delete of each, so merging is taking the
//      greater of two such functions and does not depend on order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/key.h"
#include "store/row.h"

namespace millrace::store {

inline constexpr char kDeletionsVersion = 2;  // the first byte tells a record from a row (1)

struct Deletions {
  struct Range {
    KeyRange rows;  // clustering bytes as stored
    int64_t write_us = 0;
  };
  int64_t partition_us = kNeverWritten;
  std::vector<Range> ranges;

  bool empty() const { return partition_us == kNeverWritten && ranges.empty(); }
  // The newest delete that covers a row, kNeverWritten when there is none. Static rows:
  // partition_us.
  int64_t NewestFor(std::string_view clustering) const;
  // Adds all of `other`, restoring invariant 1.
  void Add(const Deletions& other);
  // Forgets deletes made before `before_s` (seconds since 1970); true when there were some.
  bool Purge(int64_t before_s);

  std::string Encode() const;
  // False when damaged.
  static bool Decode(std::string_view bytes, Deletions& deletions);
};

}  // namespace millrace::store
