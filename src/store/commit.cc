// RocksStore's writes: epochs of queries, their progress and state.
#include <rocksdb/write_batch.h>

#include "base/bytes.h"
#include "store/key.h"
#include "store/rocks_status.h"
#include "store/rocks_store.h"
#include "store/state_key.h"

namespace millrace::store {
namespace {

// Rows go to RocksDB in batches that stay in the core's cache between being written and read.
constexpr size_t kBatchBytes = size_t{256} << 10;
constexpr size_t kRowsForTwoThreads = 2000;

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// The part of sorted rows that belongs to one shard. Parts of several batches are written one after
// the other: the memtable takes them as runs and merges them when they are flushed.
std::span<const StoredRows::Entry> PartOfShard(const StoredRows& rows, int shard, int shards) {
  const std::span<const StoredRows::Entry> entries = rows.entries();
  const auto first_from = [&](int wanted) {
    return std::partition_point(
        entries.begin(), entries.end(),
        [&](const StoredRows::Entry& entry) { return ShardOfToken(entry.token, shards) < wanted; });
  };
  return {first_from(shard), first_from(shard + 1)};
}

}  // namespace

rocksdb::ColumnFamilyHandle* RocksStore::ShardOf(std::string_view key) const {
  const auto token = LoadBig<uint64_t>(key.data() + kTokenAt);
  return row_families_[static_cast<size_t>(ShardOfToken(token, options_.shards))];
}

Status RocksStore::WriteShard(const std::vector<const StoredRows*>& rows, int shard) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  rocksdb::WriteBatch batch(kBatchBytes + kBatchBytes / 4);
  const auto write = [&]() -> Status {
    if (batch.Count() == 0) return {};
    MR_TRY(FromRocks(db_->Write(options, &batch), "cannot write rows"));
    batch.Clear();
    return {};
  };
  for (const StoredRows* one : rows) {
    for (const StoredRows::Entry& entry : PartOfShard(*one, shard, options_.shards)) {
      MR_TRY(AddRow(*one, entry, shard, batch));
      if (batch.GetDataSize() >= kBatchBytes) MR_TRY(write());
    }
  }
  return write();
}

Status RocksStore::AddRow(const StoredRows& rows, const StoredRows::Entry& entry, int shard,
                          rocksdb::WriteBatch& batch) const {
  return FromRocks(batch.Merge(row_families_[static_cast<size_t>(shard)], SliceOf(rows.key(entry)),
                               SliceOf(rows.value(entry))),
                   "cannot write a row");
}

Status RocksStore::WriteRows(const std::vector<const StoredRows*>& rows) {
  size_t count = 0;
  for (const StoredRows* one : rows) count += one->rows();
  if (count == 0) return {};
  const int shards = options_.shards;
  // Rows of different shards do not meet: two threads, every second shard each.
  const auto every_second = [&](int first) -> Status {
    for (int shard = first; shard < shards; shard += 2) MR_TRY(WriteShard(rows, shard));
    return {};
  };
  if (count < kRowsForTwoThreads || shards == 1) {
    MR_TRY(every_second(0));
    return every_second(1);
  }
  Status other;
  std::thread helper([&] { other = every_second(1); });
  const Status mine = every_second(0);
  helper.join();
  MR_TRY(mine);
  return other;
}

