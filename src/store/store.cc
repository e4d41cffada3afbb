#include "store/store.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include "base/bytes.h"
#include "base/logging.h"
#include "store/rocks_file_system.h"
#include "store/rocks_status.h"
#include "store/rocks_store.h"
#include "store/run_memtable.h"

namespace millrace::store {
namespace {

constexpr char kFormatVersion = 1;
constexpr char kFormatKey[] = "F";
constexpr int kShardsMax = 64;
// Sorted runs of a shard that start a merge: each is a look with a Bloom filter more for a reader,
// and each merge writes rows again.
constexpr int kRunsThatMerge = 12;
constexpr int kSmallRunsAtMost = 128;
// A Resume of RocksDB that takes longer will not end: the process has to.
constexpr int64_t kResumeNsMax = int64_t{120} * 1'000'000'000;

std::string RowsFamily(int shard) { return fmt::format("rows{}", shard); }

[[noreturn]] void EndProcess(const Error& error) {
  logging::Error("store.failed", {{"error", error.ToString()}});
  std::abort();
}

}  // namespace

// RocksDB's own messages, from warnings on, as events of ours; it writes no LOG file.
class RocksStore::InfoLog final : public rocksdb::Logger {
 public:
  InfoLog() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char text[1024];
    std::vsnprintf(text, sizeof(text), format, arguments);
    logging::Warning("store.rocksdb", {{"message", text}});
  }
};

// What RocksDB tells: flushes about to begin, memtables closed, background errors.
class RocksStore::Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(RocksStore& store) : store_(store) {}

  void OnFlushBegin(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    if (!store_.options_.before_flush) return;
    const Status status = store_.options_.before_flush();
    if (!status)
      store_.Fatal(Error(status.error()).WithContext("cannot sync the log before a flush"));
  }

  void OnMemTableSealed(const rocksdb::MemTableInfo&) override {
    std::lock_guard lock(store_.flush_mutex_);
    store_.unflushed_bytes_ = 0;
    store_.oldest_unflushed_ns_.reset();
  }

  // A full disk has harmed nothing: what was not written is still in memory. A compaction is tried
  // again by RocksDB; taken for an error, it would make the next Resume of RocksDB 7.8 hang.
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override {
    const Error error = ErrorOf(*status, fmt::format("store {}", store_.options_.folder));
    if (!status->IsNoSpace()) return store_.Fatal(error);
    if (reason == rocksdb::BackgroundErrorReason::kCompaction) {
      logging::Warning("store.no_room_to_compact", {{"error", error.message}});
      *status = rocksdb::Status::OK();
      return;
    }
    store_.NoteFullDisk(error);
  }

  // The store does it: RocksDB would look for room every five seconds.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  RocksStore& store_;
};

Result<std::unique_ptr<Store>> Store::Open(StoreOptions options) {
  if (options.shards < 1 || options.shards > kShardsMax)
    return Fail(ErrorCode::kInvalidArgument, "store: {} shards, possible are 1 to {}",
                options.shards, kShardsMax);
  auto store = std::make_unique<RocksStore>(std::move(options));
  MR_TRY(store->OpenDatabase());
  return store;
}

RocksStore::RocksStore(StoreOptions options)
    : options_(std::move(options)),
      clock_(options_.clock != nullptr ? *options_.clock : io::SystemClock()) {}

RocksStore::~RocksStore() {
  if (flusher_.joinable()) {
    {
      std::lock_guard lock(flush_mutex_);
      stopping_ = true;
    }
    flush_wake_.notify_all();
    flusher_.join();
  }
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* family : AllFamilies()) db_->DestroyColumnFamilyHandle(family);
  db_->Close();
}

rocksdb::DBOptions RocksStore::DatabaseOptions() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.atomic_flush = true;
  options.max_background_jobs = options_.background_threads;
  options.max_subcompactions = 1;
  options.max_bgerror_resume_count = 0;
  options.max_open_files = 512;
  options.max_file_opening_threads = 1;  // of each start; there are few files
  options.avoid_flush_during_shutdown = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.info_log = std::make_shared<InfoLog>();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.bytes_per_sync = size_t{1} << 20;
  options.listeners.push_back(std::make_shared<Listener>(*this));
  options.env = env_.get();
  return options;
}

