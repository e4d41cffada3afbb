#include "store/table_writer.h"

#include <gtest/gtest.h>

#include "store/store_testing.h"

namespace millrace::store {
namespace {

using data::DataType;
using data::Value;

TEST(TableWriter, MissingKeyColumnOrUnfitTypeIsAnErrorWhenMade) {
  const auto table = std::make_shared<const Table>(1, UsersSchema());
  data::Schema schema{{{"country", DataType::String()}, {"id", DataType::String()}}};
  auto made = NewTableWriter(table, schema);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("key column registered is missing"), std::string::npos)
      << made.error().message;
  schema.fields.emplace_back("Registered", DataType::Date());
  made = NewTableWriter(table, schema);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("DATE cannot be written into timestamp"), std::string::npos)
      << made.error().message;
  schema.fields.back() = {"Registered", DataType::Timestamp()};
  schema.fields.emplace_back("unknown", DataType::Double());
  EXPECT_TRUE(NewTableWriter(table, schema));
}

TEST(TableWriter, BadRowsAreNotedAndTheOthersWritten) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  const TableHandle table = MakeUsersTable(*store);
  data::Batch batch = UsersBatch(0, 6);
  batch.columns[0] = data::ColumnFromValues(
      DataType::String(),
      std::vector{Value::String("a"), Value::Null(), Value::String("a"), Value::String("a"),
                  Value::String(std::string(70000, 'x')), Value::String("a")});
  std::vector<Value> ids;
  for (size_t i = 0; i < 6; ++i) ids.push_back(batch.columns[2]->ValueAt(i));
  ids[3] = Value::String("not-a-uuid");
  batch.columns[2] = data::ColumnFromValues(DataType::String(), ids);
  const auto writer = store->MakeTableWriter(table, *batch.schema);
  ASSERT_TRUE(writer);
  data::RowErrors errors(6);
  errors.Add(5, "EARLIER", "refused before");
  auto rows = (*writer)->Encode(batch, std::vector<int64_t>(6, 1000), errors);
  ASSERT_TRUE(rows) << rows.error().ToString();
  EXPECT_EQ((*rows)->rows(), 2u);
  ASSERT_EQ(errors.count(), 4u);
  EXPECT_EQ(errors.errors()[1].row, 1u);
  EXPECT_EQ(errors.errors()[1].condition, "KEY_IS_NULL");
  EXPECT_EQ(errors.errors()[2].row, 3u);
  EXPECT_NE(errors.errors()[2].message.find("column id: 'not-a-uuid' is no uuid"),
            std::string::npos)
      << errors.errors()[2].message;
  EXPECT_EQ(errors.errors()[3].row, 4u);
  flow::EpochWrite write;
  write.query = "q";
  write.rows.push_back(std::move(*rows));
  ASSERT_TRUE(store->Commit(std::move(write)));
  EXPECT_EQ(store->Scan(table, {})->rows.rows, 2u);
}

TEST(TableWriter, OfOneKeyTheLastWriteTimeHolds) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  const TableHandle table = MakeUsersTable(*store);
  data::Batch batch = UsersBatch(1, 3);
  for (size_t c = 0; c < 3; ++c) {
    const std::vector<Value> same(3, batch.columns[c]->ValueAt(0));
    batch.columns[c] = data::ColumnFromValues(batch.columns[c]->type(), same);
  }
  const auto writer = store->MakeTableWriter(table, *batch.schema);
  data::RowErrors errors(3);
  auto rows = (*writer)->Encode(batch, std::vector<int64_t>{10, 30, 20}, errors);
  ASSERT_TRUE(rows);
  EXPECT_EQ((*rows)->rows(), 1u);
  flow::EpochWrite write;
  write.query = "q";
  write.rows.push_back(std::move(*rows));
  ASSERT_TRUE(store->Commit(std::move(write)));
  const auto page = store->Scan(table, {.columns = {"name", "age"}, .write_times = {"age"}});
  ASSERT_EQ(page->rows.rows, 1u);
  EXPECT_EQ(page->rows.columns[0]->ValueAt(0), Value::String("name 2"));
  EXPECT_EQ(page->rows.columns[2]->ValueAt(0), Value::Int(30));
}

