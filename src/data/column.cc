#include "data/column.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace millrace::data {
namespace {

// Calls f(T{}) with the storage type of a fixed-width kind.
template <typename F>
void WithStorage(TypeKind kind, F&& f) {
  switch (ValueWidth(kind)) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(int16_t{});
    case 4:
      return f(int32_t{});
    case 8:
      return f(int64_t{});
    case 16:
      if (kind == TypeKind::kDecimal) return f(Int128{});
      return f(std::string_view{});
    default:
      return;
  }
}

bool HasOffsets(TypeKind kind) { return kind == TypeKind::kArray || kind == TypeKind::kMap; }

Value ScalarAt(const Column& column, size_t at) {
  switch (column.type().kind()) {
    case TypeKind::kBoolean:
      return Value::Bool(column.Values<uint8_t>()[at] != 0);
    case TypeKind::kTinyint:
      return Value::Int(column.Values<int8_t>()[at]);
    case TypeKind::kSmallint:
      return Value::Int(column.Values<int16_t>()[at]);
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      return Value::Int(column.Values<int32_t>()[at]);
    case TypeKind::kBigint:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kIntervalDayTime:
      return Value::Int(column.Values<int64_t>()[at]);
    case TypeKind::kFloat:
      return Value::Double(column.Values<float>()[at]);
    case TypeKind::kDouble:
      return Value::Double(column.Values<double>()[at]);
    case TypeKind::kDecimal:
      return Value::Decimal(column.Values<Int128>()[at]);
    case TypeKind::kString:
    case TypeKind::kBinary:
      return Value::String(std::string(column.Values<std::string_view>()[at]));
    default:
      return Value::Null();
  }
}

// Takes rows of an array or map: new offsets, and the children's rows in the new order.
void TakeRanges(const Column& from, std::span<const uint32_t> rows, ColumnBuilder& out) {
  const int32_t* offsets = from.Offsets();
  int32_t* to = out.Offsets();
  std::vector<uint32_t> child_rows;
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t at = rows[i] * from.Stride();
    for (int32_t child = offsets[at]; child < offsets[at + 1]; ++child)
      child_rows.push_back(static_cast<uint32_t>(child));
    to[i + 1] = static_cast<int32_t>(child_rows.size());
  }
  std::vector<ColumnPtr> children;
  for (const ColumnPtr& child : from.children())
    children.push_back(Column::Take(child, child_rows));
  out.SetChildren(std::move(children));
}

void SetScalar(ColumnBuilder& out, size_t row, const Value& value) {
  switch (out.type().kind()) {
    case TypeKind::kBoolean:
      out.Values<uint8_t>()[row] = value.boolean() ? 1 : 0;
      break;
    case TypeKind::kTinyint:
      out.Values<int8_t>()[row] = static_cast<int8_t>(value.integer());
      break;
    case TypeKind::kSmallint:
      out.Values<int16_t>()[row] = static_cast<int16_t>(value.integer());
      break;
    case TypeKind::kInt:
    case TypeKind::kDate:
    case TypeKind::kIntervalYearMonth:
      out.Values<int32_t>()[row] = static_cast<int32_t>(value.integer());
      break;
    case TypeKind::kBigint:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kIntervalDayTime:
      out.Values<int64_t>()[row] = value.integer();
      break;
    case TypeKind::kFloat:
      out.Values<float>()[row] = static_cast<float>(value.real());
      break;
    case TypeKind::kDouble:
      out.Values<double>()[row] = value.real();
      break;
    case TypeKind::kDecimal:
      out.Values<Int128>()[row] = value.decimal();
      break;
    case TypeKind::kString:
    case TypeKind::kBinary:
      out.Values<std::string_view>()[row] = out.arena().Copy(value.string());
      break;
    default:
      break;
  }
}

}  // namespace

char* Arena::Grow(size_t size) {
  const size_t block = std::max(size, block_bytes_);
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(block + kStringPadding));
  total_ += block;
  char* at = blocks_.back().get();
  next_ = at + size;
  left_ = block - size;
  return at;
}

