#include "engine/batch_query_run.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "engine/evaluator.h"
#include "engine/row_key.h"

namespace millrace::engine {

using data::Batch;
using data::Column;
using data::ColumnPtr;
using data::RowErrors;
using data::RowSet;
using sql::Plan;
using sql::PlanKind;

namespace {

// Of an entry in a hash set, beside its key's bytes.
constexpr size_t kSetEntryBytes = 64;

struct SortRow {
  std::string key;
  uint32_t row;
};

}  // namespace

Batch TakeRows(const Batch& batch, std::span<const uint32_t> rows) {
  Batch taken{.schema = batch.schema, .columns = {}, .rows = rows.size()};
  for (const ColumnPtr& column : batch.columns) taken.columns.push_back(Column::Take(column, rows));
  return taken;
}

Batch ConcatBatches(const std::shared_ptr<const data::Schema>& schema,
                    std::span<const Batch> batches) {
  Batch all{.schema = schema, .columns = {}, .rows = 0};
  for (const Batch& batch : batches) all.rows += batch.rows;
  for (size_t i = 0; i < schema->fields.size(); ++i) {
    std::vector<ColumnPtr> parts;
    for (const Batch& batch : batches) parts.push_back(batch.columns[i]);
    if (parts.empty()) parts.push_back(data::ColumnFromValues(*schema->fields[i].type, {}));
    all.columns.push_back(Column::Concat(parts));
  }
  return all;
}

size_t BytesOf(const Batch& batch) {
  size_t bytes = 0;
  for (const ColumnPtr& column : batch.columns) bytes += column->MemoryBytes();
  return bytes;
}

Status BatchRun::Hold(size_t before, size_t now, std::string_view operator_name) {
  held_bytes_ += now - before;
  if (held_bytes_ <= options_.memory_bytes_max) return {};
  return Fail(ErrorCode::kResourceExhausted,
              "the query needs more than its limit of {} MiB of memory, in {}; filter or aggregate "
              "further, or raise the limit",
              options_.memory_bytes_max >> 20, operator_name);
}

Status BatchRun::Refuse(const RowErrors& errors) {
  if (errors.empty()) return {};
  const data::RowError& error = errors.errors()[0];
  return Fail(ErrorCode::kInvalidArgument, "[{}] {}", error.condition, error.message);
}

Status BatchRun::Run(const Plan& node, const BatchSink& sink) {
  switch (node.kind) {
    case PlanKind::kScan:
      return Scan(node, sink);
    case PlanKind::kFilter: {
      MR_ASSIGN(const OperatorPtr op, MakeFilter(node));
      return Through(*node.inputs[0], op, {}, sink);
    }
    case PlanKind::kProject: {
      MR_ASSIGN(const OperatorPtr op, MakeProject(node));
      return Through(*node.inputs[0], op, {}, sink);
    }
    case PlanKind::kGenerate: {
      MR_ASSIGN(const OperatorPtr op, MakeGenerate(node));
      return Through(*node.inputs[0], op, {}, sink);
    }
    case PlanKind::kLookup:
      return Lookup(node, sink);
    case PlanKind::kUnion:
      for (const sql::PlanPtr& input : node.inputs) MR_TRY(Run(*input, sink));
      return {};
    case PlanKind::kWindowAggregate:
    case PlanKind::kAggregate:
      return RunAggregate(*this, node, sink);
    case PlanKind::kDistinct:
      return Distinct(node, sink);
    case PlanKind::kSort:
      return Sort(node, sink);
    case PlanKind::kLimit:
      return Limit(node, sink);
    case PlanKind::kValues:
      return Values(node, sink);
  }
  return Fail(ErrorCode::kUnsupported, "this part of the query only runs as a stream");
}

Status BatchRun::Through(const Plan& input, const OperatorPtr& op,
                         std::span<const LookupTablePtr> lookups, const BatchSink& sink) {
  return Run(input, [&](Batch batch) { return Apply(op, lookups, std::move(batch), sink); });
}

// The streams' operators refuse single rows; here the first refusal ends the query.
Status BatchRun::Apply(const OperatorPtr& op, std::span<const LookupTablePtr> lookups, Batch batch,
                       const BatchSink& sink) {
  const Chunk chunk;
  std::vector<Refusal> refusals;
  ChunkContext context{chunk, options_.context, lookups, refusals};
  const auto refuse = [&]() -> Status {
    if (refusals.empty()) return {};
    return Fail(ErrorCode::kInvalidArgument, "[{}] {}", refusals[0].condition, refusals[0].message);
  };
  Rows rows;
  rows.record.resize(batch.rows);
  std::iota(rows.record.begin(), rows.record.end(), 0);
  rows.place.resize(batch.rows);
  std::iota(rows.place.begin(), rows.place.end(), rows_seen_);
  rows_seen_ += static_cast<int64_t>(batch.rows);
  rows.batch = std::move(batch);
  MR_TRY(op->Apply(std::move(rows), context, [&](Rows made) -> Status {
    MR_TRY(refuse());
    return made.batch.rows == 0 ? Status() : sink(std::move(made.batch));
  }));
  return refuse();
}

Status BatchRun::Scan(const Plan& node, const BatchSink& sink) {
  MR_ASSIGN(const auto reader, sources_.Scan({.relation = node.relation,
                                              .columns = node.schema,
                                              .filters = node.pushed_filters}));
  OperatorPtr filter;
  if (!node.pushed_filters.empty()) {
    MR_ASSIGN(filter, MakeFilter(node.pushed_filters));
  }
  while (true) {
    if (options_.cancel != nullptr) MR_TRY(options_.cancel->Check("the query"));
    MR_ASSIGN(std::optional<Batch> batch, reader->Next());
    if (!batch) return {};
    rows_read_ += batch->rows;
    if (batch->rows == 0) continue;
    MR_TRY(filter ? Apply(filter, {}, std::move(*batch), sink) : sink(std::move(*batch)));
  }
}

Status BatchRun::Values(const Plan& node, const BatchSink& sink) {
  std::vector<sql::ExprPtr> cells;
  for (const auto& row : node.rows) cells.insert(cells.end(), row.begin(), row.end());
  MR_ASSIGN(const auto evaluator, Evaluator::Make(cells));
  RowErrors errors(1);
  const Batch one{.schema = std::make_shared<const data::Schema>(), .columns = {}, .rows = 1};
  const std::vector<ColumnPtr> values =
      evaluator->Evaluate(one, RowSet::All(1), options_.context, errors);
  MR_TRY(Refuse(errors));
  Batch batch{.schema = std::make_shared<const data::Schema>(node.schema),
              .columns = {},
              .rows = node.rows.size()};
  const size_t width = node.schema.fields.size();
  for (size_t i = 0; i < width; ++i) {
    std::vector<ColumnPtr> parts;
    for (size_t row = 0; row < node.rows.size(); ++row)
      parts.push_back(Column::Flatten(values[row * width + i]));
    batch.columns.push_back(Column::Concat(parts));
  }
  return sink(std::move(batch));
}

Status BatchRun::Limit(const Plan& node, const BatchSink& sink) {
  auto skip = static_cast<size_t>(std::max<int64_t>(node.offset, 0));
  size_t left = node.limit < 0 ? SIZE_MAX : static_cast<size_t>(node.limit);
  if (left == 0) return {};
  bool enough = false;
  const Status ran = Run(*node.inputs[0], [&](Batch batch) -> Status {
    const size_t begin = std::min(skip, batch.rows);
    const size_t count = std::min(left, batch.rows - begin);
    skip -= begin;
    left -= count;
    if (count < batch.rows) {
      std::vector<uint32_t> rows(count);
      std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(begin));
      batch = TakeRows(batch, rows);
    }
    if (count > 0) MR_TRY(sink(std::move(batch)));
    enough = left == 0;
    if (enough) return Fail(ErrorCode::kCancelled, "LIMIT is reached");
    return {};
  });
  return enough ? Status() : ran;
}

