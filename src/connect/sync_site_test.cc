// Leaves out the syncs of one place in the code at a time, and demands that a power cut then loses
// a version of a reference that an epoch was told of.
#include <gtest/gtest.h>

#include "connect/connectors.h"
#include "io/sync_sites.h"

namespace millrace::connect {
namespace {

using io::SimFileSystem;
using io::SyncTrial;
using Loss = SimFileSystem::Loss;
using History = std::vector<SimFileSystem::Operation>;

constexpr uint64_t kCutsMax = 30;

sql::Plan CountriesLookup() {
  sql::Plan node;
  node.kind = sql::PlanKind::kLookup;
  node.relation.name = "countries";
  node.relation.kind = sql::RelationKind::kReference;
  node.relation.schema = {
      {{"name", data::DataType::String()}, {"region", data::DataType::String()}}};
  node.lookup_columns = {0};
  return node;
}

class SyncSiteTest : public testing::Test {
 protected:
  Result<std::shared_ptr<engine::LookupSource>> Open(SimFileSystem& fs) {
    return MakeLookupOpener(*store_, fs, {"data/refs", {{"countries", "c.csv"}}, "q"})(node_);
  }

  // Reads the reference; the version that an epoch would name.
  Result<uint64_t> Read(SimFileSystem& fs) {
    MR_ASSIGN(const auto source, Open(fs));
    MR_ASSIGN(const auto current, source->Current());
    return current->version();
  }

  // The power goes while the reference is read; or the process is killed there and a second one
  // has read it when the power goes.
  std::string Run(const SyncTrial& trial, bool killed) {
    SimFileSystem fs(trial.file_system_seed());
    EXPECT_TRUE(io::CreateFoldersDurably(fs, "data"));
    EXPECT_TRUE(io::WriteFileAtomically(fs, "c.csv", "name,region\nPeru,South\n"));
    fs.Restart(Loss::kNothing);
    fs.IgnoreSyncs(trial.ignored);
    fs.CutPowerAt(trial.cut);
    Result<uint64_t> version = Read(fs);
    if (killed) {
      trial.Restart(fs, Loss::kNothing);
      version = Read(fs);
      if (!version) return "no reference after a kill";
    }
    trial.Restart(fs);
    if (!version) return {};
    EXPECT_TRUE(io::WriteFileAtomically(fs, "c.csv", "name,region\nPeru,Andes\n"));
    const auto kept = (*Open(fs))->At(*version);
    return kept ? "" : kept.error().ToString();
  }

  std::string RunAll(const SyncTrial::Ignored& ignored, History& history) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      for (uint64_t cut = 1; cut <= kCutsMax; ++cut) {
        for (const bool killed : {false, true}) {
          if (auto wrong = Run({seed, cut, ignored, history}, killed); !wrong.empty()) return wrong;
        }
      }
    }
    return {};
  }

  const sql::Plan node_ = CountriesLookup();
  SimFileSystem store_files_;
  std::unique_ptr<store::Store> store_ =
      store::Store::Open({.folder = "store", .file_system = &store_files_}).value();
};

TEST_F(SyncSiteTest, NoSyncCanBeLeftOut) {
  History history;
  ASSERT_EQ(RunAll(nullptr, history), "");
  const auto places = io::PlacesIn(history);
  EXPECT_EQ(io::UnreachedSyncCalls(MILLRACE_MODULE_DIR, places), std::vector<std::string>());
  for (const io::SyncPlace& place : places) {
    if (place.file == "connect/sync_site_test.cc") continue;
    EXPECT_NE(RunAll(io::Only(place), history), "")
        << "nobody notices a missing sync at " << place.ToString();
  }
}

}  // namespace
}  // namespace millrace::connect
