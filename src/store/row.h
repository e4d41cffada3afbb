// The value of a stored row: its liveness and its cells. Layout with examples:
// docs/formats/table-row.md.
//
//   version, 1 byte (1) | flags, 1 byte | write time, 8 bytes | [TTL] | [row delete] | cells ...
//
// A cell repeats the row's write time and TTL only when its own differ: a row written whole costs
// two bytes a cell.
//
// Invariants
//   1. Cells come by (column id, pathless first, path); no two are of the same place.
//   2. A cell without path in a collection column that is kept by elements is the tombstone of all
//   its elements.
//   3. What a row holds is decided by write times alone: MergeRows gives the same row in any order
//   of its inputs, and
//      with any of them given twice.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace millrace::store {

inline constexpr char kRowVersion = 1;
inline constexpr int64_t kNeverWritten = INT64_MIN;  // older than every write

// When something written at `write_us` with `ttl_s` is gone: seconds since 1970; INT64_MAX without
// TTL.
int64_t ExpiryOf(int64_t write_us, int32_t ttl_s);

struct Cell {
  uint16_t column = 0;
  bool tombstone = false;
  bool has_path = false;
  int32_t ttl_s = 0;  // 0: none
  int64_t write_us = 0;
  std::string_view path{};   // of a collection element: list position, set element, map key
  std::string_view value{};  // Cassandra's serialisation; empty for tombstones
};

struct RowHeader {
  bool alive = false;  // inserted as a row (not only updated): exists even without cells
  int64_t write_us = 0;
  int32_t ttl_s = 0;
  int64_t delete_us = kNeverWritten;  // what was written up to then is deleted
};

// Reads a stored row. Cells are views into it.
class RowReader {
 public:
  explicit RowReader(std::string_view bytes);
  // False: damaged; also set while reading cells.
  bool ok() const { return ok_; }
  const RowHeader& header() const { return header_; }
  bool Next(Cell& cell);

 private:
  ByteReader from_;
  RowHeader header_;
  uint16_t column_ = 0;
  bool ok_ = true;
};

// Writes a stored row behind what `to` holds.
class RowWriter {
 public:
  RowWriter(const RowHeader& header, std::string& to);
  // In the order of invariant 1.
  void Add(const Cell& cell);
  // A cell of the row's own write time and TTL; the caller appends the value's size (varint) and
  // the value next.
  void BeginPlain(uint16_t column) {
    AppendVarint(to_, static_cast<uint64_t>(column - column_) << 4);
    column_ = column;
  }

 private:
  const RowHeader header_;
  std::string& to_;
  uint16_t column_ = 0;
};

// Which of two writes of one place holds, as Cassandra decides: the later one; of equal times the
// tombstone, then the expiring one, then the one that expires later, then the greater value. True:
// `a` holds (or both are equal).
bool Supersedes(const Cell& a, const Cell& b);

// One row out of versions of it, given in any order. False when one of them is damaged.
bool MergeRows(std::span<const std::string_view> versions, std::string& merged);

// What is left of a row at `now_s`, given deletes from outside it: cells in order, without what is
// deleted, expired or a tombstone. False when damaged.
struct LiveRow {
  bool exists = false;
  RowHeader header;
  std::vector<Cell> cells;
};
bool ReadLiveRow(std::string_view bytes, int64_t outer_delete_us, int64_t now_s, LiveRow& row);

// What compaction keeps of a row: drops what deletes up to `outer_delete_us` shadow and, with
// `purge_before_s` (else INT64_MIN), tombstones and expired cells older than that.
enum class RowFate { kKept, kChanged, kGone, kDamaged };
RowFate CompactRow(std::string_view bytes, int64_t outer_delete_us, int64_t purge_before_s,
                   std::string& changed);

}  // namespace millrace::store
