// Lookups: the right side of a LEFT or INNER JOIN against a reference file or a table, as the
// stream operators see it.
//
// A replayed epoch must join with the content it saw first. A reference therefore has versions (a
// hash of its content), the epoch's intent names the version in force, and the source keeps every
// version that an unflushed intent names. Tables have no versions (version 0): a row that is re-run
// after a crash sees the table as it is then.
//
// Thread contract: LookupTable::Find from any thread; LookupSource from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "sql/plan.h"

namespace millrace::engine {

// Pairs of (row of the keys, row of `table`), ordered by key row. One key row may have several
// matches or none.
struct LookupMatches {
  data::Batch table;  // columns of the plan node's relation.schema, in its order
  std::vector<uint32_t> key_rows;
  std::vector<uint32_t> table_rows;
};

class LookupTable {
 public:
  virtual ~LookupTable() = default;
  virtual uint64_t version() const = 0;
  // `keys`: one column per lookup column of the plan node, of its type, all of `rows` rows. A key
  // with a NULL matches nothing.
  virtual Result<LookupMatches> Find(std::span<const data::ColumnPtr> keys, size_t rows) const = 0;
};
using LookupTablePtr = std::shared_ptr<const LookupTable>;

class LookupSource {
 public:
  virtual ~LookupSource() = default;
  // The content in force now; asked once an epoch, so it must be cheap. When it returns, the
  // version can be had by At() after a crash.
  virtual Result<LookupTablePtr> Current() = 0;
  // The content of a version that a stored intent names. kNotFound when it was not kept.
  virtual Result<LookupTablePtr> At(uint64_t version) = 0;
  // Versions that are neither in `versions` nor current are named by no unflushed intent: they may
  // go.
  virtual void Keep(std::span<const uint64_t> versions) = 0;
};

// Opens the source of one kLookup node; asked once for each when a query is made.
using LookupOpener = std::function<Result<std::shared_ptr<LookupSource>>(const sql::Plan& node)>;

// The first two rows of `batch` that have the same key; rows with a NULL in it have none.
std::optional<std::pair<uint32_t, uint32_t>> FindDuplicateKey(const data::Batch& batch,
                                                              std::span<const int> key_columns);

// A LookupTable over one batch in memory: an index from the key columns to rows.
// `key_columns` are ordinals in `batch`.
LookupTablePtr MakeBatchLookup(data::Batch batch, std::span<const int> key_columns,
                               uint64_t version);

}  // namespace millrace::engine
