// A power cut at every operation of a small workload: after reopening, flushed means present, and
// progress, state and rows agree. Bit flips are reported or harmless, never served.
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/logging.h"
#include "io/sim_file_system.h"
#include "store/store_testing.h"

namespace millrace::store {
namespace {

using data::Value;

constexpr int64_t kEpochs = 4;
constexpr size_t kRowsPerEpoch = 5;

struct Outcome {
  bool table_made = false;
  int64_t flushed_epoch = 0;  // the last one whose flush returned Ok
};

StoreOptions OptionsOn(io::SimFileSystem& files, std::atomic<int>& fatal) {
  StoreOptions options;
  options.file_system = &files;
  options.fatal = [&fatal](const Error&) { ++fatal; };
  options.folder = "/store";
  options.full_disk_retry = std::chrono::milliseconds(5);
  return options;
}

flow::EpochWrite EpochNumber(Store& store, const TableHandle& table, int64_t epoch) {
  const auto first = static_cast<uint64_t>(epoch) * kRowsPerEpoch;
  flow::EpochWrite write =
      EpochOf(store, table, "q", epoch, UsersBatch(first, kRowsPerEpoch), epoch * 1000);
  write.state.push_back({1, 7, "epoch", fmt::format("{}", epoch)});
  return write;
}

// Runs until the end or the first error.
Outcome RunWorkload(io::SimFileSystem& files, std::atomic<int>& fatal) {
  Outcome outcome;
  auto store = Store::Open(OptionsOn(files, fatal));
  if (!store || !(*store)->CreateKeyspace({.name = "users"}, true)) return outcome;
  const auto table = (*store)->EnsureTable(UsersSchema());
  if (!table) return outcome;
  outcome.table_made = true;
  for (int64_t epoch = 1; epoch <= kEpochs; ++epoch) {
    if (!(*store)->Commit(EpochNumber(**store, *table, epoch))) return outcome;
    if (epoch % 2 == 1) continue;
    if (!(*store)->Flush()) return outcome;
    outcome.flushed_epoch = epoch;
  }
  return outcome;
}

void CheckRecovered(io::SimFileSystem& files, const Outcome& outcome) {
  std::atomic<int> fatal = 0;
  auto store = Store::Open(OptionsOn(files, fatal));
  ASSERT_TRUE(store) << store.error().ToString();
  const auto progress = (*store)->LoadProgress("q");
  ASSERT_TRUE(progress) << progress.error().ToString();
  const int64_t epoch = progress->epoch.value;
  EXPECT_GE(epoch, outcome.flushed_epoch);
  const auto state = (*store)->GetState("q", 1, 7, "epoch");
  ASSERT_TRUE(state) << state.error().ToString();
  EXPECT_EQ(state->value_or("0"), fmt::format("{}", epoch));
  const auto table = (*store)->FindTable("users", "by_country");
  ASSERT_TRUE(table || !outcome.table_made) << table.error().ToString();
  if (!table) return;
  for (int64_t before = 1; before <= epoch; ++before) {
    const auto batch = UsersBatch(static_cast<uint64_t>(before) * kRowsPerEpoch, kRowsPerEpoch);
    const std::vector keys(batch.columns.begin(), batch.columns.begin() + 3);
    const auto found = (*store)->Lookup(*table, keys, {"age"});
    ASSERT_TRUE(found) << found.error().ToString();
    ASSERT_EQ(found->rows.rows, kRowsPerEpoch) << "rows of epoch " << before;
    for (size_t i = 0; i < kRowsPerEpoch; ++i)
      EXPECT_EQ(found->rows.columns[0]->ValueAt(i), batch.columns[4]->ValueAt(i));
  }
}

// RocksDB tells of every error that is made here; nobody needs to read that.
class Crash : public testing::Test {
 protected:
  Crash() {
    logging::SetSink([](std::string_view) {});
  }
  ~Crash() override { logging::SetSink({}); }
};

uint64_t OperationsOfWorkload() {
  io::SimFileSystem files(1);
  std::atomic<int> fatal = 0;
  EXPECT_EQ(RunWorkload(files, fatal).flushed_epoch, kEpochs);
  return files.operations();
}

TEST_F(Crash, PowerCutAtEveryOperationKeepsWhatWasFlushed) {
  const uint64_t operations = OperationsOfWorkload();
  ASSERT_GT(operations, 20u);
  for (uint64_t cut = 1; cut <= operations; ++cut) {
    SCOPED_TRACE(fmt::format("power cut at operation {} of {}", cut, operations));
    io::SimFileSystem files(cut);
    std::atomic<int> fatal = 0;
    files.CutPowerAt(cut);
    const Outcome outcome = RunWorkload(files, fatal);
    files.Restart();
    ASSERT_NO_FATAL_FAILURE(CheckRecovered(files, outcome));
    if (HasFailure()) return;
  }
}

TEST_F(Crash, LosingEverythingUnsyncedKeepsWhatWasFlushed) {
  const uint64_t operations = OperationsOfWorkload();
  for (uint64_t cut = 1; cut <= operations; cut += 3) {
    SCOPED_TRACE(fmt::format("power cut at operation {} of {}", cut, operations));
    io::SimFileSystem files(cut);
    std::atomic<int> fatal = 0;
    files.CutPowerAt(cut);
    const Outcome outcome = RunWorkload(files, fatal);
    files.Restart(io::SimFileSystem::Loss::kEverything);
    ASSERT_NO_FATAL_FAILURE(CheckRecovered(files, outcome));
  }
}

TEST_F(Crash, AForgottenSyncIsNoticed) {
  // The test above must be able to fail: without the syncs of table files flushed rows go missing.
  io::SimFileSystem files(3);
  std::atomic<int> fatal = 0;
  files.IgnoreSyncs([](const io::SimFileSystem::Operation& operation) {
    return operation.path.ends_with(".sst");
  });
  const Outcome outcome = RunWorkload(files, fatal);
  EXPECT_EQ(outcome.flushed_epoch, kEpochs);
  files.Restart(io::SimFileSystem::Loss::kEverything);
  const auto store = Store::Open(OptionsOn(files, fatal));
  EXPECT_FALSE(store);
}

// Opens a store with one unflushed epoch.
std::unique_ptr<Store> WithUnflushedEpoch(io::SimFileSystem& files, std::atomic<int>& fatal,
                                          TableHandle& table) {
  auto store = Store::Open(OptionsOn(files, fatal));
  EXPECT_TRUE(store);
  table = MakeUsersTable(**store);
  EXPECT_TRUE((*store)->Commit(EpochNumber(**store, table, 1)));
  return std::move(*store);
}

TEST_F(Crash, AFailedSyncOfAFlushIsFatalAndFinal) {
  std::atomic<int> fatal = 0;
  TableHandle table;
  uint64_t first_sync = 0;
  {
    io::SimFileSystem files(5);
    auto store = WithUnflushedEpoch(files, fatal, table);
    const uint64_t before = files.operations();
    ASSERT_TRUE(store->Flush());
    const auto history = files.History();
    for (uint64_t at = before; at < history.size() && first_sync == 0; ++at)
      if (history[at].op == io::SimFileSystem::Op::kSync) first_sync = at + 1;
  }
  ASSERT_GT(first_sync, 0u);
  ASSERT_EQ(fatal, 0);
  io::SimFileSystem files(5);
  auto store = WithUnflushedEpoch(files, fatal, table);
  files.FailAt(first_sync);
  EXPECT_FALSE(store->Flush());
  EXPECT_EQ(fatal, 1);
  EXPECT_FALSE(store->Commit(EpochNumber(*store, table, 2)));
  EXPECT_FALSE(store->Flush());
}

// The disk is full when a flush comes: commits are refused, reads go on, and so do commits when
// there is room again, without anybody's help. Nothing that was committed is lost.
TEST_F(Crash, AFullDiskRefusesCommitsAndGoesOnByItself) {
  for (uint64_t room = 0; room < 9000; room += 150) {
    SCOPED_TRACE(fmt::format("{} bytes of room", room));
    std::atomic<int> fatal = 0;
    io::SimFileSystem files(5);
    TableHandle table;
    auto store = WithUnflushedEpoch(files, fatal, table);
    files.SetDiskBytes(files.used_bytes() + room);
    Status flushed = store->Flush();
    int64_t epoch = 1;
    for (; flushed && epoch < 50; flushed = store->Flush())
      ASSERT_TRUE(store->Commit(EpochNumber(*store, table, ++epoch)));
    ASSERT_FALSE(flushed);
    EXPECT_EQ(flushed.error().code, ErrorCode::kResourceExhausted) << flushed.error().ToString();
    const Status refused = store->Commit(EpochNumber(*store, table, epoch + 1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted) << refused.error().ToString();
    const Status keyspace = store->CreateKeyspace({.name = "other"}, true);
    ASSERT_FALSE(keyspace);
    EXPECT_EQ(keyspace.error().code, ErrorCode::kResourceExhausted);
    const auto page = store->Scan(table, {.columns = {"name"}});
    ASSERT_TRUE(page) << page.error().ToString();
    EXPECT_EQ(page->rows.rows, static_cast<size_t>(epoch) * kRowsPerEpoch);

    files.SetDiskBytes(UINT64_MAX);
    Status committed = refused;
    for (int tries = 0; tries < 2000 && !committed; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      committed = store->Commit(EpochNumber(*store, table, epoch + 1));
    }
    ASSERT_TRUE(committed) << committed.error().ToString();
    ASSERT_TRUE(store->CreateKeyspace({.name = "other"}, true));
    EXPECT_EQ(store->Keyspaces().size(), 2u);
    ASSERT_TRUE(store->Flush());
    EXPECT_EQ(fatal, 0);
    store.reset();
    files.Restart(io::SimFileSystem::Loss::kEverything);
    CheckRecovered(files, {.table_made = true, .flushed_epoch = epoch + 1});
  }
}

// Each write and each file of a flush and its bookkeeping fails once, or is cut short: what was
// flushed before stays, and the store ends or goes on but never serves half an epoch.
TEST_F(Crash, FailedAndShortWritesHarmNothingFlushed) {
  const uint64_t operations = OperationsOfWorkload();
  for (const bool is_short : {false, true}) {
    for (uint64_t at = 1; at <= operations; ++at) {
      SCOPED_TRACE(fmt::format("operation {} {}", at, is_short ? "is short" : "fails"));
      std::atomic<int> fatal = 0;
      io::SimFileSystem files(at);
      if (is_short) files.ShortenWriteAt(at);
      if (!is_short) files.FailAt(at);
      const Outcome outcome = RunWorkload(files, fatal);
      files.Restart(io::SimFileSystem::Loss::kBySeed);
      ASSERT_NO_FATAL_FAILURE(CheckRecovered(files, outcome));
      if (HasFailure()) return;
    }
  }
}

// Opens, verifies and reads a store; what it gives must be whole. True when the damage was
// reported.
bool DamageIsReportedOrHarmless(io::SimFileSystem& files, std::atomic<int>& fatal) {
  const auto store = Store::Open(OptionsOn(files, fatal));
  if (!store) return true;
  bool reported = !(*store)->VerifyChecksums();
  const auto table = (*store)->FindTable("users", "by_country");
  if (!table) return true;
  const auto page = (*store)->Scan(*table, {.columns = {"name"}});
  if (!page) {
    EXPECT_EQ(page.error().code, ErrorCode::kDamaged) << page.error().ToString();
    return true;
  }
  EXPECT_EQ(page->rows.rows, kEpochs * kRowsPerEpoch);
  const auto progress = (*store)->LoadProgress("q");
  if (!progress) return true;
  EXPECT_EQ(progress->epoch, EpochId(kEpochs));
  return reported;
}

// The table files of a store that has run the workload.
std::vector<io::FolderEntry> TableFiles(io::SimFileSystem& files) {
  std::atomic<int> fatal = 0;
  EXPECT_EQ(RunWorkload(files, fatal).flushed_epoch, kEpochs);
  std::vector<io::FolderEntry> tables;
  const auto entries = files.List("/store");
  EXPECT_TRUE(entries);
  for (size_t i = 0; entries && i < entries->size(); ++i)
    if ((*entries)[i].name.ends_with(".sst")) tables.push_back((*entries)[i]);
  return tables;
}

TEST_F(Crash, FlippedBitsAreReportedOrHarmless) {
  constexpr uint64_t kFlips = 12;
  size_t reported = 0;
  size_t flipped = 0;
  for (size_t number = 0;; ++number) {
    // A store of its own for each flip: opening one may compact, and take the file away.
    for (uint64_t flip = 0; flip < kFlips; ++flip) {
      io::SimFileSystem files(1);
      const std::vector<io::FolderEntry> tables = TableFiles(files);
      if (number >= tables.size()) {
        EXPECT_GT(flipped, 0u);
        EXPECT_GT(reported, 0u);
        return;
      }
      const uint64_t byte = 3 + flip * (tables[number].size - 3) / kFlips;
      SCOPED_TRACE(fmt::format("{} byte {}", tables[number].name, byte));
      ASSERT_TRUE(files.FlipBit("/store/" + tables[number].name, byte, 4));
      ++flipped;
      std::atomic<int> fatal = 0;
      reported += DamageIsReportedOrHarmless(files, fatal) ? 1 : 0;
    }
  }
}

}  // namespace
}  // namespace millrace::store
