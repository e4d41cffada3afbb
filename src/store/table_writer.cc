#include "store/table_writer.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/cell_encoder.h"
#include "store/collection_cells.h"
#include "store/cql_value.h"
#include "store/key.h"
#include "store/row.h"
#include "store/sql_types.h"

namespace millrace::store {
namespace {

constexpr size_t kValueBytesMax = size_t{256} << 20;

struct MappedColumn {
  size_t source;  // in the batch
  const ColumnSchema* schema;
  CellEncoder encoder;
};

class Writer final : public flow::TableWriter {
 public:
  explicit Writer(TableHandle table) : table_(std::move(table)) {}

  Status Map(const data::Schema& incoming);
  Result<std::unique_ptr<flow::EncodedRows>> Encode(const data::Batch& batch,
                                                    std::span<const int64_t> write_us,
                                                    data::RowErrors& errors) const override;

 private:
  // What the rows of one call share: buffers, and why the last refused row was refused.
  struct Work {
    std::string partition_key;
    std::string part;
    const ColumnSchema* column = nullptr;
    std::string_view condition;
    std::string why;
  };

  bool AppendKey(const data::Batch& batch, size_t row, std::string& out, size_t& partition_size,
                 Work& work) const;
  bool AppendPartitionKey(const data::Batch& batch, size_t row, std::string& out, Work& work) const;
  bool AppendCells(const std::vector<MappedColumn>& columns, const data::Batch& batch, size_t row,
                   int64_t write_us, bool alive, std::string& out, Work& work) const;
  bool EncodeRow(const data::Batch& batch, size_t row, int64_t write_us, StoredRows& rows,
                 Work& work) const;
  bool EncodeKeyValue(const MappedColumn& column, const data::Batch& batch, size_t row,
                      std::string& out, Work& work) const;

