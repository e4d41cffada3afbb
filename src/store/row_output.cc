#include "store/row_output.h"

#include <algorithm>

#include "store/cql_value.h"
#include "store/key.h"

namespace millrace::store {
namespace {

using data::Value;

// The elements of a collection that is kept by elements; none is NULL, as in CQL.
Result<Value> CollectionOf(const CqlType& type, std::span<const Cell> cells) {
  if (cells.empty()) return Value::Null();
  Value::List items;
  Value::Pairs pairs;
  for (const Cell& cell : cells) {
    MR_ASSIGN(Value item, DecodeCqlValue(type.arguments[0],
                                         type.kind == CqlKind::kList ? cell.value : cell.path));
    if (type.kind == CqlKind::kMap) {
      MR_ASSIGN(Value held, DecodeCqlValue(type.arguments[1], cell.value));
      pairs.emplace_back(std::move(item), std::move(held));
    } else {
      items.push_back(std::move(item));
    }
  }
  return type.kind == CqlKind::kMap ? Value::MapOf(std::move(pairs))
                                    : Value::ListOf(std::move(items));
}

std::span<const Cell> CellsOf(const LiveRow& row, uint16_t column) {
  const auto [begin, end] =
      std::equal_range(row.cells.begin(), row.cells.end(), Cell{.column = column},
                       [](const Cell& a, const Cell& b) { return a.column < b.column; });
  return {begin, end};
}

}  // namespace

Status RowOutput::AddOutput(const TableHandle& table, std::string_view name, Source source,
                            RowOutput& out) {
  const int at = table->sql.IndexOf(name);
  if (at < 0)
    return Fail(ErrorCode::kNotFound, "table {}: has no column {}", table->schema.FullName(), name);
  const auto column = static_cast<size_t>(at);
  const ColumnSchema& schema = table->schema.columns[column];
  if (source == Source::kCell) {
    const bool is_key = schema.kind <= ColumnKind::kClustering;
    out.outputs_.push_back({is_key ? Source::kKey : Source::kCell,
                            column,
                            schema.name,
                            *table->sql.fields[column].type,
                            {}});
    return {};
  }
  const bool time = source == Source::kWriteTime;
  if (schema.kind <= ColumnKind::kClustering || schema.type.is_multi_cell())
    return Fail(ErrorCode::kInvalidArgument, "table {}: {} of column {}, which has none of its own",
                table->schema.FullName(), time ? "writetime" : "ttl", name);
  out.outputs_.push_back({source,
                          column,
                          fmt::format("{}({})", time ? "writetime" : "ttl", schema.name),
                          time ? data::DataType::Bigint() : data::DataType::Int(),
                          {}});
  return {};
}

Result<RowOutput> RowOutput::Make(const TableHandle& table, const std::vector<std::string>& columns,
                                  const std::vector<std::string>& write_times,
                                  const std::vector<std::string>& ttls) {
  RowOutput out;
  out.table_ = table;
  for (const std::string& name : columns) MR_TRY(AddOutput(table, name, Source::kCell, out));
  if (columns.empty())
    for (const ColumnSchema& column : table->schema.columns)
      MR_TRY(AddOutput(table, column.name, Source::kCell, out));
  for (const std::string& name : write_times)
    MR_TRY(AddOutput(table, name, Source::kWriteTime, out));
  for (const std::string& name : ttls) MR_TRY(AddOutput(table, name, Source::kTtl, out));
  return out;
}

Result<Value> RowOutput::CellValue(const Output& output, const LiveRow* row, int64_t now_s) const {
  if (row == nullptr) return Value::Null();
  const ColumnSchema& schema = table_->schema.columns[output.column];
  const auto cells = CellsOf(*row, schema.id);
  if (schema.type.is_multi_cell()) return CollectionOf(schema.type, cells);
  if (cells.empty()) return Value::Null();
  const Cell& cell = cells.front();
  switch (output.source) {
    case Source::kWriteTime:
      return Value::Int(cell.write_us);
    case Source::kTtl:
      return cell.ttl_s == 0 ? Value::Null()
                             : Value::Int(ExpiryOf(cell.write_us, cell.ttl_s) - now_s);
    default:
      return DecodeCqlValue(schema.type, cell.value);
  }
}

Status RowOutput::Add(std::string_view key, const LiveRow* row, const LiveRow& static_row,
                      int64_t now_s) {
  MR_TRY(DecodeKey(*table_, key, key_values_));
  for (Output& output : outputs_) {
    const ColumnSchema& schema = table_->schema.columns[output.column];
    Result<Value> value = Value::Null();
    if (output.source != Source::kKey) {
      value = CellValue(output, schema.kind == ColumnKind::kStatic ? &static_row : row, now_s);
    } else if (output.column < key_values_.size()) {
      value = DecodeCqlValue(schema.type, key_values_[output.column]);
    }
    if (!value)
      return std::unexpected(std::move(value.error())
                                 .WithContext(fmt::format("table {}, column {}",
                                                          table_->schema.FullName(), schema.name)));
    output.values.push_back(std::move(*value));
  }
  ++rows_;
  return {};
}

data::Batch RowOutput::Finish() && {
  data::Batch batch;
  auto schema = std::make_shared<data::Schema>();
  for (Output& output : outputs_) {
    schema->fields.emplace_back(output.name, output.type, output.source != Source::kKey);
    batch.columns.push_back(data::ColumnFromValues(output.type, output.values));
  }
  batch.schema = std::move(schema);
  batch.rows = rows_;
  return batch;
}

}  // namespace millrace::store
