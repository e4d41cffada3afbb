// RocksStore's catalog calls.
#include <algorithm>

#include <rocksdb/convenience.h>

#include "base/bytes.h"
#include "base/logging.h"
#include "store/rocks_status.h"
#include "store/rocks_store.h"

namespace millrace::store {
namespace {

std::string Joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += (text.empty() ? "" : "; ") + sentence;
  return text;
}

}  // namespace

void RocksStore::PublishTables() {
  live_tables_->Set(std::make_shared<const LiveTables::Map>(catalog_.tables()), catalog_.next_id());
}

// The catalog in memory has changed already, so its callers check before that that the store can be
// written.
Status RocksStore::WriteCatalog(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  const auto status = FromRocks(db_->Write(options, &batch), "cannot write the catalog");
  // Memory is ahead of the disk: nothing more may be built on it.
  if (!status) Fatal(status.error());
  MR_TRY(status);
  PublishTables();
  needs_flush_ = true;
  return holds_flush_ ? Status() : FlushCatalog();
}

Status RocksStore::FlushCatalog() {
  if (!needs_flush_) return {};
  needs_flush_ = false;
  return Flush();
}

Status RocksStore::ChangeCatalog(const std::function<Status()>& body) {
  std::lock_guard lock(catalog_mutex_);
  holds_flush_ = true;
  Status done = body();
  holds_flush_ = false;
  Status flushed = FlushCatalog();
  return done ? flushed : done;
}

Status RocksStore::CreateKeyspace(const Keyspace& keyspace, bool if_not_exists) {
  std::lock_guard lock(catalog_mutex_);
  if (catalog_.FindKeyspace(keyspace.name) != nullptr) {
    if (if_not_exists) return {};
    return Fail(ErrorCode::kAlreadyExists, "keyspace {} exists already", keyspace.name);
  }
  MR_TRY(CheckWritable());
  rocksdb::WriteBatch batch;
  catalog_.PutKeyspace(keyspace, batch);
  return WriteCatalog(batch);
}

Status RocksStore::CreateType(const UserType& type, bool if_not_exists) {
  std::lock_guard lock(catalog_mutex_);
  if (catalog_.FindKeyspace(type.keyspace) == nullptr)
    return Fail(ErrorCode::kNotFound, "type {}.{}: there is no keyspace {}", type.keyspace,
                type.name, type.keyspace);
  if (const UserType* stored = catalog_.FindType(type.keyspace, type.name)) {
    if (*stored == type && if_not_exists) return {};
    return Fail(ErrorCode::kAlreadyExists, "type {}.{} exists already{}", type.keyspace, type.name,
                *stored == type ? "" : " with other fields");
  }
  MR_TRY(CheckWritable());
  rocksdb::WriteBatch batch;
  catalog_.PutType(type, batch);
  return WriteCatalog(batch);
}

Result<TableHandle> RocksStore::EnsureTable(const TableSchema& wanted) {
  TableSchema checked = wanted;
  MR_TRY(ValidateSchema(checked));
  std::lock_guard lock(catalog_mutex_);
  if (catalog_.FindKeyspace(wanted.keyspace) == nullptr)
    return std::unexpected(
        Error{ErrorCode::kNotFound,
              fmt::format("table {}: there is no keyspace {}", wanted.FullName(), wanted.keyspace),
              "CREATE KEYSPACE comes first"});
  const TableHandle stored = catalog_.FindTable(wanted.keyspace, wanted.name);
  rocksdb::WriteBatch batch;
  if (stored == nullptr) {
    MR_TRY(CheckWritable());
    TableHandle table = catalog_.AddTable(std::move(checked), false, batch);
    MR_TRY(WriteCatalog(batch));
    return table;
  }
  const SchemaComparison comparison = CompareSchemas(stored->schema, checked);
  if (comparison.change == SchemaChange::kNone) return stored;
  if (comparison.change == SchemaChange::kRefused)
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("table {} is stored in another shape: {}", wanted.FullName(),
                          Joined(comparison.differences)),
              fmt::format("give the new table another name; or stop the pipeline, then: millrace "
                          "tables {0} --drop --yes && millrace replay {0}",
                          wanted.FullName())});
  MR_TRY(CheckWritable());
  TableHandle table = catalog_.AlterTable(*stored, checked, batch);
  MR_TRY(WriteCatalog(batch));
  return table;
}

