// A look-up over a batch in memory: a hash index from key bytes to rows.
#include <unordered_map>

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

class BatchLookup final : public LookupTable {
 public:
  BatchLookup(data::Batch batch, std::span<const int> key_columns, uint64_t version)
      : batch_(std::move(batch)), version_(version) {
    const std::vector<data::ColumnPtr> keys = KeyColumns(batch_, key_columns);
    for (uint32_t row = 0; row < batch_.rows; ++row) {
      if (!HasNull(keys, row)) rows_of_[KeyOf(keys, row)].push_back(row);
    }
  }

  uint64_t version() const override { return version_; }

  Result<LookupMatches> Find(std::span<const data::ColumnPtr> keys, size_t rows) const override {
    LookupMatches matches{batch_, {}, {}};
    matches.key_rows.reserve(rows);
    matches.table_rows.reserve(rows);
    std::string key;
    for (uint32_t row = 0; row < rows; ++row) {
      if (HasNull(keys, row)) continue;
      key.clear();
      for (const data::ColumnPtr& column : keys) AppendKey(*column, row, key);
      const auto found = rows_of_.find(key);
      if (found == rows_of_.end()) continue;
      for (const uint32_t match : found->second) {
        matches.key_rows.push_back(row);
        matches.table_rows.push_back(match);
      }
    }
    return matches;
  }

 private:
  data::Batch batch_;
  uint64_t version_;
  std::unordered_map<std::string, std::vector<uint32_t>> rows_of_;  // rows rising
};

}  // namespace

std::optional<std::pair<uint32_t, uint32_t>> FindDuplicateKey(const data::Batch& batch,
                                                              std::span<const int> key_columns) {
  const std::vector<data::ColumnPtr> keys = KeyColumns(batch, key_columns);
  std::unordered_map<std::string, uint32_t> row_of;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (HasNull(keys, row)) continue;
    const auto [entry, is_new] = row_of.emplace(KeyOf(keys, row), row);
    if (!is_new) return std::pair(entry->second, row);
  }
  return std::nullopt;
}

LookupTablePtr MakeBatchLookup(data::Batch batch, std::span<const int> key_columns,
                               uint64_t version) {
  return std::make_shared<const BatchLookup>(std::move(batch), key_columns, version);
}

}  // namespace millrace::engine
