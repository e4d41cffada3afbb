// Column and Batch: vectors of SQL values, the only form data has between the JSON reader and the
// table writer.
//
// Layout follows Apache Arrow's: a validity bitmap (bit i set: value i is there; no bitmap: all
// are), fixed-width values side by side, arrays and maps as offsets into child columns, structs as
// child columns. Two deliberate differences:
//   * strings are 16-byte views (Arrow's "view" layout with a pointer in place of buffer index and
//   offset), so that
//     parsing, substring and projection never copy bytes; `owners` keep alive what they point into;
//   * booleans take one byte each, 0 or 1.
//
// Invariants
//   1. A column never changes once it is shared (ColumnPtr points to const).
//   2. A constant column has `is_constant()`: length() may be any, but only row 0 is stored;
//   readers use Stride().
//   3. A NULL row's value is zero (numbers) or an empty view (strings), never garbage: kernels may
//   compute over NULL rows.
//   4. Children of a struct have the struct's length; a NULL struct row has NULL children.
//   5. Child offsets of arrays and maps rise; a NULL or empty row has equal neighbours.
//
// Thread contract: const access from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/type.h"
#include "data/value.h"

namespace millrace::data {

class Column;
using ColumnPtr = std::shared_ptr<const Column>;
using Owner = std::shared_ptr<const void>;

inline bool TestBit(const uint64_t* bits, size_t i) { return bits[i >> 6] >> (i & 63) & 1; }
inline void SetBit(uint64_t* bits, size_t i) { bits[i >> 6] |= uint64_t{1} << (i & 63); }
inline void ClearBit(uint64_t* bits, size_t i) { bits[i >> 6] &= ~(uint64_t{1} << (i & 63)); }

// Strings behind each of which this many bytes can be read are copied a block at a time, whatever
// their length: Column::has_padded_strings().
inline constexpr size_t kStringPadding = 16;

// Memory that strings are put into and that views point to; freed as a whole. kStringPadding bytes
// behind every string can be read. One thread.
class Arena {
 public:
  explicit Arena(size_t block_bytes = 64 * 1024) : block_bytes_(block_bytes) {}
  // `size` writable bytes that live as long as the arena.
  char* Allocate(size_t size) {
    if (size > left_) return Grow(size);
    char* at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }
  std::string_view Copy(std::string_view text) {
    char* at = Allocate(text.size());
    std::char_traits<char>::copy(at, text.data(), text.size());
    return {at, text.size()};
  }
  // Gives back the end of the newest allocation: [at, ...) was not used.
  void ReturnTail(const char* at) {
    left_ += static_cast<size_t>(next_ - at);
    next_ -= next_ - at;
  }
  size_t bytes() const { return total_; }

 private:
  char* Grow(size_t size);

  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_bytes_;
  char* next_ = nullptr;
  size_t left_ = 0;
  size_t total_ = 0;
};

class Column {
 public:
  const DataType& type() const { return type_; }
  size_t length() const { return length_; }
  bool is_constant() const { return constant_; }
  // Rows stored: 1 for a constant column.
  size_t stored() const { return constant_ ? (length_ == 0 ? 0 : 1) : length_; }
  // Multiply a row number by this to get its place in the buffers: 0 for a constant column, else 1.
  size_t Stride() const { return constant_ ? 0 : 1; }

  bool has_nulls() const { return !validity_.empty(); }
  bool IsNull(size_t row) const {
    return !validity_.empty() && !TestBit(validity_.data(), row * Stride());
  }
  // Empty: no NULLs.
  std::span<const uint64_t> validity() const { return validity_; }

  // The values buffer as T (uint8_t for booleans, int32_t dates, int64_t timestamps, Int128
  // decimals, std::string_view strings and binaries); stored() of them.
  template <typename T>
  const T* Values() const {
    return reinterpret_cast<const T*>(values_.get());
  }
  // Arrays and maps: stored() + 1 offsets into the children.
  const int32_t* Offsets() const { return Values<int32_t>(); }
  const std::vector<ColumnPtr>& children() const { return children_; }
  const std::vector<Owner>& owners() const { return owners_; }

  // Whether kStringPadding bytes behind each string can be read. Strings of size 0 may point
  // nowhere even so.
  bool has_padded_strings() const { return padded_strings_; }

  // One row as a Value; slow.
  Value ValueAt(size_t row) const;
  // Bytes of the buffers and of the strings in them.
  size_t MemoryBytes() const;

