#include "engine/stream/rows.h"

#include <algorithm>

namespace millrace::engine {
namespace {

template <typename T>
void TakeInPlace(std::vector<T>& values, std::span<const uint32_t> kept) {
  if (values.empty()) return;
  for (size_t i = 0; i < kept.size(); ++i) values[i] = values[kept[i]];
  values.resize(kept.size());
}

}  // namespace

EvalContext ChunkContext::For(const Rows& rows) const {
  EvalContext context = epoch;
  context.partition = chunk.partition.value;
  context.offsets = rows.place;
  return context;
}

void KeepRows(Rows& rows, std::span<const uint32_t> kept) {
  if (kept.size() == rows.batch.rows) return;
  for (data::ColumnPtr& column : rows.batch.columns) column = data::Column::Take(column, kept);
  rows.batch.rows = kept.size();
  TakeInPlace(rows.record, kept);
  TakeInPlace(rows.ordinal, kept);
  TakeInPlace(rows.place, kept);
}

void RefuseRows(Rows& rows, const data::RowErrors& errors, std::string_view stage,
                ChunkContext& context) {
  if (errors.empty()) return;
  const std::vector<std::string_view> stages(errors.count(), stage);
  RefuseRows(rows, errors, stages, context);
}

void RefuseRows(Rows& rows, const data::RowErrors& errors, std::span<const std::string_view> stages,
                ChunkContext& context) {
  if (errors.empty()) return;
  for (size_t i = 0; i < errors.count(); ++i) {
    const data::RowError& error = errors.errors()[i];
    context.refusals.push_back({rows.record[error.row],
                                rows.ordinal.empty() ? 0 : rows.ordinal[error.row],
                                std::string(stages[i]), error.condition, error.message});
  }
  std::vector<uint32_t> kept;
  kept.reserve(rows.batch.rows);
  for (uint32_t row = 0; row < rows.batch.rows; ++row) {
    if (!errors.Has(row)) kept.push_back(row);
  }
  KeepRows(rows, kept);
}

data::ColumnPtr TakeOrNull(const data::ColumnPtr& column, std::span<const int32_t> rows) {
  if (std::ranges::none_of(rows, [](int32_t row) { return row < 0; })) {
    return data::Column::Take(
        column, std::span(reinterpret_cast<const uint32_t*>(rows.data()), rows.size()));
  }
  if (column->length() == 0)
    return data::Column::Constant(column->type(), data::Value::Null(), rows.size());
  std::vector<uint32_t> places(rows.size());
  data::ColumnBuilder present(data::DataType::Boolean(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    places[i] = rows[i] < 0 ? 0 : static_cast<uint32_t>(rows[i]);
    if (rows[i] < 0) present.SetNull(i);
  }
  const data::ColumnPtr mask = std::move(present).Finish();
  return data::Column::WithNullsOf(data::Column::Take(column, places), {&mask, 1});
}

}  // namespace millrace::engine
