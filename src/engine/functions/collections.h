// Lists: how kernels make arrays and maps. A result is built by naming, for each row, which child
// rows it has; the children are then taken once, whatever their type.
#pragma once

#include <string>
#include <vector>

#include "data/column.h"
#include "engine/kernel.h"

namespace millrace::engine {

// The range of child rows that a row of an array or map column has.
struct Range {
  size_t from;
  size_t to;
  size_t size() const { return to - from; }
};
inline Range RangeOf(const data::Column& lists, size_t row) {
  const size_t at = row * lists.Stride();
  return {static_cast<size_t>(lists.Offsets()[at]), static_cast<size_t>(lists.Offsets()[at + 1])};
}

// Child row numbers of a result, row after row. Rows must be closed in rising order.
//
//   ListBuilder out(call);
//   call.rows.ForEach([&](size_t row) {
//     out.StartRow(row);
//     out.Add(child_row);
//   });
//   return std::move(out).Finish({child});
class ListBuilder {
 public:
  explicit ListBuilder(KernelCall& call) : column_(call.type, call.length) {}

  // Rows between the last started and this one stay empty.
  void StartRow(size_t row) {
    CloseUpTo(row);
    next_ = row + 1;
  }
  void Add(size_t child_row) { rows_.push_back(static_cast<uint32_t>(child_row)); }
  void AddRange(Range range) {
    for (size_t i = range.from; i < range.to; ++i) Add(i);
  }
  size_t size() const { return rows_.size(); }
  // Drops what the present row has from `size` on.
  void ShrinkTo(size_t size) { rows_.resize(size); }
  std::vector<uint32_t>& rows() { return rows_; }
  void SetNull(size_t row) { column_.SetNull(row); }

  // `children`: one column for arrays, two for maps; their rows are taken as added.
  data::ColumnPtr Finish(std::vector<data::ColumnPtr> children) &&;

 private:
  void CloseUpTo(size_t row);

  data::ColumnBuilder column_;
  std::vector<uint32_t> rows_;
  size_t next_ = 0;    // rows before it are started
  size_t closed_ = 0;  // rows before it have their end offset
};

// `child` with one NULL row behind its rows: the row number that stands for NULL is its old length.
data::ColumnPtr WithNullRow(const data::ColumnPtr& child);
// The memcmp key of a value; equal keys are equal values (NULL equals NULL), see engine/row_key.h.
std::string KeyAt(const data::Column& column, size_t row);

data::ColumnPtr ConcatArrays(KernelCall& call);
data::ColumnPtr ReverseArrays(KernelCall& call);
// Elements in rising order, NULLs at the end.
data::ColumnPtr SortNullsLast(KernelCall& call);

}  // namespace millrace::engine
