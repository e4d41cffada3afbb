// SELECTs for the reads of store::Store over a Cassandra cluster. Within src/connect only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cql/client/client.h"
#include "data/column.h"
#include "store/scan.h"
#include "store/table.h"

namespace millrace::connect {

// A statement with its bound values, and the columns its rows are read as.
struct CassandraSelect {
  std::string text;
  std::string values;  // encoded [value]s
  uint16_t value_count = 0;
  std::optional<int64_t> token;  // of the partition, when there is one
  data::Schema columns;
};

// kInvalidArgument: a value can be no key of its column, so no row has it. kNotFound: no such
// column.
Result<CassandraSelect> SelectOf(const store::Table& table, const store::ScanRequest& request);

// The rows of one answer as columns. `statement` says their types when the answer does not.
Result<data::Batch> BatchOf(const CassandraSelect& select,
                            const std::vector<data::Value::List>& rows);

}  // namespace millrace::connect