  // A column whose every row is `value` (of `type`).
  static ColumnPtr Constant(const DataType& type, const Value& value, size_t length);
  // Rows `rows` of `column`, in that order (a row may come twice). Strings are shared, not copied.
  static ColumnPtr Take(const ColumnPtr& column, std::span<const uint32_t> rows);
  // The same values under another type of equal layout (e.g. a struct with other field names).
  static ColumnPtr Retype(const ColumnPtr& column, const DataType& type);
  // The first row of `column` (which has one) as a constant column of `length` rows.
  static ColumnPtr AsConstant(const ColumnPtr& column, size_t length);
  // `column` with the rows NULL where any of `others` (all of its length) is NULL. Done in place
  // when the caller gives away the only pointer to a column, so pass it by std::move.
  static ColumnPtr WithNullsOf(ColumnPtr column, std::span<const ColumnPtr> others);
  // A constant column written out to full length; others unchanged.
  static ColumnPtr Flatten(const ColumnPtr& column);
  // Rows of all columns one after the other; all of one type.
  static ColumnPtr Concat(std::span<const ColumnPtr> columns);

 private:
  friend class ColumnBuilder;

  static ColumnPtr NullNestedRows(const ColumnPtr& column, const std::vector<uint64_t>& valid);
  static ColumnPtr NullScalarRows(ColumnPtr column, std::vector<uint64_t> valid);

  DataType type_;
  size_t length_ = 0;
  bool constant_ = false;
  bool padded_strings_ = false;
  std::vector<uint64_t> validity_;
  std::shared_ptr<char[]> values_;
  std::vector<ColumnPtr> children_;
  std::vector<Owner> owners_;
};

// Reads a column's values without asking whether it is constant: reader[row].
template <typename T>
class Reader {
 public:
  explicit Reader(const Column& column) : values_(column.Values<T>()), stride_(column.Stride()) {}
  const T& operator[](size_t row) const { return values_[row * stride_]; }

 private:
  const T* values_;
  size_t stride_;
};

// Makes one column of known length. Rows start as NULL-free zeros; set values by row, in any order,
// then Finish().
//
//   ColumnBuilder out(DataType::Int(), rows);
//   int32_t* values = out.Values<int32_t>();
//   for (size_t i = 0; i < rows; ++i) values[i] = ...;
//   out.SetNull(7);
//   ColumnPtr column = std::move(out).Finish();
class ColumnBuilder {
 public:
  // kNone: for callers that set the value of every row that is not NULL; offsets are zeros even
  // so.
  enum class Fill : uint8_t { kZeros, kNone };

  ColumnBuilder(const DataType& type, size_t length, Fill fill = Fill::kZeros);

  size_t length() const { return column_->length_; }
  const DataType& type() const { return column_->type_; }
  template <typename T>
  T* Values() {
    return reinterpret_cast<T*>(column_->values_.get());
  }
  // Arrays and maps: length + 1 offsets, zeros at first.
  int32_t* Offsets() { return Values<int32_t>(); }
  void SetNull(size_t row);
  void SetAllNull();
  bool IsNull(size_t row) const { return column_->IsNull(row); }
  // Leaves out the rows from `length` on; NULLs have to be set anew.
  void Shorten(size_t length) { column_->length_ = length; }
  // Takes `valid` (a bit a row, see validity()) in place of the NULLs set so far; empty: no NULLs.
  void SetValidity(std::vector<uint64_t> valid) { column_->validity_ = std::move(valid); }
  // Copies the NULLs of `from` (same length) into this column, keeping those already set.
  void AddNullsOf(const Column& from);
  void SetChildren(std::vector<ColumnPtr> children) { column_->children_ = std::move(children); }
  // All strings lie in arenas or other memory with readable bytes behind it.
  void SetPaddedStrings(bool padded) { column_->padded_strings_ = padded; }
  // Keeps alive memory that string views of this column point into.
  void AddOwner(Owner owner) { column_->owners_.push_back(std::move(owner)); }
  void AddOwnersOf(const Column& from);
  // The arena of this column, made at first use.
  Arena& arena() {
    if (!arena_) [[unlikely]]
      MakeArena();
    return *arena_;
  }

  // Zeroes NULL rows of the values buffer (invariant 3) and gives the column away.
  ColumnPtr Finish() &&;

 private:
  void MakeArena();

  std::shared_ptr<Column> column_;
  std::shared_ptr<Arena> arena_;
};

// Builds a column row by row from Values; slow, for literals, tests and results.
ColumnPtr ColumnFromValues(const DataType& type, std::span<const Value> values);

// Columns of equal length with their names and types.
struct Batch {
  std::shared_ptr<const Schema> schema;
  std::vector<ColumnPtr> columns;
  size_t rows = 0;
};

}  // namespace millrace::data
