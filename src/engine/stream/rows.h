// Rows: a batch on its way through the operators of a query, each row with the place it came from;
// Refusals: the rows that did not get through.
//
// A chunk of consecutive records of one partition is one unit of work: one thread takes it from
// bytes to encoded rows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "data/row_errors.h"
#include "engine/kernel.h"
#include "engine/stream/lookup.h"
#include "flow/types.h"

namespace millrace::engine {

// Records [first, first + count) of a block.
struct Chunk {
  std::string topic;
  PartitionId partition;
  std::shared_ptr<const flow::RecordBlock> block;
  size_t first = 0;
  size_t count = 0;
  int32_t topic_rank = 0;  // of the topic among those the query reads
  // By record: max(previous + 1, LogAppendTime) in microseconds, so rising within the partition
  // and the same however the partition is cut.
  std::vector<int64_t> write_us;

  const flow::RecordView& record(size_t i) const { return block->records[first + i]; }
};

// Invariant: `record` never falls, and among equal records `ordinal` rises; so rows are in
// (offset, ordinal) order.
struct Rows {
  data::Batch batch;
  std::vector<uint32_t> record;   // by row: the chunk's record that it came from
  std::vector<uint32_t> ordinal;  // by row: which of its record's rows; empty: all 0
  // By row: the offset, mixed with the ordinal when that is not 0. For rand() and uuid().
  std::vector<int64_t> place;
};

// A row that a stage refused.
struct Refusal {
  uint32_t record = 0;
  uint32_t ordinal = 0;
  std::string stage;
  std::string condition;
  std::string message;
};

// What an operator may know beside its rows. One thread.
struct ChunkContext {
  const Chunk& chunk;
  const EvalContext& epoch;  // now, seed, zone
  std::span<const LookupTablePtr> lookups;
  std::vector<Refusal>& refusals;

  // The context for functions over `rows`.
  EvalContext For(const Rows& rows) const;
};

// Keeps the given rows, rising.
void KeepRows(Rows& rows, std::span<const uint32_t> kept);
// Takes the rows that `errors` names out of `rows` and puts them among the refusals.
void RefuseRows(Rows& rows, const data::RowErrors& errors, std::string_view stage,
                ChunkContext& context);
// The same with a stage for each error, in the order they were added.
void RefuseRows(Rows& rows, const data::RowErrors& errors, std::span<const std::string_view> stages,
                ChunkContext& context);
// Rows `rows` of each column; a row of -1 gives NULLs.
data::ColumnPtr TakeOrNull(const data::ColumnPtr& column, std::span<const int32_t> rows);

}  // namespace millrace::engine
