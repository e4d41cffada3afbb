// What the store's tests share: a folder of their own, the users table, batches of it.
#pragma once

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/uuid.h"
#include "store/store.h"

namespace millrace::store {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "millrace_store_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

inline std::unique_ptr<Store> OpenStore(const std::string& folder, StoreOptions options = {}) {
  options.folder = folder;
  auto store = Store::Open(std::move(options));
  EXPECT_TRUE(store) << store.error().ToString();
  return store ? std::move(*store) : nullptr;
}

// users.by_country: ((country), registered DESC, id), name text, age int.
inline TableSchema UsersSchema() {
  TableSchema schema{.keyspace = "users", .name = "by_country"};
  schema.columns = {
      {.name = "country", .type = CqlType(CqlKind::kText), .kind = ColumnKind::kPartitionKey},
      {.name = "registered",
       .type = CqlType(CqlKind::kTimestamp),
       .kind = ColumnKind::kClustering,
       .descending = true},
      {.name = "id", .type = CqlType(CqlKind::kUuid), .kind = ColumnKind::kClustering},
      {.name = "name", .type = CqlType(CqlKind::kText)},
      {.name = "age", .type = CqlType(CqlKind::kInt)},
  };
  return schema;
}

inline TableHandle MakeUsersTable(Store& store) {
  EXPECT_TRUE(store.CreateKeyspace({.name = "users"}, true));
  auto table = store.EnsureTable(UsersSchema());
  EXPECT_TRUE(table) << table.error().ToString();
  return table ? *table : nullptr;
}

// Users number first..first + count - 1 of ten countries c0..c9.
inline data::Batch UsersBatch(uint64_t first, size_t count) {
  using data::DataType;
  using data::Value;
  auto schema = std::make_shared<data::Schema>();
  schema->fields = {{"country", DataType::String()},
                    {"registered", DataType::Timestamp()},
                    {"id", DataType::String()},
                    {"name", DataType::String()},
                    {"age", DataType::Int()}};
  std::vector<std::vector<Value>> columns(5);
  for (uint64_t i = first; i < first + count; ++i) {
    columns[0].push_back(Value::String(fmt::format("c{}", i % 10)));
    columns[1].push_back(Value::Int(static_cast<int64_t>(i) * 1000000));
    columns[2].push_back(Value::String(Uuid::FromRandom(i * 0x9e3779b97f4a7c15, i).ToString()));
    columns[3].push_back(i % 7 == 0 ? Value::Null() : Value::String(fmt::format("name {}", i)));
    columns[4].push_back(Value::Int(static_cast<int64_t>(i % 90)));
  }
  data::Batch batch{schema, {}, count};
  for (size_t c = 0; c < 5; ++c)
    batch.columns.push_back(data::ColumnFromValues(*schema->fields[c].type, columns[c]));
  return batch;
}

inline flow::EpochWrite EpochOf(Store& store, const TableHandle& table, const std::string& query,
                                int64_t epoch, const data::Batch& batch, int64_t write_us) {
  auto writer = store.MakeTableWriter(table, *batch.schema);
  EXPECT_TRUE(writer) << writer.error().ToString();
  const std::vector<int64_t> times(batch.rows, write_us);
  data::RowErrors errors(batch.rows);
  auto rows = (*writer)->Encode(batch, times, errors);
  EXPECT_TRUE(rows) << rows.error().ToString();
  flow::EpochWrite write;
  write.query = query;
  write.progress.epoch = EpochId(epoch);
  write.rows.push_back(std::move(*rows));
  return write;
}

inline void CommitRows(Store& store, const TableHandle& table, const std::string& query,
                       int64_t epoch, const data::Batch& batch, int64_t write_us) {
  const Status status = store.Commit(EpochOf(store, table, query, epoch, batch, write_us));
  EXPECT_TRUE(status) << status.error().ToString();
}

}  // namespace millrace::store
