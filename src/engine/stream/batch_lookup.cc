// A look-up over a batch in memory: a hash index from key bytes to rows.
#include <algorithm>
#include <bit>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "engine/row_key.h"
#include "engine/stream/lookup.h"

namespace millrace::engine {
namespace {

bool HasNull(std::span<const data::ColumnPtr> keys, size_t row) {
  for (const data::ColumnPtr& key : keys) {
    if (key->IsNull(row)) return true;
  }
  return false;
}

std::vector<data::ColumnPtr> KeyColumns(const data::Batch& batch, std::span<const int> ordinals) {
  std::vector<data::ColumnPtr> keys;
  for (const int column : ordinals) keys.push_back(batch.columns[static_cast<size_t>(column)]);
  return keys;
}

// The keys of rows as bytes. A single string is its own key: nothing is encoded.
class KeyBytes {
 public:
  explicit KeyBytes(std::span<const data::ColumnPtr> keys)
      : keys_(keys), is_text_(keys.size() == 1 && keys[0]->type().is_string_like()) {}

  // Valid until the next call, at most.
  std::string_view Of(size_t row) {
    if (is_text_) return data::Reader<std::string_view>(*keys_[0])[row];
    scratch_.clear();
    for (const data::ColumnPtr& key : keys_) AppendKey(*key, row, scratch_);
    return scratch_;
  }

 private:
  std::span<const data::ColumnPtr> keys_;
  bool is_text_;
  std::string scratch_;
};

// Open addressing from the hash of a key to its group of rows.
class BatchLookup final : public LookupTable {
 public:
  BatchLookup(data::Batch batch, std::span<const int> key_columns, uint64_t version)
      : batch_(std::move(batch)), version_(version) {
    const std::vector<data::ColumnPtr> keys = KeyColumns(batch_, key_columns);
    slots_.resize(std::bit_ceil(batch_.rows * 2 + 1));
    KeyBytes bytes(keys);
    for (uint32_t row = 0; row < batch_.rows; ++row) {
      if (!HasNull(keys, row)) Add(bytes.Of(row), row);
    }
  }

  uint64_t version() const override { return version_; }

  Result<LookupMatches> Find(std::span<const data::ColumnPtr> keys, size_t rows) const override {
    LookupMatches matches{batch_, {}, {}};
    matches.key_rows.reserve(rows);
    matches.table_rows.reserve(rows);
    const bool has_nulls =
        std::ranges::any_of(keys, [](const data::ColumnPtr& key) { return key->has_nulls(); });
    KeyBytes bytes(keys);
    for (uint32_t row = 0; row < rows; ++row) {
      if (has_nulls && HasNull(keys, row)) continue;
      const Slot& slot = slots_[SlotOf(bytes.Of(row))];
      if (slot.group == kNoGroup) continue;
      for (const uint32_t match : groups_[slot.group].rows) {
        matches.key_rows.push_back(row);
        matches.table_rows.push_back(match);
      }
    }
    return matches;
  }

 private:
  static constexpr uint32_t kNoGroup = UINT32_MAX;

  struct Slot {
    uint32_t hash = 0;
    uint32_t group = kNoGroup;
  };
  struct Group {
    std::string key;
    std::vector<uint32_t> rows;  // rising
  };

  static uint32_t HashOf(std::string_view key) { return static_cast<uint32_t>(Hash64(key)); }

  // The slot of `key`, or the free one where it would be.
  size_t SlotOf(std::string_view key) const {
    const uint32_t hash = HashOf(key);
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    while (slots_[at].group != kNoGroup &&
           (slots_[at].hash != hash || groups_[slots_[at].group].key != key))
      at = (at + 1) & mask;
    return at;
  }

  void Add(std::string_view key, uint32_t row) {
    Slot& slot = slots_[SlotOf(key)];
    if (slot.group == kNoGroup) {
      slot = {HashOf(key), static_cast<uint32_t>(groups_.size())};
      groups_.push_back({std::string(key), {}});
    }
    groups_[slot.group].rows.push_back(row);
  }

  data::Batch batch_;
  uint64_t version_;
  std::vector<Slot> slots_;  // a power of two of them, at least half of them free
  std::vector<Group> groups_;
};

}  // namespace

std::optional<std::pair<uint32_t, uint32_t>> FindDuplicateKey(const data::Batch& batch,
                                                              std::span<const int> key_columns) {
  const std::vector<data::ColumnPtr> keys = KeyColumns(batch, key_columns);
  KeyBytes bytes(keys);
  std::unordered_map<std::string, uint32_t> row_of;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (HasNull(keys, row)) continue;
    const auto [entry, is_new] = row_of.emplace(bytes.Of(row), row);
    if (!is_new) return std::pair(entry->second, row);
  }
  return std::nullopt;
}

LookupTablePtr MakeBatchLookup(data::Batch batch, std::span<const int> key_columns,
                               uint64_t version) {
  return std::make_shared<const BatchLookup>(std::move(batch), key_columns, version);
}

}  // namespace millrace::engine
