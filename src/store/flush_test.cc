// When and how the store flushes; shadows, drops and copies, which build on it.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "store/store_testing.h"

namespace millrace::store {
namespace {

using data::Value;

size_t CountRows(Store& store, const TableHandle& table) {
  const auto page = store.Scan(table, {.rows_max = 1000000});
  EXPECT_TRUE(page) << page.error().ToString();
  return page ? page->rows.rows : 0;
}

// Waits until the flushed epoch is `epoch`, at most ten seconds.
bool FlushedReaches(Store& store, int64_t epoch) {
  for (int i = 0; i < 2000; ++i) {
    if (store.FlushedProgress("q")->epoch == EpochId(epoch)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST(Flush, HookComesBeforeEveryFlush) {
  TestFolder folder;
  std::atomic<int> calls = 0;
  StoreOptions options;
  options.before_flush = [&]() -> Status {
    ++calls;
    return {};
  };
  auto store = OpenStore(folder.path(), std::move(options));
  const TableHandle table = MakeUsersTable(*store);
  const int before = calls;
  CommitRows(*store, table, "q", 1, UsersBatch(0, 10), 1000);
  EXPECT_EQ(calls, before);
  ASSERT_TRUE(store->Flush());
  EXPECT_GT(calls, before);
}

TEST(Flush, FailedHookIsFatal) {
  TestFolder folder;
  std::atomic<int> fatal = 0;
  std::atomic<bool> fails = false;
  StoreOptions options;
  options.before_flush = [&]() -> Status {
    if (fails) return Fail(ErrorCode::kIo, "the log cannot be synced");
    return {};
  };
  options.fatal = [&](const Error&) { ++fatal; };
  auto store = OpenStore(folder.path(), std::move(options));
  const TableHandle table = MakeUsersTable(*store);
  CommitRows(*store, table, "q", 1, UsersBatch(0, 10), 1000);
  fails = true;
  (void)store->Flush();
  EXPECT_EQ(fatal, 1);
  EXPECT_FALSE(store->Flush());
}

TEST(Flush, FollowsUnflushedSourceBytes) {
  TestFolder folder;
  StoreOptions options;
  options.flush_source_bytes = 1000;
  auto store = OpenStore(folder.path(), std::move(options));
  const TableHandle table = MakeUsersTable(*store);
  auto write = EpochOf(*store, table, "q", 1, UsersBatch(0, 10), 1000);
  write.source_bytes = 999;
  ASSERT_TRUE(store->Commit(std::move(write)));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(store->FlushedProgress("q")->epoch, EpochId(0));
  write = EpochOf(*store, table, "q", 2, UsersBatch(10, 10), 2000);
  write.source_bytes = 1;
  ASSERT_TRUE(store->Commit(std::move(write)));
  EXPECT_TRUE(FlushedReaches(*store, 2));
}

TEST(Flush, FollowsTime) {
  TestFolder folder;
  io::VirtualClock clock{TimestampUs(1)};
  StoreOptions options;
  options.clock = &clock;
  auto store = OpenStore(folder.path(), std::move(options));
  const TableHandle table = MakeUsersTable(*store);
  CommitRows(*store, table, "q", 1, UsersBatch(0, 10), 1000);
  clock.Advance(std::chrono::seconds(29));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(store->FlushedProgress("q")->epoch, EpochId(0));
  clock.Advance(std::chrono::seconds(2));
  EXPECT_TRUE(FlushedReaches(*store, 1));
}

TEST(Flush, LoggedQueriesAreDurableAtOnce) {
  TestFolder folder;
  {
    StoreOptions options;
    options.logged_queries = {"q"};
    auto store = OpenStore(folder.path(), std::move(options));
    const TableHandle table = MakeUsersTable(*store);
    CommitRows(*store, table, "q", 1, UsersBatch(0, 10), 1000);
    EXPECT_EQ(store->FlushedProgress("q")->epoch, EpochId(1));
  }
  auto store = OpenStore(folder.path());
  EXPECT_EQ(store->LoadProgress("q")->epoch, EpochId(1));
  EXPECT_EQ(CountRows(*store, *store->FindTable("users", "by_country")), 10u);
}

TEST(Flush, CheckpointIsAStoreOfItsOwn) {
  TestFolder folder;
  auto store = OpenStore(folder.path() + "/live");
  const TableHandle table = MakeUsersTable(*store);
  CommitRows(*store, table, "q", 1, UsersBatch(0, 10), 1000);
  ASSERT_TRUE(store->Checkpoint(folder.path() + "/copy"));
  CommitRows(*store, table, "q", 2, UsersBatch(10, 10), 2000);
  auto copy = OpenStore(folder.path() + "/copy");
  EXPECT_EQ(copy->LoadProgress("q")->epoch, EpochId(1));
  EXPECT_EQ(CountRows(*copy, *copy->FindTable("users", "by_country")), 10u);
  EXPECT_TRUE(copy->VerifyChecksums());
}

TEST(Shadow, TakesThePlaceOfTheLiveTableInOneStep) {
  TestFolder folder;
  {
    auto store = OpenStore(folder.path());
    const TableHandle live = MakeUsersTable(*store);
    CommitRows(*store, live, "q", 1, UsersBatch(0, 20), 1000);
    const auto shadow = store->CreateShadow("users", "by_country");
    ASSERT_TRUE(shadow) << shadow.error().ToString();
    CommitRows(*store, *shadow, "replay", 1, UsersBatch(0, 5), 1000);
    EXPECT_EQ(CountRows(*store, *store->FindTable("users", "by_country")), 20u);
    EXPECT_EQ(store->Tables().size(), 1u);
    ASSERT_TRUE(store->SwapShadow(*shadow));
    EXPECT_EQ(CountRows(*store, *store->FindTable("users", "by_country")), 5u);
    EXPECT_FALSE(store->SwapShadow(*shadow));
  }
  auto store = OpenStore(folder.path());
  EXPECT_EQ(CountRows(*store, *store->FindTable("users", "by_country")), 5u);
}

TEST(Shadow, RowsOfADroppedTableGoWithCompaction) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  const TableHandle old = MakeUsersTable(*store);
  CommitRows(*store, old, "q", 1, UsersBatch(0, 20), 1000);
  ASSERT_TRUE(store->DropTable("users", "by_country"));
  EXPECT_FALSE(store->FindTable("users", "by_country"));
  const TableHandle made = MakeUsersTable(*store);
  EXPECT_NE(made->id, old->id);
  EXPECT_EQ(CountRows(*store, made), 0u);
  ASSERT_TRUE(store->CompactAll());
  EXPECT_EQ(CountRows(*store, old), 0u);  // through the stale handle: nothing is left
}

TEST(State, IsKeptByQueryOperatorAndGroup) {
  TestFolder folder;
  auto store = OpenStore(folder.path());
  flow::EpochWrite write;
  write.query = "q";
  write.progress.epoch = EpochId(1);
  for (int group : {255, 0, 7})
    write.state.push_back({3, static_cast<uint8_t>(group), "k", fmt::format("v{}", group)});
  write.state.push_back({4, 0, "other", "x"});
  ASSERT_TRUE(store->Commit(std::move(write)));
  std::string seen;
  ASSERT_TRUE(
      store->ScanState("q", 3, [&](uint8_t group, std::string_view, std::string_view value) {
        seen += fmt::format("{}={} ", group, value);
        return true;
      }));
  EXPECT_EQ(seen, "0=v0 7=v7 255=v255 ");
  EXPECT_EQ(*store->GetState("q", 4, 0, "other"), "x");
  EXPECT_EQ(*store->GetState("q2", 4, 0, "other"), std::nullopt);
  ASSERT_TRUE(store->DropQuery("q"));
  EXPECT_EQ(*store->GetState("q", 4, 0, "other"), std::nullopt);
  EXPECT_EQ(store->LoadProgress("q")->epoch, EpochId(0));
}

}  // namespace
}  // namespace millrace::store
