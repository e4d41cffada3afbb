// The store as its callers use it: tables, epochs, reads, restarts. Deeper properties:
// permutation_test.cc, crash_test.cc.
#include "store/store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "store/store_testing.h"

namespace millrace::store {
namespace {

using data::DataType;
using data::Value;

TEST(Store, CommittedRowsAreReadableAndSurviveAFlushAndAnOpen) {
  TestFolder folder;
  TableHandle table;
  {
    auto store = OpenStore(folder.path());
    table = MakeUsersTable(*store);
    const auto batch = UsersBatch(0, 1000);
    CommitRows(*store, table, "q", 7, batch, 1000);
    const auto page = store->Scan(table, {.rows_max = 2000});
    ASSERT_TRUE(page) << page.error().ToString();
    EXPECT_EQ(page->rows.rows, 1000u);
    EXPECT_EQ(page->paging_state, "");
    ASSERT_TRUE(store->Flush());
  }
  auto store = OpenStore(folder.path());
  const auto found = store->FindTable("users", "by_country");
  ASSERT_TRUE(found) << found.error().ToString();
  const auto progress = store->LoadProgress("q");
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->epoch, EpochId(7));
  const auto page = store->Scan(*found, {.rows_max = 2000});
  ASSERT_TRUE(page) << page.error().ToString();
  EXPECT_EQ(page->rows.rows, 1000u);
}

TEST(Store, UnflushedEpochsAreGoneAfterAnOpenAndProgressSaysSo) {
  TestFolder folder;
  {
    auto store = OpenStore(folder.path());
    const TableHandle table = MakeUsersTable(*store);
    CommitRows(*store, table, "q", 1, UsersBatch(0, 10), 1000);
    ASSERT_TRUE(store->Flush());
    CommitRows(*store, table, "q", 2, UsersBatch(10, 10), 2000);
    EXPECT_EQ(store->LoadProgress("q")->epoch, EpochId(2));
    EXPECT_EQ(store->FlushedProgress("q")->epoch, EpochId(1));
  }
  auto store = OpenStore(folder.path());
  EXPECT_EQ(store->LoadProgress("q")->epoch, EpochId(1));
  EXPECT_EQ(store->Scan(*store->FindTable("users", "by_country"), {})->rows.rows, 10u);
}

TEST(Store, PartitionIsReadInClusteringOrderAndReversed) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  const TableHandle table = MakeUsersTable(*store);
  CommitRows(*store, table, "q", 1, UsersBatch(0, 100), 1000);
  const auto forward = store->Scan(
      table, {.columns = {"registered"}, .partition = Value::List{Value::String("c3")}});
  ASSERT_TRUE(forward) << forward.error().ToString();
  ASSERT_EQ(forward->rows.rows, 10u);
  for (size_t i = 1; i < 10; ++i)  // registered is clustered DESC
    EXPECT_GT(forward->rows.columns[0]->ValueAt(i - 1).integer(),
              forward->rows.columns[0]->ValueAt(i).integer());
  const auto back = store->Scan(
      table,
      {.columns = {"registered"}, .partition = Value::List{Value::String("c3")}, .reversed = true});
  ASSERT_TRUE(back);
  for (size_t i = 0; i < 10; ++i)
    EXPECT_EQ(back->rows.columns[0]->ValueAt(9 - i), forward->rows.columns[0]->ValueAt(i));
}

TEST(Store, PagesOfAnySizeGiveEveryRowOnce) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  const TableHandle table = MakeUsersTable(*store);
  CommitRows(*store, table, "q", 1, UsersBatch(0, 100), 1000);
  const auto whole = store->Scan(table, {});
  for (size_t size : {1, 2, 3, 7, 50, 99, 100, 101}) {
    std::vector<Value> ids;
    ScanRequest request{.columns = {"id"}, .rows_max = size};
    do {
      const auto page = store->Scan(table, request);
      ASSERT_TRUE(page) << page.error().ToString();
      ASSERT_LE(page->rows.rows, size);
      for (size_t i = 0; i < page->rows.rows; ++i) ids.push_back(page->rows.columns[0]->ValueAt(i));
      request.paging_state = page->paging_state;
    } while (!request.paging_state.empty());
    ASSERT_EQ(ids.size(), 100u) << size;
    for (size_t i = 0; i < 100; ++i) EXPECT_EQ(ids[i], whole->rows.columns[2]->ValueAt(i));
  }
}

TEST(Store, LookupByPrimaryAndByPartitionKey) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  const TableHandle table = MakeUsersTable(*store);
  const auto batch = UsersBatch(0, 100);
  CommitRows(*store, table, "q", 1, batch, 1000);
  const auto by_row = store->Lookup(
      table, std::vector{batch.columns[0], batch.columns[1], batch.columns[2]}, {"name"});
  ASSERT_TRUE(by_row) << by_row.error().ToString();
  ASSERT_EQ(by_row->rows.rows, 100u);
  for (uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(by_row->key_rows[i], i);
    EXPECT_EQ(by_row->rows.columns[0]->ValueAt(i), batch.columns[3]->ValueAt(i));
  }
  const auto countries = data::ColumnFromValues(
      DataType::String(),
      std::vector{Value::String("none"), Value::String("c1"), Value::Null(), Value::String("c2")});
  const auto by_partition = store->Lookup(table, std::vector{countries}, {"country"});
  ASSERT_TRUE(by_partition);
  ASSERT_EQ(by_partition->rows.rows, 20u);
  EXPECT_EQ(by_partition->key_rows[0], 1u);
  EXPECT_EQ(by_partition->key_rows[19], 3u);
}

TEST(Store, RefusesAnotherShapeAndTakesACompatibleOne) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  TableSchema schema = MakeUsersTable(*store)->schema;
  schema.comment = "who lives where";
  schema.columns.push_back({.name = "phone", .type = CqlType(CqlKind::kText)});
  const auto altered = store->EnsureTable(schema);
  ASSERT_TRUE(altered) << altered.error().ToString();
  EXPECT_EQ((*altered)->schema.comment, "who lives where");
  schema.columns[3].type = CqlType(CqlKind::kBigint);
  const auto refused = store->EnsureTable(schema);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("column name is text, wanted bigint"), std::string::npos)
      << refused.error().message;
}

}  // namespace
}  // namespace millrace::store
