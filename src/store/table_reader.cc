#include "store/table_reader.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/rocks_status.h"
#include "store/rocks_store.h"

namespace millrace::store {
namespace {

constexpr char kPagingVersion = 1;

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

std::string WithKind(std::string_view prefix, RecordKind kind) {
  return std::string(prefix) + static_cast<char>(kind);
}

// The least possible key of a biased token, or of the table behind for the one past the last.
std::string TokenKey(const Table& table, uint64_t biased) {
  std::string key;
  AppendBig(key, table.id);
  AppendBig(key, biased);
  return key;
}

}  // namespace

TableReader::TableReader(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& shards,
                         TableHandle table, int64_t now_s)
    : db_(db),
      shards_(shards),
      table_(std::move(table)),
      now_s_(now_s),
      snapshot_(db.GetSnapshot()) {
  read_.snapshot = snapshot_;
}

TableReader::~TableReader() { db_.ReleaseSnapshot(snapshot_); }

std::unexpected<Error> TableReader::Damaged(std::string_view what) const {
  return Fail(ErrorCode::kDamaged, "table {}: a stored {} cannot be read",
              table_->schema.FullName(), what);
}

rocksdb::ColumnFamilyHandle* TableReader::ShardOf(std::string_view prefix) const {
  const auto token = LoadBig<uint64_t>(prefix.data() + kTokenAt);
  return shards_[static_cast<size_t>(ShardOfToken(token, static_cast<int>(shards_.size())))];
}

Result<std::optional<std::string>> TableReader::Get(const std::string& key) {
  std::string value;
  const rocksdb::Status status = db_.Get(read_, ShardOf(key), key, &value);
  if (status.IsNotFound()) return std::nullopt;
  MR_TRY(FromRocks(status, fmt::format("table {}: cannot read", table_->schema.FullName())));
  return std::optional(std::move(value));
}

Status TableReader::SetStatic(std::string_view bytes, Partition& partition) {
  partition.static_bytes.assign(bytes);
  if (!ReadLiveRow(partition.static_bytes, partition.deletions.partition_us, now_s_,
                   partition.static_row))
    return Damaged("static row");
  return {};
}

Status TableReader::LoadPartition(std::string prefix, Partition& partition) {
  partition = {};
  partition.prefix = std::move(prefix);
  if (table_->clustering_count() == 0) return {};  // deletes are in the row itself
  MR_ASSIGN(const auto deletions, Get(WithKind(partition.prefix, RecordKind::kDeletions)));
  if (deletions && !Deletions::Decode(*deletions, partition.deletions)) return Damaged("delete");
  if (!table_->schema.has_static()) return {};
  MR_ASSIGN(const auto static_row, Get(WithKind(partition.prefix, RecordKind::kStatic)));
  return static_row ? SetStatic(*static_row, partition) : Status();
}

Status TableReader::EmitRow(Partition& partition, std::string_view key, std::string_view value,
                            RowOutput& out, bool& emitted) {
  LiveRow row;
  const int64_t deleted_us = partition.deletions.NewestFor(key.substr(partition.prefix.size() + 1));
  if (!ReadLiveRow(value, deleted_us, now_s_, row)) return Damaged("row");
  emitted = row.exists;
  if (!row.exists) return {};
  partition.had_rows = true;
  return out.Add(key, &row, partition.static_row, now_s_);
}

Status TableReader::EmitStaticOnly(const Partition& partition, RowOutput& out) {
  if (partition.had_rows || partition.static_row.cells.empty()) return {};
  return out.Add(WithKind(partition.prefix, RecordKind::kStatic), nullptr, partition.static_row,
                 now_s_);
}

Result<ScanPage> TableReader::Scan(const ScanRequest& request) {
  MR_ASSIGN(RowOutput out,
            RowOutput::Make(table_, request.columns, request.write_times, request.ttls));
  if (request.rows_max == 0) return Fail(ErrorCode::kInvalidArgument, "a page of 0 rows");
  if (!request.paging_state.empty() &&
      (request.paging_state[0] != kPagingVersion ||
       PartitionSize(*table_, request.paging_state.substr(1)) == 0))
    return Fail(ErrorCode::kInvalidArgument, "table {}: this paging state is of no page of it",
                table_->schema.FullName());
  return request.partition ? ScanPartition(request, out) : ScanTokens(request, out);
}

Result<ScanPage> TableReader::ScanPartition(const ScanRequest& request, RowOutput& out) {
  Partition partition;
  MR_ASSIGN(std::string prefix, PartitionPrefix(*table_, *request.partition));
  MR_TRY(LoadPartition(std::move(prefix), partition));
  MR_ASSIGN(const KeyRange range, ClusteringKeyRange(*table_, request.clustering));
  const std::string rows = WithKind(partition.prefix, RecordKind::kRow);
  std::string begin = rows + range.begin;
  std::string end = range.end.empty() ? PrefixEnd(rows) : rows + range.end;
  const bool resumed = !request.paging_state.empty();
  if (resumed) {
    const std::string last = request.paging_state.substr(1);
    if (request.reversed) {
      end = std::min(end, last);
    } else {
      begin = std::max(begin, last + '\0');
    }
  }
  ScanPage page;
  if (begin < end) {
    rocksdb::ReadOptions read = read_;
    const rocksdb::Slice lower(begin);
    const rocksdb::Slice upper(end);
    read.iterate_lower_bound = &lower;
    read.iterate_upper_bound = &upper;
    std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(read, ShardOf(partition.prefix)));
    for (request.reversed ? at->SeekToLast() : at->SeekToFirst(); at->Valid();
         request.reversed ? at->Prev() : at->Next()) {
      bool emitted = false;
      MR_TRY(EmitRow(partition, View(at->key()), View(at->value()), out, emitted));
      if (!emitted || out.rows() < request.rows_max) continue;
      page.paging_state = kPagingVersion + at->key().ToString();
      break;
    }
    MR_TRY(
        FromRocks(at->status(), fmt::format("table {}: cannot read", table_->schema.FullName())));
  }
  const bool restricted =
      !request.clustering.equal.empty() || request.clustering.lower || request.clustering.upper;
  if (!restricted && !resumed) MR_TRY(EmitStaticOnly(partition, out));
  page.rows = std::move(out).Finish();
  return page;
}

