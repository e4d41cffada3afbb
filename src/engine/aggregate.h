// Aggregate functions' states: updated a batch at a time, merged, stored as bytes, finished into a
// column. The window operator keeps them in query state, the batch operators in memory.
//
//   MR_ASSIGN(auto function, AggregateFunction::Make(call));
//   auto states = function->NewStates();
//   states->Resize(groups);                                     // empty states
//   states->Update({.args = columns, .groups = group_of_row, .rows = rows, .partition = 3,
//                   .offsets = offsets});
//   states->Serialize(7, bytes);                                // appended
//   MR_TRY(other->MergeSerialized(2, bytes));
//   ColumnPtr result = states->Finish(groups_wanted, errors);
//
// Invariants
//   1. The result depends only on the set of (value, place) pairs that went in, never on batches,
//   merges, threads or their order: sums of doubles are exact until they are rounded once at the
//   end, integers are summed in 128 bits (overflow of the result type is an error of Finish,
//   ARITHMETIC_OVERFLOW), first, last and lists go by place (partition, offset, ordinal).
//   2. Merging an empty state changes nothing; a state that saw no row gives count 0, else NULL.
//   3. MergeSerialized never trusts its bytes: kDamaged for what Serialize cannot have written.
//
// Thread contract: one thread per AggregateStates; AggregateFunction const from any.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/column.h"
#include "data/row_errors.h"
#include "data/row_set.h"
#include "sql/plan.h"

namespace millrace::engine {

// Where a row stands in the order of all rows.
struct RowPlace {
  int32_t partition = 0;
  int64_t offset = 0;
  uint32_t ordinal = 0;  // of rows made from one record by explode
  friend auto operator<=>(const RowPlace&, const RowPlace&) = default;
};

struct AggregateInput {
  std::span<const data::ColumnPtr> args;  // the call's arguments, each of the batch's length
  std::span<const uint32_t> groups;       // the state that each row of the batch belongs to
  const data::RowSet& rows;  // to take in: those that passed FILTER and raised no error
  int32_t partition = 0;
  std::span<const int64_t> offsets;    // each row's; empty: the first row is number `first_row`
  std::span<const uint32_t> ordinals;  // each row's; empty: 0
  int64_t first_row = 0;
};

class AggregateStates {
 public:
  virtual ~AggregateStates() = default;

  virtual size_t size() const = 0;
  // Adds empty states at the end, or drops the last ones.
  virtual void Resize(size_t count) = 0;
  // Makes one state empty again.
  virtual void Reset(size_t state) = 0;
  virtual void Update(const AggregateInput& input) = 0;
  // `from` is of the same function.
  virtual void Merge(size_t into, const AggregateStates& from, size_t state) = 0;
  // Self-delimiting bytes, appended: several aggregates of a group may stand side by side.
  virtual void Serialize(size_t state, std::string& to) const = 0;
  // Takes one serialised state from the front of `bytes` and merges it into `into`.
  virtual Status MergeSerialized(size_t into, std::string_view& bytes) = 0;
  // Row i of the result is states[i]. `errors` has a row for each of `states`.
  virtual data::ColumnPtr Finish(std::span<const uint32_t> states,
                                 data::RowErrors& errors) const = 0;
  // Bytes held; grows with Update, checked by callers against their limits.
  virtual size_t MemoryBytes() const = 0;
};

class AggregateFunction {
 public:
  // kUnsupported: no such aggregate for these argument types.
  static Result<std::unique_ptr<AggregateFunction>> Make(const sql::AggregateCall& call);
  virtual ~AggregateFunction() = default;
  virtual std::unique_ptr<AggregateStates> NewStates() const = 0;
  // Of the result.
  virtual const data::DataType& type() const = 0;
};

}  // namespace millrace::engine
