#include "io/sim_file_system.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace millrace::io {
namespace {

using Loss = SimFileSystem::Loss;

std::unique_ptr<WritableFile> OpenNew(SimFileSystem& fs, const std::string& path) {
  return fs.OpenForWrite(path, OpenMode::kCreateNew).value();
}

TEST(SimFileSystemTest, UnsyncedBytesAndNamesAreLost) {
  SimFileSystem fs;
  ASSERT_TRUE(CreateFoldersDurably(fs, "a/b"));
  {
    auto kept = OpenNew(fs, "a/b/kept");
    ASSERT_TRUE(kept->Append("synced"));
    ASSERT_TRUE(kept->Sync());
    ASSERT_TRUE(fs.SyncFolder("a/b"));
    ASSERT_TRUE(kept->Append(" not"));
    ASSERT_TRUE(OpenNew(fs, "a/b/nameless")->Sync());
  }
  EXPECT_EQ(ReadWholeFile(fs, "a/b/kept").value(), "synced not");
  fs.CutPower();
  EXPECT_FALSE(fs.OpenForRead("a/b/kept").has_value());
  fs.Restart(Loss::kEverything);
  EXPECT_EQ(ReadWholeFile(fs, "a/b/kept").value(), "synced");
  EXPECT_FALSE(fs.Exists("a/b/nameless"));
}

TEST(SimFileSystemTest, KillLosesNothing) {
  SimFileSystem fs;
  ASSERT_TRUE(OpenNew(fs, "f")->Append("bytes"));
  fs.CutPower();
  fs.Restart(Loss::kNothing);
  EXPECT_EQ(ReadWholeFile(fs, "f").value(), "bytes");
}

TEST(SimFileSystemTest, RenameIsOldOrNewNeverNeither) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SimFileSystem fs(seed);
    ASSERT_TRUE(WriteFileAtomically(fs, "d", "old"));
    {
      auto file = OpenNew(fs, "d.tmp");
      ASSERT_TRUE(file->Append("new"));
      ASSERT_TRUE(file->Sync());
    }
    ASSERT_TRUE(fs.Rename("d.tmp", "d"));
    fs.CutPower();
    fs.Restart();
    outcomes.insert(ReadWholeFile(fs, "d").value());
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "new"}));
}

TEST(SimFileSystemTest, LossTearsDropsAndReorders) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SimFileSystem fs(seed);
    {
      auto file = OpenNew(fs, "f");
      ASSERT_TRUE(fs.SyncFolder("."));
      ASSERT_TRUE(file->Append("AAAA"));
      ASSERT_TRUE(file->Append("BBBB"));
    }
    fs.CutPower();
    fs.Restart();
    outcomes.insert(ReadWholeFile(fs, "f").value());
  }
  EXPECT_TRUE(outcomes.contains(""));
  EXPECT_TRUE(outcomes.contains("AAAABBBB"));
  EXPECT_TRUE(outcomes.contains(std::string("\0\0\0\0BBBB", 8))) << "a later write alone";
  EXPECT_TRUE(outcomes.contains("AAAABB") || outcomes.contains("AAAAB")) << "a torn write";
}

TEST(SimFileSystemTest, PlannedFaultsHappenOnce) {
  SimFileSystem fs;
  auto file = OpenNew(fs, "f");  // operation 1
  fs.FailAt(2);
  EXPECT_EQ(file->Append("x").error().code, ErrorCode::kIo);
  fs.ShortenWriteAt(3);
  EXPECT_EQ(file->Append("1234").error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(file->size(), 2u);
  ASSERT_TRUE(file->Append("5"));
  fs.SetDiskBytes(fs.used_bytes() + 1);
  EXPECT_EQ(file->Append("67").error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(ReadWholeFile(fs, "f").value(), "1256");
  fs.CutPowerAt(fs.operations() + 1);
  EXPECT_FALSE(file->Sync().has_value());
  EXPECT_TRUE(fs.power_is_off());
  fs.Restart();
  EXPECT_EQ(file->Append("x").error().code, ErrorCode::kIo) << "handles die with the power";
}

TEST(SimFileSystemTest, IgnoredSyncsReportSuccess) {
  SimFileSystem fs;
  fs.IgnoreSyncs([](const SimFileSystem::Operation& operation) { return operation.path == "f"; });
  {
    auto file = OpenNew(fs, "f");
    ASSERT_TRUE(file->Append("x"));
    ASSERT_TRUE(file->Sync());
    ASSERT_TRUE(fs.SyncFolder("."));
  }
  fs.CutPower();
  fs.Restart(Loss::kEverything);
  EXPECT_EQ(ReadWholeFile(fs, "f").value(), "");
}

TEST(SimFileSystemTest, WhatAnIgnoredSyncShouldHaveKeptCanBeAllThatIsLost) {
  SimFileSystem fs;
  fs.IgnoreSyncs([](const SimFileSystem::Operation& operation) { return operation.path == "f"; });
  {
    auto file = OpenNew(fs, "f");
    ASSERT_TRUE(file->Append("abcd"));
    ASSERT_TRUE(file->Sync());
    ASSERT_TRUE(file->Append("ef"));
  }
  fs.CutPower();
  fs.Restart(Loss::kForgotten);
  EXPECT_EQ(ReadWholeFile(fs, "f").value(), std::string("\0\0\0\0ef", 6));
}

TEST(SimFileSystemTest, SyncsTellTheirSite) {
  SimFileSystem fs;
  ASSERT_TRUE(WriteFileAtomically(fs, "f", "x"));
  const auto history = fs.History();
  EXPECT_EQ(history[2].op, SimFileSystem::Op::kSync);
  EXPECT_TRUE(std::string(history[2].site.file_name()).ends_with("sim_file_system_test.cc"));
  EXPECT_EQ(history[4].op, SimFileSystem::Op::kSyncFolder);
  EXPECT_EQ(history[2].site.line(), history[4].site.line());
}

TEST(SimFileSystemTest, LockIsHeldOnceAndFreedByTheEnd) {
  SimFileSystem fs;
  auto lock = fs.Lock("lock").value();
  EXPECT_EQ(fs.Lock("lock").error().code, ErrorCode::kUnavailable);
  lock.reset();
  EXPECT_TRUE(fs.Lock("lock").has_value());
}

}  // namespace
}  // namespace millrace::io
