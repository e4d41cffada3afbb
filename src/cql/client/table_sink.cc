#include "cql/client/table_sink.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "store/cell_encoder.h"
#include "store/key.h"
#include "store/sql_types.h"

namespace millrace::cql {
namespace {

using store::ColumnKind;
using store::ColumnSchema;

// Cassandra warns of batches above 5 KiB and refuses those above 50.
constexpr size_t kBatchBytesMax = 4096;
constexpr size_t kBatchRowsMax = 64;
// Cassandra's bound of a mutation is 16 MiB, half of a commit log segment.
constexpr size_t kRowBytesMax = size_t{15} << 20;

struct MappedColumn {
  size_t source;  // in the batch
  const ColumnSchema* schema;
  store::CellEncoder encoder;
};

class CassandraWriter final : public flow::TableWriter {
 public:
  explicit CassandraWriter(store::TableSchema table) : table_(std::move(table)) {}

  Status Map(const data::Schema& incoming);
  Status Prepare(Client& client);
  Result<std::unique_ptr<flow::EncodedRows>> Encode(const data::Batch& batch,
                                                    std::span<const int64_t> write_us,
                                                    data::RowErrors& errors) const override;

 private:
  // What the rows of one call share: buffers, and why the last refused row was refused.
  struct Work {
    std::vector<std::string> keys;  // serialised key columns of the row
    std::string partition;
    const ColumnSchema* column = nullptr;
    std::string_view condition;
    std::string why;
  };

  bool EncodeRow(const data::Batch& batch, size_t row, int64_t write_us, BoundRows& rows,
                 Work& work) const;
  bool EncodeKeys(const data::Batch& batch, size_t row, Work& work) const;
  bool SerializePartition(Work& work) const;
  bool AppendValues(const data::Batch& batch, size_t row, int64_t write_us, std::string& out,
                    Work& work) const;
  static bool Refuse(Work& work, std::string_view condition, std::string_view why);