Result<TableHandle> RocksStore::FindTable(std::string_view keyspace, std::string_view name) {
  std::lock_guard lock(catalog_mutex_);
  if (TableHandle table = catalog_.FindTable(keyspace, name)) return table;
  return Fail(ErrorCode::kNotFound, "there is no table {}.{}", keyspace, name);
}

std::vector<TableHandle> RocksStore::Tables() {
  std::lock_guard lock(catalog_mutex_);
  std::vector<TableHandle> tables;
  for (const auto& [id, table] : catalog_.tables())
    if (!catalog_.IsShadow(id)) tables.push_back(table);
  std::sort(tables.begin(), tables.end(), [](const TableHandle& a, const TableHandle& b) {
    return a->schema.FullName() < b->schema.FullName();
  });
  return tables;
}

std::vector<Keyspace> RocksStore::Keyspaces() {
  std::lock_guard lock(catalog_mutex_);
  std::vector<Keyspace> keyspaces;
  for (const auto& [name, keyspace] : catalog_.keyspaces()) keyspaces.push_back(keyspace);
  return keyspaces;
}

std::vector<UserType> RocksStore::Types() {
  std::lock_guard lock(catalog_mutex_);
  std::vector<UserType> types;
  for (const auto& [name, type] : catalog_.types()) types.push_back(type);
  return types;
}

Status RocksStore::DropTable(std::string_view keyspace, std::string_view name) {
  MR_ASSIGN(const TableHandle table, FindTable(keyspace, name));
  std::lock_guard lock(catalog_mutex_);
  MR_TRY(CheckWritable());
  rocksdb::WriteBatch batch;
  catalog_.RemoveTable(table->id, batch);
  MR_TRY(WriteCatalog(batch));
  return DropFilesOf(table->id);
}

Result<TableHandle> RocksStore::CreateShadow(std::string_view keyspace, std::string_view name) {
  MR_ASSIGN(const TableHandle table, FindTable(keyspace, name));
  std::lock_guard lock(catalog_mutex_);
  MR_TRY(CheckWritable());
  rocksdb::WriteBatch batch;
  TableHandle shadow = catalog_.AddTable(table->schema, true, batch);
  MR_TRY(WriteCatalog(batch));
  return shadow;
}

Result<TableHandle> RocksStore::SwapShadow(const TableHandle& shadow) {
  std::lock_guard lock(catalog_mutex_);
  if (!catalog_.IsShadow(shadow->id))
    return Fail(ErrorCode::kNotFound, "table {}: number {} is no shadow", shadow->schema.FullName(),
                shadow->id);
  const TableHandle live = catalog_.FindTable(shadow->schema.keyspace, shadow->schema.name);
  MR_TRY(CheckWritable());
  rocksdb::WriteBatch batch;
  catalog_.Promote(shadow->id, batch);
  MR_TRY(WriteCatalog(batch));
  if (live != nullptr) MR_TRY(DropFilesOf(live->id));
  return catalog_.tables().at(shadow->id);
}

Status RocksStore::DropShadow(const TableHandle& shadow) {
  std::lock_guard lock(catalog_mutex_);
  if (!catalog_.IsShadow(shadow->id))
    return Fail(ErrorCode::kNotFound, "table {}: number {} is no shadow", shadow->schema.FullName(),
                shadow->id);
  MR_TRY(CheckWritable());
  rocksdb::WriteBatch batch;
  catalog_.RemoveTable(shadow->id, batch);
  MR_TRY(WriteCatalog(batch));
  return DropFilesOf(shadow->id);
}

Status RocksStore::DropOrphanedShadows() {
  std::vector<TableHandle> orphans;
  for (const auto& [id, table] : catalog_.tables()) {
    if (catalog_.IsShadow(id)) orphans.push_back(table);
  }
  for (const TableHandle& orphan : orphans) {
    logging::Info("store.shadow_dropped", {{"table", orphan->schema.FullName()}});
    MR_TRY(DropShadow(orphan));
  }
  return {};
}

Status RocksStore::DropFilesOf(uint32_t table_id) {
  MR_TRY(FlushCatalog());
  std::string begin;
  std::string end;
  AppendBig(begin, table_id);
  AppendBig(end, table_id + 1);
  const rocksdb::Slice first(begin);
  const rocksdb::Slice last(end);
  for (rocksdb::ColumnFamilyHandle* family : row_families_) {
    const rocksdb::RangePtr range(&first, &last);
    rocksdb::DeleteFilesInRanges(db_.get(), family, &range, 1, false);
  }
  return {};
}

}  // namespace millrace::store
