// Branches: one result column out of several, each computed for some of the rows (CASE, COALESCE).
#pragma once

#include <cstdint>
#include <vector>

#include "data/column.h"

namespace millrace::engine {

// `column` (of the batch's length) gives the values of `rows`.
struct Branch {
  data::ColumnPtr column;
  std::vector<uint32_t> rows;
};

// Rows of no branch are NULL. Strings are shared with the branches, not copied. A single branch
// that has all of the `rows_wanted` rows is the result as it stands.
data::ColumnPtr MergeBranches(const data::DataType& type, size_t length, size_t rows_wanted,
                              const std::vector<Branch>& branches);

}  // namespace millrace::engine
