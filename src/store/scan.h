// ScanRequest and ScanPage: what is read from a table, a page at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "data/column.h"
#include "data/value.h"
#include "store/mutation.h"

namespace millrace::store {

struct ScanRequest {
  std::vector<std::string> columns{};  // empty: all, in stored order
  // Further BIGINT columns "writetime(c)" and INT columns "ttl(c)" for these (not keys, not
  // multi-cell collections).
  std::vector<std::string> write_times{};
  std::vector<std::string> ttls{};

  // One partition by its key, and in it a range; or, without it, all partitions with
  // token_after < token <= token_to in token order (INT64_MIN as token_after: from the start).
  std::optional<data::Value::List> partition{};
  ClusteringRange clustering{};  // with `partition` only
  bool reversed = false;         // with `partition` only: last clustering key first
  int64_t token_after = INT64_MIN;
  int64_t token_to = INT64_MAX;

  size_t rows_max = 5000;            // of this page; at least 1
  std::string paging_state{};        // of the page before; empty: from the start
  std::optional<TimestampUs> now{};  // decides what has expired; absent: the store's clock
};

struct ScanPage {
  data::Batch rows;
  std::string paging_state{};  // empty: there are no more rows
};

}  // namespace millrace::store