Status BatchRun::Distinct(const Plan& node, const BatchSink& sink) {
  std::unordered_set<std::string> seen;
  size_t held = 0;
  MR_TRY(Run(*node.inputs[0], [&](Batch batch) -> Status {
    std::vector<uint32_t> fresh;
    const size_t before = held;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      const auto [entry, is_new] = seen.insert(KeyOf(batch.columns, row));
      if (!is_new) continue;
      fresh.push_back(row);
      held += entry->size() + kSetEntryBytes;
    }
    MR_TRY(Hold(before, held, "DISTINCT"));
    return fresh.empty() ? Status() : sink(TakeRows(batch, fresh));
  }));
  return Hold(held, 0, "DISTINCT");
}

Status BatchRun::Sort(const Plan& node, const BatchSink& sink) {
  std::vector<sql::ExprPtr> keys;
  for (const sql::SortKey& key : node.sort_keys) keys.push_back(key.expr);
  MR_ASSIGN(const auto evaluator, Evaluator::Make(keys));
  std::vector<Batch> batches;
  std::vector<SortRow> order;
  size_t held = 0;
  MR_TRY(Run(*node.inputs[0], [&](Batch batch) -> Status {
    RowErrors errors(batch.rows);
    const auto columns =
        evaluator->Evaluate(batch, RowSet::All(batch.rows), options_.context, errors);
    MR_TRY(Refuse(errors));
    const size_t before = held;
    for (uint32_t row = 0; row < batch.rows; ++row) {
      SortRow& sorted = order.emplace_back();
      sorted.row = static_cast<uint32_t>(order.size() - 1);
      for (size_t i = 0; i < columns.size(); ++i) {
        AppendSortKey(*columns[i], row, node.sort_keys[i].ascending, node.sort_keys[i].nulls_first,
                      sorted.key);
      }
      held += sizeof(SortRow) + sorted.key.capacity();
    }
    held += BytesOf(batch);
    batches.push_back(std::move(batch));
    return Hold(before, held, "ORDER BY");
  }));
  std::ranges::stable_sort(order, {}, &SortRow::key);
  const Batch all = ConcatBatches(std::make_shared<const data::Schema>(node.schema), batches);
  batches.clear();
  for (size_t at = 0; at < order.size(); at += kBatchRows) {
    std::vector<uint32_t> rows;
    for (size_t i = at; i < std::min(order.size(), at + kBatchRows); ++i)
      rows.push_back(order[i].row);
    MR_TRY(sink(TakeRows(all, rows)));
  }
  return Hold(held, 0, "ORDER BY");
}

