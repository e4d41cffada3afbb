// RowErrors: what went wrong in single rows of a batch. A record that cannot be parsed, or whose
// expression raises an error, must not stop the batch: it is noted here and goes to the dead-letter
// topic, the rest goes on (DESIGN invariant 8).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::data {

struct RowError {
  uint32_t row;
  std::string condition;  // Spark's error condition where there is one: "DIVIDE_BY_ZERO",
                          // "CAST_INVALID_INPUT"
  std::string message;
};

// Keeps the first error of each row. One thread.
class RowErrors {
 public:
  explicit RowErrors(size_t rows) : bits_((rows + 63) / 64) {}

  bool empty() const { return errors_.empty(); }
  size_t count() const { return errors_.size(); }
  bool Has(size_t row) const { return bits_[row >> 6] >> (row & 63) & 1; }
  // Later errors of the same row are ignored.
  void Add(size_t row, std::string_view condition, std::string message) {
    if (Has(row)) return;
    bits_[row >> 6] |= uint64_t{1} << (row & 63);
    errors_.push_back({static_cast<uint32_t>(row), std::string(condition), std::move(message)});
  }
  // In the order they were added.
  const std::vector<RowError>& errors() const { return errors_; }
  // Forgets all errors, as TRY does with those of its argument.
  void Clear() {
    for (const RowError& error : errors_)
      bits_[error.row >> 6] &= ~(uint64_t{1} << (error.row & 63));
    errors_.clear();
  }

 private:
  std::vector<uint64_t> bits_;
  std::vector<RowError> errors_;
};

}  // namespace millrace::data
