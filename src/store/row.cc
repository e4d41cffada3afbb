#include "store/row.h"

#include <algorithm>
#include <tuple>

namespace millrace::store {
namespace {

enum RowFlag : uint8_t { kAlive = 1, kHasTtl = 2, kHasDelete = 4, kAllRowFlags = 7 };
enum CellFlag : uint8_t { kOwnTime = 1, kOwnTtl = 2, kTombstone = 4, kPath = 8 };
constexpr int kCellFlagBits = 4;

int Place(const Cell& a, const Cell& b) {
  if (a.column != b.column) return a.column < b.column ? -1 : 1;
  if (a.has_path != b.has_path) return b.has_path ? -1 : 1;
  return a.path.compare(b.path);
}

// Differences of write times wrap around: any two 64-bit times have one.
int64_t Difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
int64_t Sum(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

bool LivenessSupersedes(const RowHeader& a, const RowHeader& b) {
  if (a.alive != b.alive) return a.alive;
  if (a.write_us != b.write_us) return a.write_us > b.write_us;
  if ((a.ttl_s > 0) != (b.ttl_s > 0)) return a.ttl_s > 0;
  return a.ttl_s >= b.ttl_s;
}

// Calls keep(cell) for each cell that neither a delete of the row nor one of its collection
// shadows.
template <typename Keep>
void ForEachUnshadowed(std::span<const Cell> cells, int64_t delete_us, Keep keep) {
  int collection = -1;
  int64_t collection_delete_us = kNeverWritten;
  for (const Cell& cell : cells) {
    if (cell.column != collection) {
      collection = cell.column;
      collection_delete_us = kNeverWritten;
    }
    if (cell.write_us <= delete_us || (cell.has_path && cell.write_us <= collection_delete_us))
      continue;
    if (cell.tombstone && !cell.has_path) collection_delete_us = cell.write_us;
    keep(cell);
  }
}

// A row whose own write time is the liveness', or else the newest of its cells.
void WriteRow(RowHeader header, std::span<const Cell> cells, std::string& to) {
  if (!header.alive) {
    header.ttl_s = 0;
    header.write_us = header.delete_us;
    for (const Cell& cell : cells) header.write_us = std::max(header.write_us, cell.write_us);
  }
  RowWriter writer(header, to);
  for (const Cell& cell : cells) writer.Add(cell);
}

bool ReadCells(std::string_view bytes, RowHeader& header, std::vector<Cell>& cells) {
  RowReader reader(bytes);
  if (!reader.ok()) return false;
  header = reader.header();
  Cell cell;
  while (reader.Next(cell)) cells.push_back(cell);
  return reader.ok();
}

}  // namespace

int64_t ExpiryOf(int64_t write_us, int32_t ttl_s) {
  if (ttl_s <= 0) return INT64_MAX;
  return write_us / 1000000 - (write_us % 1000000 < 0 ? 1 : 0) + ttl_s;
}

RowReader::RowReader(std::string_view bytes) : from_(bytes) {
  const auto version = from_.Little<char>();
  const auto flags = from_.Little<uint8_t>();
  header_.alive = (flags & kAlive) != 0;
  header_.write_us = from_.Little<int64_t>();
  if (flags & kHasTtl) header_.ttl_s = static_cast<int32_t>(from_.Varint());
  if (flags & kHasDelete) header_.delete_us = Sum(header_.write_us, from_.SignedVarint());
  ok_ = from_.ok() && version == kRowVersion && flags <= kAllRowFlags;
}

bool RowReader::Next(Cell& cell) {
  if (!ok_ || from_.remaining() == 0) return false;
  const uint64_t head = from_.Varint();
  const auto flags = static_cast<uint8_t>(head & ((1 << kCellFlagBits) - 1));
  column_ = static_cast<uint16_t>(column_ + (head >> kCellFlagBits));
  cell.column = column_;
  cell.tombstone = (flags & kTombstone) != 0;
  cell.has_path = (flags & kPath) != 0;
  cell.write_us = flags & kOwnTime ? Sum(header_.write_us, from_.SignedVarint()) : header_.write_us;
  cell.ttl_s = flags & kOwnTtl  ? static_cast<int32_t>(from_.Varint())
               : cell.tombstone ? 0
                                : header_.ttl_s;
  cell.path = flags & kPath ? from_.Bytes(from_.Varint()) : std::string_view();
  cell.value = cell.tombstone ? std::string_view() : from_.Bytes(from_.Varint());
  ok_ = from_.ok();
  return ok_;
}

RowWriter::RowWriter(const RowHeader& header, std::string& to) : header_(header), to_(to) {
  const bool has_delete = header.delete_us != kNeverWritten;
  to_.push_back(kRowVersion);
  to_.push_back(static_cast<char>((header.alive ? kAlive : 0) | (header.ttl_s > 0 ? kHasTtl : 0) |
                                  (has_delete ? kHasDelete : 0)));
  AppendLittle(to_, header.write_us);
  if (header.ttl_s > 0) AppendVarint(to_, static_cast<uint64_t>(header.ttl_s));
  if (has_delete) AppendSignedVarint(to_, Difference(header.delete_us, header.write_us));
}

void RowWriter::Add(const Cell& cell) {
  const bool own_time = cell.write_us != header_.write_us;
  const bool own_ttl = !cell.tombstone && cell.ttl_s != header_.ttl_s;
  const int flags = (own_time ? kOwnTime : 0) | (own_ttl ? kOwnTtl : 0) |
                    (cell.tombstone ? kTombstone : 0) | (cell.has_path ? kPath : 0);
  AppendVarint(to_, static_cast<uint64_t>(cell.column - column_) << kCellFlagBits |
                        static_cast<uint64_t>(flags));
  column_ = cell.column;
  if (own_time) AppendSignedVarint(to_, Difference(cell.write_us, header_.write_us));
  if (own_ttl) AppendVarint(to_, static_cast<uint64_t>(cell.ttl_s));
  if (cell.has_path) {
    AppendVarint(to_, cell.path.size());
    to_.append(cell.path);
  }
  if (cell.tombstone) return;
  AppendVarint(to_, cell.value.size());
  to_.append(cell.value);
}

bool Supersedes(const Cell& a, const Cell& b) {
  if (a.write_us != b.write_us) return a.write_us > b.write_us;
  if (a.tombstone != b.tombstone) return a.tombstone;
  if ((a.ttl_s > 0) != (b.ttl_s > 0)) return a.ttl_s > 0;
  if (a.ttl_s != b.ttl_s) return a.ttl_s > b.ttl_s;
  return a.value >= b.value;
}

bool MergeRows(std::span<const std::string_view> versions, std::string& merged) {
  RowHeader best;
  best.write_us = kNeverWritten;
  int64_t delete_us = kNeverWritten;
  std::vector<Cell> cells;
  for (std::string_view bytes : versions) {
    RowHeader header;
    if (!ReadCells(bytes, header, cells)) return false;
    delete_us = std::max(delete_us, header.delete_us);
    if (header.alive && LivenessSupersedes(header, best)) best = header;
  }
  if (best.alive && best.write_us <= delete_us) best.alive = false;
  best.delete_us = delete_us;
  std::stable_sort(cells.begin(), cells.end(),
                   [](const Cell& a, const Cell& b) { return Place(a, b) < 0; });
  size_t kept = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (kept > 0 && Place(cells[kept - 1], cells[i]) == 0) {
      if (!Supersedes(cells[kept - 1], cells[i])) cells[kept - 1] = cells[i];
    } else {
      cells[kept++] = cells[i];
    }
  }
  cells.resize(kept);
  std::vector<Cell> unshadowed;
  ForEachUnshadowed(cells, delete_us, [&](const Cell& cell) { unshadowed.push_back(cell); });
  merged.clear();
  WriteRow(best, unshadowed, merged);
  return true;
}

bool ReadLiveRow(std::string_view bytes, int64_t outer_delete_us, int64_t now_s, LiveRow& row) {
  row.cells.clear();
  std::vector<Cell> cells;
  if (!ReadCells(bytes, row.header, cells)) return false;
  const int64_t delete_us = std::max(outer_delete_us, row.header.delete_us);
  ForEachUnshadowed(cells, delete_us, [&](const Cell& cell) {
    if (!cell.tombstone && ExpiryOf(cell.write_us, cell.ttl_s) > now_s) row.cells.push_back(cell);
  });
  const bool alive = row.header.alive && row.header.write_us > delete_us &&
                     ExpiryOf(row.header.write_us, row.header.ttl_s) > now_s;
  row.exists = alive || !row.cells.empty();
  return true;
}

namespace {

// Whether nothing of a row can be dropped: it lives for ever, and no delete reaches its oldest
// cell. Most rows are such; they are told without being taken apart.
bool StaysWhole(std::string_view bytes, int64_t delete_us) {
  RowReader reader(bytes);
  const RowHeader& header = reader.header();
  if (!header.alive || header.ttl_s > 0 || header.delete_us != kNeverWritten ||
      header.write_us <= delete_us)
    return false;
  Cell cell;
  while (reader.Next(cell)) {
    if (cell.tombstone || cell.ttl_s > 0 || cell.write_us <= delete_us) return false;
  }
  return reader.ok();
}

}  // namespace

RowFate CompactRow(std::string_view bytes, int64_t outer_delete_us, int64_t purge_before_s,
                   std::string& changed) {
  if (StaysWhole(bytes, outer_delete_us)) return RowFate::kKept;
  RowHeader header;
  std::vector<Cell> cells;
  if (!ReadCells(bytes, header, cells)) return RowFate::kDamaged;
  const RowHeader before = header;
  const int64_t delete_us = std::max(outer_delete_us, header.delete_us);
  std::vector<Cell> kept;
  ForEachUnshadowed(cells, delete_us, [&](const Cell& cell) {
    const int64_t gone_s =
        cell.tombstone ? ExpiryOf(cell.write_us, 1) - 1 : ExpiryOf(cell.write_us, cell.ttl_s);
    if (gone_s >= purge_before_s) kept.push_back(cell);
  });
  if (header.delete_us <= outer_delete_us ||
      (header.delete_us != kNeverWritten && ExpiryOf(header.delete_us, 1) - 1 < purge_before_s))
    header.delete_us = kNeverWritten;
  if (header.alive &&
      (header.write_us <= delete_us || ExpiryOf(header.write_us, header.ttl_s) < purge_before_s))
    header.alive = false;
  if (!header.alive && header.delete_us == kNeverWritten && kept.empty()) return RowFate::kGone;
  if (header.alive == before.alive && header.delete_us == before.delete_us &&
      kept.size() == cells.size())
    return RowFate::kKept;
  changed.clear();
  WriteRow(header, kept, changed);
  return RowFate::kChanged;
}

}  // namespace millrace::store
