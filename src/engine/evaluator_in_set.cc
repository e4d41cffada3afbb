#include "engine/evaluator_in_set.h"

#include "base/hash.h"
#include "engine/row_key.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::TypeKind;
using data::Value;

namespace {

bool IsCountable(const DataType& type) {
  return type.is_integral() || type.is_datetime() || type.is_interval();
}

int64_t NumberAt(const Column& column, size_t row) {
  const size_t at = row * column.Stride();
  switch (data::ValueWidth(column.type().kind())) {
    case 1:
      return column.Values<int8_t>()[at];
    case 2:
      return column.Values<int16_t>()[at];
    case 4:
      return column.Values<int32_t>()[at];
    default:
      return column.Values<int64_t>()[at];
  }
}

}  // namespace

size_t InSet::Hash::operator()(std::string_view key) const { return Hash64(key); }

std::shared_ptr<const InSet> InSet::OfLiterals(const sql::Expr& in) {
  auto set = std::make_shared<InSet>();
  const DataType& type = in.args[0]->type;
  set->by_number_ = IsCountable(type);
  set->by_text_ = type.is_string_like();
  for (size_t i = 1; i < in.args.size(); ++i) {
    if (in.args[i]->kind != sql::ExprKind::kLiteral) return nullptr;
    set->Insert(in.args[i]->literal, type);
  }
  return set;
}

void InSet::Insert(const Value& value, const DataType& type) {
  if (value.is_null()) {
    has_null_ = true;
  } else if (by_number_) {
    numbers_.insert(value.integer());
  } else if (by_text_) {
    keys_.insert(value.string());
  } else {
    std::string key;
    AppendKey(*data::ColumnFromValues(type, {&value, 1}), 0, key);
    keys_.insert(std::move(key));
  }
}

bool InSet::Contains(const Column& x, size_t row, std::string& scratch) const {
  if (by_number_) return numbers_.contains(NumberAt(x, row));
  if (by_text_) return keys_.contains(x.Values<std::string_view>()[row * x.Stride()]);
  scratch.clear();
  AppendKey(x, row, scratch);
  return keys_.contains(std::string_view(scratch));
}

ColumnPtr InSet::Lookup(const Column& x, const data::RowSet& rows) const {
  data::ColumnBuilder out(DataType::Boolean(), x.length());
  uint8_t* values = out.Values<uint8_t>();
  std::string scratch;
  rows.ForEach([&](size_t row) {
    const bool found = !x.IsNull(row) && Contains(x, row, scratch);
    values[row] = found ? 1 : 0;
    if (!found && (has_null_ || x.IsNull(row))) out.SetNull(row);
  });
  return std::move(out).Finish();
}

bool EqualAt(const Column& a, const Column& b, size_t row) {
  if (IsCountable(a.type())) return NumberAt(a, row) == NumberAt(b, row);
  if (a.type().is_string_like()) {
    return a.Values<std::string_view>()[row * a.Stride()] ==
           b.Values<std::string_view>()[row * b.Stride()];
  }
  std::string left;
  std::string right;
  AppendKey(a, row, left);
  AppendKey(b, row, right);
  return left == right;
}

}  // namespace millrace::engine
