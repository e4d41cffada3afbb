#include "engine/functions/collections.h"

#include <vector>

#include "engine/row_key.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;

void ListBuilder::CloseUpTo(size_t row) {
  int32_t* const offsets = column_.Offsets();
  for (; closed_ < row; ++closed_) offsets[closed_ + 1] = static_cast<int32_t>(rows_.size());
}

ColumnPtr ListBuilder::Finish(std::vector<ColumnPtr> children) && {
  CloseUpTo(column_.length());
  const auto& fields = column_.type().fields();
  for (size_t i = 0; i < children.size(); ++i) {
    ColumnPtr taken = Column::Flatten(Column::Take(children[i], rows_));
    if (taken->type() != *fields[i].type) taken = Column::Retype(taken, *fields[i].type);
    children[i] = std::move(taken);
  }
  column_.SetChildren(std::move(children));
  return std::move(column_).Finish();
}

ColumnPtr WithNullRow(const ColumnPtr& child) {
  const ColumnPtr parts[] = {child, Column::Constant(child->type(), data::Value::Null(), 1)};
  return Column::Concat(parts);
}

std::string KeyAt(const Column& column, size_t row) {
  std::string key;
  AppendKey(column, row, key);
  return key;
}

ColumnPtr ConcatArrays(KernelCall& call) {
  std::vector<ColumnPtr> children;
  std::vector<size_t> bases;
  size_t base = 0;
  for (const ColumnPtr& arg : call.args) {
    children.push_back(arg->children()[0]);
    bases.push_back(base);
    base += children.back()->length();
  }
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    for (size_t i = 0; i < call.args.size(); ++i) {
      const Range range = RangeOf(*call.args[i], row);
      out.AddRange({bases[i] + range.from, bases[i] + range.to});
    }
  });
  return std::move(out).Finish({Column::Concat(children)});
}

ColumnPtr ReverseArrays(KernelCall& call) {
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    const Range range = RangeOf(*call.args[0], row);
    for (size_t i = range.to; i > range.from; --i) out.Add(i - 1);
  });
  return std::move(out).Finish({call.args[0]->children()[0]});
}

}  // namespace millrace::engine
