// What RocksDB calls to bring versions of one key together, and to drop what no reader can see any
// more. For .cc files of this module only: it includes RocksDB.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include <rocksdb/compaction_filter.h>
#include <rocksdb/merge_operator.h>

#include "io/clock.h"
#include "store/table.h"

namespace millrace::store {

// Merges rows (MergeRows) and deletions of partitions (Deletions::Add), told apart by their first
// byte.
std::shared_ptr<rocksdb::MergeOperator> NewRowMergeOperator();

// The tables whose rows compaction may look into. Rows of numbers below `next_id` that are no
// table's any more are dropped; before the first Set() everything is kept. Thread contract: any
// thread.
class LiveTables {
 public:
  using Map = std::unordered_map<uint32_t, TableHandle>;
  void Set(std::shared_ptr<const Map> tables, uint32_t next_id) {
    std::lock_guard lock(mutex_);
    tables_ = std::move(tables);
    next_id_ = next_id;
  }
  std::shared_ptr<const Map> Get(uint32_t& next_id) const {
    std::lock_guard lock(mutex_);
    next_id = next_id_;
    return tables_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Map> tables_;
  uint32_t next_id_ = 0;
};

// Drops rows of dropped tables and cells that deletes shadow; in compactions that see everything,
// also tombstones and expired cells older than gc_grace.
std::shared_ptr<rocksdb::CompactionFilterFactory> NewRowFilterFactory(
    std::shared_ptr<LiveTables> tables, io::Clock& clock);

}  // namespace millrace::store
