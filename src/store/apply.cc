// RocksStore::Apply: single mutations as merge operands.
#include <rocksdb/write_batch.h>

#include "store/collection_cells.h"
#include "store/cql_value.h"
#include "store/deletions.h"
#include "store/key.h"
#include "store/rocks_status.h"
#include "store/rocks_store.h"
#include "store/row.h"

namespace millrace::store {
namespace {

// The cells of one mutation for the row or for the static row, and what they point into.
struct RowChange {
  std::vector<Cell> cells;
  std::deque<std::string> values;
  std::deque<CollectionCells> collections;
};

Status AddCells(const Table& table, const Mutation& mutation, const CellChange& change,
                int32_t ttl_s, size_t column, RowChange& to) {
  const ColumnSchema& schema = table.schema.columns[column];
  const data::DataType& type = *table.sql.fields[column].type;
  if (schema.type.is_multi_cell()) {
    CollectionCells& cells =
        to.collections.emplace_back(schema.id, schema.type, mutation.write_us, ttl_s);
    switch (change.action) {
      case CellChange::Action::kSet:
        MR_TRY(cells.Replace(type, change.value));
        break;
      case CellChange::Action::kAdd:
        MR_TRY(cells.Add(type, change.value));
        break;
      case CellChange::Action::kRemove:
        MR_TRY(cells.Remove(type.kind() == data::TypeKind::kMap ? type.key() : type.element(),
                            change.value));
        break;
    }
    for (const Cell& cell : cells.cells()) to.cells.push_back(cell);
    return {};
  }
  if (change.action != CellChange::Action::kSet)
    return Fail(ErrorCode::kInvalidArgument, "column {} is {}: it can only be set", schema.name,
                schema.type.ToString());
  Cell cell{
      .column = schema.id, .tombstone = change.value.is_null(), .write_us = mutation.write_us};
  if (!cell.tombstone) {
    MR_TRY(AppendCqlValue(type, change.value, schema.type, to.values.emplace_back()));
    cell.value = to.values.back();
    cell.ttl_s = ttl_s;
  }
  to.cells.push_back(cell);
  return {};
}

Status Distribute(const Table& table, const Mutation& mutation, int32_t ttl_s, RowChange& row,
                  RowChange& static_row) {
  for (const CellChange& change : mutation.cells) {
    const auto column = table.schema.IndexOf(change.column);
    if (!column || table.schema.columns[*column].kind <= ColumnKind::kClustering)
      return Fail(ErrorCode::kInvalidArgument, "{} is {}", change.column,
                  column ? "a key column, which never changes" : "no column");
    const bool is_static = table.schema.columns[*column].kind == ColumnKind::kStatic;
    MR_TRY(AddCells(table, mutation, change, ttl_s, *column, is_static ? static_row : row));
  }
  const auto by_column = [](const Cell& a, const Cell& b) { return a.column < b.column; };
  std::stable_sort(row.cells.begin(), row.cells.end(), by_column);
  std::stable_sort(static_row.cells.begin(), static_row.cells.end(), by_column);
  for (const RowChange* change : {&row, &static_row})
    for (size_t i = 1; i < change->cells.size(); ++i)
      if (change->cells[i].column == change->cells[i - 1].column && !change->cells[i].has_path)
        return Fail(ErrorCode::kInvalidArgument, "one column is set twice");
  return {};
}

std::string RowBytes(const Mutation& mutation, int32_t ttl_s, bool alive, int64_t delete_us,
                     const std::vector<Cell>& cells) {
  std::string bytes;
  RowWriter writer(
      {.alive = alive, .write_us = mutation.write_us, .ttl_s = ttl_s, .delete_us = delete_us},
      bytes);
  for (const Cell& cell : cells) writer.Add(cell);
  return bytes;
}

using KeyValue = std::pair<std::string, std::string>;

Status AddUpsert(const Table& table, const Mutation& mutation, std::vector<KeyValue>& writes) {
  const int32_t ttl_s = mutation.ttl_s.value_or(table.schema.default_time_to_live_s);
  if (ttl_s < 0) return Fail(ErrorCode::kInvalidArgument, "a TTL of {} seconds", ttl_s);
  RowChange row;
  RowChange static_row;
  MR_TRY(Distribute(table, mutation, ttl_s, row, static_row));
  MR_ASSIGN(const std::string prefix, PartitionPrefix(table, mutation.key));
  const bool has_row_key = mutation.key.size() == table.key_count();
  if (!has_row_key && (!row.cells.empty() || static_row.cells.empty()))
    return Fail(ErrorCode::kInvalidArgument,
                "only static columns can be written without the clustering columns");
  if (has_row_key) {
    const bool alive = mutation.kind == Mutation::Kind::kInsert;
    MR_ASSIGN(std::string key, RowKey(table, mutation.key));
    if (alive || !row.cells.empty())
      writes.emplace_back(std::move(key),
                          RowBytes(mutation, alive ? ttl_s : 0, alive, kNeverWritten, row.cells));
  }
  if (!static_row.cells.empty())
    writes.emplace_back(prefix + static_cast<char>(RecordKind::kStatic),
                        RowBytes(mutation, 0, false, kNeverWritten, static_row.cells));
  return {};
}

Status AddDelete(const Table& table, const Mutation& mutation, std::vector<KeyValue>& writes) {
  // Without clustering columns a partition is its row.
  if (mutation.kind == Mutation::Kind::kDeleteRow || table.clustering_count() == 0) {
    if (mutation.key.size() != table.key_count())
      return Fail(ErrorCode::kInvalidArgument, "deleting a row needs its whole primary key");
    MR_ASSIGN(std::string key, RowKey(table, mutation.key));
    writes.emplace_back(std::move(key), RowBytes(mutation, 0, false, mutation.write_us, {}));
    return {};
  }
  Deletions deletions;
  if (mutation.kind == Mutation::Kind::kDeletePartition) {
    deletions.partition_us = mutation.write_us;
  } else {
    MR_ASSIGN(KeyRange range, ClusteringKeyRange(table, mutation.range));
    if (!range.end.empty() && range.end <= range.begin) return {};
    deletions.ranges.push_back({std::move(range), mutation.write_us});
  }
  MR_ASSIGN(const std::string prefix, PartitionPrefix(table, mutation.key));
  writes.emplace_back(prefix + static_cast<char>(RecordKind::kDeletions), deletions.Encode());
  return {};
}

}  // namespace

Status RocksStore::Apply(std::span<const Mutation> mutations) {
  MR_TRY(CheckWritable());
  std::vector<KeyValue> writes;
  for (const Mutation& mutation : mutations) {
    const Table& table = *mutation.table;
    const bool upsert = mutation.kind <= Mutation::Kind::kUpdate;
    auto status = upsert ? AddUpsert(table, mutation, writes) : AddDelete(table, mutation, writes);
    if (!status)
      return std::unexpected(
          std::move(status.error()).WithContext("table " + table.schema.FullName()));
  }
  rocksdb::WriteBatch batch;
  uint64_t bytes = 0;
  for (const auto& [key, value] : writes) {
    bytes += key.size() + value.size();
    batch.Merge(ShardOf(key), key, value);
  }
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  MR_TRY(FromRocks(db_->Write(options, &batch), "cannot write rows"));
  CountUnflushed(bytes);
  return {};
}

}  // namespace millrace::store
