#include "engine/evaluator_branches.h"

namespace millrace::engine {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::DataType;
using data::TestBit;

namespace {

template <typename T>
void Scatter(const Branch& branch, ColumnBuilder& out) {
  const data::Reader<T> from(*branch.column);
  T* to = out.Values<T>();
  for (const uint32_t row : branch.rows) to[row] = from[row];
}

void ScatterValues(const Branch& branch, ColumnBuilder& out) {
  switch (data::ValueWidth(out.type().kind())) {
    case 1:
      return Scatter<uint8_t>(branch, out);
    case 2:
      return Scatter<int16_t>(branch, out);
    case 4:
      return Scatter<int32_t>(branch, out);
    case 8:
      return Scatter<int64_t>(branch, out);
    case 16:
      return out.type().is_string_like() ? Scatter<std::string_view>(branch, out)
                                         : Scatter<data::Int128>(branch, out);
    default:
      return;
  }
}

// Nested values: all branches one behind the other and a NULL row, then each row from its branch.
ColumnPtr MergeNested(const DataType& type, size_t length, const std::vector<Branch>& branches) {
  const data::Value null;
  std::vector<ColumnPtr> parts = {data::ColumnFromValues(type, {&null, 1})};
  std::vector<uint32_t> take(length, 0);
  uint32_t base = 1;
  for (const Branch& branch : branches) {
    parts.push_back(Column::Flatten(branch.column));
    for (const uint32_t row : branch.rows) take[row] = base + row;
    base += static_cast<uint32_t>(length);
  }
  return Column::Take(Column::Concat(parts), take);
}

}  // namespace

ColumnPtr MergeBranches(const DataType& type, size_t length, size_t rows_wanted,
                        const std::vector<Branch>& branches) {
  if (branches.size() == 1 && branches[0].rows.size() == rows_wanted) return branches[0].column;
  if (type.is_nested()) return MergeNested(type, length, branches);
  ColumnBuilder out(type, length);
  std::vector<uint64_t> valid((length + 63) / 64, 0);
  for (const Branch& branch : branches) {
    ScatterValues(branch, out);
    for (const uint32_t row : branch.rows) {
      if (!branch.column->IsNull(row)) data::SetBit(valid.data(), row);
    }
    out.AddOwnersOf(*branch.column);
  }
  out.SetValidity(std::move(valid));
  return std::move(out).Finish();
}

}  // namespace millrace::engine
