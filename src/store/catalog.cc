#include "store/catalog.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/rocks_status.h"

namespace millrace::store {
namespace {

constexpr char kLive = 0;
constexpr char kShadow = 1;

std::string TableKey(uint32_t id) {
  std::string key = "T";
  AppendBig(key, id);
  return key;
}

std::string FullName(std::string_view keyspace, std::string_view name) {
  return fmt::format("{}.{}", keyspace, name);
}

void GiveIds(TableSchema& schema, uint16_t next) {
  for (ColumnSchema& column : schema.columns)
    if (column.kind >= ColumnKind::kStatic) column.id = next++;
}

}  // namespace

Status Catalog::Load(rocksdb::DB& db) {
  std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(rocksdb::ReadOptions()));
  for (at->SeekToFirst(); at->Valid(); at->Next())
    MR_TRY(LoadRecord(at->key().ToStringView(), at->value().ToStringView()));
  return FromRocks(at->status(), "cannot read the catalog");
}

Status Catalog::LoadRecord(std::string_view key, std::string_view value) {
  const char kind = key.empty() ? '\0' : key[0];
  if (kind == 'K') {
    MR_ASSIGN(Keyspace keyspace, DecodeKeyspace(value));
    keyspaces_[keyspace.name] = keyspace;
  } else if (kind == 'Y') {
    MR_ASSIGN(UserType type, DecodeUserType(value));
    types_[FullName(type.keyspace, type.name)] = type;
  } else if (kind == 'N' && value.size() == 4) {
    next_id_ = LoadBig<uint32_t>(value.data());
  } else if (kind == 'T' && key.size() == 5 && !value.empty()) {
    const auto id = LoadBig<uint32_t>(key.data() + 1);
    MR_ASSIGN(TableSchema schema, DecodeTableSchema(value.substr(1)));
    tables_[id] = std::make_shared<const Table>(id, std::move(schema));
    if (value[0] == kShadow) shadows_[id] = true;
  } else if (kind != 'F') {
    return Fail(ErrorCode::kDamaged, "catalog: a record of unknown kind {}",
                static_cast<int>(kind));
  }
  return {};
}

const Keyspace* Catalog::FindKeyspace(std::string_view name) const {
  const auto found = keyspaces_.find(std::string(name));
  return found == keyspaces_.end() ? nullptr : &found->second;
}

const UserType* Catalog::FindType(std::string_view keyspace, std::string_view name) const {
  const auto found = types_.find(FullName(keyspace, name));
  return found == types_.end() ? nullptr : &found->second;
}

TableHandle Catalog::FindTable(std::string_view keyspace, std::string_view name) const {
  for (const auto& [id, table] : tables_)
    if (!IsShadow(id) && table->schema.keyspace == keyspace && table->schema.name == name)
      return table;
  return nullptr;
}

void Catalog::PutKeyspace(const Keyspace& keyspace, rocksdb::WriteBatch& batch) {
  keyspaces_[keyspace.name] = keyspace;
  batch.Put("K" + keyspace.name, EncodeKeyspace(keyspace));
}

void Catalog::PutType(const UserType& type, rocksdb::WriteBatch& batch) {
  const std::string name = FullName(type.keyspace, type.name);
  types_[name] = type;
  batch.Put("Y" + name, EncodeUserType(type));
}

void Catalog::PutTable(const TableHandle& table, bool shadow, rocksdb::WriteBatch& batch) {
  tables_[table->id] = table;
  if (shadow) {
    shadows_[table->id] = true;
  } else {
    shadows_.erase(table->id);
  }
  batch.Put(TableKey(table->id),
            std::string(1, shadow ? kShadow : kLive) + EncodeTableSchema(table->schema));
}

TableHandle Catalog::AddTable(TableSchema schema, bool shadow, rocksdb::WriteBatch& batch) {
  // A shadow keeps the ids of the table it copies; they are as good as new ones.
  if (!shadow) GiveIds(schema, 0);
  auto table = std::make_shared<const Table>(next_id_++, std::move(schema));
  std::string next;
  AppendBig(next, next_id_);
  batch.Put("N", next);
  PutTable(table, shadow, batch);
  return table;
}

TableHandle Catalog::AlterTable(const Table& table, const TableSchema& wanted,
                                rocksdb::WriteBatch& batch) {
  TableSchema schema = table.schema;
  schema.comment = wanted.comment;
  schema.default_time_to_live_s = wanted.default_time_to_live_s;
  schema.gc_grace_s = wanted.gc_grace_s;
  uint16_t next = 0;
  for (const ColumnSchema& column : schema.columns)
    if (column.kind >= ColumnKind::kStatic)
      next = std::max<uint16_t>(next, static_cast<uint16_t>(column.id + 1));
  for (const ColumnSchema& column : wanted.columns) {
    if (schema.IndexOf(column.name)) continue;
    schema.columns.push_back(column);
    schema.columns.back().id = next++;
  }
  auto altered = std::make_shared<const Table>(table.id, std::move(schema));
  PutTable(altered, IsShadow(table.id), batch);
  return altered;
}

void Catalog::RemoveTable(uint32_t id, rocksdb::WriteBatch& batch) {
  tables_.erase(id);
  shadows_.erase(id);
  batch.Delete(TableKey(id));
}

void Catalog::Promote(uint32_t shadow_id, rocksdb::WriteBatch& batch) {
  const TableHandle shadow = tables_.at(shadow_id);
  const TableHandle live = FindTable(shadow->schema.keyspace, shadow->schema.name);
  if (live != nullptr) RemoveTable(live->id, batch);
  PutTable(shadow, false, batch);
}

}  // namespace millrace::store