  const store::TableSchema table_;
  data::Schema incoming_;
  std::vector<MappedColumn> keys_;    // in key order
  std::vector<MappedColumn> values_;  // the others, in the table's order
  PreparedPtr statement_;
};

Status CassandraWriter::Map(const data::Schema& incoming) {
  incoming_ = incoming;
  for (const ColumnSchema& column : table_.columns) {
    const int source = incoming.IndexOf(column.name);
    const bool is_key = column.kind <= ColumnKind::kClustering;
    if (source < 0 && is_key)
      return Fail(ErrorCode::kInvalidArgument, "table {}: key column {} is missing in ({})",
                  table_.FullName(), column.name, incoming.ToString());
    if (source < 0) continue;
    const data::DataType& from = *incoming.fields[static_cast<size_t>(source)].type;
    if (auto status = store::CheckWritable(from, column.type); !status)
      return std::unexpected(
          std::move(status.error())
              .WithContext(fmt::format("table {}, column {}", table_.FullName(), column.name)));
    (is_key ? keys_ : values_)
        .push_back({static_cast<size_t>(source), &column, store::CellEncoder(from, column.type)});
  }
  return {};
}

Status CassandraWriter::Prepare(Client& client) {
  std::string names;
  std::string marks;
  for (const auto* columns : {&keys_, &values_}) {
    for (const MappedColumn& column : *columns) {
      names += (names.empty() ? "" : ", ") + store::QuoteIdentifier(column.schema->name);
      marks += marks.empty() ? "?" : ", ?";
    }
  }
  MR_ASSIGN(statement_,
            client.Prepare(fmt::format("INSERT INTO {}.{} ({}) VALUES ({}) USING TIMESTAMP ?",
                                       store::QuoteIdentifier(table_.keyspace),
                                       store::QuoteIdentifier(table_.name), names, marks)));
  return {};
}

bool CassandraWriter::Refuse(Work& work, std::string_view condition, std::string_view why) {
  work.condition = condition;
  work.why = why;
  return false;
}

bool CassandraWriter::EncodeKeys(const data::Batch& batch, size_t row, Work& work) const {
  work.keys.resize(keys_.size());
  for (size_t i = 0; i < keys_.size(); ++i) {
    const data::Column& values = *batch.columns[keys_[i].source];
    work.column = keys_[i].schema;
    if (values.IsNull(row)) return Refuse(work, "KEY_IS_NULL", "a key column cannot be NULL");
    work.keys[i].clear();
    work.condition = "VALUE_DOES_NOT_FIT";
    if (!keys_[i].encoder.Append(values, row, work.keys[i], work.why)) return false;
    if (work.keys[i].size() > UINT16_MAX)
      return Refuse(work, "VALUE_DOES_NOT_FIT", "a key column holds at most 65535 bytes");
  }
  return SerializePartition(work);
}

bool CassandraWriter::SerializePartition(Work& work) const {
  const size_t parts = table_.partition_count();
  work.partition.clear();
  work.column = keys_[0].schema;
  if (parts == 1) {
    if (work.keys[0].empty())
      return Refuse(work, "VALUE_DOES_NOT_FIT", "Cassandra has no empty partition key");
    work.partition = work.keys[0];
    return true;
  }
  for (size_t i = 0; i < parts; ++i) store::AppendCompositePart(work.keys[i], work.partition);
  if (work.partition.size() <= UINT16_MAX) return true;
  return Refuse(work, "VALUE_DOES_NOT_FIT", "a partition key holds at most 65535 bytes");
}

bool CassandraWriter::AppendValues(const data::Batch& batch, size_t row, int64_t write_us,
                                   std::string& out, Work& work) const {
  for (const std::string& key : work.keys) {
    AppendBig(out, static_cast<int32_t>(key.size()));
    out.append(key);
  }
  for (const MappedColumn& column : values_) {
    const data::Column& values = *batch.columns[column.source];
    const size_t at = out.size();
    AppendBig(out, int32_t{-1});
    if (values.IsNull(row)) continue;
    work.column = column.schema;
    work.condition = "VALUE_DOES_NOT_FIT";
    if (!column.encoder.Append(values, row, out, work.why)) return false;
    StoreBig(out.data() + at, static_cast<int32_t>(out.size() - at - sizeof(int32_t)));
  }
  AppendBig(out, int32_t{sizeof(int64_t)});
  AppendBig(out, write_us);
  return true;
}

bool CassandraWriter::EncodeRow(const data::Batch& batch, size_t row, int64_t write_us,
                                BoundRows& rows, Work& work) const {
  if (!EncodeKeys(batch, row, work)) return false;
  std::string& out = rows.buffer();
  BoundRows::Entry entry{.token = CassandraToken(work.partition),
                         .write_us = write_us,
                         .key_at = out.size(),
                         .partition_bytes = static_cast<uint32_t>(work.partition.size())};
  out.append(work.partition);
  for (size_t i = table_.partition_count(); i < work.keys.size(); ++i) {
    AppendBig(out, static_cast<uint16_t>(work.keys[i].size()));
    out.append(work.keys[i]);
  }
  const size_t values_at = out.size();
  entry.key_bytes = static_cast<uint32_t>(values_at - entry.key_at);
  if (!AppendValues(batch, row, write_us, out, work)) return false;
  if (out.size() - values_at > kRowBytesMax)
    return Refuse(work, "VALUE_DOES_NOT_FIT", "Cassandra takes rows of at most 15 MiB");
  entry.value_bytes = static_cast<uint32_t>(out.size() - values_at);
  rows.Add(entry);
  return true;
}

Result<std::unique_ptr<flow::EncodedRows>> CassandraWriter::Encode(
    const data::Batch& batch, std::span<const int64_t> write_us, data::RowErrors& errors) const {
  if (batch.columns.size() != incoming_.fields.size() || write_us.size() != batch.rows)
    return Fail(ErrorCode::kInternal, "table {}: a batch of {} columns and {} write times",
                table_.FullName(), batch.columns.size(), write_us.size());
  auto rows = std::make_unique<BoundRows>(statement_);
  Work work;
  for (size_t row = 0; row < batch.rows; ++row) {
    if (errors.Has(row)) continue;
    const size_t before = rows->buffer().size();
    if (EncodeRow(batch, row, write_us[row], *rows, work)) continue;
    rows->buffer().resize(before);
    errors.Add(
        row, work.condition,
        fmt::format("table {}, column {}: {}", table_.FullName(), work.column->name, work.why));
  }
  rows->Finish(std::ranges::none_of(
      values_, [](const MappedColumn& column) { return column.schema->type.is_multi_cell(); }));
  return rows;
}

}  // namespace

void BoundRows::Finish(bool replaces) {
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

Result<std::unique_ptr<flow::TableWriter>> MakeCassandraWriter(Client& client,
                                                               const store::TableSchema& table,
                                                               const data::Schema& incoming) {
  auto writer = std::make_unique<CassandraWriter>(table);
  MR_TRY(writer->Map(incoming));
  MR_TRY(writer->Prepare(client));
  return writer;
}

Status WriteRows(Client& client, std::span<const BoundRows* const> rows) {
  size_t count = 0;
  for (const BoundRows* one : rows) count += one->rows();
  std::vector<std::string_view> values;  // reserved: requests point into it
  values.reserve(count);
  std::vector<WriteRequest> requests;
  requests.reserve(count);
  for (const BoundRows* one : rows) {
    const auto& entries = one->entries();
    for (size_t i = 0; i < entries.size();) {
      const size_t begin = values.size();
      const std::string_view partition = one->partition(entries[i]);
      const int64_t token = entries[i].token;
      size_t bytes = 0;
      do {
        bytes += entries[i].value_bytes;
        values.push_back(one->values(entries[i++]));
      } while (i < entries.size() && entries[i].token == token &&
               values.size() - begin < kBatchRowsMax &&
               bytes + entries[i].value_bytes <= kBatchBytesMax &&
               one->partition(entries[i]) == partition);
      requests.push_back(
          {one->statement().get(), token, std::span(values).subspan(begin, values.size() - begin)});
    }
  }
  return client.Write(requests);
}

}  // namespace millrace::cql
