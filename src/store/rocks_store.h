// RocksStore: the Store on one RocksDB. Column families: "default" (catalog), "state" (progress and
// state of queries), "rows0".."rowsN-1" (rows, by token range). For .cc files of this module only.
//
// Lock order: catalog_mutex_ before RocksDB's own; flush_mutex_ is taken alone. Listener callbacks
// take flush_mutex_ only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include "store/catalog.h"
#include "store/row_merge_operator.h"
#include "store/store.h"
#include "store/table_writer.h"

namespace millrace::store {

class RocksStore final : public Store {
 public:
  explicit RocksStore(StoreOptions options);
  ~RocksStore() override;
  Status OpenDatabase();

  // flow::StateStore
  Result<flow::Progress> LoadProgress(const std::string& query) override;
  Status ScanState(
      const std::string& query, uint32_t operator_id,
      const std::function<bool(uint8_t, std::string_view, std::string_view)>& visit) override;
  Result<std::optional<std::string>> GetState(const std::string& query, uint32_t operator_id,
                                              uint8_t key_group, std::string_view key) override;
  Status Commit(flow::EpochWrite write) override;
  Result<flow::Progress> FlushedProgress(const std::string& query) override;
  Status Flush() override;
  Status DropQuery(const std::string& query) override;

  // Store
  Status CreateKeyspace(const Keyspace& keyspace, bool if_not_exists) override;
  Status ChangeCatalog(const std::function<Status()>& body) override;
  Status CreateType(const UserType& type, bool if_not_exists) override;
  Result<TableHandle> EnsureTable(const TableSchema& wanted) override;
  Result<TableHandle> FindTable(std::string_view keyspace, std::string_view name) override;
  std::vector<TableHandle> Tables() override;
  std::vector<Keyspace> Keyspaces() override;
  std::vector<UserType> Types() override;
  Status DropTable(std::string_view keyspace, std::string_view name) override;
  Result<TableHandle> CreateShadow(std::string_view keyspace, std::string_view name) override;
  Result<TableHandle> SwapShadow(const TableHandle& shadow) override;
  Status DropShadow(const TableHandle& shadow) override;
  Result<std::unique_ptr<flow::TableWriter>> MakeTableWriter(const TableHandle& table,
                                                             const data::Schema& incoming) override;
  Status Apply(std::span<const Mutation> mutations) override;
  Result<ScanPage> Scan(const TableHandle& table, const ScanRequest& request) override;
  Result<LookupResult> Lookup(const TableHandle& table, std::span<const data::ColumnPtr> keys,
                              const std::vector<std::string>& columns) override;
  StoreMetrics Metrics() override;
  Result<uint64_t> ApproximateBytes(const TableHandle& table) override;
  Status Checkpoint(const std::string& target_folder) override;
  Status VerifyChecksums() override;
  Status CompactAll() override;
  Status WaitUntilIdle() override;

 private:
  class InfoLog;
  class Listener;

  // store.cc
  io::FileSystem& Files() const;
  rocksdb::DBOptions DatabaseOptions();
  rocksdb::ColumnFamilyOptions RowsOptions();
  Status ReadOrWriteFormat();
  Status OpenWith(const std::vector<rocksdb::ColumnFamilyDescriptor>& families,
                  const std::vector<std::string>& present);
  void Fatal(const Error& error);
  // Commits are refused until TryToGoOn, which the flusher calls once a second, finds room.
  void NoteFullDisk(const Error& error);
  void TryToGoOn();
  Status WaitUntilFlushed();
  void FlushWhenDue();
  std::vector<rocksdb::ColumnFamilyHandle*> AllFamilies() const;
  // Writes a batch of catalog changes and makes it durable, within ChangeCatalog at its end;
  // publishes the tables to compaction.
  Status WriteCatalog(rocksdb::WriteBatch& batch);
  Status FlushCatalog();
  // Those that a process left behind which ended before it could swap or drop them.
  Status DropOrphanedShadows();
  void PublishTables();
  // Once the drop is durable, removes files that hold only rows of the table; the rest goes with
  // compaction.
  Status DropFilesOf(uint32_t table_id);
  // Ok unless a background error has ended writing, or the disk is full.
  Status CheckWritable();

  // commit.cc
  Status WriteRows(const std::vector<const StoredRows*>& rows);
  Status WriteShard(const std::vector<const StoredRows*>& rows, int shard);
  Status AddRow(const StoredRows& rows, const StoredRows::Entry& entry, int shard,
                rocksdb::WriteBatch& batch) const;
  void CountUnflushed(uint64_t source_bytes);
  rocksdb::ColumnFamilyHandle* ShardOf(std::string_view key) const;
  Result<flow::Progress> ReadProgress(const std::string& query, rocksdb::ReadTier tier);

  StoreOptions options_;
  io::Clock& clock_;
  std::shared_ptr<LiveTables> live_tables_ = std::make_shared<LiveTables>();
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* default_family_ = nullptr;
  rocksdb::ColumnFamilyHandle* state_family_ = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> row_families_;

  std::recursive_mutex catalog_mutex_;  // ChangeCatalog holds it around its body
  Catalog catalog_;
  bool holds_flush_ = false;  // within ChangeCatalog
  bool needs_flush_ = false;  // a change was made meanwhile

  std::atomic<bool> failed_{false};
  std::atomic<bool> disk_is_full_{false};
  std::atomic<bool> disk_was_full_{false};
  std::atomic<int64_t> resume_started_ns_{0};  // 0: none runs
  std::mutex flush_call_mutex_;
  std::mutex flush_mutex_;
  std::condition_variable flush_wake_;
  uint64_t unflushed_bytes_ = 0;
  std::optional<int64_t> oldest_unflushed_ns_;
  bool stopping_ = false;
  std::thread flusher_;
};

}  // namespace millrace::store