Result<ScanPage> TableReader::ScanTokens(const ScanRequest& request, RowOutput& out) {
  const auto shards = static_cast<int>(shards_.size());
  const uint64_t first =
      request.token_after == INT64_MIN ? 0 : BiasedToken(request.token_after) + 1;
  const uint64_t last = BiasedToken(request.token_to);
  const bool resumed = !request.paging_state.empty();
  std::string start = resumed ? request.paging_state.substr(1) + '\0' : TokenKey(*table_, first);
  const std::string end = last == UINT64_MAX ? PrefixEnd(TokenKey(*table_, 0).substr(0, kTokenAt))
                                             : TokenKey(*table_, last + 1);
  ScanPage page;
  if (first == 0 && request.token_after != INT64_MIN)
    start = end;  // after the last token there is none
  if (start < end) {
    std::string last_key;
    bool full = false;
    for (int shard = ShardOfToken(LoadBig<uint64_t>(start.data() + kTokenAt), shards);
         shard <= ShardOfToken(last, shards) && !full; ++shard) {
      MR_ASSIGN(full, ScanShard(static_cast<size_t>(shard), start, end, resumed, request.rows_max,
                                out, last_key));
    }
    if (full) page.paging_state = kPagingVersion + last_key;
  }
  page.rows = std::move(out).Finish();
  return page;
}

Result<bool> TableReader::ScanShard(size_t shard, const std::string& start, const std::string& end,
                                    bool resumed, size_t rows_max, RowOutput& out,
                                    std::string& last_key) {
  rocksdb::ReadOptions read = read_;
  const rocksdb::Slice lower(start);
  const rocksdb::Slice upper(end);
  read.iterate_lower_bound = &lower;
  read.iterate_upper_bound = &upper;
  read.readahead_size = 0;
  Partition partition;
  std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(read, shards_[shard]));
  // Closes a partition; true when that filled the page.
  const auto close = [&]() -> Result<bool> {
    const size_t before = out.rows();
    if (!partition.prefix.empty()) MR_TRY(EmitStaticOnly(partition, out));
    last_key = WithKind(partition.prefix, RecordKind::kStatic);
    return out.rows() > before && out.rows() >= rows_max;
  };
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::string_view key = View(at->key());
    if (partition.prefix.empty() || !key.starts_with(partition.prefix)) {
      MR_ASSIGN(const bool full, close());
      if (full) return true;
      const size_t size = PartitionSize(*table_, key);
      if (size == 0) return Damaged("key");
      const bool middle =
          resumed && partition.prefix.empty() && start.starts_with(key.substr(0, size));
      std::string prefix(key.substr(0, size));
      if (middle) {
        MR_TRY(LoadPartition(std::move(prefix), partition));
        partition.had_rows = true;
      } else {
        partition = {};
        partition.prefix = std::move(prefix);
      }
    }
    const auto kind = static_cast<RecordKind>(key[partition.prefix.size()]);
    if (kind == RecordKind::kDeletions) {
      if (!Deletions::Decode(View(at->value()), partition.deletions)) return Damaged("delete");
    } else if (kind == RecordKind::kStatic) {
      MR_TRY(SetStatic(View(at->value()), partition));
    } else {
      bool emitted = false;
      MR_TRY(EmitRow(partition, key, View(at->value()), out, emitted));
      last_key.assign(key);
      if (emitted && out.rows() >= rows_max) return true;
    }
  }
  MR_TRY(FromRocks(at->status(), fmt::format("table {}: cannot read", table_->schema.FullName())));
  return close();
}