Status RocksStore::Commit(flow::EpochWrite write) {
  MR_TRY(CheckWritable());
  std::vector<const StoredRows*> rows;
  for (const auto& encoded : write.rows) {
    const auto* stored = dynamic_cast<const StoredRows*>(encoded.get());
    if (stored == nullptr)
      return Fail(ErrorCode::kInternal, "store: rows that another store encoded");
    rows.push_back(stored);
  }
  const bool logged = options_.logged_queries.contains(write.query);
  rocksdb::WriteBatch batch;
  if (logged) {
    for (const StoredRows* one : rows) {
      for (const StoredRows::Entry& entry : one->entries())
        MR_TRY(AddRow(*one, entry, ShardOfToken(entry.token, options_.shards), batch));
    }
  } else {
    MR_TRY(WriteRows(rows));
  }
  for (const flow::StateChange& change : write.state) {
    const std::string key = StateKey(write.query, change.operator_id, change.key_group, change.key);
    if (change.value) {
      batch.Put(state_family_, key, *change.value);
    } else {
      batch.Delete(state_family_, key);
    }
  }
  batch.Put(state_family_, ProgressKey(write.query), flow::EncodeProgress(write.progress));
  rocksdb::WriteOptions options;
  options.disableWAL = !logged;
  options.sync = logged;
  MR_TRY(FromRocks(db_->Write(options, &batch),
                   fmt::format("query {}: cannot commit an epoch", write.query)));
  CountUnflushed(write.source_bytes);
  return {};
}

void RocksStore::CountUnflushed(uint64_t source_bytes) {
  std::lock_guard lock(flush_mutex_);
  unflushed_bytes_ += source_bytes;
  const bool first = !oldest_unflushed_ns_;
  if (first) oldest_unflushed_ns_ = clock_.MonotonicNs();
  if (first || unflushed_bytes_ >= options_.flush_source_bytes) flush_wake_.notify_all();
}

Result<flow::Progress> RocksStore::ReadProgress(const std::string& query, rocksdb::ReadTier tier) {
  rocksdb::ReadOptions options;
  options.read_tier = tier;
  std::string bytes;
  const rocksdb::Status status = db_->Get(options, state_family_, ProgressKey(query), &bytes);
  if (status.IsNotFound()) return flow::Progress{};
  MR_TRY(FromRocks(status, fmt::format("query {}: cannot read its progress", query)));
  return flow::DecodeProgress(bytes);
}

Result<flow::Progress> RocksStore::LoadProgress(const std::string& query) {
  return ReadProgress(query, rocksdb::kReadAllTier);
}

Result<flow::Progress> RocksStore::FlushedProgress(const std::string& query) {
  // A synced write-ahead log is stable storage as well.
  const bool logged = options_.logged_queries.contains(query);
  return ReadProgress(query, logged ? rocksdb::kReadAllTier : rocksdb::kPersistedTier);
}

Status RocksStore::ScanState(
    const std::string& query, uint32_t operator_id,
    const std::function<bool(uint8_t, std::string_view, std::string_view)>& visit) {
  const std::string prefix = StatePrefix(query, operator_id);
  std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(rocksdb::ReadOptions(), state_family_));
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    const std::string_view rest = at->key().ToStringView().substr(prefix.size());
    if (rest.empty())
      return Fail(ErrorCode::kDamaged, "query {}: a state key has no key group", query);
    if (!visit(static_cast<uint8_t>(rest[0]), rest.substr(1), at->value().ToStringView())) break;
  }
  return FromRocks(at->status(), fmt::format("query {}: cannot read its state", query));
}

Result<std::optional<std::string>> RocksStore::GetState(const std::string& query,
                                                        uint32_t operator_id, uint8_t key_group,
                                                        std::string_view key) {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), state_family_,
                                          StateKey(query, operator_id, key_group, key), &value);
  if (status.IsNotFound()) return std::nullopt;
  MR_TRY(FromRocks(status, fmt::format("query {}: cannot read its state", query)));
  return std::optional(std::move(value));
}

Status RocksStore::DropQuery(const std::string& query) {
  MR_TRY(CheckWritable());
  rocksdb::WriteBatch batch;
  const std::string begin = StatePrefix(query);
  batch.DeleteRange(state_family_, begin, PrefixEnd(begin));
  batch.Delete(state_family_, ProgressKey(query));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  MR_TRY(FromRocks(db_->Write(options, &batch),
                   fmt::format("query {}: cannot drop its state", query)));
  return Flush();
}

}  // namespace millrace::store
