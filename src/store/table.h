// Table: one table of the catalog as readers and writers use it: its schema, its number on disk,
// and what is worked out from both once. Immutable; an ALTER or a swap makes a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/type.h"
#include "store/schema.h"

namespace millrace::store {

struct Table {
  uint32_t id = 0;  // on disk; never used again after the table is dropped
  TableSchema schema;
  data::Schema sql;  // SqlSchemaOf(schema)
  // Bytes of the partition key on disk when it is one column of fixed size, else 0 (escaped).
  size_t fixed_partition_bytes = 0;

  Table(uint32_t table_id, TableSchema table_schema);
  size_t partition_count() const { return partition_count_; }
  size_t clustering_count() const { return clustering_count_; }
  size_t key_count() const { return partition_count_ + clustering_count_; }
  // Position of the column with the given stored id, or -1.
  int ColumnOfId(uint16_t column_id) const {
    return column_id < by_id_.size() ? by_id_[column_id] : -1;
  }

 private:
  size_t partition_count_;
  size_t clustering_count_;
  std::vector<int> by_id_;
};
using TableHandle = std::shared_ptr<const Table>;

}  // namespace millrace::store
