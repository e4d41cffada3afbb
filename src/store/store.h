// Store: the embedded tables and the state of queries, in one RocksDB (DESIGN invariants 3d, 4 and
// 5).
//
//   MR_ASSIGN(auto store, Store::Open({.folder = "data/store"}));
//   MR_ASSIGN(TableHandle table, store->EnsureTable(schema));
//   MR_ASSIGN(auto writer, store->MakeTableWriter(table, query_schema));
//   MR_ASSIGN(auto rows, writer->Encode(batch, write_us, errors));       // on any thread
//   MR_TRY(store->Commit({.query = "q", .rows = ..., .progress = ...}));  // readable now, durable
//   when flushed MR_ASSIGN(ScanPage page, store->Scan(table, {.rows_max = 100}));
//
// Invariants
//   1. Rows are only ever merged, last write wins by cell: a table's content depends on the set of
//   its writes.
//   2. State and progress of an epoch go in as one write, after its rows. Rows may come before
//   because writing them
//      again changes nothing (invariant 1); progress never runs ahead of rows or state, in memory
//      or on disk.
//   3. Everything committed reaches stable storage together, in one atomic flush of all column
//   families.
//   4. Before a flush begins, `before_flush` has returned Ok (the log is synced up to what the rows
//   came from).
//   5. The first background error of RocksDB is final: `fatal` is called and nothing is written any
//   more.
//
// Thread contract: every function from any thread. Commits of one query come one after the other.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/state.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "store/mutation.h"
#include "store/scan.h"
#include "store/schema.h"
#include "store/table.h"

namespace millrace::store {

struct StoreOptions {
  std::string folder{};
  io::FileSystem* file_system = nullptr;  // nullptr: RocksDB's own, on the operating system's files
  io::Clock* clock = nullptr;             // nullptr: io::SystemClock(); decides what has expired
  int shards = 2;  // column families by token range, 1..64; fixed when the folder is made
  size_t memtable_bytes = size_t{24} << 20;  // by shard
  size_t block_cache_bytes = size_t{64} << 20;
  int background_threads = 2;
  uint64_t flush_source_bytes = uint64_t{64} << 20;  // unflushed source bytes that start a flush
  std::chrono::milliseconds flush_interval{30000};   // oldest unflushed commit that starts a flush
  // How often a store whose disk is full looks whether it can go on; until then commits are refused
  // with kResourceExhausted.
  std::chrono::milliseconds full_disk_retry{1000};
  // Called before every flush, on RocksDB's thread; its failure is fatal. Must not call the store.
  std::function<Status()> before_flush{};
  // Called once on a background error, but for a full disk; default: logs it and ends the process.
  std::function<void(const Error&)> fatal{};
  // Queries whose commits go through the write-ahead log, synced: those with an external source
  // (invariant 4).
  std::set<std::string> logged_queries{};
};

// Bytes of the moment.
struct StoreMetrics {
  uint64_t memtable_bytes = 0;
  uint64_t block_cache_bytes = 0;
  uint64_t file_bytes = 0;
  uint64_t unflushed_source_bytes = 0;    // committed and only in memory: what a crash would re-run
  uint64_t pending_compaction_bytes = 0;  // estimated
};

// Rows found for the keys of a lookup.
struct LookupResult {
  data::Batch rows;
  std::vector<uint32_t> key_rows;  // for each row, the number of the key it was found for; rising
};

class Store : public flow::StateStore {
 public:
  // Closing does not flush: what is to stay is flushed before. kUnavailable: locked by another
  // process; kDamaged; kInvalidArgument for impossible options.
  static Result<std::unique_ptr<Store>> Open(StoreOptions options);

  // --- Catalog. Each change is durable when it returns.
  // kAlreadyExists unless `if_not_exists`.
  virtual Status CreateKeyspace(const Keyspace& keyspace, bool if_not_exists) = 0;
  virtual Status CreateType(const UserType& type, bool if_not_exists) = 0;
  // Makes the table, or applies a compatible change to the stored one, or refuses with every
  // difference (kInvalidArgument). The keyspace must exist (kNotFound).
  virtual Result<TableHandle> EnsureTable(const TableSchema& wanted) = 0;
  virtual Result<TableHandle> FindTable(std::string_view keyspace, std::string_view name) = 0;
  virtual std::vector<TableHandle> Tables() = 0;
  virtual std::vector<Keyspace> Keyspaces() = 0;
  virtual std::vector<UserType> Types() = 0;
  // Runs `body`, whose changes of the catalog become durable together when this returns, with one
  // flush; other threads' changes wait. Returns the error of `body` or of the flush.
  virtual Status ChangeCatalog(const std::function<Status()>& body) = 0;
  virtual Status DropTable(std::string_view keyspace, std::string_view name) = 0;

  // --- Shadows: an empty table of the same shape under a hidden number, filled through its own
  // handle, then put in the place of the live one in one step. Handles and writers of the replaced
  // table are stale afterwards. A shadow does not outlive the process: Open drops what one left.
  virtual Result<TableHandle> CreateShadow(std::string_view keyspace, std::string_view name) = 0;
  virtual Result<TableHandle> SwapShadow(const TableHandle& shadow) = 0;
  virtual Status DropShadow(const TableHandle& shadow) = 0;

  // --- Writes.
  // Columns are matched by name, ignoring case; those the table does not have are left out.
  // kInvalidArgument names the missing key column or the type that does not fit.
  virtual Result<std::unique_ptr<flow::TableWriter>> MakeTableWriter(
      const TableHandle& table, const data::Schema& incoming) = 0;
  // Single upserts and deletes by Values; readable when it returns, durable when flushed.
  virtual Status Apply(std::span<const Mutation> mutations) = 0;

  // --- Reads, each of one snapshot.
  virtual Result<ScanPage> Scan(const TableHandle& table, const ScanRequest& request) = 0;
  // `keys`: one column per partition key column, or per primary key column, in key order and of the
  // columns' SQL types; `columns` as in ScanRequest. A key with a NULL finds nothing.
  virtual Result<LookupResult> Lookup(const TableHandle& table,
                                      std::span<const data::ColumnPtr> keys,
                                      const std::vector<std::string>& columns) = 0;

  virtual StoreMetrics Metrics() = 0;
  // Bytes of the table's rows in files, compressed: an estimate, from where its keys lie. Rows that
  // are not flushed yet are not in it.
  virtual Result<uint64_t> ApproximateBytes(const TableHandle& table) = 0;

  // --- Care.
  // A copy that Open() can open, made while writing goes on; flushes first. The folder must not
  // exist.
  virtual Status Checkpoint(const std::string& target_folder) = 0;
  // Reads every block of every file and checks it. kDamaged.
  virtual Status VerifyChecksums() = 0;
  // Merges everything into one run per shard (drops what has expired); for tests and care at quiet
  // times.
  virtual Status CompactAll() = 0;
  // Waits until no flush or compaction is running or due.
  virtual Status WaitUntilIdle() = 0;
};

}  // namespace millrace::store
