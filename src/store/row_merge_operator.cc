#include "store/row_merge_operator.h"

#include <algorithm>
#include <deque>

#include "base/bytes.h"
#include "store/deletions.h"
#include "store/key.h"
#include "store/row.h"

namespace millrace::store {
namespace {

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

bool MergeDeletions(std::span<const std::string_view> versions, std::string& merged) {
  Deletions sum;
  for (std::string_view bytes : versions) {
    Deletions one;
    if (!Deletions::Decode(bytes, one)) return false;
    sum.Add(one);
  }
  merged = sum.Encode();
  return true;
}

bool Merge(std::span<const std::string_view> versions, std::string& merged) {
  const bool deletions = !versions[0].empty() && versions[0][0] == kDeletionsVersion;
  return deletions ? MergeDeletions(versions, merged) : MergeRows(versions, merged);
}

class RowMergeOperator final : public rocksdb::MergeOperator {
 public:
  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    if (in.existing_value == nullptr && in.operand_list.size() == 1) {
      out->existing_operand = in.operand_list[0];
      return true;
    }
    std::vector<std::string_view> versions;
    versions.reserve(in.operand_list.size() + 1);
    if (in.existing_value != nullptr) versions.push_back(View(*in.existing_value));
    for (const rocksdb::Slice& operand : in.operand_list) versions.push_back(View(operand));
    return Merge(versions, out->new_value);
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& operands,
                         std::string* merged, rocksdb::Logger*) const override {
    std::vector<std::string_view> versions;
    versions.reserve(operands.size());
    for (const rocksdb::Slice& operand : operands) versions.push_back(View(operand));
    return Merge(versions, *merged);
  }

  const char* Name() const override { return "millrace.rows.1"; }
};

// Sees the keys of one (sub)compaction in order: the deletions of a partition come before its rows.
class RowFilter final : public rocksdb::CompactionFilter {
 public:
  RowFilter(std::shared_ptr<const LiveTables::Map> tables, uint32_t next_id, int64_t now_s,
            bool sees_everything)
      : tables_(std::move(tables)),
        next_id_(next_id),
        now_s_(now_s),
        sees_everything_(sees_everything) {}

  Decision FilterV2(int, const rocksdb::Slice& key_slice, ValueType type,
                    const rocksdb::Slice& value, std::string* changed,
                    std::string*) const override {
    const std::string_view key = View(key_slice);
    if (key.size() < kPartitionAt ||
        (type != ValueType::kValue && type != ValueType::kMergeOperand))
      return Decision::kKeep;
    if (!FindTable(LoadBig<uint32_t>(key.data())))
      return drop_table_ ? Decision::kRemove : Decision::kKeep;
    const size_t size = PartitionSize(*table_, key);
    if (size == 0) return Decision::kKeep;
    if (key.substr(0, size) != partition_) {
      partition_.assign(key.substr(0, size));
      deletions_ = {};
    }
    // Only what is already merged is purged: a tombstone in one operand may still hide a value in
    // the next.
    const bool purge = sees_everything_ && type == ValueType::kValue;
    const int64_t purge_before_s = purge ? now_s_ - table_->schema.gc_grace_s : INT64_MIN;
    const auto kind = static_cast<RecordKind>(key[size]);
    if (kind == RecordKind::kDeletions)
      return FilterDeletions(View(value), purge_before_s, *changed);
    const int64_t deleted_us = kind == RecordKind::kStatic
                                   ? deletions_.partition_us
                                   : deletions_.NewestFor(key.substr(size + 1));
    // Without deletes and without anything to purge, rows pass unread.
    if (deleted_us == kNeverWritten && !purge) return Decision::kKeep;
    switch (CompactRow(View(value), deleted_us, purge_before_s, *changed)) {
      case RowFate::kGone:
        return Decision::kRemove;
      case RowFate::kChanged:
        return Decision::kChangeValue;
      default:
        return Decision::kKeep;
    }
  }

  bool IgnoreSnapshots() const override { return true; }
  const char* Name() const override { return "millrace.rows"; }

 private:
  bool FindTable(uint32_t id) const {
    if (table_ != nullptr && table_->id == id) return true;
    table_ = nullptr;
    const auto found = tables_->find(id);
    drop_table_ = found == tables_->end() && id < next_id_;
    if (found != tables_->end()) table_ = found->second.get();
    return table_ != nullptr;
  }

  Decision FilterDeletions(std::string_view value, int64_t purge_before_s,
                           std::string& changed) const {
    Deletions one;
    if (!Deletions::Decode(value, one)) return Decision::kKeep;
    deletions_.Add(one);
    if (!one.Purge(purge_before_s)) return Decision::kKeep;
    if (one.empty()) return Decision::kRemove;
    changed = one.Encode();
    return Decision::kChangeValue;
  }

  std::shared_ptr<const LiveTables::Map> tables_;
  uint32_t next_id_;
  int64_t now_s_;
  bool sees_everything_;
  // RocksDB calls one filter object from one thread, through const functions.
  mutable const Table* table_ = nullptr;
  mutable bool drop_table_ = false;
  mutable std::string partition_;
  mutable Deletions deletions_;
};

class RowFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  RowFilterFactory(std::shared_ptr<LiveTables> tables, io::Clock& clock)
      : tables_(std::move(tables)), clock_(clock) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override {
    uint32_t next_id = 0;
    auto tables = tables_->Get(next_id);
    if (tables == nullptr) return nullptr;
    return std::make_unique<RowFilter>(std::move(tables), next_id, clock_.Now().value / 1000000,
                                       context.is_full_compaction);
  }
  const char* Name() const override { return "millrace.rows"; }

 private:
  std::shared_ptr<LiveTables> tables_;
  io::Clock& clock_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> NewRowMergeOperator() {
  return std::make_shared<RowMergeOperator>();
}

std::shared_ptr<rocksdb::CompactionFilterFactory> NewRowFilterFactory(
    std::shared_ptr<LiveTables> tables, io::Clock& clock) {
  return std::make_shared<RowFilterFactory>(std::move(tables), clock);
}

}  // namespace millrace::store