// The relation's rows, all in memory.
Result<LookupTablePtr> BatchRun::Build(const Plan& node) {
  MR_ASSIGN(
      const auto reader,
      sources_.Scan({.relation = node.relation, .columns = node.relation.schema, .filters = {}}));
  std::vector<Batch> batches;
  while (true) {
    if (options_.cancel != nullptr) MR_TRY(options_.cancel->Check("the query"));
    MR_ASSIGN(std::optional<Batch> batch, reader->Next());
    if (!batch) break;
    rows_read_ += batch->rows;
    MR_TRY(Hold(0, BytesOf(*batch), "JOIN"));
    batches.push_back(std::move(*batch));
  }
  Batch all = ConcatBatches(std::make_shared<const data::Schema>(node.relation.schema), batches);
  // As in a stream: `check` says on which lines.
  const bool whole_key = node.lookup_columns.size() == node.relation.key.size();
  if (node.relation.kind == sql::RelationKind::kReference && whole_key &&
      FindDuplicateKey(all, node.lookup_columns)) {
    return Fail(ErrorCode::kInvalidArgument, "reference {} has two rows with the same key",
                node.relation.name);
  }
  return MakeBatchLookup(std::move(all), node.lookup_columns, 0);
}

Status BatchRun::Lookup(const Plan& node, const BatchSink& sink) {
  MR_ASSIGN(const LookupTablePtr table, Build(node));
  MR_ASSIGN(const OperatorPtr op, MakeLookup(node, 0));
  return Through(*node.inputs[0], op, {&table, 1}, sink);
}

}  // namespace millrace::engine