  TableHandle table_;
  data::Schema incoming_;
  std::vector<MappedColumn> keys_;  // in key order
  std::vector<MappedColumn> cells_;
  std::vector<MappedColumn> statics_;
};

Status Writer::Map(const data::Schema& incoming) {
  incoming_ = incoming;
  const std::string& name = table_->schema.FullName();
  for (const ColumnSchema& column : table_->schema.columns) {
    const int source = incoming.IndexOf(column.name);
    const bool is_key = column.kind <= ColumnKind::kClustering;
    if (source < 0 && is_key)
      return Fail(ErrorCode::kInvalidArgument, "table {}: key column {} is missing in ({})", name,
                  column.name, incoming.ToString());
    if (source < 0) continue;
    const data::DataType& from = *incoming.fields[static_cast<size_t>(source)].type;
    auto status = CheckWritable(from, column.type);
    if (!status)
      return std::unexpected(
          std::move(status.error())
              .WithContext(fmt::format("table {}, column {}", name, column.name)));
    auto& to = is_key ? keys_ : column.kind == ColumnKind::kStatic ? statics_ : cells_;
    to.push_back({static_cast<size_t>(source), &column, CellEncoder(from, column.type)});
  }
  const auto by_id = [](const MappedColumn& a, const MappedColumn& b) {
    return a.schema->id < b.schema->id;
  };
  std::sort(cells_.begin(), cells_.end(), by_id);
  std::sort(statics_.begin(), statics_.end(), by_id);
  return {};
}

bool Writer::EncodeKeyValue(const MappedColumn& column, const data::Batch& batch, size_t row,
                            std::string& out, Work& work) const {
  const data::Column& values = *batch.columns[column.source];
  work.column = column.schema;
  if (values.IsNull(row)) {
    work.condition = "KEY_IS_NULL";
    work.why = "a key column cannot be NULL";
    return false;
  }
  work.condition = "VALUE_DOES_NOT_FIT";
  const size_t before = out.size();
  if (!column.encoder.Append(values, row, out, work.why)) return false;
  if (out.size() - before <= UINT16_MAX) return true;
  work.why = "a key column holds at most 65535 bytes";
  return false;
}

bool Writer::AppendPartitionKey(const data::Batch& batch, size_t row, std::string& out,
                                Work& work) const {
  std::string& serialized = work.partition_key;
  serialized.clear();
  if (table_->partition_count() == 1) {
    if (!EncodeKeyValue(keys_[0], batch, row, serialized, work)) return false;
  } else {
    std::string& part = work.part;
    for (size_t i = 0; i < table_->partition_count(); ++i) {
      part.clear();
      if (!EncodeKeyValue(keys_[i], batch, row, part, work)) return false;
      AppendCompositePart(part, serialized);
    }
    if (serialized.size() > UINT16_MAX) {
      work.why = "a partition key holds at most 65535 bytes";
      return false;
    }
  }
  AppendPartition(*table_, serialized, out);
  return true;
}

bool Writer::AppendKey(const data::Batch& batch, size_t row, std::string& out,
                       size_t& partition_size, Work& work) const {
  const size_t before = out.size();
  if (!AppendPartitionKey(batch, row, out, work)) return false;
  partition_size = out.size() - before;
  out.push_back(static_cast<char>(RecordKind::kRow));
  std::string& serialized = work.part;
  for (size_t i = table_->partition_count(); i < keys_.size(); ++i) {
    serialized.clear();
    if (!EncodeKeyValue(keys_[i], batch, row, serialized, work)) return false;
    AppendOrdered(keys_[i].schema->type, keys_[i].schema->descending, serialized, out);
  }
  return true;
}

bool Writer::AppendCells(const std::vector<MappedColumn>& columns, const data::Batch& batch,
                         size_t row, int64_t write_us, bool alive, std::string& out,
                         Work& work) const {
  const RowHeader header{
      .alive = alive, .write_us = write_us, .ttl_s = table_->schema.default_time_to_live_s};
  RowWriter writer(header, out);
  for (const MappedColumn& column : columns) {
    const data::Column& values = *batch.columns[column.source];
    work.column = column.schema;
    work.condition = "VALUE_DOES_NOT_FIT";
    if (column.schema->type.is_multi_cell()) {
      CollectionCells cells(column.schema->id, column.schema->type, write_us, header.ttl_s);
      const auto status = cells.Replace(column.encoder.from(), values.ValueAt(row));
      if (!status) {
        work.why = status.error().message;
        return false;
      }
      for (const Cell& cell : cells.cells()) writer.Add(cell);
    } else if (values.IsNull(row)) {
      writer.Add({.column = column.schema->id, .tombstone = true, .write_us = write_us});
    } else {
      writer.BeginPlain(column.schema->id);
      if (!column.encoder.AppendSized(values, row, out, work.why)) return false;
    }
  }
  return true;
}

bool Writer::EncodeRow(const data::Batch& batch, size_t row, int64_t write_us, StoredRows& rows,
                       Work& work) const {
  std::string& out = rows.buffer();
  const size_t key_at = out.size();
  size_t partition_size = 0;
  if (!AppendKey(batch, row, out, partition_size, work)) return false;
  const size_t value_at = out.size();
  if (!AppendCells(cells_, batch, row, write_us, true, out, work)) return false;
  if (out.size() - value_at > kValueBytesMax) {
    work.why = "a row holds at most 256 MiB";
    return false;
  }
  size_t static_key_at = 0;
  size_t static_value_at = 0;
  if (!statics_.empty()) {
    static_key_at = out.size();
    out.append(out, key_at, partition_size).push_back(static_cast<char>(RecordKind::kStatic));
    static_value_at = out.size();
    if (!AppendCells(statics_, batch, row, write_us, false, out, work)) return false;
  }
  const size_t end = out.size();
  rows.AddEntry(key_at, value_at, write_us, statics_.empty() ? end : static_key_at);
  if (!statics_.empty()) rows.AddEntry(static_key_at, static_value_at, write_us, end);
  return true;
}

Result<std::unique_ptr<flow::EncodedRows>> Writer::Encode(const data::Batch& batch,
                                                          std::span<const int64_t> write_us,
                                                          data::RowErrors& errors) const {
  if (batch.columns.size() != incoming_.fields.size() || write_us.size() != batch.rows)
    return Fail(
        ErrorCode::kInternal,
        "table {}: a batch of {} columns with {} write times for {} rows, wanted {} columns",
        table_->schema.FullName(), batch.columns.size(), write_us.size(), batch.rows,
        incoming_.fields.size());
  auto rows = std::make_unique<StoredRows>(table_);
  size_t bytes = batch.rows * 64;
  for (const MappedColumn& column : cells_) bytes += batch.columns[column.source]->MemoryBytes();
  rows->Reserve(batch.rows, bytes);
  Work work;
  for (size_t row = 0; row < batch.rows; ++row) {
    if (errors.Has(row)) continue;
    const size_t before = rows->buffer().size();
    if (EncodeRow(batch, row, write_us[row], *rows, work)) continue;
    rows->buffer().resize(before);
    errors.Add(row, work.condition,
               fmt::format("table {}, column {}: {}", table_->schema.FullName(), work.column->name,
                           work.why));
  }
  const bool has_collections =
      std::any_of(cells_.begin(), cells_.end(),
                  [](const MappedColumn& column) { return column.schema->type.is_multi_cell(); });
  rows->Finish(!has_collections);
  return rows;
}

}  // namespace

void StoredRows::Reserve(size_t rows, size_t bytes) {
  entries_.reserve(rows);
  buffer_.reserve(bytes);
}

void StoredRows::AddEntry(size_t key_at, size_t value_at, int64_t write_us, size_t end) {
  const uint64_t token = LoadBig<uint64_t>(buffer_.data() + key_at + kTokenAt);
  entries_.push_back({token, key_at, static_cast<uint32_t>(value_at - key_at),
                      static_cast<uint32_t>(end - value_at), write_us});
}

void StoredRows::Finish(bool replaces) {
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    if (a.token != b.token) return a.token < b.token;
    const int order = key(a).compare(key(b));
    return order != 0 ? order < 0 : a.write_us < b.write_us;
  });
  if (!replaces) return;
  size_t kept = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const bool replaced = i + 1 < entries_.size() && entries_[i].token == entries_[i + 1].token &&
                          entries_[i].write_us < entries_[i + 1].write_us &&
                          key(entries_[i]) == key(entries_[i + 1]);
    if (!replaced) entries_[kept++] = entries_[i];
  }
  entries_.resize(kept);
}

Result<std::unique_ptr<flow::TableWriter>> NewTableWriter(const TableHandle& table,
                                                          const data::Schema& incoming) {
  auto writer = std::make_unique<Writer>(table);
  MR_TRY(writer->Map(incoming));
  return writer;
}

}  // namespace millrace::store