Status TableReader::LookupOne(const data::Value::List& key, RowOutput& out) {
  Partition partition;
  MR_ASSIGN(std::string prefix, PartitionPrefix(*table_, key));
  MR_TRY(LoadPartition(std::move(prefix), partition));
  bool emitted = false;
  if (key.size() == table_->key_count()) {
    MR_ASSIGN(const std::string row_key, RowKey(*table_, key));
    MR_ASSIGN(const auto value, Get(row_key));
    return value ? EmitRow(partition, row_key, *value, out, emitted) : Status();
  }
  const std::string begin = WithKind(partition.prefix, RecordKind::kRow);
  const std::string end = PrefixEnd(begin);
  rocksdb::ReadOptions read = read_;
  const rocksdb::Slice upper(end);
  read.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(read, ShardOf(partition.prefix)));
  for (at->Seek(begin); at->Valid(); at->Next())
    MR_TRY(EmitRow(partition, View(at->key()), View(at->value()), out, emitted));
  MR_TRY(FromRocks(at->status(), fmt::format("table {}: cannot read", table_->schema.FullName())));
  return EmitStaticOnly(partition, out);
}

Result<LookupResult> TableReader::Lookup(std::span<const data::ColumnPtr> keys,
                                         const std::vector<std::string>& columns) {
  if (keys.size() != table_->key_count() && keys.size() != table_->partition_count())
    return Fail(ErrorCode::kInvalidArgument,
                "table {}: a lookup by {} columns, wanted {} (partition key) or {} (primary key)",
                table_->schema.FullName(), keys.size(), table_->partition_count(),
                table_->key_count());
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i]->type() != *table_->sql.fields[i].type)
      return Fail(ErrorCode::kInvalidArgument,
                  "table {}: key column {} is looked up by {}, wanted {}",
                  table_->schema.FullName(), table_->schema.columns[i].name,
                  keys[i]->type().ToDdl(), table_->sql.fields[i].type->ToDdl());
  MR_ASSIGN(RowOutput out, RowOutput::Make(table_, columns, {}, {}));
  LookupResult result;
  const size_t count = keys.empty() ? 0 : keys[0]->length();
  data::Value::List key(keys.size());
  for (size_t row = 0; row < count; ++row) {
    bool has_null = false;
    for (size_t i = 0; i < keys.size(); ++i) {
      key[i] = keys[i]->ValueAt(row);
      has_null = has_null || key[i].is_null();
    }
    if (has_null) continue;
    const Status found = LookupOne(key, out);
    // A value that can be no key, such as a text that is no uuid, is the key of no row.
    if (!found && found.error().code != ErrorCode::kInvalidArgument)
      return std::unexpected(found.error());
    result.key_rows.resize(out.rows(), static_cast<uint32_t>(row));
  }
  result.rows = std::move(out).Finish();
  return result;
}

Result<ScanPage> RocksStore::Scan(const TableHandle& table, const ScanRequest& request) {
  const TimestampUs now = request.now ? *request.now : clock_.Now();
  return TableReader(*db_, row_families_, table, now.value / 1000000).Scan(request);
}

Result<LookupResult> RocksStore::Lookup(const TableHandle& table,
                                        std::span<const data::ColumnPtr> keys,
                                        const std::vector<std::string>& columns) {
  return TableReader(*db_, row_families_, table, clock_.Now().value / 1000000)
      .Lookup(keys, columns);
}

}  // namespace millrace::store
