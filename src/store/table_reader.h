// TableReader: one read call on one snapshot. Brings together what is stored of a partition
// (deletions, static row, rows) into rows as a reader sees them. For .cc files of this module only:
// it includes RocksDB.
#pragma once

#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "store/deletions.h"
#include "store/key.h"
#include "store/row.h"
#include "store/row_output.h"
#include "store/scan.h"
#include "store/store.h"

namespace millrace::store {

class TableReader {
 public:
  TableReader(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& shards,
              TableHandle table, int64_t now_s);
  ~TableReader();

  Result<ScanPage> Scan(const ScanRequest& request);
  Result<LookupResult> Lookup(std::span<const data::ColumnPtr> keys,
                              const std::vector<std::string>& columns);

 private:
  // What rows of a partition need besides themselves.
  struct Partition {
    std::string prefix;
    Deletions deletions;
    std::string static_bytes;
    LiveRow static_row;  // views into static_bytes
    bool had_rows = false;
  };

  rocksdb::ColumnFamilyHandle* ShardOf(std::string_view prefix) const;
  Result<std::optional<std::string>> Get(const std::string& key);
  Status LoadPartition(std::string prefix, Partition& partition);
  Status SetStatic(std::string_view bytes, Partition& partition);
  // Emits the row when it is there; `emitted` says so.
  Status EmitRow(Partition& partition, std::string_view key, std::string_view value, RowOutput& out,
                 bool& emitted);
  // Emits the static cells alone, as CQL does for a partition without rows.
  Status EmitStaticOnly(const Partition& partition, RowOutput& out);

  Result<ScanPage> ScanPartition(const ScanRequest& request, RowOutput& out);
  Result<ScanPage> ScanTokens(const ScanRequest& request, RowOutput& out);
  // One shard of a token scan from `start` to `end`; true when the page is full.
  Result<bool> ScanShard(size_t shard, const std::string& start, const std::string& end,
                         bool resumed, size_t rows_max, RowOutput& out, std::string& last_key);
  Status LookupOne(const data::Value::List& key, RowOutput& out);
  std::unexpected<Error> Damaged(std::string_view what) const;

  rocksdb::DB& db_;
  const std::vector<rocksdb::ColumnFamilyHandle*>& shards_;
  TableHandle table_;
  int64_t now_s_;
  const rocksdb::Snapshot* snapshot_;
  rocksdb::ReadOptions read_;
};

}  // namespace millrace::store
