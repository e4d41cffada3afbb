#include "store/deletions.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"

namespace millrace::store {
namespace {

// An end of a range; the unbounded end ("") comes after every key.
bool EndBefore(const std::string& a, const std::string& b) {
  return !a.empty() && (b.empty() || a < b);
}

// Cuts the line at every begin and end and gives each piece its newest delete.
std::vector<Deletions::Range> Normalised(std::vector<Deletions::Range> ranges,
                                         int64_t partition_us) {
  std::erase_if(ranges, [&](const Deletions::Range& range) {
    return range.write_us <= partition_us ||
           (!range.rows.end.empty() && range.rows.end <= range.rows.begin);
  });
  std::vector<std::string> cuts;
  bool unbounded = false;
  for (const auto& range : ranges) {
    cuts.push_back(range.rows.begin);
    if (range.rows.end.empty()) {
      unbounded = true;
    } else {
      cuts.push_back(range.rows.end);
    }
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  if (unbounded) cuts.emplace_back();
  std::sort(ranges.begin(), ranges.end(),
            [](const auto& a, const auto& b) { return a.rows.begin < b.rows.begin; });
  std::vector<Deletions::Range> result;
  std::vector<const Deletions::Range*> open;
  size_t next = 0;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const KeyRange piece{cuts[i], cuts[i + 1]};
    while (next < ranges.size() && ranges[next].rows.begin <= piece.begin)
      open.push_back(&ranges[next++]);
    std::erase_if(open, [&](const auto* range) { return EndBefore(range->rows.end, piece.end); });
    if (open.empty()) continue;
    int64_t newest = kNeverWritten;
    for (const auto* range : open) newest = std::max(newest, range->write_us);
    if (!result.empty() && result.back().write_us == newest &&
        result.back().rows.end == piece.begin) {
      result.back().rows.end = piece.end;
    } else {
      result.push_back({piece, newest});
    }
  }
  return result;
}

}  // namespace

int64_t Deletions::NewestFor(std::string_view clustering) const {
  auto after = std::upper_bound(
      ranges.begin(), ranges.end(), clustering,
      [](std::string_view key, const Range& range) { return key < range.rows.begin; });
  if (after == ranges.begin()) return partition_us;
  const Range& range = *std::prev(after);
  return range.rows.Contains(clustering) ? std::max(partition_us, range.write_us) : partition_us;
}

void Deletions::Add(const Deletions& other) {
  partition_us = std::max(partition_us, other.partition_us);
  std::vector<Range> all = std::move(ranges);
  all.insert(all.end(), other.ranges.begin(), other.ranges.end());
  ranges = Normalised(std::move(all), partition_us);
}

bool Deletions::Purge(int64_t before_s) {
  const auto is_old = [&](int64_t write_us) { return ExpiryOf(write_us, 1) - 1 < before_s; };
  bool purged =
      std::erase_if(ranges, [&](const Range& range) { return is_old(range.write_us); }) > 0;
  if (partition_us != kNeverWritten && is_old(partition_us)) {
    partition_us = kNeverWritten;
    purged = true;
  }
  return purged;
}

std::string Deletions::Encode() const {
  std::string to(1, kDeletionsVersion);
  AppendLittle(to, partition_us);
  AppendVarint(to, ranges.size());
  for (const Range& range : ranges) {
    AppendLittle(to, range.write_us);
    AppendVarint(to, range.rows.begin.size());
    to.append(range.rows.begin);
    AppendVarint(to, range.rows.end.size());
    to.append(range.rows.end);
  }
  return to;
}

bool Deletions::Decode(std::string_view bytes, Deletions& deletions) {
  ByteReader from(bytes);
  if (from.Little<char>() != kDeletionsVersion) return false;
  deletions.partition_us = from.Little<int64_t>();
  const uint64_t count = from.Varint();
  deletions.ranges.clear();
  for (uint64_t i = 0; i < count && from.ok(); ++i) {
    Range& range = deletions.ranges.emplace_back();
    range.write_us = from.Little<int64_t>();
    range.rows.begin = from.Bytes(from.Varint());
    range.rows.end = from.Bytes(from.Varint());
  }
  return from.ok() && from.remaining() == 0;
}

}  // namespace millrace::store