TEST(TableWriter, EveryTypeComesBackAsItWentIn) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  ASSERT_TRUE(store->CreateKeyspace({.name = "k"}, true));
  const std::vector<std::pair<CqlType, Value>> columns{
      {CqlType(CqlKind::kAscii), Value::String("abc")},
      {CqlType(CqlKind::kText), Value::String("\xc3\xa4")},
      {CqlType(CqlKind::kTinyint), Value::Int(-5)},
      {CqlType(CqlKind::kSmallint), Value::Int(-500)},
      {CqlType(CqlKind::kInt), Value::Int(-70000)},
      {CqlType(CqlKind::kBigint), Value::Int(INT64_MIN)},
      {CqlType(CqlKind::kVarint), Value::Decimal(-129)},
      {CqlType(CqlKind::kBoolean), Value::Bool(true)},
      {CqlType(CqlKind::kFloat), Value::Double(1.5)},
      {CqlType(CqlKind::kDouble), Value::Double(-2.25)},
      {CqlType(CqlKind::kDecimal), Value::Decimal(1500000000000000000)},
      {CqlType(CqlKind::kUuid), Value::String("00112233-4455-6677-8899-aabbccddeeff")},
      {CqlType(CqlKind::kTimeuuid), Value::String("00112233-4455-1677-8899-aabbccddeeff")},
      {CqlType(CqlKind::kTimestamp), Value::Int(-1000)},
      {CqlType(CqlKind::kDate), Value::Int(-1)},
      {CqlType(CqlKind::kTime), Value::Int(86399999999999)},
      {CqlType(CqlKind::kBlob), Value::String(std::string("\0\xff", 2))},
      {CqlType(CqlKind::kInet), Value::String("2001:db8::1")},
      {CqlType::List(CqlType(CqlKind::kInt)), Value::ListOf({Value::Int(2), Value::Int(1)})},
      {CqlType::Frozen(CqlType::Set(CqlType(CqlKind::kText))), Value::ListOf({Value::String("a")})},
      {CqlType::Tuple({CqlType(CqlKind::kInt), CqlType(CqlKind::kText)}),
       Value::ListOf({Value::Int(1), Value::Null()})},
  };
  TableSchema schema{.keyspace = "k", .name = "all"};
  schema.columns = {
      {.name = "p", .type = CqlType(CqlKind::kInt), .kind = ColumnKind::kPartitionKey}};
  for (size_t i = 0; i < columns.size(); ++i)
    schema.columns.push_back({.name = fmt::format("c{}", i), .type = columns[i].first});
  const auto table = store->EnsureTable(schema);
  ASSERT_TRUE(table) << table.error().ToString();
  data::Batch batch{std::make_shared<const data::Schema>((*table)->sql), {}, 1};
  batch.columns.push_back(data::ColumnFromValues(DataType::Int(), std::vector{Value::Int(1)}));
  for (size_t i = 0; i < columns.size(); ++i)
    batch.columns.push_back(
        data::ColumnFromValues(*(*table)->sql.fields[i + 1].type, std::vector{columns[i].second}));
  CommitRows(*store, *table, "q", 1, batch, 1000);
  const auto page = store->Scan(*table, {});
  ASSERT_TRUE(page) << page.error().ToString();
  ASSERT_EQ(page->rows.rows, 1u);
  for (size_t i = 0; i < columns.size(); ++i)
    EXPECT_EQ(page->rows.columns[i + 1]->ValueAt(0), columns[i].second)
        << columns[i].first.ToString();
}

}  // namespace
}  // namespace millrace::store
