// InSet: membership of IN lists. Sets of literals are prepared once; values are compared as `=`
// compares (NaN equals NaN, -0.0 equals 0.0).
//
// Thread contract: const from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "data/column.h"
#include "data/row_set.h"
#include "sql/expr.h"

namespace millrace::engine {

class InSet {
 public:
  // Of the list of a kIn; nullptr when some item of the list is not a literal.
  static std::shared_ptr<const InSet> OfLiterals(const sql::Expr& in);

  // Whether the list holds a NULL: then what it does not hold is neither in it nor not.
  bool has_null() const { return has_null_; }
  // `x IN list` for the rows, as a BOOLEAN column of x's length.
  data::ColumnPtr Lookup(const data::Column& x, const data::RowSet& rows) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const;
  };

  bool Contains(const data::Column& x, size_t row, std::string& scratch) const;
  void Insert(const data::Value& value, const data::DataType& type);

  bool has_null_ = false;
  bool by_number_ = false;
  bool by_text_ = false;
  std::unordered_set<int64_t> numbers_;                          // integers, dates, times
  std::unordered_set<std::string, Hash, std::equal_to<>> keys_;  // strings, or row keys
};

// Whether a and b, of one type and neither NULL at `row`, are equal there.
bool EqualAt(const data::Column& a, const data::Column& b, size_t row);

}  // namespace millrace::engine
