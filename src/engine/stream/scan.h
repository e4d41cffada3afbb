// Scan: the records of a chunk as rows of the columns a query uses.
//
// Columns of the topic's schema are read from the record's value (JSON); the hidden columns _key,
// _topic, _partition, _offset, _timestamp and _headers come from the record itself. A record that
// cannot be read becomes a refusal with stage "parse"; one whose event time is missing or lies too
// far in the future one with stage "event_time".
//
// Thread contract: a ScanReader belongs to one thread (it owns a parser); a Scan is shared.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "data/json_reader.h"
#include "engine/evaluator.h"
#include "engine/stream/rows.h"
#include "sql/plan.h"

namespace millrace::engine {

// Whether the scan gives event times: a column, or an expression over columns (a struct's field).
inline bool HasEventTime(const sql::Plan& scan) {
  return scan.event_time >= 0 || scan.event_time_expr != nullptr;
}

struct ScanOptions {
  bool needs_event_time = false;  // a window above: rows without event time are refused
  int64_t max_future_skew_us = 0;
};

class ScanReader {
 public:
  // `node`: a stream scan; it must outlive the reader. kUnsupported: a column JSON cannot give.
  static Result<std::unique_ptr<ScanReader>> Make(const sql::Plan& node,
                                                  const ScanOptions& options);

  // All records of the chunk that can be read. `event_time_max_us` becomes the greatest event time
  // among them when it is greater.
  Rows Read(ChunkContext& context, int64_t& event_time_max_us);

 private:
  ScanReader(const sql::Plan& node, const ScanOptions& options) : node_(node), options_(options) {}

  Rows ReadValues(ChunkContext& context);
  void AddRecordColumns(Rows& rows, const Chunk& chunk) const;
  data::ColumnPtr EventTimes(const Rows& rows, data::RowErrors& errors) const;
  void CheckEventTimes(Rows& rows, ChunkContext& context, int64_t& event_time_max_us) const;

  const sql::Plan& node_;
  ScanOptions options_;
  std::shared_ptr<const data::Schema> schema_;
  std::unique_ptr<data::JsonReader> json_;
  std::unique_ptr<Evaluator> event_time_;  // when it is not a column
  std::vector<int> json_columns_;          // ordinals in the node's schema, in the reader's order
  std::vector<int> record_columns_;        // ordinals of the hidden columns
  std::vector<std::string_view> values_;
};

// One hidden column ("_offset") of the chunk's records.
Result<data::ColumnPtr> RecordColumn(const Chunk& chunk, std::string_view name);

}  // namespace millrace::engine
