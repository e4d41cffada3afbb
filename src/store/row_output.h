// RowOutput: the columns a read asked for, filled row by row and given away as a batch.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "store/row.h"
#include "store/table.h"

namespace millrace::store {

class RowOutput {
 public:
  // Columns by name (none: all), then "writetime(c)" and "ttl(c)". kNotFound names an unknown
  // column.
  static Result<RowOutput> Make(const TableHandle& table, const std::vector<std::string>& columns,
                                const std::vector<std::string>& write_times,
                                const std::vector<std::string>& ttls);

  // `key`: a stored key of this table; a static row's leaves the clustering columns NULL. kDamaged.
  Status Add(std::string_view key, const LiveRow* row, const LiveRow& static_row, int64_t now_s);
  size_t rows() const { return rows_; }
  data::Batch Finish() &&;

 private:
  enum class Source { kKey, kCell, kWriteTime, kTtl };
  struct Output {
    Source source;
    size_t column;  // in the table
    std::string name;
    data::DataType type;
    std::vector<data::Value> values;
  };

  static Status AddOutput(const TableHandle& table, std::string_view name, Source source,
                          RowOutput& out);
  Result<data::Value> CellValue(const Output& output, const LiveRow* row, int64_t now_s) const;

  TableHandle table_;
  std::vector<Output> outputs_;
  std::vector<std::string> key_values_;
  size_t rows_ = 0;
};

}  // namespace millrace::store