rocksdb::ColumnFamilyOptions RocksStore::RowsOptions() {
  rocksdb::ColumnFamilyOptions options;
  options.merge_operator = NewRowMergeOperator();
  options.compaction_filter_factory = NewRowFilterFactory(live_tables_, clock_);
  options.write_buffer_size = options_.memtable_bytes;
  options.memtable_factory = NewRunMemTableFactory();
  options.max_write_buffer_number = 3;
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.level0_file_num_compaction_trigger = kRunsThatMerge;
  options.level0_slowdown_writes_trigger = 3 * kRunsThatMerge;
  options.level0_stop_writes_trigger = 4 * kRunsThatMerge;
  // What is flushed is soon merged: only then is it worth compressing.
  options.compression = rocksdb::kLZ4Compression;
  options.compression_per_level = {rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(options_.block_cache_bytes);
  table.block_size = size_t{16} << 10;
  table.format_version = 5;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Families that are missing are made together: one by one, RocksDB would write its options anew
// after each.
Status RocksStore::OpenWith(const std::vector<rocksdb::ColumnFamilyDescriptor>& families,
                            const std::vector<std::string>& present) {
  std::vector<rocksdb::ColumnFamilyDescriptor> old_families;
  std::vector<rocksdb::ColumnFamilyDescriptor> new_families;
  for (const rocksdb::ColumnFamilyDescriptor& family : families) {
    const bool is_there = std::ranges::find(present, family.name) != present.end();
    (is_there ? old_families : new_families).push_back(family);
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status opened =
      rocksdb::DB::Open(DatabaseOptions(), options_.folder, old_families, &handles, &db);
  MR_TRY(FromRocks(opened, fmt::format("cannot open the store {}", options_.folder)));
  db_.reset(db);
  std::map<std::string, rocksdb::ColumnFamilyHandle*> by_name;
  for (rocksdb::ColumnFamilyHandle* handle : handles) by_name[handle->GetName()] = handle;
  handles.clear();
  if (!new_families.empty()) {
    const rocksdb::Status made = db_->CreateColumnFamilies(new_families, &handles);
    for (rocksdb::ColumnFamilyHandle* handle : handles) by_name[handle->GetName()] = handle;
    if (!made.ok()) {
      for (const auto& [name, handle] : by_name) db_->DestroyColumnFamilyHandle(handle);
      db_.reset();
      return FromRocks(made, fmt::format("cannot make the store {}", options_.folder));
    }
  }
  default_family_ = by_name.at(families[0].name);
  state_family_ = by_name.at(families[1].name);
  for (size_t i = 2; i < families.size(); ++i)
    row_families_.push_back(by_name.at(families[i].name));
  return {};
}

io::FileSystem& RocksStore::Files() const {
  return options_.file_system != nullptr ? *options_.file_system : io::PosixFileSystem();
}

Status RocksStore::OpenDatabase() {
  MR_TRY(io::CreateFoldersDurably(Files(), options_.folder));
  env_ = NewRocksEnv(options_.file_system);
  // A store that exists says itself how many shards it has.
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies(DatabaseOptions(), options_.folder, &names).ok())
    names = {rocksdb::kDefaultColumnFamilyName};
  if (names.size() > 2) options_.shards = static_cast<int>(names.size()) - 2;
  const rocksdb::ColumnFamilyOptions rows = RowsOptions();
  rocksdb::ColumnFamilyOptions small;
  small.write_buffer_size = size_t{8} << 20;
  small.max_write_buffer_number = rows.max_write_buffer_number;  // all are flushed together
  // Their files are tiny and may wait for a merge until those of the rows are done.
  small.level0_slowdown_writes_trigger = kSmallRunsAtMost;
  small.level0_stop_writes_trigger = 2 * kSmallRunsAtMost;
  small.table_factory = rows.table_factory;
  small.compression = rocksdb::kLZ4Compression;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, small);
  families.emplace_back("state", small);
  for (int shard = 0; shard < options_.shards; ++shard)
    families.emplace_back(RowsFamily(shard), rows);
  MR_TRY(OpenWith(families, names));
  MR_TRY(ReadOrWriteFormat());
  MR_TRY(catalog_.Load(*db_));
  PublishTables();
  MR_TRY(DropOrphanedShadows());
  flusher_ = std::thread([this] { FlushWhenDue(); });
  return {};
}

Status RocksStore::ReadOrWriteFormat() {
  std::string stored;
  const rocksdb::Status got = db_->Get(rocksdb::ReadOptions(), kFormatKey, &stored);
  if (got.ok()) {
    if (stored.size() == 2 && stored[0] == kFormatVersion && stored[1] == options_.shards)
      return {};
    return Fail(ErrorCode::kDamaged,
                "store {}: made in format {} with {} shards; this program reads format {}, and "
                "found {} shards",
                options_.folder, stored.empty() ? -1 : stored[0],
                stored.size() < 2 ? -1 : stored[1], static_cast<int>(kFormatVersion),
                options_.shards);
  }
  if (!got.IsNotFound()) return FromRocks(got, "cannot read the format of the store");
  rocksdb::WriteBatch batch;
  batch.Put(kFormatKey, std::string{kFormatVersion, static_cast<char>(options_.shards)});
  // Durable with the first flush; until then there is nothing it would describe.
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return FromRocks(db_->Write(options, &batch), "cannot write the format of the store");
}

void RocksStore::Fatal(const Error& error) {
  if (failed_.exchange(true)) return;
  if (options_.fatal) return options_.fatal(error);
  EndProcess(error);
}

void RocksStore::NoteFullDisk(const Error& error) {
  std::lock_guard lock(flush_mutex_);
  if (!disk_is_full_.exchange(true))
    logging::Error("store.disk_full", {{"error", error.message}, {"hint", error.hint}});
  flush_wake_.notify_all();
}

void RocksStore::TryToGoOn() {
  std::lock_guard one_flush(flush_call_mutex_);
  disk_was_full_ = true;
  resume_started_ns_ = clock_.MonotonicNs();
  const rocksdb::Status resumed = db_->Resume();
  resume_started_ns_ = 0;
  if (resumed.ok()) {
    disk_is_full_ = false;
    logging::Info("store.goes_on", {{"folder", options_.folder}});
  } else if (!resumed.IsNoSpace() && !resumed.IsBusy()) {
    Fatal(ErrorOf(resumed, fmt::format("store {}", options_.folder)));
  }
}

Status RocksStore::CheckWritable() {
  const int64_t started_ns = resume_started_ns_;
  if (started_ns != 0 && clock_.MonotonicNs() - started_ns > kResumeNsMax) {
    Fatal({ErrorCode::kIo,
           fmt::format("store {}: it does not go on after the disk was full", options_.folder),
           "start again: what was not written comes from the log"});
  }
  if (failed_) {
    return Fail(ErrorCode::kIo, "store {}: writing has ended after an error of the disk",
                options_.folder);
  }
  if (!disk_is_full_) return {};
  return std::unexpected(Error{ErrorCode::kResourceExhausted,
                               fmt::format("store {}: the disk is full", options_.folder),
                               "free space on the disk of the data folder"});
}

std::vector<rocksdb::ColumnFamilyHandle*> RocksStore::AllFamilies() const {
  std::vector<rocksdb::ColumnFamilyHandle*> all{default_family_, state_family_};
  all.insert(all.end(), row_families_.begin(), row_families_.end());
  return all;
}

void RocksStore::FlushWhenDue() {
  std::unique_lock lock(flush_mutex_);
  const auto interval =
      std::chrono::duration_cast<std::chrono::nanoseconds>(options_.flush_interval);
  while (!stopping_) {
    if (disk_is_full_ && !failed_) {
      clock_.WaitFor(flush_wake_, lock, options_.full_disk_retry);
      if (stopping_) return;
      lock.unlock();
      TryToGoOn();
      lock.lock();
      continue;
    }
    const bool by_bytes = unflushed_bytes_ >= options_.flush_source_bytes;
    const bool by_time =
        oldest_unflushed_ns_ && clock_.MonotonicNs() - *oldest_unflushed_ns_ >= interval.count();
    if (by_bytes || by_time) {
      lock.unlock();
      const Status status = Flush();
      if (!status && status.error().code != ErrorCode::kResourceExhausted) Fatal(status.error());
      lock.lock();
      continue;
    }
    auto wait = interval;
    if (oldest_unflushed_ns_)
      wait -= std::chrono::nanoseconds(clock_.MonotonicNs() - *oldest_unflushed_ns_);
    clock_.WaitFor(flush_wake_, lock, wait);
  }
}

Status RocksStore::Flush() {
  MR_TRY(CheckWritable());
  // One at a time: what RocksDB 7.8 begins to flush after another flush failed it never ends.
  std::lock_guard one_flush(flush_call_mutex_);
  MR_TRY(CheckWritable());
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  MR_TRY(FromRocks(db_->Flush(options, AllFamilies()),
                   fmt::format("store {}: cannot flush", options_.folder)));
  return disk_was_full_ ? WaitUntilFlushed() : Status();
}

// After a Resume, RocksDB 7.8 may say that a flush is done before it is.
Status RocksStore::WaitUntilFlushed() {
  for (;;) {
    MR_TRY(CheckWritable());
    const bool flushed = std::ranges::all_of(AllFamilies(), [&](auto* family) {
      uint64_t waiting = 0;
      return db_->GetIntProperty(family, rocksdb::DB::Properties::kNumImmutableMemTable,
                                 &waiting) &&
             waiting == 0;
    });
    if (flushed) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // RocksDB's threads are real
  }
}

Result<std::unique_ptr<flow::TableWriter>> RocksStore::MakeTableWriter(
    const TableHandle& table, const data::Schema& incoming) {
  return NewTableWriter(table, incoming);
}

Status RocksStore::Checkpoint(const std::string& target_folder) {
  MR_TRY(Flush());
  rocksdb::Checkpoint* made = nullptr;
  MR_TRY(
      FromRocks(rocksdb::Checkpoint::Create(db_.get(), &made), "cannot start a copy of the store"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  MR_TRY(FromRocks(checkpoint->CreateCheckpoint(target_folder),
                   fmt::format("cannot copy the store to {}", target_folder)));
  // RocksDB syncs the copy, not the name it was given last.
  return Files().SyncFolder(io::FolderOf(target_folder));
}

Status RocksStore::VerifyChecksums() {
  return FromRocks(db_->VerifyChecksum(), fmt::format("store {}", options_.folder));
}

Status RocksStore::CompactAll() {
  MR_TRY(Flush());
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (rocksdb::ColumnFamilyHandle* family : row_families_)
    MR_TRY(FromRocks(db_->CompactRange(options, family, nullptr, nullptr), "cannot compact"));
  return {};
}

StoreMetrics RocksStore::Metrics() {
  const auto sum = [this](const char* property) {
    uint64_t total = 0;
    for (rocksdb::ColumnFamilyHandle* family : AllFamilies()) {
      uint64_t bytes = 0;
      if (db_->GetIntProperty(family, property, &bytes)) total += bytes;
    }
    return total;
  };
  StoreMetrics metrics;
  metrics.memtable_bytes = sum("rocksdb.cur-size-all-mem-tables");
  metrics.file_bytes = sum("rocksdb.total-sst-files-size");
  metrics.pending_compaction_bytes = sum("rocksdb.estimate-pending-compaction-bytes");
  // One cache for all families.
  db_->GetIntProperty(default_family_, "rocksdb.block-cache-usage", &metrics.block_cache_bytes);
  const std::lock_guard lock(flush_mutex_);
  metrics.unflushed_source_bytes = unflushed_bytes_;
  return metrics;
}

Result<uint64_t> RocksStore::ApproximateBytes(const TableHandle& table) {
  std::string begin;
  std::string end;
  AppendBig(begin, table->id);
  AppendBig(end, table->id + 1);
  const rocksdb::Range range(begin, end);
  uint64_t total = 0;
  for (rocksdb::ColumnFamilyHandle* family : row_families_) {
    uint64_t bytes = 0;
    MR_TRY(FromRocks(db_->GetApproximateSizes({.include_memtables = false, .include_files = true},
                                              family, &range, 1, &bytes),
                     "cannot size up the table"));
    total += bytes;
  }
  return total;
}

Status RocksStore::WaitUntilIdle() {
  for (const char* property : {"rocksdb.mem-table-flush-pending", "rocksdb.compaction-pending",
                               "rocksdb.num-running-compactions", "rocksdb.num-running-flushes"}) {
    for (rocksdb::ColumnFamilyHandle* family : AllFamilies()) {
      uint64_t pending = 1;
      while (db_->GetIntProperty(family, property, &pending) && pending > 0 && !failed_)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return CheckWritable();
}

}  // namespace millrace::store
