// Leaves out the syncs of one place in the code at a time, and demands that a power cut under one
// of the scenarios below then loses something acknowledged. What RocksDB syncs goes through three
// lines of rocks_file_system.cc; there a place is a line and a kind of file.
//
// Not covered: RocksDB's own file system, which the program uses (its fsyncs are RocksDB's; ours is
// the one in CarefulFileSystem, which is above either); syncs that RocksDB does for its own
// convenience (kConvenience).
#include <atomic>
#include <memory>

#include <gtest/gtest.h>

#include "base/logging.h"
#include "io/sync_sites.h"
#include "store/store_testing.h"

namespace millrace::store {
namespace {

using io::SimFileSystem;
using io::SyncPlace;
using io::SyncTrial;
using Loss = SimFileSystem::Loss;
using History = std::vector<SimFileSystem::Operation>;

constexpr size_t kRowsPerEpoch = 3;

std::string KindOf(const std::string& path) {
  const std::string name = io::FileNameOf(path);
  if (name.ends_with(".sst")) return "table file";
  if (name.ends_with(".log")) return "write-ahead log";
  if (name.starts_with("MANIFEST-")) return "manifest";
  if (name.starts_with("OPTIONS-")) return "options";
  if (name == "000000.dbtmp") return "identity";
  if (name.ends_with(".dbtmp")) return "current";
  return name;
}

// RocksDB reads neither to open a database.
const std::set<std::string> kConvenience = {"options", "identity"};

// What was acknowledged.
struct Told {
  bool table_made = false;
  int64_t flushed_epoch = 0;
  int64_t copied_epoch = 0;
};

StoreOptions OptionsOn(SimFileSystem& files, const std::string& folder) {
  StoreOptions options;
  options.file_system = &files;
  options.fatal = [](const Error&) {};
  options.folder = folder;
  options.shards = 2;
  return options;
}

flow::EpochWrite EpochNumber(Store& store, const TableHandle& table, int64_t epoch) {
  const auto first = static_cast<uint64_t>(epoch) * kRowsPerEpoch;
  flow::EpochWrite write =
      EpochOf(store, table, "q", epoch, UsersBatch(first, kRowsPerEpoch), epoch * 1000);
  write.state.push_back({1, 7, "epoch", fmt::format("{}", epoch)});
  return write;
}

// Commits and flushes the epochs after the stored one up to `last`; stops at the first error.
Status Work(Store& store, int64_t last, Told& told) {
  MR_TRY(store.CreateKeyspace({.name = "users"}, true));
  MR_ASSIGN(const auto table, store.EnsureTable(UsersSchema()));
  told.table_made = true;
  MR_ASSIGN(const auto progress, store.LoadProgress("q"));
  for (int64_t epoch = progress.epoch.value + 1; epoch <= last; ++epoch) {
    MR_TRY(store.Commit(EpochNumber(store, table, epoch)));
    MR_TRY(store.Flush());
    told.flushed_epoch = epoch;
  }
  if (told.copied_epoch > 0) return {};
  MR_TRY(store.Checkpoint("/copies/copy"));
  told.copied_epoch = last;
  return {};
}

std::string CheckStore(SimFileSystem& files, const std::string& folder, const Told& told,
                       int64_t flushed_epoch) {
  auto store = Store::Open(OptionsOn(files, folder));
  if (!store) return "does not open: " + store.error().ToString();
  const auto progress = (*store)->LoadProgress("q");
  if (!progress) return "progress: " + progress.error().ToString();
  const int64_t epoch = progress->epoch.value;
  if (epoch < flushed_epoch) return fmt::format("epoch {} of {}", epoch, flushed_epoch);
  const auto table = (*store)->FindTable("users", "by_country");
  if (!table) return told.table_made ? "the table is gone" : "";
  const auto page = (*store)->Scan(*table, {.columns = {"name"}});
  if (!page) return "scan: " + page.error().ToString();
  if (page->rows.rows != static_cast<size_t>(epoch) * kRowsPerEpoch)
    return fmt::format("{} rows in epoch {}", page->rows.rows, epoch);
  return {};
}

std::string Check(SimFileSystem& files, const Told& told) {
  if (auto wrong = CheckStore(files, "/data/store", told, told.flushed_epoch); !wrong.empty())
    return wrong;
  if (told.copied_epoch == 0) return {};
  const std::string wrong = CheckStore(files, "/copies/copy", told, told.copied_epoch);
  return wrong.empty() ? wrong : "copy: " + wrong;
}

void WorkUntilTheEnd(SimFileSystem& files, int64_t last, Told& told) {
  if (auto store = Store::Open(OptionsOn(files, "/data/store")))
    static_cast<void>(Work(**store, last, told));
}

void MakeParent(SimFileSystem& files) {
  EXPECT_TRUE(io::CreateFoldersDurably(files, "/copies"));
  files.Restart(Loss::kNothing);
}

std::string Cut(const SyncTrial& trial) {
  SimFileSystem files(trial.file_system_seed());
  MakeParent(files);
  files.IgnoreSyncs(trial.ignored);
  Told told;
  files.CutPowerAt(trial.cut);
  WorkUntilTheEnd(files, 3, told);
  trial.Restart(files);
  return Check(files, told);
}

// The process is killed, a second one goes on, then the power goes.
std::string KilledThenCut(const SyncTrial& trial) {
  SimFileSystem files(trial.file_system_seed());
  MakeParent(files);
  files.IgnoreSyncs(trial.ignored);
  Told told;
  files.CutPowerAt(trial.cut);
  WorkUntilTheEnd(files, 2, told);
  trial.Restart(files, Loss::kNothing);
  if (told.copied_epoch == 0 && files.Exists("/copies/copy")) told.copied_epoch = -1;
  WorkUntilTheEnd(files, 4, told);
  if (told.flushed_epoch != 4) return "does not go on after a kill";
  trial.Restart(files);
  told.copied_epoch = std::max<int64_t>(told.copied_epoch, 0);
  return Check(files, told);
}

struct Scenario {
  std::string name;
  std::function<std::string(const SyncTrial&)> run;
};

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> scenarios = {{"cut", Cut},
                                                  {"killed, then cut", KilledThenCut}};
  return scenarios;
}

class SyncSiteTest : public testing::Test {
 protected:
  SyncSiteTest() {
    logging::SetSink([](std::string_view) {});
    SimFileSystem files(1);
    MakeParent(files);
    Told told;
    WorkUntilTheEnd(files, 3, told);
    EXPECT_EQ(told.copied_epoch, 3);
    history_ = files.History();
  }
  ~SyncSiteTest() override { logging::SetSink({}); }

