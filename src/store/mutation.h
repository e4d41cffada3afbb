// Mutation: one upsert or delete of a table, by Values. For tests, the command line and the CQL
// door; queries write through TableWriter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/value.h"
#include "store/table.h"

namespace millrace::store {

// Values are of the columns' SQL types (SqlTypeOf): a uuid is its text, a timestamp microseconds.

// Part of a partition, in the order of values, whatever the clustering order is: the rows whose
// first clustering columns equal `equal`, and whose next one lies between `lower` and `upper`.
// Default: the whole partition.
struct ClusteringRange {
  struct Bound {
    data::Value value{};
    bool inclusive = true;
  };
  data::Value::List equal{};
  std::optional<Bound> lower{};
  std::optional<Bound> upper{};
};

// What happens to one column.
struct CellChange {
  enum class Action {
    kSet,     // to `value`; NULL deletes the cell (of a collection: all elements); a collection is
              // replaced
    kAdd,     // elements of `value` are added to a set, a map, or at the end of a list
    kRemove,  // elements (of a map: keys, given as a list) are removed from a set or map
  };
  std::string column{};
  data::Value value{};
  Action action = Action::kSet;
};

struct Mutation {
  enum class Kind {
    kInsert,           // the row exists from now on, even with all cells NULL
    kUpdate,           // only its cells are written; DELETE of cells is an update to NULL
    kDeleteRow,        // what was written up to write_us
    kDeleteRange,      // `range` of the partition
    kDeletePartition,  // static cells too
  };
  Kind kind = Kind::kInsert;
  TableHandle table{};
  int64_t write_us = 0;
  std::optional<int32_t> ttl_s{};  // absent: the table's; 0: none
  data::Value::List
      key;  // partition columns, then clustering columns (none: only static cells, or a partition)
  std::vector<CellChange> cells{};
  ClusteringRange range{};
};

}  // namespace millrace::store
