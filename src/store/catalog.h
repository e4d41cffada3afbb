// Catalog: keyspaces, user types and tables, in memory and as records of RocksDB's default column
// family. Record keys: 'F' format, 'N' next table id, 'K' keyspace, 'Y' type, 'T' table id
// (docs/formats/table-row.md).
//
// Thread contract: none; RocksStore guards it. For .cc files of this module only: it includes
// RocksDB.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "base/result.h"
#include "store/table.h"

namespace millrace::store {

class Catalog {
 public:
  // Reads all records. kDamaged.
  Status Load(rocksdb::DB& db);

  const Keyspace* FindKeyspace(std::string_view name) const;
  const UserType* FindType(std::string_view keyspace, std::string_view name) const;
  // The live table of that name, or nullptr.
  TableHandle FindTable(std::string_view keyspace, std::string_view name) const;
  // Live tables and shadows by number.
  const std::unordered_map<uint32_t, TableHandle>& tables() const { return tables_; }
  bool IsShadow(uint32_t id) const { return shadows_.contains(id); }
  const std::map<std::string, Keyspace>& keyspaces() const { return keyspaces_; }
  const std::map<std::string, UserType>& types() const { return types_; }
  uint32_t next_id() const { return next_id_; }

  // Each puts its records into `batch` and changes the memory; the caller writes the batch, or
  // gives the store up.
  void PutKeyspace(const Keyspace& keyspace, rocksdb::WriteBatch& batch);
  void PutType(const UserType& type, rocksdb::WriteBatch& batch);
  // A new table (column ids are given here), live or as a shadow.
  TableHandle AddTable(TableSchema schema, bool shadow, rocksdb::WriteBatch& batch);
  // New columns and options of a table that stays: `wanted` is compatible.
  TableHandle AlterTable(const Table& table, const TableSchema& wanted, rocksdb::WriteBatch& batch);
  void RemoveTable(uint32_t id, rocksdb::WriteBatch& batch);
  // The shadow takes the place of the live table of its name, which is removed.
  void Promote(uint32_t shadow_id, rocksdb::WriteBatch& batch);

 private:
  void PutTable(const TableHandle& table, bool shadow, rocksdb::WriteBatch& batch);
  Status LoadRecord(std::string_view key, std::string_view value);

  std::map<std::string, Keyspace> keyspaces_;
  std::map<std::string, UserType> types_;  // by "keyspace.name"
  std::unordered_map<uint32_t, TableHandle> tables_;
  std::unordered_map<uint32_t, bool> shadows_;
  uint32_t next_id_ = 1;
};

}  // namespace millrace::store