Value Column::ValueAt(size_t row) const {
  if (IsNull(row)) return Value::Null();
  const size_t at = row * Stride();
  switch (type_.kind()) {
    case TypeKind::kArray: {
      Value::List items;
      for (int32_t i = Offsets()[at]; i < Offsets()[at + 1]; ++i)
        items.push_back(children_[0]->ValueAt(static_cast<size_t>(i)));
      return Value::ListOf(std::move(items));
    }
    case TypeKind::kMap: {
      Value::Pairs entries;
      for (int32_t i = Offsets()[at]; i < Offsets()[at + 1]; ++i) {
        entries.emplace_back(children_[0]->ValueAt(static_cast<size_t>(i)),
                             children_[1]->ValueAt(static_cast<size_t>(i)));
      }
      return Value::MapOf(std::move(entries));
    }
    case TypeKind::kStruct: {
      Value::List fields;
      for (const ColumnPtr& child : children_) fields.push_back(child->ValueAt(at));
      return Value::ListOf(std::move(fields));
    }
    default:
      return ScalarAt(*this, at);
  }
}

size_t Column::MemoryBytes() const {
  size_t bytes = validity_.size() * 8 + (stored() + (HasOffsets(type_.kind()) ? 1 : 0)) *
                                            std::max<size_t>(ValueWidth(type_.kind()), 4);
  if (type_.is_string_like()) {
    for (size_t i = 0; i < stored(); ++i) bytes += Values<std::string_view>()[i].size();
  }
  for (const ColumnPtr& child : children_) bytes += child->MemoryBytes();
  return bytes;
}

ColumnPtr Column::Constant(const DataType& type, const Value& value, size_t length) {
  const ColumnPtr one = ColumnFromValues(type, std::span(&value, 1));
  auto column = std::make_shared<Column>(*one);
  column->constant_ = true;
  column->length_ = length;
  return column;
}

ColumnPtr Column::Take(const ColumnPtr& column, std::span<const uint32_t> rows) {
  if (column->constant_) {
    auto resized = std::make_shared<Column>(*column);
    resized->length_ = rows.size();
    return resized;
  }
  ColumnBuilder out(column->type(), rows.size(), ColumnBuilder::Fill::kNone);
  WithStorage(column->type().kind(), [&]<typename T>(T) {
    const T* from = column->Values<T>();
    T* to = out.Values<T>();
    for (size_t i = 0; i < rows.size(); ++i) to[i] = from[rows[i]];
  });
  if (HasOffsets(column->type().kind())) {
    TakeRanges(*column, rows, out);
  } else if (column->type().kind() == TypeKind::kStruct) {
    std::vector<ColumnPtr> children;
    for (const ColumnPtr& child : column->children()) children.push_back(Take(child, rows));
    out.SetChildren(std::move(children));
  }
  if (column->has_nulls()) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (column->IsNull(rows[i])) out.SetNull(i);
    }
  }
  out.AddOwnersOf(*column);
  out.SetPaddedStrings(column->padded_strings_);
  return std::move(out).Finish();
}

ColumnPtr Column::Retype(const ColumnPtr& column, const DataType& type) {
  MR_CHECK(ValueWidth(column->type().kind()) == ValueWidth(type.kind()),
           "retyped columns keep their layout");
  auto retyped = std::make_shared<Column>(*column);
  retyped->type_ = type;
  return retyped;
}

ColumnPtr Column::AsConstant(const ColumnPtr& column, size_t length) {
  MR_CHECK(column->length() > 0, "a row to make constant");
  auto constant = std::make_shared<Column>(*column);
  constant->constant_ = true;
  constant->length_ = length;
  return constant;
}