  bool IsNoticed(const SyncPlace& place) const {
    const SyncTrial::Ignored ignored = io::Only(place, KindOf);
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      for (const Scenario& scenario : Scenarios()) {
        for (uint64_t cut = 1; cut <= history_.size() + 1; ++cut) {
          History history;
          if (!scenario.run({seed, cut, ignored, history}).empty()) return true;
        }
      }
    }
    return false;
  }

  History history_;  // of the workload that nothing disturbs
};

TEST_F(SyncSiteTest, EveryScenarioHoldsWithAllSyncs) {
  for (const Scenario& scenario : Scenarios()) {
    for (uint64_t seed = 2; seed <= 3; ++seed) {
      for (uint64_t cut = 1; cut <= history_.size() + 1; ++cut) {
        History history;
        ASSERT_EQ(scenario.run({seed, cut, nullptr, history}), "")
            << scenario.name << ", seed " << seed << ", cut at " << cut;
      }
    }
  }
}

TEST_F(SyncSiteTest, EverySyncIsReached) {
  // A manifest's OneWriteFile passes RocksDB's own call on.
  EXPECT_EQ(io::UnreachedSyncCalls(MILLRACE_MODULE_DIR, io::PlacesIn(history_), "target()->Sync("),
            std::vector<std::string>());
}

TEST_F(SyncSiteTest, NoSyncCanBeLeftOut) {
  for (const SyncPlace& place : io::PlacesIn(history_, KindOf)) {
    if (kConvenience.contains(place.kind)) continue;
    EXPECT_TRUE(IsNoticed(place)) << "nobody notices a missing sync at " << place.ToString();
  }
}

}  // namespace
}  // namespace millrace::store
