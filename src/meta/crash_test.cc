// A power cut at every write and sync of a small workload of the metadata database, SQLite
// included; after it the database opens, what was acknowledged is there, transactions are whole,
// and so are the backups. Then the same with the syncs of one place left out at a time: each must
// be noticed.
//
// Not covered: SQLite's own VFS for unix (sim_vfs_testing.h says how ours follows it); a checkpoint
// of the WAL while the database is in use, which starts at 2000 pages (here it is the last
// connection's, on closing).
#include <gtest/gtest.h>

#include "io/sync_sites.h"
#include "meta/migration.h"
#include "meta/sim_vfs_testing.h"
#include "meta/sqlite.h"

namespace millrace::meta {
namespace {

using io::SimFileSystem;
using io::SyncPlace;
using io::SyncTrial;
using Loss = SimFileSystem::Loss;
using History = std::vector<SimFileSystem::Operation>;

const std::string kPath = "data/meta/m.db";
const std::string kCopy = "copies/m.db";
constexpr int kBackups = 3;
const std::vector<Migration> kSteps = {
    {1, "make t", {"CREATE TABLE t (n BIGINT NOT NULL PRIMARY KEY, text TEXT)"}}};

// What was acknowledged: numbers written, always in pairs n and n + 1, and the last number of each
// backup, the newest last.
struct Told {
  int64_t last = 0;
  std::vector<int64_t> backups;
  int64_t copy = 0;  // the last number of the copy
};

// SQLite promises no sync of what VACUUM INTO makes, though version 3.40 does it: those syncs do
// nothing here.
SyncTrial::Ignored AlsoUnpromised(const SyncTrial::Ignored& ignored) {
  return [ignored](const SimFileSystem::Operation& operation) {
    const bool copies = operation.path.ends_with(".backup.tmp") || operation.path == kCopy;
    if (copies && io::PlaceOf(operation).file == "meta/sim_vfs_testing.h") return true;
    return ignored && ignored(operation);
  };
}

Result<std::unique_ptr<SqliteDatabase>> Open(SimFileSystem& fs, const SimVfs& vfs,
                                             const std::string& path = kPath) {
  return SqliteDatabase::Open(
      path, {.busy_timeout = std::chrono::milliseconds(0), .files = &fs, .vfs = vfs.name()});
}

Status WritePair(Database& db, int64_t n) {
  return db.Write([n](Session& session) -> Status {
    const std::string text(3000, 'x');
    MR_TRY(session.Execute("INSERT INTO t (n, text) VALUES ($1, $2)", {n, text}));
    return session.Execute("INSERT INTO t (n, text) VALUES ($1, $2)", {n + 1, text});
  });
}

Result<int64_t> LastNumber(Database& db) {
  int64_t last = 0;
  MR_TRY(db.Read([&](Session& session) -> Status {
    MR_ASSIGN(const auto tables,
              QueryAll(session, "SELECT count(*) FROM sqlite_master WHERE name = 't'", {}, 1));
    if (tables[0][0].AsInteger() == 0) return {};
    MR_ASSIGN(const auto rows,
              QueryAll(session, "SELECT count(*), coalesce(max(n), 0) FROM t", {}, 1));
    last = rows[0][1].AsInteger();
    if (rows[0][0].AsInteger() == last && last % 2 == 0) return {};
    return Fail(ErrorCode::kDamaged, "{} rows, the last {}", rows[0][0].AsInteger(), last);
  }));
  return last;
}

// One life of the process: opens, writes pairs, backs up, closes; until the first error.
Status Work(SimFileSystem& fs, Told& told, bool with_backups = true) {
  const SimVfs vfs(fs);
  MR_TRY(io::CreateFoldersDurably(fs, io::FolderOf(kPath)));
  MR_ASSIGN(const auto db, Open(fs, vfs));
  MR_TRY(Migrate(*db, "c", kSteps, TimestampUs(1)));
  MR_ASSIGN(told.last, LastNumber(*db));
  for (int round = 0; round < 2; ++round) {
    MR_TRY(WritePair(*db, told.last + 1));
    told.last += 2;
    if (!with_backups) continue;
    MR_TRY(db->RotateBackup(kBackups));
    told.backups.push_back(told.last);
  }
  MR_TRY(WritePair(*db, told.last + 1));
  told.last += 2;
  if (!with_backups || fs.Exists(kCopy)) return {};
  MR_TRY(io::CreateFoldersDurably(fs, io::FolderOf(kCopy)));
  MR_TRY(db->BackupTo(kCopy));
  told.copy = told.last;
  return {};
}

std::string CheckBackups(SimFileSystem& fs, const SimVfs& vfs, const Told& told) {
  std::vector<int64_t> found;
  for (int number = 1; number <= kBackups + 1; ++number) {
    const std::string path = fmt::format("{}.backup.{}", kPath, number);
    if (!fs.Exists(path)) continue;
    const auto db = Open(fs, vfs, path);
    if (!db) return "backup: " + db.error().ToString();
    const auto last = LastNumber(**db);
    if (!last) return "backup: " + last.error().ToString();
    found.push_back(*last);
  }
  if (!std::ranges::is_sorted(found, std::greater())) return "the backups are out of order";
  // The oldest may have gone for one that was being made.
  const auto kept = std::min<size_t>(told.backups.size(), kBackups - 1);
  for (size_t i = told.backups.size() - kept; i < told.backups.size(); ++i) {
    if (std::ranges::find(found, told.backups[i]) == found.end())
      return fmt::format("the backup of {} is gone", told.backups[i]);
  }
  return {};
}

std::string Check(SimFileSystem& fs, const Told& told) {
  const SimVfs vfs(fs);
  if (auto made = io::CreateFoldersDurably(fs, io::FolderOf(kPath)); !made)
    return made.error().ToString();
  const auto db = Open(fs, vfs);
  if (!db) return "does not open: " + db.error().ToString();
  const auto last = LastNumber(**db);
  if (!last) return "rows: " + last.error().ToString();
  if (*last < told.last || *last > told.last + 2)
    return fmt::format("the last row is {}, acknowledged {}", *last, told.last);
  if (told.copy > 0) {
    const auto copy = Open(fs, vfs, kCopy);
    if (!copy) return "copy: " + copy.error().ToString();
    if (LastNumber(**copy).value_or(0) != told.copy) return "copy: not what was copied";
  }
  return CheckBackups(fs, vfs, told);
}

// Two lives, and the power goes in one of them.
std::string Cut(const SyncTrial& trial) {
  SimFileSystem fs(trial.file_system_seed());
  fs.IgnoreSyncs(trial.ignored);
  fs.CutPowerAt(trial.cut);
  Told told;
  if (Work(fs, told)) static_cast<void>(Work(fs, told));
  trial.Restart(fs);
  return Check(fs, told);
}

// The process is killed, a second one goes on, then the power goes.
std::string KilledThenCut(const SyncTrial& trial) {
  SimFileSystem fs(trial.file_system_seed());
  fs.IgnoreSyncs(trial.ignored);
  fs.CutPowerAt(trial.cut);
  Told told;
  static_cast<void>(Work(fs, told));
  trial.Restart(fs, Loss::kNothing);
  told.backups.clear();  // one may have been half made
  if (auto status = Work(fs, told, trial.cut % 2 == 0); !status)
    return "does not go on after a kill: " + status.error().ToString();
  trial.Restart(fs);
  return Check(fs, told);
}

uint64_t OperationsOfWorkload() {
  SimFileSystem fs(1);
  Told told;
  EXPECT_TRUE(Work(fs, told));
  EXPECT_TRUE(Work(fs, told));
  EXPECT_EQ(Check(fs, told), "");
  return fs.operations();
}

std::string RunAll(const SyncTrial::Ignored& ignored, uint64_t seeds, History& history) {
  const uint64_t operations = OperationsOfWorkload();
  const SyncTrial::Ignored all_ignored = AlsoUnpromised(ignored);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    for (uint64_t cut = 1; cut <= operations + 1; ++cut) {
      for (const auto& scenario : {Cut, KilledThenCut}) {
        if (auto wrong = scenario({seed, cut, all_ignored, history}); !wrong.empty())
          return fmt::format("seed {}, cut at {} of {}: {}", seed, cut, operations, wrong);
      }
    }
  }
  return {};
}

TEST(CrashTest, PowerCutAtEveryWriteAndSync) {
  History history;
  EXPECT_EQ(RunAll(nullptr, 5, history), "");
}

TEST(CrashTest, NoSyncCanBeLeftOut) {
  History history;
  ASSERT_EQ(RunAll(nullptr, 3, history), "");
  const auto places = io::PlacesIn(history);
  EXPECT_EQ(io::UnreachedSyncCalls(MILLRACE_MODULE_DIR, places), std::vector<std::string>());
  for (const SyncPlace& place : places) {
    // SQLite's own sync of a WAL's name: the one at the end of Open covers it.
    if (place.file == "meta/sim_vfs_testing.h" && place.of_folder) continue;
    if (place.file == "meta/crash_test.cc") continue;
    history.clear();
    EXPECT_NE(RunAll(io::Only(place), 6, history), "")
        << "nobody notices a missing sync at " << place.ToString();
  }
}

}  // namespace
}  // namespace millrace::meta