ColumnPtr Column::WithNullsOf(ColumnPtr column, std::span<const ColumnPtr> others) {
  std::vector<uint64_t> valid;
  for (const ColumnPtr& other : others) {
    if (!other->has_nulls()) continue;
    if (valid.empty()) valid.assign((column->length_ + 63) / 64, ~uint64_t{0});
    for (size_t i = 0; i < valid.size(); ++i) {
      if (other->constant_) {
        if (other->IsNull(0)) valid[i] = 0;
      } else {
        valid[i] &= other->validity_[i];
      }
    }
  }
  if (valid.empty()) return column;
  if (column->constant_) column = Flatten(column);
  return column->type_.is_nested() ? NullNestedRows(column, valid)
                                   : NullScalarRows(std::move(column), std::move(valid));
}

// One NULL row is put behind the column and taken wherever `valid` lacks a bit.
ColumnPtr Column::NullNestedRows(const ColumnPtr& column, const std::vector<uint64_t>& valid) {
  const Value null;
  const std::vector<ColumnPtr> parts = {column, ColumnFromValues(column->type_, {&null, 1})};
  std::vector<uint32_t> rows(column->length_);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = static_cast<uint32_t>(TestBit(valid.data(), i) ? i : column->length_);
  return Take(Concat(parts), rows);
}

ColumnPtr Column::NullScalarRows(ColumnPtr column, std::vector<uint64_t> valid) {
  const bool ours = column.use_count() == 1 && column->values_.use_count() == 1;
  auto to = ours ? std::const_pointer_cast<Column>(column) : std::make_shared<Column>(*column);
  const size_t bytes = to->length_ * ValueWidth(to->type_.kind());
  if (!ours) {
    to->values_ = std::make_shared_for_overwrite<char[]>(std::max<size_t>(bytes, 1));
    if (bytes > 0) std::memcpy(to->values_.get(), column->values_.get(), bytes);
  }
  for (size_t i = 0; i < to->validity_.size(); ++i) valid[i] &= to->validity_[i];
  to->validity_ = std::move(valid);
  WithStorage(to->type_.kind(), [&]<typename T>(T) {
    T* values = reinterpret_cast<T*>(to->values_.get());
    for (size_t i = 0; i < to->length_; ++i) {
      if (!TestBit(to->validity_.data(), i)) values[i] = T{};
    }
  });
  return to;
}

ColumnPtr Column::Flatten(const ColumnPtr& column) {
  if (!column->constant_) return column;
  const std::vector<uint32_t> zeros(column->length_, 0);
  auto one = std::make_shared<Column>(*column);
  one->constant_ = false;
  one->length_ = 1;
  return Take(one, zeros);
}

ColumnPtr Column::Concat(std::span<const ColumnPtr> columns) {
  MR_CHECK(!columns.empty(), "at least one column to concatenate");
  if (columns.size() == 1) return columns[0];
  size_t length = 0;
  for (const ColumnPtr& column : columns) length += column->length();
  const DataType& type = columns[0]->type();
  ColumnBuilder out(type, length);
  std::vector<std::vector<ColumnPtr>> child_parts(columns[0]->children().size());
  out.SetPaddedStrings(
      std::ranges::all_of(columns, [](const auto& part) { return part->padded_strings_; }));
  size_t at = 0;
  int32_t child_base = 0;
  for (const ColumnPtr& given : columns) {
    const ColumnPtr part = Flatten(given);
    WithStorage(type.kind(), [&]<typename T>(T) {
      std::copy_n(part->Values<T>(), part->length(), out.Values<T>() + at);
    });
    if (HasOffsets(type.kind())) {
      for (size_t i = 0; i < part->length(); ++i)
        out.Offsets()[at + i + 1] = child_base + part->Offsets()[i + 1];
      if (part->length() > 0) child_base += part->Offsets()[part->length()];
    }
    for (size_t c = 0; c < part->children().size(); ++c)
      child_parts[c].push_back(part->children()[c]);
    for (size_t i = 0; part->has_nulls() && i < part->length(); ++i) {
      if (part->IsNull(i)) out.SetNull(at + i);
    }
    out.AddOwnersOf(*part);
    at += part->length();
  }
  std::vector<ColumnPtr> children;
  for (const auto& parts : child_parts) children.push_back(Concat(parts));
  out.SetChildren(std::move(children));
  return std::move(out).Finish();
}

