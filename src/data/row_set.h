// RowSet: which rows of a batch an expression is to be evaluated for. Branches of CASE, the right
// side of AND, and rows already refused are left out, so that they cannot raise errors. Columns
// keep the batch's full length; values of rows outside the set are unspecified but valid to read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace millrace::data {

class RowSet {
 public:
  // Rows 0..count-1.
  static RowSet All(size_t count) { return RowSet(count); }
  // The given rows, rising. The span must outlive the set.
  static RowSet Of(std::span<const uint32_t> rows) { return RowSet(rows); }

  bool is_all() const { return all_; }
  size_t count() const { return all_ ? count_ : rows_.size(); }
  bool empty() const { return count() == 0; }
  std::span<const uint32_t> rows() const { return rows_; }  // empty when is_all()

  // f(row) for each; the loop over all rows has no indirection, so that it vectorises.
  template <typename F>
  void ForEach(F&& f) const {
    if (all_) {
      for (size_t row = 0; row < count_; ++row) f(row);
    } else {
      for (const uint32_t row : rows_) f(static_cast<size_t>(row));
    }
  }

 private:
  explicit RowSet(size_t count) : all_(true), count_(count) {}
  explicit RowSet(std::span<const uint32_t> rows) : rows_(rows) {}

  bool all_ = false;
  size_t count_ = 0;
  std::span<const uint32_t> rows_;
};

}  // namespace millrace::data