ColumnBuilder::ColumnBuilder(const DataType& type, size_t length, Fill fill)
    : column_(std::make_shared<Column>()) {
  column_->type_ = type;
  column_->length_ = length;
  const size_t bytes = std::max<size_t>(
      HasOffsets(type.kind()) ? (length + 1) * 4 : length * ValueWidth(type.kind()), 1);
  column_->values_ = fill == Fill::kNone && !HasOffsets(type.kind())
                         ? std::make_shared_for_overwrite<char[]>(bytes)
                         : std::make_shared<char[]>(bytes);
  if (type.kind() == TypeKind::kNull) SetAllNull();
}

void ColumnBuilder::SetNull(size_t row) {
  if (column_->validity_.empty())
    column_->validity_.assign((column_->length_ + 63) / 64, ~uint64_t{0});
  ClearBit(column_->validity_.data(), row);
}

void ColumnBuilder::SetAllNull() { column_->validity_.assign((column_->length_ + 63) / 64, 0); }

void ColumnBuilder::AddNullsOf(const Column& from) {
  if (!from.has_nulls()) return;
  if (from.is_constant()) {
    if (from.IsNull(0)) SetAllNull();
    return;
  }
  if (column_->validity_.empty()) {
    column_->validity_.assign(from.validity_.begin(), from.validity_.end());
    return;
  }
  for (size_t i = 0; i < column_->validity_.size(); ++i) column_->validity_[i] &= from.validity_[i];
}

void ColumnBuilder::AddOwnersOf(const Column& from) {
  for (const Owner& owner : from.owners_) {
    if (std::ranges::find(column_->owners_, owner) == column_->owners_.end())
      column_->owners_.push_back(owner);
  }
}

void ColumnBuilder::MakeArena() {
  arena_ = std::make_shared<Arena>();
  column_->owners_.push_back(arena_);
}

ColumnPtr ColumnBuilder::Finish() && {
  if (column_->has_nulls()) {
    WithStorage(column_->type_.kind(), [&]<typename T>(T) {
      T* values = Values<T>();
      for (size_t i = 0; i < column_->length_; ++i) {
        if (!TestBit(column_->validity_.data(), i)) values[i] = T{};
      }
    });
  }
  return std::move(column_);
}

ColumnPtr ColumnFromValues(const DataType& type, std::span<const Value> values) {
  ColumnBuilder out(type, values.size());
  out.SetPaddedStrings(type.is_string_like());
  std::vector<std::vector<Value>> child_values(type.fields().size());
  for (size_t row = 0; row < values.size(); ++row) {
    const Value& value = values[row];
    const bool null = value.is_null() || type.kind() == TypeKind::kNull;
    if (null) out.SetNull(row);
    if (type.kind() == TypeKind::kStruct) {
      for (size_t c = 0; c < child_values.size(); ++c)
        child_values[c].push_back(null ? Value::Null() : value.list()[c]);
    } else if (type.kind() == TypeKind::kArray) {
      if (!null)
        child_values[0].insert(child_values[0].end(), value.list().begin(), value.list().end());
    } else if (type.kind() == TypeKind::kMap) {
      for (size_t i = 0; !null && i < value.pairs().size(); ++i) {
        child_values[0].push_back(value.pairs()[i].first);
        child_values[1].push_back(value.pairs()[i].second);
      }
    } else if (!null) {
      SetScalar(out, row, value);
    }
    if (HasOffsets(type.kind()))
      out.Offsets()[row + 1] = static_cast<int32_t>(child_values[0].size());
  }
  std::vector<ColumnPtr> children;
  for (size_t c = 0; c < child_values.size(); ++c)
    children.push_back(ColumnFromValues(*type.fields()[c].type, child_values[c]));
  out.SetChildren(std::move(children));
  return std::move(out).Finish();
}

}  // namespace millrace::data
